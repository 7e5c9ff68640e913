"""Running totals of a patient, kept by the services from the events themselves."""

import json
import os
import signal
from decimal import Decimal
from typing import Any

from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, Finding, VisitVoided
from claimbus.events.subjects import subject_for
from claimbus.messaging.topology import CLAIMS
from claimbus.testing.supervisor import Supervisor
from claimbus.values import Result
from claimbus_cli.bus.bus import following, outgoing, publish_visit
from nats.aio.client import Client
from observing import eventually, example_bodies

Decision = ClaimReady | ClaimDenialRisk
PRACTICE = "totals-pt"
LONG = 900
"""Minutes of exercise that are worth more than half of the year's threshold."""
LATER = "totals.later-visits-affected"


def visit(key: str, day: int, minutes: int = 33, *, revision: int = 1, **changes: Any) -> dict[str, Any]:
    """A Medicare visit on a day of November that does not bring the dollars used."""
    model = json.loads(example_bodies()["01-medicare-plain"])
    first, *others = model["interventions"]
    return (
        model
        | {
            "practice_id": PRACTICE,
            "visit_id": key,
            "revision": revision,
            "service_date": f"2026-11-{day:02d}",
            "patient": model["patient"] | {"patient_id": "totals-1"},
            "coverage": [model["coverage"][0] | {"therapy_dollars_used": None}],
            "interventions": [first | {"minutes": minutes}, *others],
        }
        | changes
    )


async def decide(client: Client, *visits: dict[str, Any]) -> list[Decision]:
    """Send visits one after another, each when the one before it is decided."""
    found = []
    async with following(client) as words:
        for one in visits:
            assert await publish_visit(client, outgoing(json.dumps(one).encode()))
            async for word in words:
                if word.visit_id == one["visit_id"]:
                    assert word.decision is not None
                    found.append(word.decision)
                    break
    return found


async def void(client: Client, key: str) -> ClaimVoided:
    body = {"practice_id": PRACTICE, "visit_id": key, "revision": 1, "reason": "wrong patient"}
    js = client.jetstream()
    await js.publish(subject_for(VisitVoided, PRACTICE, key), json.dumps(body).encode())
    where = subject_for(ClaimVoided, PRACTICE, key)

    async def said() -> bool:
        return where in ((await js.stream_info(CLAIMS, subjects_filter=where)).state.subjects or {})

    await eventually(said)
    return ClaimVoided.model_validate_json((await js.get_last_msg(CLAIMS, where)).data or b"")


def seen(decision: Decision) -> tuple[Decimal | None, int] | None:
    return (decision.totals.therapy_dollars, decision.totals.therapy_visits) if decision.totals else None


def bears_kx(decision: Decision) -> bool:
    return any("KX" in line.modifiers for line in decision.lines)


def finding(decision: Decision | ClaimVoided, name: str) -> Finding | None:
    return next((one for one in decision.findings if one.id == name), None)


def affected(decision: Decision | ClaimVoided) -> list[str]:
    one = finding(decision, LATER)
    return [] if one is None or one.result is not Result.FAIL else list(one.inputs["visits"])


def expected(*decisions: Decision) -> Decimal:
    amounts = [one.claim.total_expected for one in decisions]
    assert None not in amounts
    return sum(filter(None, amounts), Decimal(0))


async def test_kx_appears_once_earlier_visits_are_above_the_threshold(client: Client, services: Supervisor) -> None:
    a, b, c, same_day = await decide(
        client, visit("a", 2, LONG), visit("b", 4, LONG), visit("c", 6), visit("same-day", 6)
    )
    assert [seen(one) for one in (a, b, c)] == [None, (expected(a), 1), (expected(a, b), 2)]
    assert seen(same_day) == seen(c), "visits of one day do not count to one another"
    assert [bears_kx(one) for one in (a, b, c)] == [False, False, True]
    (reason,) = {
        json.dumps(one.inputs) for line in c.lines for one in line.reasons if one.about == "modifier:KX"
    }  # fmt: skip
    assert str(expected(a, b)) in reason


async def test_kx_is_never_set_without_the_attestation(client: Client, services: Supervisor) -> None:
    silent = visit("c", 6)
    silent["documentation"]["medical_necessity_attested"] = False
    *_, c = await decide(client, visit("a", 2, LONG), visit("b", 4, LONG), silent)
    assert not bears_kx(c)
    assert c.outcome == "denial_risk"


