"""Is the visit authorized: a number, the dates, the visits left."""

from typing import Any

import pytest
from claimbus.events import Checked, Finding, RunningTotals, VisitCompleted
from claimbus.values import Result, Severity
from claims.domain.checks.authorization import check_authorization
from claims.rule_book import ClaimRuleBook

RULES = ClaimRuleBook.load()
WHOLE = {
    "required": True,
    "number": "A-77",
    "visits_allowed": 12,
    "visits_used": 3,
    "valid_from": "2026-10-01",
    "valid_through": "2026-12-31",
}


def answers(
    authorization: dict[str, Any] | None, program: str = "commercial", seen: int | None = None, day: str = "2026-11-18"
) -> list[Checked]:
    visit = VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": day,
            "patient": {"patient_id": "x"},
            "coverage": [{"program": program, "authorization": authorization}],
            "interventions": [{"code": "97110"}],
        }
    )
    rules = RULES.on(visit.service_date)
    totals = None if seen is None else RunningTotals(authorized_visits=seen)
    return list(check_authorization(visit, rules.profile_of(visit.primary.payer, "p"), rules, totals))


def check(*args: Any, **facts: Any) -> dict[str, Finding]:
    return {answer.id: answer for answer in answers(*args, **facts) if isinstance(answer, Finding)}


def failed(*args: Any, **facts: Any) -> dict[str, str]:
    found = check(*args, **facts)
    return {name: one.result.value for name, one in found.items() if one.result is not Result.PASS and not one.is_due}


def test_a_whole_authorization_passes_every_check() -> None:
    found = answers(WHOLE, seen=3)
    assert {answer.id for answer in found} == {
        "authorization.missing",
        "authorization.not-valid-on-date",
        "authorization.visits-exceeded",
        "totals.authorized-visits-differ",
        "due.authorization-visits",
        "due.authorization-end",
    }
    assert {answer.id for answer in found if isinstance(answer, Finding)} == {
        "due.authorization-visits",
        "due.authorization-end",
    }
    assert not any("A-77" in str(answer) for answer in found)


@pytest.mark.parametrize(
    ("used", "seen", "results"),
    [
        (11, None, {}),
        (12, None, {"authorization.visits-exceeded": "fail"}),
        (None, None, {"authorization.visits-exceeded": "unknown"}),
        (None, 11, {"authorization.visits-exceeded": "unknown"}),
        (None, 12, {"authorization.visits-exceeded": "fail"}),
        (3, 4, {"totals.authorized-visits-differ": "fail"}),
        (3, 12, {"totals.authorized-visits-differ": "fail"}),
    ],
)
def test_visits_are_counted_before_this_one(used: int | None, seen: int | None, results: dict[str, str]) -> None:
    authorization = WHOLE | {"visits_used": used}
    assert failed(authorization, seen=seen) == results
    found = check(authorization, seen=seen)
    assert {found[name].carc for name in results} <= {"198"}


@pytest.mark.parametrize(
    ("used", "seen", "left"), [(0, None, 11), (10, None, 1), (11, None, 0), (3, 7, 4), (12, None, None)]
)
def test_it_is_told_how_many_visits_are_left_after_this_one(used: int, seen: int | None, left: int | None) -> None:
    one = check(WHOLE | {"visits_used": used}, seen=seen).get("due.authorization-visits")
    assert (one and one.inputs["visits_left"]) == left
    assert one is None or (one.severity, one.carc) == (Severity.INFO, None)


def test_visits_that_differ_from_those_seen_ask_a_person() -> None:
    assert check(WHOLE, seen=4)["totals.authorized-visits-differ"].severity is Severity.REVIEW
