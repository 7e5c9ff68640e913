"""Running totals of a patient, kept by the services from the events themselves."""

import json
import os
import signal
from decimal import Decimal
from typing import Any

from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, Finding
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visit_data, visit_voided
from claimbus.values import Result
from observing import eventually

Decision = ClaimReady | ClaimDenialRisk
LONG = 900
"""Minutes of exercise that are worth more than half of the year's threshold."""
LATER = "totals.later-visits-affected"


def visit(key: str, day: int, minutes: int = 33, *, revision: int = 1, **changes: Any) -> dict[str, Any]:
    """A Medicare visit on a day of November that does not bring the dollars used."""
    places = {"interventions.0.minutes": minutes, "coverage.0.therapy_dollars_used": None}
    return visit_data(changes=places, visit_id=key, revision=revision, service_date=f"2026-11-{day:02d}", **changes)


async def decide(bus: Bus, *visits: dict[str, Any]) -> list[Decision]:
    """Send visits one after another, each when the one before it is decided."""
    found = []
    for given in visits:
        assert await bus.publish(given)
        found.append(await bus.decision(given))
    return found


async def void(bus: Bus, decision: Decision) -> ClaimVoided:
    await bus.publish(visit_voided(decision))
    return (await bus.events(ClaimVoided, decision))[-1]


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


async def test_kx_appears_once_earlier_visits_are_above_the_threshold(bus: Bus, services: Supervisor) -> None:
    a, b, c, same_day = await decide(bus, visit("a", 2, LONG), visit("b", 4, LONG), visit("c", 6), visit("same-day", 6))
    assert [seen(one) for one in (a, b, c)] == [None, (expected(a), 1), (expected(a, b), 2)]
    assert seen(same_day) == seen(c), "visits of one day do not count to one another"
    assert [bears_kx(one) for one in (a, b, c)] == [False, False, True]
    (reason,) = {
        json.dumps(one.inputs) for line in c.lines for one in line.reasons if one.about == "modifier:KX"
    }  # fmt: skip
    assert str(expected(a, b)) in reason


async def test_kx_is_never_set_without_the_attestation(bus: Bus, services: Supervisor) -> None:
    silent = visit("c", 6)
    silent["documentation"]["medical_necessity_attested"] = False
    *_, c = await decide(bus, visit("a", 2, LONG), visit("b", 4, LONG), silent)
    assert not bears_kx(c)
    assert c.outcome == "denial_risk"


async def test_a_figure_that_the_visit_brings_is_used_and_compared(bus: Bus, services: Supervisor) -> None:
    brings = visit("c", 6)
    brings["coverage"][0]["therapy_dollars_used"] = "10.00"
    *_, c = await decide(bus, visit("a", 2, LONG), visit("b", 4, LONG), brings)
    assert not bears_kx(c)
    compared = finding(c, "totals.therapy-dollars-differ")
    assert compared is not None
    assert compared.result is Result.FAIL


async def test_a_late_visit_names_the_decided_ones_that_it_concerns_and_they_are_decided_anew(
    bus: Bus, services: Supervisor
) -> None:
    a, c, late = await decide(bus, visit("a", 2, LONG), visit("c", 6), visit("late", 4, LONG))
    assert seen(c) == (expected(a), 1)
    assert not bears_kx(c)
    assert seen(late) == (expected(a), 1)
    assert affected(late) == ["c"]
    (again,) = await decide(bus, visit("c", 6, revision=2))
    assert again.supersedes == c.claim_id
    assert seen(again) == (expected(a, late), 2)
    assert bears_kx(again)


async def test_an_amended_and_a_voided_visit_flow_on_into_later_decisions(bus: Bus, services: Supervisor) -> None:
    _, b, c = await decide(bus, visit("a", 2, LONG), visit("b", 4, LONG), visit("c", 6))
    assert bears_kx(c)
    (amended,) = await decide(bus, visit("a", 2, revision=2))
    assert affected(amended) == ["c"]
    (d,) = await decide(bus, visit("d", 9))
    assert seen(d) == (expected(amended, b, c), 3)
    assert not bears_kx(d)
    assert affected(await void(bus, b)) == ["c"], "not sent again yet"
    (e,) = await decide(bus, visit("e", 10))
    assert seen(e) == (expected(amended, c, d), 3)


async def test_a_service_that_was_restarted_knows_the_totals_before_it_hears_the_next_visit(
    bus: Bus, services: Supervisor
) -> None:
    a, b = await decide(bus, visit("a", 2, LONG), visit("b", 4, LONG))
    await void(bus, a)
    (a2,) = await decide(bus, visit("a", 2, LONG, revision=2))
    for name in ("claims", "documentation-check"):
        os.kill(services.pid_of(name), signal.SIGTERM)
    await eventually(lambda: all(services.restarts()[name] == 1 for name in ("claims", "documentation-check")))
    (c,) = await decide(bus, visit("c", 6))  # waits in the stream until somebody hears it
    assert seen(c) == (expected(a2, b), 2)
    assert bears_kx(c)


async def test_authorized_visits_are_counted_for_any_program(bus: Bus, services: Supervisor) -> None:
    payer = {
        "rank": 1, "program": "commercial", "payer_id": "ACME", "member_id": "M-1",
        "authorization": {"required": True, "number": "A-7", "visits_allowed": 2},
    }  # fmt: skip
    a, b, c = await decide(bus, *(visit(key, day, coverage=[payer]) for key, day in (("a", 2), ("b", 4), ("c", 6))))
    assert [one.totals.authorized_visits if one.totals else None for one in (a, b, c)] == [None, 1, 2]


async def test_treatment_days_are_counted_when_the_visit_does_not_and_compared_when_it_does(
    bus: Bus, services: Supervisor
) -> None:
    def on(day: int, since: int | None = None, **changes: Any) -> dict[str, Any]:
        one = visit(f"day-{day}", day, case={"case_id": "totals-case"}, **changes)
        one["documentation"]["progress_report"] |= {"last_on": "2026-11-01", "treatment_days_since": since}
        return one

    *_, tenth, eleventh, wrong, right = await decide(
        bus, *(on(day) for day in range(2, 13)), on(13, since=3), on(14, since=13)
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
