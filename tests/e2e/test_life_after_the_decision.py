"""What follows a decision: amendments, voids, late revisions, and what the payer answers."""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    ClaimVoided,
    Event,
    VisitCompleted,
    VisitSuperseded,
    VisitVoided,
)
from claimbus.events.subjects import every, subject_for
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.direct_get import walk
from claimbus.messaging.topology import CLAIMS, OUTCOMES
from claimbus.testing.bus import Bus
from claimbus.testing.claims import claim_adjudicated, claim_submitted
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visit_data
from nats.aio.client import Client
from observing import Collector, eventually, lines_of

Decision = ClaimReady | ClaimDenialRisk
PRACTICE = "northside-pt"
NUMBER = "2026322000017"


def visit(key: str = "amended", revision: int = 1, **changes: Any) -> dict[str, Any]:
    return visit_data(visit_id=key, revision=revision, **changes)


def one_more_quarter_hour(body: dict[str, Any]) -> dict[str, Any]:
    """The same visit with a unit more of its first code, in the patient's home."""
    first, *rest = body["interventions"]
    longer = first | {"minutes": first["minutes"] + 15, "charge": "65.00"}
    minutes = {name: body["time"][name] + 15 for name in ("timed_minutes", "total_minutes")}
    return body | {"interventions": [longer, *rest], "time": minutes, "place_of_service": "12"}


def answer(kind: type[Event], key: str = "amended", **changes: Any) -> dict[str, Any]:
    """A payer's answer as JSON data, valid or not."""
    build = claim_submitted if kind is ClaimSubmitted else claim_adjudicated
    sent = build(VisitCompleted.model_validate(visit(key)), payer_control_number=NUMBER)
    return sent.model_dump(mode="json") | changes


async def put(client: Client, body: dict[str, Any], kind: type[Event] = VisitCompleted) -> None:
    assert await Bus(client).publish(body, kind)


async def claim_events(client: Client, count: int, key: str = "amended") -> list[Event]:
    """All claim events of a visit, once there are that many and nothing is left to do."""
    bus = Bus(client)
    await bus.claim_events(visit(key), count)
    await bus.settled()
    events = await bus.claim_events(visit(key))
    assert len(events) == count
    return events


async def decided(client: Client, body: dict[str, Any], place: int) -> Decision:
    """Send a visit, and give the decision that is the `place`th claim event of it."""
    await put(client, body)
    decision = (await claim_events(client, place, body["visit_id"]))[-1]
    assert isinstance(decision, ClaimReady | ClaimDenialRisk)
    return decision


async def answered(client: Client, body: dict[str, Any], kind: type[Event]) -> None:
    """Send a payer's answer, and wait until claims has taken it."""
    await put(client, body, kind)
    await Bus(client).settled()


async def voided(client: Client, place: int, revision: int = 1, key: str = "amended") -> ClaimVoided:
    await put(client, {"practice_id": PRACTICE, "visit_id": key, "revision": revision}, VisitVoided)
    event = (await claim_events(client, place, key))[-1]
    assert isinstance(event, ClaimVoided)
    return event


def told(decision: Decision) -> dict[str, tuple[Any, Any]]:
    return {one.field: (one.before, one.to) for one in decision.changes}


async def test_an_amended_visit_tells_field_by_field_what_became_of_the_decision_before(
    client: Client, services: Supervisor
) -> None:
    first = await decided(client, visit(), 1)
    assert (first.supersedes, first.changes, first.frequency_code) == (None, (), "1")
    unsigned = visit()["documentation"] | {"signature": None}
    second = await decided(client, one_more_quarter_hour(visit(revision=2)) | {"documentation": unsigned}, 2)
    changes = told(second)
    before, after = first.lines[0], second.lines[0]
    assert after.units == before.units + 1
    assert changes["outcome"] == ("ready", "denial_risk")
    assert changes["lines.97110.units"] == (before.units, after.units)
    assert changes["lines.97110.charge"] == (str(before.charge), str(after.charge))
    assert changes["claim.place_of_service"] == ("11", "12")
    assert changes["claim.total_charge"] == (str(first.claim.total_charge), str(second.claim.total_charge))
    assert changes["findings.signature.missing"] == (None, {"result": "fail", "severity": "block"})
    assert not any(field.startswith(("lines.97112", "claim.patient", "claim.control_number")) for field in changes)
    third = await decided(client, visit(revision=3), 3)
    assert third.supersedes == second.claim_id
    assert told(third)["findings.signature.missing"] == ({"result": "fail", "severity": "block"}, None)
    assert told(third)["lines.97110.units"] == (after.units, before.units)


