"""The note beside the lines: it contradicts or asks, and makes no line."""

from typing import Any

import pytest
from claimbus.events import Basis, VisitCoded, VisitCompleted
from claimbus.values import Result, Severity
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook

RULES = CodingRuleBook.load()


def coded_with_note(note: dict[str, Any], *interventions: dict[str, Any]) -> VisitCoded:
    visit = VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": "2026-11-18",
            "patient": {"patient_id": "x"},
            "coverage": [{"program": "commercial"}],
            "interventions": [{"minutes": 15, **intervention} for intervention in interventions],
            "documentation": {"note": note},
        }
    )
    return suggest_codes(visit, Basis(event_id="e", sha256="s"), RULES.on(visit.service_date))


MANUAL = {"description": "Manual therapy", "code": "97140"}
EXERCISE = {"description": "Therapeutic exercise", "code": "97110"}


@pytest.mark.parametrize(
    "note",
    [
        {"objective": "Therapeutic exercise as listed. Manual therapy not performed today due to skin irritation."},
        {"text": "Pt declined joint mobilization."},
        {"assessment": "No manual therapy today, tissue too irritable."},
    ],
)
def test_a_note_that_says_not_performed_contradicts_the_line(note: dict[str, str]) -> None:
    coded = coded_with_note(note, EXERCISE, MANUAL)
    (finding,) = [finding for finding in coded.findings if finding.id == "coding.note-contradicts"]
    assert (finding.result, finding.severity, finding.intervention_id) == (Result.FAIL, Severity.REVIEW, "2")
    field = finding.inputs["field"].removeprefix("documentation.note.")
    assert note[field][finding.inputs["start"] : finding.inputs["end"]].lower() in (
        "manual therapy",
        "joint mobilization",
    )
    assert coded.interventions[1].code == "97140"


@pytest.mark.parametrize(
    "note",
    [
        {"objective": "STM to upper trap, grade III mobilization."},
        {"plan": "No manual therapy next visit."},
        {"subjective": "Says manual therapy was not performed at the other clinic."},
        {"objective": "Manual therapy: STM to upper trap 10 min. Joint mobilization deferred."},
        {},
    ],
)
def test_a_note_that_does_not_deny_the_service_contradicts_nothing(note: dict[str, str]) -> None:
    coded = coded_with_note(note, EXERCISE, MANUAL)
    assert "coding.note-contradicts" not in {finding.id for finding in coded.findings}


def test_minutes_in_the_note_for_a_service_that_no_line_bears_are_asked_about_and_make_no_line() -> None:
    coded = coded_with_note({"objective": "Therapeutic exercise 15 min. Gait training with SPC 12 min."}, EXERCISE)
    (finding,) = [finding for finding in coded.findings if finding.id == "coding.service-not-listed"]
    assert (finding.result, finding.severity, finding.inputs["code"]) == (Result.UNKNOWN, Severity.INFO, "97116")
    assert len(coded.interventions) == 1


@pytest.mark.parametrize(
    "objective",
    [
        "Gait training with SPC.",
        "Gait training deferred; exercise 12 min",
        "Gait training was declined, 12 min of exercise",
        "Therapeutic exercise 12 min",
        "Gait training. 12 min of exercise",
        "Balance training 12 min",
    ],
)
def test_words_without_minutes_of_their_own_ask_for_no_line(objective: str) -> None:
    coded = coded_with_note({"objective": objective}, EXERCISE)
    assert "coding.service-not-listed" not in {finding.id for finding in coded.findings}
