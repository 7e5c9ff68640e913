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


@pytest.mark.parametrize("number", [None, "", " "])
def test_an_authorization_that_the_visit_calls_for_and_has_no_number_of_is_missing(number: str | None) -> None:
    found = check({"required": True, "number": number})["authorization.missing"]
    assert (found.result, found.severity, found.carc) == (Result.FAIL, Severity.BLOCK, "197")


def test_where_the_payer_always_wants_one_silence_is_unknown_and_an_empty_number_fails() -> None:
    assert failed(None, program="va_community_care") == {"authorization.missing": "unknown"}
    assert failed({"number": None}, program="va_community_care") == {"authorization.missing": "fail"}


@pytest.mark.parametrize("authorization", [None, {}, {"required": False}, {"required": None, "number": None}])
def test_nothing_is_said_of_a_visit_that_needs_none(authorization: dict[str, Any] | None) -> None:
    assert answers(authorization) == []


@pytest.mark.parametrize(
    ("day", "results"),
    [
        ("2026-09-30", {"authorization.not-valid-on-date": "fail"}),
        ("2026-10-01", {}),
        ("2026-12-31", {}),
        ("2027-01-01", {"authorization.not-valid-on-date": "fail"}),
    ],
)
def test_an_authorization_holds_on_its_first_and_last_day(day: str, results: dict[str, str]) -> None:
    assert failed(WHOLE, day=day) == results


@pytest.mark.parametrize("end", ["valid_from", "valid_through"])
def test_an_open_end_is_unknown_and_the_known_one_still_counts(end: str) -> None:
    assert failed(WHOLE | {end: None}) == {"authorization.not-valid-on-date": "unknown"}
    day = "2027-01-01" if end == "valid_from" else "2026-09-30"
    assert failed(WHOLE | {end: None}, day=day) == {"authorization.not-valid-on-date": "fail"}


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


def test_visits_left_are_unknown_where_those_used_are() -> None:
    one = check(WHOLE | {"visits_used": None})["due.authorization-visits"]
    assert (one.result, one.severity) == (Result.UNKNOWN, Severity.INFO)


@pytest.mark.parametrize(("day", "left"), [("2026-12-30", 1), ("2026-12-31", 0), ("2027-01-01", None)])
def test_it_is_told_how_many_days_the_authorization_still_holds(day: str, left: int | None) -> None:
    one = check(WHOLE, day=day).get("due.authorization-end")
    assert (one and one.inputs["days_left"]) == left


def test_without_a_limit_no_visit_is_too_many() -> None:
    assert "authorization.visits-exceeded" not in check(WHOLE | {"visits_allowed": None, "visits_used": 99})


def test_visits_that_differ_from_those_seen_ask_a_person() -> None:
    assert check(WHOLE, seen=4)["totals.authorized-visits-differ"].severity is Severity.REVIEW
