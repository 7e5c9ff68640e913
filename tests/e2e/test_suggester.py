"""A practice's own suggester on the bus: asked by the coding service, recorded, and without a line of its own."""

from pathlib import Path

from claimbus.events import VisitCoded
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visit_data

EXAMPLES = Path(__file__).parents[2] / "examples"


async def test_what_a_suggester_says_is_in_the_event_and_not_in_the_claim(bus: Bus, tmp_path: Path) -> None:
    row = visit_data("10-codes-suggested")["interventions"][0] | {"narrative": None, "code": None, "minutes": 15}
    descriptions = {"1": "Soft tissue work to the calf", "2": "Kinesio tape to the knee"}
    visit = visit_data(
        "10-codes-suggested",
        visit_id="s1",
        interventions=[row | {"id": number, "description": text} for number, text in descriptions.items()],
    )
    environment = {"CLAIMBUS_SUGGESTER": "suggester:PastLines", "PYTHONPATH": str(EXAMPLES)}
    async with Supervisor(bus.url, tmp_path / "logs", environment=environment):
        await bus.publish(visit)
        decision = await bus.decision(visit)
    (coded,) = await bus.events(VisitCoded, visit)
    known, unknown = coded.interventions
    assert known.machine_suggestion is not None
    assert (known.machine_suggestion.suggester, known.machine_suggestion.supported_by) == ("past-lines-1", "rules")
    assert unknown.machine_suggestion is not None
    assert (unknown.machine_suggestion.code, unknown.machine_suggestion.supported_by) == ("97110", None)
    assert unknown.code is None
    assert [line.code for line in decision.lines] == ["97140"]
    assert "coding.machine-suggestion" in {finding.id for finding in decision.findings}
