"""A visit goes in, one decision comes out, and a bad event stops nothing."""

import json
from typing import Any

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady, VisitCompleted, VisitVoided
from claimbus.events.subjects import subject_for
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import VISITS
from claimbus.testing.supervisor import Supervisor
from claimbus_cli.bus.bus import following, outgoing, publish_visit
from claimbus_cli.evaluate import evaluate_visit
from nats.aio.client import Client
from observing import all_is_settled, eventually, example_bodies, words_of_claims

CANARY = "Zebulon-Canary-1931"


def as_published(decision: ClaimReady | ClaimDenialRisk) -> dict[str, Any]:
    """A decision without what says when it was made and in which trace."""
    return decision.model_dump(mode="json", exclude={"decided_at", "trace_id"})


async def decisions(client: Client, bodies: list[bytes]) -> dict[str, ClaimReady | ClaimDenialRisk]:
    """Publish visits and wait for the decision on each."""
    found: dict[str, ClaimReady | ClaimDenialRisk] = {}
    async with following(client) as words:
        for body in bodies:
            assert await publish_visit(client, outgoing(body))
        async for word in words:
            assert word.decision is not None
            found[word.visit_id] = word.decision
            if len(found) == len(bodies):
                return found
    raise AssertionError("the stream of decisions ended")


async def test_evaluate_and_the_bus_agree_on_every_example_visit(client: Client, services: Supervisor) -> None:
    bodies = example_bodies()
    on_the_bus = await decisions(client, list(bodies.values()))
    for body in bodies.values():
        alone = evaluate_visit(body)
        assert as_published(on_the_bus[alone.visit_id]) == as_published(alone)


async def test_a_decision_names_the_trace_of_its_visit(client: Client, services: Supervisor) -> None:
    body = example_bodies()["01-medicare-plain"]
    (decision,) = (await decisions(client, [body])).values()
    stored = await client.jetstream().get_last_msg(VISITS, "visits.*.*.completed")
    assert stored.headers is not None
    assert decision.trace_id == stored.headers["traceparent"].split("-")[1]


async def test_a_visit_published_again_is_decided_once(client: Client, services: Supervisor) -> None:
    body = example_bodies()["01-medicare-plain"]
    visit = outgoing(body)
    await decisions(client, [body])
    assert not await publish_visit(client, visit)  # the broker knows the id
    # An EHR that sends no id is not caught by the broker: the decision must be.
    await client.jetstream().publish(subject_for(VisitCompleted, visit.practice_id, visit.visit_id), body)
    await all_is_settled(client)
    assert await words_of_claims(client) == {f"claims.{visit.practice_id}.{visit.visit_id}.ready": 1}


async def test_a_corrected_visit_supersedes_the_decision_before(client: Client, services: Supervisor) -> None:
    first = json.loads(example_bodies()["01-medicare-plain"])
    second = first | {"revision": 2, "documentation": first["documentation"] | {"signature": None}}
    before = await decisions(client, [json.dumps(first).encode()])
    after = await decisions(client, [json.dumps(second).encode()])
    old, new = before[first["visit_id"]], after[first["visit_id"]]
    assert (old.outcome, new.outcome) == ("ready", "denial_risk")
    assert new.supersedes == old.claim_id
    # The old revision, sent again under a new id after all this, says nothing more.
    late = subject_for(VisitCompleted, first["practice_id"], first["visit_id"])
    await client.jetstream().publish(late, json.dumps(first | {"place_of_service": "12"}).encode())
    await all_is_settled(client)
    assert sum((await words_of_claims(client)).values()) == 2


async def test_a_voided_visit_is_retracted_and_not_decided_again(client: Client, services: Supervisor) -> None:
    body = json.loads(example_bodies()["01-medicare-plain"])
    await decisions(client, [json.dumps(body).encode()])
    void = {"practice_id": body["practice_id"], "visit_id": body["visit_id"], "revision": 1, "reason": "wrong patient"}
    subject = subject_for(VisitVoided, body["practice_id"], body["visit_id"])
    await client.jetstream().publish(subject, json.dumps(void).encode())
    claim = f"claims.{body['practice_id']}.{body['visit_id']}"
    await eventually(lambda: _has(client, f"{claim}.voided"))
    await client.jetstream().publish(subject.replace("voided", "completed"), json.dumps(body).encode() + b" ")
    await all_is_settled(client)
    assert await words_of_claims(client) == {f"{claim}.ready": 1, f"{claim}.voided": 1}


def _visit(**changes: Any) -> dict[str, Any]:
    return {**json.loads(example_bodies()["01-medicare-plain"]), "visit_id": "bad", **changes}


BAD = {
    "not JSON": (b'{"practice_id": "northside-pt", ' + CANARY.encode(), "body"),
    "empty": (b"", "body"),
    "no service date": (json.dumps({**_visit(), "service_date": None}).encode(), "service_date"),
    "no patient id": (json.dumps(_visit(patient={"first_name": CANARY})).encode(), "patient.patient_id"),
    "a negative minute": (
        json.dumps(_visit(interventions=[{"id": "1", "narrative": CANARY, "minutes": -4}])).encode(),
        "interventions.0.minutes",
    ),
    "an unknown program": (json.dumps(_visit(coverage=[{"program": CANARY}])).encode(), "coverage.0.program"),
    "another practice": (json.dumps(_visit(practice_id=CANARY)).encode(), "practice_id"),
    "nothing done": (json.dumps(_visit(interventions=[], evaluation=None)).encode(), "interventions"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_event_becomes_a_dead_letter_with_its_field_and_the_next_one_flows(
    case: str, client: Client, services: Supervisor
) -> None:
    body, field = BAD[case]
    await client.jetstream().publish("visits.northside-pt.bad.completed", body)
    good = example_bodies()["01-medicare-plain"]
    assert len(await decisions(client, [good])) == 1
    found = await eventually(lambda: read_dead_letters(client))
    await all_is_settled(client)
    found = await read_dead_letters(client)
    assert len(found) == 1, "one dead letter for one event, whoever found it"
    dead_letter = found[0].dead_letter
    assert dead_letter.why == "invalid"
    assert dead_letter.subject == "visits.northside-pt.bad.completed"
    assert field in [problem.field for problem in dead_letter.problems]
    assert CANARY not in dead_letter.model_dump_json()
    for log in services.logs.glob("*.log"):
        assert CANARY not in log.read_text()


async def _has(client: Client, subject: str) -> bool:
    return subject in await words_of_claims(client)
