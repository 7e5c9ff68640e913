"""Treatment days that other visits show: counted when the visit does not say, compared when it does."""

from datetime import date, timedelta
from typing import Any

import pytest
from claimbus.events import Basis, Finding, Keyed, VisitCompleted
from claimbus.values import Result
from documentation_check.domain.check import check_documentation
from documentation_check.domain.treatment_days import CaseDays, TreatedVisit
from documentation_check.rules import RULES
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 10
REPORTED = date(2026, 3, 2)
TODAY = date(2026, 4, 20)
OVERDUE, DIFFER = "progress-report.overdue", "totals.treatment-days-differ"
PASS, FAIL, UNKNOWN = Result.PASS, Result.FAIL, Result.UNKNOWN


def body(
    key: str = "today", on: date = TODAY, *, revision: int = 1, report: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    return {
        "practice_id": "days-pt",
        "visit_id": key,
        "revision": revision,
        "service_date": str(on),
        "patient": {"patient_id": "d-1"},
        "coverage": [{"program": "medicare_part_b"}],
        "case": {"case_id": "knee"},
        "interventions": [{"id": "1"}],
        "documentation": {"progress_report": report},
    } | changes


def visit(*arguments: Any, **changes: Any) -> VisitCompleted:
    return VisitCompleted.model_validate(body(*arguments, **changes))


def days_of(*bodies: dict[str, Any]) -> CaseDays:
    days = CaseDays()
    for one in bodies:
        days.take(TreatedVisit.model_validate(one))
    return days


def series(count: int, *, start: date = REPORTED + timedelta(1), **changes: Any) -> list[dict[str, Any]]:
    """Visits on days one after another, the first one the day after the report."""
    return [body(f"v{number}", start + timedelta(number), **changes) for number in range(count)]


def answers(of: VisitCompleted, days: CaseDays) -> dict[str, Finding]:
    rules = RULES.on(of.service_date)
    basis = Basis(event_id="e-1", sha256="0" * 64)
    checks = check_documentation(of, basis, rules, RULES.rule_set, seen=days.before(of)).checks
    return {one.id: one for one in checks}


NOT_SAID = {"last_on": str(REPORTED), "author_credential": "PT"}


@pytest.mark.parametrize(("seen", "result"), [(LIMIT - 1, UNKNOWN), (LIMIT, FAIL)])
def test_without_a_figure_of_its_own_a_visit_is_overdue_once_more_days_than_the_limit_were_seen(
    seen: int, result: Result
) -> None:
    one = answers(visit(report=NOT_SAID), days_of(*series(seen)))[OVERDUE]
    assert one.result is result
    assert one.inputs["treatment_days_seen"] == seen + 1


def test_a_count_of_days_never_shows_that_a_report_is_in_time() -> None:
    assert answers(visit(report=NOT_SAID), days_of(*series(2)))[OVERDUE].result is UNKNOWN


def test_two_visits_of_a_day_are_one_treatment_day() -> None:
    twice = [one | {"visit_id": f"{one['visit_id']}-again"} for one in series(LIMIT - 1)]
    assert answers(visit(report=NOT_SAID), days_of(*series(LIMIT - 1), *twice))[OVERDUE].result is UNKNOWN


def test_a_newer_report_that_another_visit_names_ends_the_count() -> None:
    written = REPORTED + timedelta(8)
    other = body("other", written, report={"last_on": str(written)})
    one = answers(visit(report=NOT_SAID), days_of(*series(LIMIT + 2), other))[OVERDUE]
    assert (one.result, one.inputs["treatment_days_seen"]) == (UNKNOWN, 5)


def test_a_record_without_any_report_is_counted_from_the_first_day_that_was_seen() -> None:
    assert answers(visit(), days_of(*series(LIMIT - 1)))[OVERDUE].result is UNKNOWN
    assert answers(visit(), days_of(*series(LIMIT)))[OVERDUE].result is FAIL


def test_a_report_whose_date_is_not_said_may_be_newer_than_all_that_were_seen() -> None:
    one = answers(visit(report={"author_credential": "PT"}), days_of(*series(LIMIT + 5)))[OVERDUE]
    assert one.result is UNKNOWN
    assert "treatment_days_seen" not in one.inputs


@pytest.mark.parametrize(("since", "result"), [(5, FAIL), (6, PASS), (9, PASS)])
def test_a_figure_below_what_was_seen_is_a_question_and_is_used_all_the_same(since: int, result: Result) -> None:
    found = answers(visit(report=NOT_SAID | {"treatment_days_since": since}), days_of(*series(5)))
    assert found[DIFFER].result is result
    assert (found[DIFFER].inputs["treatment_days_since"], found[DIFFER].inputs["treatment_days_seen"]) == (since, 6)
    assert found[OVERDUE].result is PASS
    assert found[OVERDUE].inputs["treatment_days_since"] == since


def test_a_visit_that_nobody_came_before_is_answered_as_without_a_ledger() -> None:
    later = body("later", TODAY + timedelta(1))
    same_day = body("same-day")
    own_revision = body(on=TODAY - timedelta(3))
    for report in (None, NOT_SAID, NOT_SAID | {"treatment_days_since": 1}):
        of = visit(report=report, revision=2)
        assert answers(of, days_of(later, same_day, own_revision)) == answers(of, CaseDays())
        assert DIFFER not in answers(of, CaseDays())


@pytest.mark.parametrize(
    "changes",
    [
        {"case": {"case_id": "hip"}},
        {"case": None},
        {"patient": {"patient_id": "d-2"}},
        {"practice_id": "other-pt"},
        {"discipline": "OT"},
    ],
)
def test_days_belong_to_a_case_of_a_patient_of_a_practice_and_to_one_therapy(changes: dict[str, Any]) -> None:
    assert days_of(*series(LIMIT, **changes)).before(visit()) is None


def test_visits_without_a_case_are_not_put_together() -> None:
    assert days_of(*series(LIMIT, case=None)).before(visit(case=None)) is None


Step = tuple[str, int, int, int | None]
"""Visit, revision, day, day of the report that it names; or a voiding, as a negative day."""

steps = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.integers(1, 4), st.integers(-1, 12), st.none() | st.integers(0, 12)
    ),
    max_size=14,
    unique_by=lambda step: (step[0], step[1], step[2] < 0),
)  # fmt: skip


@given(steps, st.randoms(use_true_random=False))
def test_any_order_of_visits_amendments_and_voids_shows_the_same_days(steps: list[Step], random: Any) -> None:
    first = date(2026, 3, 1)
    days = CaseDays()
    random.shuffle(steps)
    for key, revision, day, report in steps:
        if day < 0:
            days.void(Keyed(practice_id="days-pt", visit_id=key, revision=revision))
        else:
            named = None if report is None else {"last_on": str(first + timedelta(report))}
            one = body(key, first + timedelta(day), revision=revision, report=named)
            days.take(TreatedVisit.model_validate(one))
    of = visit(on=first + timedelta(8))
    standing = {}
    for key in "abcd":
        voided = max((revision for name, revision, day, _ in steps if name == key and day < 0), default=0)
        said = [step for step in steps if step[0] == key and step[2] >= 0 and step[1] > voided]
        if said:
            standing[key] = max(said, key=lambda step: step[1])
    earlier = sorted({first + timedelta(day) for _, _, day, _ in standing.values() if day < 8})
    reports = [first + timedelta(report) for *_, report in standing.values() if report is not None and report <= 8]
    seen = days.before(of)
    if not earlier:
        assert seen is None
    else:
        assert seen is not None
        assert (list(seen.earlier), seen.reported_on) == (earlier, max(reports, default=None))
