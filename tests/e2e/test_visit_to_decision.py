"""A visit goes in, one decision comes out, and a bad event stops nothing."""

import json
from typing import Any

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, VisitCompleted
from claimbus.events.subjects import subject_for
from claimbus.messaging.topology import VISITS
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import example_bodies, visit_data, visit_voided
from claimbus_cli.decisions import decide_visit
from claimbus_engine import Rules

CANARY = "Zebulon-Canary-1931"


def as_published(decision: ClaimReady | ClaimDenialRisk) -> dict[str, Any]:
    """A decision without what says when it was made and in which trace."""
    return decision.model_dump(mode="json", exclude={"decided_at", "trace_id"})


async def decide(bus: Bus, visit: dict[str, Any] | bytes) -> ClaimReady | ClaimDenialRisk:
    assert await bus.publish(visit)
    return await bus.decision(visit)


async def publish_without_id(bus: Bus, visit: dict[str, Any]) -> None:
    """As an EHR that sends no id, which the broker could know it by."""
    subject = subject_for(VisitCompleted, visit["practice_id"], visit["visit_id"])
    await bus.client.jetstream().publish(subject, json.dumps(visit).encode())


async def test_evaluate_and_the_bus_agree_on_every_example_visit(bus: Bus, services: Supervisor) -> None:
    rules = Rules.load()
    for body in example_bodies().values():
        assert as_published(await decide(bus, body)) == as_published(decide_visit(body, rules))


async def test_a_decision_names_the_trace_of_its_visit(bus: Bus, services: Supervisor) -> None:
    decision = await decide(bus, visit_data())
    stored = await bus.client.jetstream().get_last_msg(VISITS, "visits.*.*.completed")
    assert stored.headers is not None
    assert decision.trace_id == stored.headers["traceparent"].split("-")[1]


async def test_a_visit_published_again_is_decided_once(bus: Bus, services: Supervisor) -> None:
    visit = visit_data()
    decision = await decide(bus, visit)
    assert not await bus.publish(visit)  # the broker knows the id
    await publish_without_id(bus, visit)
    await bus.settled()
    assert await bus.claim_events(visit) == [decision]


async def test_a_corrected_visit_supersedes_the_decision_before(bus: Bus, services: Supervisor) -> None:
    first = visit_data()
    old = await decide(bus, first)
    new = await decide(bus, visit_data(revision=2, remove=["documentation.signature"]))
    assert (old.outcome, new.outcome) == ("ready", "denial_risk")
    assert new.supersedes == old.claim_id
    # The old revision, sent again under a new id after all this, says nothing more.
    await publish_without_id(bus, first | {"place_of_service": "12"})
    await bus.settled()
    assert await bus.claim_events(first) == [old, new]


async def test_a_voided_visit_is_retracted_and_not_decided_again(bus: Bus, services: Supervisor) -> None:
    visit = visit_data()
    decision = await decide(bus, visit)
    await bus.publish(visit_voided(decision))
    (voided,) = await bus.events(ClaimVoided, visit)
    await publish_without_id(bus, visit)
    await bus.settled()
    assert await bus.claim_events(visit) == [decision, voided]


def bad(**changes: Any) -> bytes:
    return json.dumps(visit_data(visit_id="bad", **changes)).encode()


BAD = {
    "not JSON": (b'{"practice_id": "northside-pt", ' + CANARY.encode(), "body"),
    "empty": (b"", "body"),
    "no service date": (bad(service_date=None), "service_date"),
    "no patient id": (bad(patient={"first_name": CANARY}), "patient.patient_id"),
    "a negative minute": (
        bad(interventions=[{"id": "1", "narrative": CANARY, "minutes": -4}]),
        "interventions.0.minutes",
    ),
    "an unknown program": (bad(coverage=[{"program": CANARY}]), "coverage.0.program"),
    "another practice": (bad(practice_id=CANARY), "practice_id"),
    "nothing done": (bad(interventions=[], evaluation=None), "interventions"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_event_becomes_a_dead_letter_with_its_field_and_the_next_one_flows(
    case: str, bus: Bus, services: Supervisor
) -> None:
    body, field = BAD[case]
    await bus.client.jetstream().publish("visits.northside-pt.bad.completed", body)
    assert await decide(bus, visit_data())
    await bus.dead_letters()
    await bus.settled()
    (dead_letter,) = await bus.dead_letters()  # one for one event, whoever found it
    assert dead_letter.why == "invalid"
    assert dead_letter.subject == "visits.northside-pt.bad.completed"
    assert field in [problem.field for problem in dead_letter.problems]
    assert CANARY not in dead_letter.model_dump_json()
    for log in services.logs.glob("*.log"):
        assert CANARY not in log.read_text()
