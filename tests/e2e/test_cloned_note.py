"""A note that repeats the case's last one is found on the bus, and no word of it leaves the visits."""

import json

from claimbus.events import DocumentationChecked
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visit_data
from claimbus.values import Result

NOTE = """Zebra-striped brace worn all day, pain 3/10 after the walk to the shop. Knee flexion 108 degrees, up from 98
at the start of care. Quad strength 4-/5. Responds to cueing for quad control and needs skilled progression before the
stairs at home. Continue the plan of care; progress the height of the step next time."""


async def test_the_second_of_two_like_notes_is_found_with_the_day_of_the_first(bus: Bus, services: Supervisor) -> None:
    decisions = []
    for key, day, text in (("cloned-1", "16", NOTE), ("cloned-2", "18", NOTE.replace("108", "109"))):
        changes = {"case.case_id": "cloned", "documentation.note": {"text": text}}
        moved = json.loads(
            json.dumps(visit_data(changes=changes, visit_id=key)).replace("2026-11-18", f"2026-11-{day}")
        )
        await bus.publish(moved)
        decisions.append(await bus.decision(moved))
    first, second = ([one for one in decision.findings if one.id == "note.cloned"] for decision in decisions)
    assert first == []
    assert [(one.result, one.inputs["earlier"]) for one in second] == [(Result.FAIL, "2026-11-16")]
    (checked,) = await bus.events(DocumentationChecked, decisions[1])
    assert "note.cloned" in checked.model_dump_json()
    assert "zebra" not in checked.model_dump_json().lower()
    assert "zebra" not in decisions[1].model_dump_json().lower()