async def test_an_amended_visit_of_which_nothing_changes_says_so(client: Client, services: Supervisor) -> None:
    await decided(client, visit(), 1)
    again = await decided(client, visit(revision=2), 2)
    assert again.supersedes is not None
    assert again.changes == ()


async def test_an_unsent_claim_is_replaced_by_an_original_and_a_void_sends_nothing(
    client: Client, services: Supervisor
) -> None:
    await decided(client, visit(), 1)
    second = await decided(client, visit(revision=2), 2)
    assert (second.frequency_code, second.claim.payer_control_number) == ("1", None)
    void = await voided(client, 3, revision=2)
    assert void.retracts == second.claim_id
    assert (void.frequency_code, void.payer_control_number) == (None, None)


@pytest.mark.parametrize("kind", [ClaimSubmitted, ClaimAdjudicated])
async def test_once_the_payer_has_answered_an_amendment_replaces_and_a_void_voids_its_claim(
    kind: type[Event], client: Client, services: Supervisor
) -> None:
    await decided(client, visit(), 1)
    await answered(client, answer(kind), kind)
    second = await decided(client, one_more_quarter_hour(visit(revision=2)), 2)
    assert (second.frequency_code, second.claim.payer_control_number) == ("7", NUMBER)
    assert told(second)["frequency_code"] == ("1", "7")
    void = await voided(client, 3, revision=2)
    assert (void.frequency_code, void.payer_control_number) == ("8", NUMBER)
    anew = await decided(client, visit(revision=3), 4)
    assert (anew.supersedes, anew.frequency_code, anew.claim.payer_control_number) == (None, "1", None), "it was voided"


async def test_a_number_that_the_visit_brings_makes_a_replacement(client: Client, services: Supervisor) -> None:
    payer = visit()["coverage"][0] | {"claim_control_number": "EHR-1"}
    first = await decided(client, visit(coverage=[payer]), 1)
    assert (first.frequency_code, first.claim.payer_control_number) == ("7", "EHR-1")
    silent = await decided(client, visit(revision=2), 2)
    assert (silent.frequency_code, silent.claim.payer_control_number) == ("7", "EHR-1"), "still known"


async def test_a_rejected_claim_is_sent_anew(client: Client, services: Supervisor) -> None:
    await decided(client, visit(), 1)
    await answered(client, answer(ClaimSubmitted, status="rejected"), ClaimSubmitted)
    assert (await decided(client, visit(revision=2), 2)).frequency_code == "1"


async def test_a_service_that_was_restarted_still_knows_the_payers_number(
    nats_url: str, client: Client, tmp_path: Path
) -> None:
    for start in range(2):
        async with Supervisor(nats_url, tmp_path / f"logs-{start}"):
            if start == 0:
                await decided(client, visit(), 1)
                await answered(client, answer(ClaimSubmitted), ClaimSubmitted)
            else:
                assert (await decided(client, visit(revision=2), 2)).frequency_code == "7"


async def test_an_older_revision_that_comes_late_is_superseded_once_and_opens_nothing(
    client: Client, services: Supervisor
) -> None:
    second = await decided(client, visit(revision=2), 1)
    late = one_more_quarter_hour(visit(revision=1))
    await put(client, late)
    last = (await claim_events(client, 2))[-1]
    assert isinstance(last, VisitSuperseded)
    assert (last.revision, last.replaced_by) == (1, 2)
    # Both revisions again, as new messages: neither is decided, nor superseded again.
    subject = subject_for(VisitCompleted, PRACTICE, "amended")
    for body in (late, visit(revision=2), late, visit(revision=2, place_of_service="12")):
        await client.jetstream().publish(subject, json.dumps(body).encode() + b" ")
    await claim_events(client, 2)
    third = await decided(client, visit(revision=3), 3)
    assert third.supersedes == second.claim_id
    assert "too late" in await command("explain", f"{PRACTICE}/amended", nats=client)


