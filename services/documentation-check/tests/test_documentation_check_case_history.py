"""What other visits of a case show: treatment days, the evaluation, and notes that repeat one another."""

from datetime import date, timedelta
from typing import Any

import pytest
from claimbus.events import DocumentationChecked, Finding, Keyed, VisitCompleted
from claimbus.values import Result
from documentation_check.domain.case_history import CaseHistory, TreatedVisit
from documentation_check.domain.likeness import likeness, sketch_of
from good_visit import RULES, check, checked_ids, finding_of, result_in
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


def history() -> CaseHistory:
    return CaseHistory(lambda day: RULES.on(day).terms)


def days_of(*bodies: dict[str, Any]) -> CaseHistory:
    days = history()
    for visit_body in bodies:
        days.apply(TreatedVisit.model_validate(visit_body))
    return days


def series(count: int, *, start: date = REPORTED + timedelta(1), **changes: Any) -> list[dict[str, Any]]:
    """Visits on days one after another, the first one the day after the report."""
    return [body(f"v{number}", start + timedelta(number), **changes) for number in range(count)]


def checked_after(days: CaseHistory, of: VisitCompleted) -> DocumentationChecked:
    return check(of, days.before(of))


def finding(name: str, of: VisitCompleted, days: CaseHistory) -> Finding:
    return finding_of(name, checked_after(days, of))


def result_of(name: str, of: VisitCompleted, days: CaseHistory) -> Result:
    return result_in(name, checked_after(days, of))


NOT_SAID = {"last_on": str(REPORTED), "author_credential": "PT"}


@pytest.mark.parametrize(("seen", "result"), [(LIMIT - 1, UNKNOWN), (LIMIT, FAIL)])
def test_without_a_figure_of_its_own_a_visit_is_overdue_once_more_days_than_the_limit_were_seen(
    seen: int, result: Result
) -> None:
    found = finding(OVERDUE, visit(report=NOT_SAID), days_of(*series(seen)))
    assert found.result is result
    assert found.inputs["treatment_days_seen"] == seen + 1


def test_a_count_of_days_never_shows_that_a_report_is_in_time() -> None:
    assert result_of(OVERDUE, visit(report=NOT_SAID), days_of(*series(2))) is UNKNOWN


def test_a_newer_report_that_another_visit_names_ends_the_count() -> None:
    written = REPORTED + timedelta(8)
    reported = body("reported", written, report={"last_on": str(written)})
    found = finding(OVERDUE, visit(report=NOT_SAID), days_of(*series(LIMIT + 2), reported))
    assert (found.result, found.inputs["treatment_days_seen"]) == (UNKNOWN, 5)


def test_a_record_without_any_report_is_counted_from_the_first_day_that_was_seen() -> None:
    assert result_of(OVERDUE, visit(), days_of(*series(LIMIT - 1))) is UNKNOWN
    assert result_of(OVERDUE, visit(), days_of(*series(LIMIT))) is FAIL


def test_a_report_whose_date_is_not_said_may_be_newer_than_all_that_were_seen() -> None:
    found = finding(OVERDUE, visit(report={"author_credential": "PT"}), days_of(*series(LIMIT + 5)))
    assert found.result is UNKNOWN
    assert "treatment_days_seen" not in found.inputs


def test_a_visit_that_nobody_came_before_is_answered_as_without_a_ledger() -> None:
    later = body("later", TODAY + timedelta(1))
    same_day = body("same-day")
    earlier_revision = body(on=TODAY - timedelta(3))
    for report in (None, NOT_SAID, NOT_SAID | {"treatment_days_since": 1}):
        of = visit(report=report, revision=2)
        assert checked_after(days_of(later, same_day, earlier_revision), of) == checked_after(history(), of)
        assert DIFFER not in checked_ids(checked_after(history(), of))


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


NOTE = """Right knee stiff on stairs, pain 3/10 after the walk to the shop. Knee flexion 108 degrees, up from 98 at the
start of care. Quad strength 4-/5. Responds to cueing for quad control and needs skilled progression of closed-chain
work before the stairs at home. Continue the plan of care; progress the height of the step next time."""
OTHER = """Walked two blocks without the cane on Sunday. Single leg stance 14 seconds on the left. New symptom: tingling
in the foot after long sitting, gone within minutes. Slump test negative. Hip abduction improved to 4/5; gait shows less
lean of the trunk. Shortened the bike because of fatigue. See the physician if the tingling comes back."""
CLONED = "note.cloned"


