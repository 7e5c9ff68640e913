"""A note that repeats the case's last one is found on the bus, and no word of it leaves the visits."""

import json

from claimbus.events import DocumentationChecked
from claimbus.events.subjects import subject_for
from claimbus.messaging.topology import VISITS
from claimbus.testing.supervisor import Supervisor
from claimbus.values import Result
from claimbus_cli.bus.bus import following, outgoing, publish_visit
from nats.aio.client import Client
from observing import example_bodies

NOTE = """Zebra-striped brace worn all day, pain 3/10 after the walk to the shop. Knee flexion 108 degrees, up from 98
at the start of care. Quad strength 4-/5. Responds to cueing for quad control and needs skilled progression before the
stairs at home. Continue the plan of care; progress the height of the step next time."""


async def test_the_second_of_two_like_notes_is_found_with_the_day_of_the_first(
    client: Client, services: Supervisor
) -> None:
    model = json.loads(example_bodies()["01-medicare-plain"])
    decisions = []
    async with following(client) as words:
        for key, day, text in (("cloned-1", "16", NOTE), ("cloned-2", "18", NOTE.replace("108", "109"))):
            moved = json.loads(json.dumps(model).replace("2026-11-18", f"2026-11-{day}"))
            moved["documentation"]["note"] = {"text": text}
            body = json.dumps(moved | {"visit_id": key, "case": model["case"] | {"case_id": "cloned"}}).encode()
            assert await publish_visit(client, outgoing(body))
            async for word in words:
                if word.visit_id == key:
                    assert word.decision is not None
                    decisions.append(word.decision)
                    break
    first, second = ([one for one in decision.findings if one.id == "note.cloned"] for decision in decisions)
    assert first == []
    assert [(one.result, one.inputs["earlier"]) for one in second] == [(Result.FAIL, "2026-11-16")]
    said = await client.jetstream().get_last_msg(
        VISITS, subject_for(DocumentationChecked, model["practice_id"], "cloned-2")
    )
    assert b"note.cloned" in (said.data or b"")
    assert b"zebra" not in (said.data or b"").lower()
    assert "zebra" not in decisions[1].model_dump_json().lower()