async def test_of_two_replicas_one_says_that_a_revision_came_late(
    nats_url: str, client: Client, tmp_path: Path
) -> None:
    count = 40
    async with Supervisor(nats_url, tmp_path / "logs", replicas=2):
        await asyncio.gather(*(put(client, visit(f"late-{number}", 2)) for number in range(count)))
        await eventually(lambda: _said(client, count))
        for _ in range(2):
            bodies = [json.dumps(visit(f"late-{number}", 1)).encode() for number in range(count)]
            subjects = [subject_for(VisitCompleted, PRACTICE, f"late-{number}") for number in range(count)]
            js = client.jetstream()
            await asyncio.gather(*(js.publish(at, body) for at, body in zip(subjects, bodies, strict=True)))
        await eventually(lambda: _said(client, 2 * count))
        await Bus(client).settled()
    facts = Counter(one.subject.rpartition(".")[2] for one in await walk(client, CLAIMS, every(VisitSuperseded)))
    assert facts == {"superseded": count}
    assert await _said(client, 2 * count)
    assert (await client.jetstream().stream_info(CLAIMS)).state.messages == 2 * count


async def _said(client: Client, count: int) -> bool:
    return bool((await client.jetstream().stream_info(CLAIMS)).state.messages >= count)


async def test_visits_replicas_and_revisions_in_any_order_give_each_revision_at_most_one_word(
    nats_url: str, client: Client, tmp_path: Path
) -> None:
    keys, revisions = [f"mixed-{number}" for number in range(30)], (3, 1, 4, 2)
    async with Supervisor(nats_url, tmp_path / "logs", replicas=2):
        js = client.jetstream()
        for _ in range(2):
            async with asyncio.TaskGroup() as tasks:
                for revision in revisions:
                    for key in keys:
                        body = json.dumps(visit(key, revision)).encode()
                        tasks.create_task(js.publish(subject_for(VisitCompleted, PRACTICE, key), body))
        await eventually(lambda: _said(client, len(keys)))
        await Bus(client).settled()
    assert await read_dead_letters(client) == []
    for key in keys:
        events = await Bus(client).claim_events(visit(key))
        revisions_of = [event.revision for event in events]
        assert sorted(revisions_of) == [1, 2, 3, 4], f"{key}: {[(event.fact, event.revision) for event in events]}"
        in_order = [event.revision for event in events if isinstance(event, Decision)]
        assert in_order == sorted(in_order)


BAD = {
    "not JSON": (b"{", "body"),
    "another visit's claim": (json.dumps(answer(ClaimAdjudicated) | {"claim_id": "f7a5d6f6"}).encode(), "claim_id"),
    "no date": (json.dumps(answer(ClaimAdjudicated) | {"adjudicated_on": None}).encode(), "adjudicated_on"),
    "an unknown status": (json.dumps(answer(ClaimAdjudicated, status="Zebulon")).encode(), "status"),
    "an amount in words": (
        json.dumps(answer(ClaimAdjudicated, lines=[{"paid": "Zebulon"}])).encode(),
        "lines.0.paid",
    ),
    "another practice": (json.dumps(answer(ClaimAdjudicated) | {"practice_id": "other"}).encode(), "claim_id"),
}


async def test_an_invalid_answer_becomes_a_dead_letter_with_its_field_and_the_next_one_is_taken(
    client: Client, services: Supervisor
) -> None:
    subject = subject_for(ClaimAdjudicated, PRACTICE, "amended")
    await decided(client, visit(), 1)
    for body, _ in BAD.values():
        await client.jetstream().publish(subject, body)
    await answered(client, answer(ClaimAdjudicated), ClaimAdjudicated)
    dead_letters = [stored.dead_letter for stored in await read_dead_letters(client)]
    assert [dead_letter.problems[0].field for dead_letter in dead_letters] == [field for _, field in BAD.values()]
    found = {(dead_letter.why, dead_letter.consumer, dead_letter.stream) for dead_letter in dead_letters}
    assert found == {("invalid", "claims", OUTCOMES)}
    assert "Zebulon" not in "".join(dead_letter.model_dump_json() for dead_letter in dead_letters)
    assert "Zebulon" not in "".join(log.read_text() for log in services.logs.glob("*.log"))
    assert (await decided(client, visit(revision=2), 2)).frequency_code == "7"
    assert await decided(client, visit("next"), 1)


async def test_an_answer_is_linked_to_its_decision_and_lies_in_a_trace_of_its_own(
    nats_url: str, client: Client, collector: Collector, tmp_path: Path
) -> None:
    async with Supervisor(nats_url, tmp_path, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}):
        await decided(client, visit(), 1)
        await answered(client, answer(ClaimAdjudicated), ClaimAdjudicated)
        await answered(client, answer(ClaimSubmitted, key="never-decided"), ClaimSubmitted)
    spans = {span.name: span for span in collector.spans}
    said = spans["publish claims.{practice}.{visit}.ready"]
    received = spans["process outcomes.{practice}.{visit}.adjudicated"]
    assert received.links == (said.span_id,)
    assert received.trace_id != said.trace_id
    assert spans["process outcomes.{practice}.{visit}.submitted"].links == ()
    assert "outcome.of-no-decision" in (tmp_path / "claims.log").read_text()
    for told in (str(collector.spans), *lines_of(tmp_path)):
        assert NUMBER not in told