def noted(text: str) -> dict[str, Any]:
    return {"documentation": {"note": {"text": text}}}


def test_a_note_of_its_own_passes_and_its_words_stay_where_they_are() -> None:
    days, of = days_of(body("before", TODAY - timedelta(2), **noted(NOTE))), visit(**noted(OTHER))
    seen, checked = days.before(of), checked_after(days, of)
    assert seen is not None
    assert seen.alike is not None
    assert seen.alike.percent < 10
    assert result_in(CLONED, checked) is PASS
    assert "tingling" not in checked.model_dump_json()


def test_a_note_is_alike_however_it_is_spread_over_its_parts_and_spelled() -> None:
    before = body("before", TODAY - timedelta(2), **noted(NOTE))
    first, _, rest = NOTE.upper().partition(" UP FROM")
    parts = {"documentation": {"note": {"subjective": first, "assessment": f" UP FROM{rest}"}}}
    assert result_of(CLONED, visit(**parts), days_of(before)) is FAIL


@pytest.mark.parametrize("changes", [noted("Tolerated well."), {"documentation": {}}, {"documentation": None}])
def test_short_notes_are_not_compared(changes: dict[str, Any]) -> None:
    before = days_of(body("before", TODAY - timedelta(2), **changes))
    assert CLONED not in checked_ids(checked_after(before, visit(**changes)))


def test_notes_of_the_last_days_are_compared_and_those_of_long_ago_are_not() -> None:
    old = [body(f"old-{number}", TODAY - timedelta(20 + number), **noted(NOTE)) for number in range(2)]
    newer = [body(f"new-{number}", TODAY - timedelta(2 + number), **noted(f"{OTHER} {number}")) for number in range(3)]
    assert result_of(CLONED, visit(**noted(NOTE)), days_of(*old, *newer)) is PASS
    assert result_of(CLONED, visit(**noted(NOTE)), days_of(*old, *newer[1:])) is FAIL


def test_a_corrected_revision_is_not_compared_with_itself() -> None:
    first = days_of(body(on=TODAY, **noted(NOTE)))
    assert CLONED not in checked_ids(checked_after(first, visit(revision=2, **noted(NOTE))))


WORDS = ["knee", "hip", "pain", "3/10", "4/5", "cue", "stairs", "gait", "step", "left"]
words_of_notes = st.lists(st.sampled_from(WORDS), max_size=90)


@given(words_of_notes, words_of_notes)
def test_likeness_is_that_of_the_word_triples_and_looks_at_both_sides_alike(note: list[str], copy: list[str]) -> None:
    sketches = [sketch_of(" ".join(words), 3) for words in (note, copy)]
    if sketches[0] is None or sketches[1] is None:
        assert min(len(note), len(copy)) < 3
        return
    triples = [set(zip(words, words[1:], words[2:], strict=False)) for words in (note, copy)]
    found = likeness(sketches[0], sketches[1])
    assert found == likeness(sketches[1], sketches[0])
    if len(triples[0] | triples[1]) <= 64:
        assert found == 100 * len(triples[0] & triples[1]) // len(triples[0] | triples[1])
    assert likeness(sketches[0], sketches[0]) == 100


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
    days = history()
    random.shuffle(steps)
    for key, revision, day, report in steps:
        if day < 0:
            days.void(Keyed(practice_id="days-pt", visit_id=key, revision=revision))
        else:
            named = None if report is None else {"last_on": str(first + timedelta(report))}
            shown = body(key, first + timedelta(day), revision=revision, report=named)
            days.apply(TreatedVisit.model_validate(shown))
    of = visit(on=first + timedelta(8))
    valid = {}
    for key in "abcd":
        voided = max((revision for name, revision, day, _ in steps if name == key and day < 0), default=0)
        revisions = [step for step in steps if step[0] == key and step[2] >= 0 and step[1] > voided]
        if revisions:
            valid[key] = max(revisions, key=lambda step: step[1])
    earlier = sorted({first + timedelta(day) for _, _, day, _ in valid.values() if day < 8})
    reports = [first + timedelta(report) for *_, report in valid.values() if report is not None and report <= 8]
    seen = days.before(of)
    if not earlier:
        assert seen is None
    else:
        assert seen is not None
        assert (list(seen.earlier), seen.reported_on) == (earlier, max(reports, default=None))