async def test_a_figure_that_the_visit_brings_is_used_and_compared(client: Client, services: Supervisor) -> None:
    brings = visit("c", 6)
    brings["coverage"][0]["therapy_dollars_used"] = "10.00"
    *_, c = await decide(client, visit("a", 2, LONG), visit("b", 4, LONG), brings)
    assert not bears_kx(c)
    compared = finding(c, "totals.therapy-dollars-differ")
    assert compared is not None
    assert compared.result is Result.FAIL


async def test_a_late_visit_names_the_decided_ones_that_it_concerns_and_they_are_decided_anew(
    client: Client, services: Supervisor
) -> None:
    a, c, late = await decide(client, visit("a", 2, LONG), visit("c", 6), visit("late", 4, LONG))
    assert seen(c) == (expected(a), 1)
    assert not bears_kx(c)
    assert seen(late) == (expected(a), 1)
    assert affected(late) == ["c"]
    (again,) = await decide(client, visit("c", 6, revision=2))
    assert again.supersedes == c.claim_id
    assert seen(again) == (expected(a, late), 2)
    assert bears_kx(again)


async def test_an_amended_and_a_voided_visit_flow_on_into_later_decisions(client: Client, services: Supervisor) -> None:
    _, b, c = await decide(client, visit("a", 2, LONG), visit("b", 4, LONG), visit("c", 6))
    assert bears_kx(c)
    (amended,) = await decide(client, visit("a", 2, revision=2))
    assert affected(amended) == ["c"]
    (d,) = await decide(client, visit("d", 9))
    assert seen(d) == (expected(amended, b, c), 3)
    assert not bears_kx(d)
    assert affected(await void(client, "b")) == ["c"], "not sent again yet"
    (e,) = await decide(client, visit("e", 10))
    assert seen(e) == (expected(amended, c, d), 3)


async def test_a_service_that_was_restarted_knows_the_totals_before_it_hears_the_next_visit(
    client: Client, services: Supervisor
) -> None:
    _, b = await decide(client, visit("a", 2, LONG), visit("b", 4, LONG))
    await void(client, "a")
    (a2,) = await decide(client, visit("a", 2, LONG, revision=2))
    for name in ("claims", "documentation-check"):
        os.kill(services.pid_of(name), signal.SIGTERM)
    await eventually(lambda: all(services.restarts()[name] == 1 for name in ("claims", "documentation-check")))
    (c,) = await decide(client, visit("c", 6))  # waits in the stream until somebody hears it
    assert seen(c) == (expected(a2, b), 2)
    assert bears_kx(c)


async def test_authorized_visits_are_counted_for_any_program(client: Client, services: Supervisor) -> None:
    payer = {
        "rank": 1, "program": "commercial", "payer_id": "ACME", "member_id": "M-1",
        "authorization": {"required": True, "number": "A-7", "visits_allowed": 2},
    }  # fmt: skip
    a, b, c = await decide(client, *(visit(key, day, coverage=[payer]) for key, day in (("a", 2), ("b", 4), ("c", 6))))
    assert [one.totals.authorized_visits if one.totals else None for one in (a, b, c)] == [None, 1, 2]


async def test_treatment_days_are_counted_when_the_visit_does_not_and_compared_when_it_does(
    client: Client, services: Supervisor
) -> None:
    def on(day: int, since: int | None = None, **changes: Any) -> dict[str, Any]:
        one = visit(f"day-{day}", day, case={"case_id": "totals-case"}, **changes)
        one["documentation"]["progress_report"] |= {"last_on": "2026-11-01", "treatment_days_since": since}
        return one

    *_, tenth, eleventh, wrong, right = await decide(
        client, *(on(day) for day in range(2, 13)), on(13, since=3), on(14, since=13)
    )
    overdue, differ = "progress-report.overdue", "totals.treatment-days-differ"
    in_doubt, late = finding(tenth, overdue), finding(eleventh, overdue)
    assert in_doubt is not None
    assert (in_doubt.result, in_doubt.inputs["treatment_days_seen"]) == (Result.UNKNOWN, 10)
    assert late is not None
    assert (late.result, late.inputs["treatment_days_seen"]) == (Result.FAIL, 11)
    assert eleventh.outcome == "denial_risk"
    compared = finding(wrong, differ)
    assert compared is not None
    assert (compared.result, compared.inputs["treatment_days_seen"]) == (Result.FAIL, 12)
    assert finding(wrong, overdue) is None, "the visit's own figure is used"
    assert finding(right, differ) is None
    report_too_old = finding(right, overdue)
    assert report_too_old is not None
    assert report_too_old.result is Result.FAIL