async def command(*arguments: str, nats: Client) -> str:
    """What a command prints on this server."""
    assert nats.connected_url is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "claimbus_cli",
        *arguments,
        env={**os.environ, "CLAIMBUS_NATS_URL": nats.connected_url.geturl()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_explain_shows_what_the_payer_did_beside_what_was_decided(client: Client, services: Supervisor) -> None:
    body = visit_data()
    await decided(client, body, 1)
    examples = Path(__file__).parents[2] / "examples" / "outcomes"
    for fact in ("submitted", "adjudicated"):
        said = await command("publish", "--as", fact, str(examples / f"01-{fact}.json"), nats=client)
        assert "1 published" in said
    assert (await client.jetstream().stream_info(OUTCOMES)).state.messages == 2
    page = await command("explain", f"{PRACTICE}/{body['visit_id']}", nats=client)
    assert "What the payer did" in page
    assert "accepted by the payer billed first, under its number 2026322000017  A2/20" in page
    assert "1. 97110 x1    $22.38   $22.38  $17.90    $4.48" in page
    assert "line 2: CO-50 $58.00: not foreseen by any finding" in page
    assert "line 1: CO-45 $39.62: what the charge is above the fee schedule, as expected" in page
    assert "line 1: PR-2 $4.48: the patient's share" in page


async def test_a_denial_that_a_finding_foresaw_is_told_as_that(client: Client, services: Supervisor) -> None:
    unsigned = visit_data("06-missing-signature")
    decision = await decided(client, unsigned, 1)
    (foresaw,) = [one for one in decision.findings if one.id == "signature.missing"]
    lines = [
        {"number": 1, "paid": "0.00", "adjustments": [{"group": "CO", "carc": foresaw.carc, "amount": "124.00"}]},
        {"number": 2, "paid": "-3.00", "rarcs": [foresaw.rarc]},
    ]
    body = answer(ClaimAdjudicated, unsigned["visit_id"], status="denied", lines=lines)
    await answered(client, body, ClaimAdjudicated)
    page = await command("explain", f"{PRACTICE}/{unsigned['visit_id']}", nats=client)
    assert f"line 1: CO-{foresaw.carc} $124.00: foreseen by signature.missing" in page
    assert f"line 2: remark {foresaw.rarc}: foreseen by signature.missing" in page
    assert "-$3.00" in page


def findings(decision: Decision, name: str) -> list[dict[str, Any]]:
    return [one.inputs for one in decision.findings if one.id == name]


async def test_a_service_on_two_visits_is_told_on_the_second_with_the_name_of_the_first(
    client: Client, services: Supervisor
) -> None:
    first = await decided(client, visit("one"), 1)
    assert findings(first, "duplicate.service") == []
    second = await decided(client, visit("two"), 1)
    named = findings(second, "duplicate.service")
    assert {one["code"] for one in named} == {line.code for line in second.lines}
    assert all(one["visits"] == ["one"] for one in named)
    assert second.outcome == "ready", "a person is asked"
    assert findings(await decided(client, visit("one", 2), 2), "duplicate.service") != []
    other_day = await decided(client, visit("three", service_date="2026-11-19"), 1)
    assert findings(other_day, "duplicate.service") == []
    await voided(client, 3, revision=2, key="one")
    alone = await decided(client, visit("two", 2), 2)
    assert findings(alone, "duplicate.service") == [], "the other was voided, and its own older revision is no other"


async def test_a_second_initial_evaluation_in_a_case_is_told(client: Client, services: Supervisor) -> None:
    evaluation = visit_data("04-evaluation")
    first = await decided(client, evaluation | {"visit_id": "eval-1"}, 1)
    assert findings(first, "evaluation.repeated") == []
    later = evaluation | {"visit_id": "eval-2", "service_date": "2026-11-25"}
    second = await decided(client, later, 1)
    (found,) = findings(second, "evaluation.repeated")
    assert found["visits"] == ["eval-1"]
    other = later | {"visit_id": "eval-3", "case": {"case_id": "another"}}
    assert findings(await decided(client, other, 1), "evaluation.repeated") == []
