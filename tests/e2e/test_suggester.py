"""A practice's own suggester on the bus: asked by the coding service, recorded, and without a line of its own."""

import json
from pathlib import Path

from claimbus.events import VisitCoded, validated
from claimbus.events.subjects import subject_for
from claimbus.messaging.topology import VISITS
from claimbus.testing.supervisor import Supervisor
from claimbus_cli.bus.bus import following, outgoing, publish_visit
from nats.aio.client import Client
from observing import example_bodies

EXAMPLES = Path(__file__).parents[2] / "examples"


async def test_what_a_suggester_says_is_in_the_event_and_not_in_the_claim(
    nats_url: str, client: Client, tmp_path: Path
) -> None:
    visit = json.loads(example_bodies()["10-codes-suggested"])
    visit["practice_id"], visit["visit_id"] = "suggesting-pt", "s1"
    visit["interventions"] = [
        one | {"description": "Soft tissue work to the calf", "narrative": None, "code": None, "minutes": 15}
        if place == 0
        else one | {"description": "Kinesio tape to the knee", "narrative": None, "code": None, "minutes": 15}
        for place, one in enumerate(visit["interventions"][:2])
    ]
    environment = {"CLAIMBUS_SUGGESTER": "suggester:PastLines", "PYTHONPATH": str(EXAMPLES)}
    supervisor = Supervisor(nats_url, tmp_path / "logs", environment=environment)
    try:
        await supervisor.start()
        async with following(client) as words:
            assert await publish_visit(client, outgoing(json.dumps(visit).encode()))
            async for word in words:
                if word.visit_id == "s1":
                    decision = word.decision
                    break
    finally:
        await supervisor.stop()
    stored = await client.jetstream().get_last_msg(VISITS, subject_for(VisitCoded, "suggesting-pt", "s1"))
    assert stored.data is not None
    known, unknown = validated(VisitCoded, stored.data).interventions
    assert known.machine_suggestion is not None
    assert (known.machine_suggestion.suggester, known.machine_suggestion.supported_by) == ("past-lines-1", "rules")
    assert unknown.machine_suggestion is not None
    assert (unknown.machine_suggestion.code, unknown.machine_suggestion.supported_by) == ("97110", None)
    assert unknown.code is None
    assert decision is not None
    assert [line.code for line in decision.lines] == ["97140"]
    assert "coding.machine-suggestion" in {finding.id for finding in decision.findings}
