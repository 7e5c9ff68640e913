"""A completed visit in, a coded visit out."""

from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import Basis, Finding, VisitCoded, VisitCompleted
from claimbus.values import Program, Result, Severity
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook

RULES = CodingRuleBook.load()

BASIS = Basis(event_id="event-1", sha256="abc")
VISIT = {
    "practice_id": "north",
    "visit_id": "v1",
    "revision": 3,
    "service_date": "2026-11-18",
    "patient": {"patient_id": "x"},
    "coverage": [{"rank": 2, "program": "commercial"}, {"rank": 1, "program": "medicare_part_b", "payer_id": "MEDB"}],
}


def code_visit(*interventions: dict[str, Any], **facts: Any) -> VisitCoded:
    rows = [{"minutes": 15, **intervention} for intervention in interventions]
    visit = VisitCompleted.model_validate({**VISIT, "interventions": rows, **facts})
    return suggest_codes(visit, BASIS, RULES.on(visit.service_date))


def answers(visit: VisitCoded) -> list[tuple[str, Result, Severity]]:
    return [(finding.id, finding.result, finding.severity) for finding in visit.findings]


def only(visit: VisitCoded) -> Finding:
    (finding,) = visit.findings
    return finding


def test_the_facts_of_the_visit_travel_along() -> None:
    visit = code_visit({"description": "Ultrasound"}, assistant={"credential": "PTA"})
    assert (visit.practice_id, visit.visit_id, visit.revision, visit.basis) == ("north", "v1", 3, BASIS)
    assert (visit.program, visit.payer_id, visit.assistant_present) == (Program.MEDICARE_PART_B, "MEDB", True)
    assert visit.rule_set == RULES.rule_set.reference
    assert code_visit({"description": "Ultrasound"}).assistant_present is False


def test_the_time_facts_of_an_intervention_travel_along() -> None:
    facts = {
        "minutes": 33,
        "assistant_minutes": 20,
        "joint_minutes": 5,
        "contact": "one_on_one",
        "started_at": "2026-11-18T09:00:00-05:00",
        "ended_at": "2026-11-18T09:33:00-05:00",
    }
    coded = code_visit({"id": "a", "description": "Ultrasound", **facts}).interventions[0]
    assert coded.model_dump(include=set(facts)) == VisitCompleted.model_validate(
        {**VISIT, "interventions": [{"id": "a", **facts}]}
    ).interventions[0].model_dump(include=set(facts))
    assert coded.intervention_id == "a"


@pytest.mark.parametrize("written", ["97530", " 97530 ", "97530\n"])
def test_the_clinicians_code_stands_whatever_the_words_say(written: str) -> None:
    coded = code_visit({"description": "Ultrasound 8 min", "code": written}).interventions[0]
    assert (coded.code, coded.chosen_by, coded.suggested_code, coded.agreement) == (
        "97530",
        "clinician",
        "97035",
        "disagree",
    )


def test_a_code_in_small_letters_is_read_in_capitals() -> None:
    assert code_visit({"description": "IFC unattended", "code": "g0283"}).interventions[0].code == "G0283"


def test_a_code_of_blanks_is_no_code() -> None:
    coded = code_visit({"description": "Ultrasound", "code": "  "}).interventions[0]
    assert (coded.code, coded.chosen_by) == ("97035", "rules")


def test_words_that_clearly_speak_against_the_clinicians_code_are_a_finding_to_review() -> None:
    visit = code_visit({"id": "a", "description": "Ultrasound 1 MHz to knee", "code": "97110"})
    finding = only(visit)
    assert (finding.id, finding.result, finding.severity) == ("coding.disagreement", Result.FAIL, Severity.REVIEW)
    assert finding.intervention_id == "a"
    assert finding.inputs["suggested"] == "97035"


def test_words_that_agree_are_a_passed_check() -> None:
    visit = code_visit({"description": "Ultrasound", "code": "97035"})
    assert (visit.findings, visit.passed) == ((), ("coding.disagreement",))
    assert visit.interventions[0].question is None


def test_words_that_only_lean_to_another_code_are_no_finding() -> None:
    visit = code_visit({"description": "Tandem stance", "code": "97530"})
    assert visit.findings == ()
    assert visit.interventions[0].question is not None


def test_a_label_that_repeats_the_clinicians_code_does_not_hide_a_clear_narrative() -> None:
    narrative = "Joint mobilization grade III to tibiofemoral joint, STM and trigger point release to quads"
    visit = code_visit({"description": "Therapeutic exercise", "narrative": narrative, "code": "97110"})
    assert visit.interventions[0].suggested_code == "97140"
    assert answers(visit) == [("coding.disagreement", Result.FAIL, Severity.REVIEW)]


def test_a_word_in_passing_does_not_outweigh_the_label() -> None:
    visit = code_visit({"description": "Therapeutic exercise", "narrative": "then walked to the car", "code": "97110"})
    assert visit.interventions[0].suggested_code == "97110"


def test_minutes_without_a_code_block_the_claim() -> None:
    visit = code_visit({"id": "7", "description": "Massage", "minutes": 10, "charge": "40.00"})
    finding = only(visit)
    assert (finding.id, finding.result, finding.severity) == ("coding.no-code", Result.FAIL, Severity.BLOCK)
    assert (finding.fixable_by, finding.inputs["intervention"], str(finding.amount_at_risk)) == (
        "therapist",
        "7",
        "40.00",
    )


def test_without_code_and_without_minutes_it_is_unknown_whether_something_is_missing() -> None:
    assert answers(code_visit({"description": "Massage", "minutes": None})) == [
        ("coding.no-code", Result.UNKNOWN, Severity.REVIEW)
    ]


def test_what_took_no_minutes_needs_no_code() -> None:
    assert code_visit({"description": "Massage", "minutes": 0}).findings == ()
    assert code_visit({"description": "Massage", "narrative": "Declined today", "minutes": None}).findings == ()


def test_no_word_of_the_note_stands_in_a_finding() -> None:
    visit = code_visit(
        {"description": "Ultrasound zebra", "code": "97110"},
        {"description": "zebra massage"},
        {"description": "Gait training", "narrative": "zebra. Declined today", "code": "97116"},
    )
    assert len(visit.findings) == 3
    assert all("zebra" not in finding.model_dump_json() for finding in visit.findings)


def test_the_same_visit_gives_the_same_answer() -> None:
    intervention = {"description": "Therapeutic exercise", "narrative": "bridges, tandem stance, walking, STM"}
    assert code_visit(intervention) == code_visit(intervention)


def test_confidence_and_alternatives_share_one_whole() -> None:
    coded = code_visit({"description": "massage, tandem stance, squats, e-stim"}).interventions[0]
    assert 0 < coded.confidence + sum(alternative.confidence for alternative in coded.alternatives) < 1
    assert len(coded.alternatives) == 3


@pytest.mark.parametrize(
    ("words", "area"),
    [
        ("Selective debridement, 60 sq cm, sharp", "60"),
        ("wound bed of 20.5 cm2 debrided; 20.5 sq. cm in all", "20.5"),
        ("debrided 12 square centimeters", "12"),
        ("10 sq cm at the heel and 15 sq cm at the shin", None),
        ("6 x 10 sq cm", None),
        ("wound 5 cm deep", None),
        (None, None),
    ],
)
def test_a_wound_s_area_is_read_from_the_words_when_they_state_one(words: str | None, area: str | None) -> None:
    (coded,) = code_visit({"code": "97597", "description": words}).interventions
    assert coded.area_sq_cm == (None if area is None else Decimal(area))
    stated = [evidence for evidence in coded.evidence if evidence.rule == "stated-area"]
    assert [(words or "")[evidence.start : evidence.end] for evidence in stated] == [
        evidence.text for evidence in stated
    ]
    assert bool(stated) is (area is not None)


def test_an_area_that_the_visit_gives_goes_before_its_words() -> None:
    (coded,) = code_visit({"code": "97597", "description": "60 sq cm", "area_sq_cm": "20"}).interventions
    assert coded.area_sq_cm == Decimal(20)


@pytest.mark.parametrize(
    ("facts", "present"),
    [
        ({}, False),
        ({"assistant": {"first_name": "Sam"}}, True),
        ({"rendering_provider": {"credential": "PTA"}}, True),
        ({"rendering_provider": {"credential": "PT, DPT"}}, False),
        ({"documentation": {"signature": {"credential": "cota/l"}}}, True),
        ({"interventions": [{"code": "97110", "minutes": 15, "modifiers": ["cq"]}]}, True),
    ],
)
def test_an_assistant_is_known_by_name_credential_or_modifier(facts: dict[str, Any], present: bool) -> None:
    assert code_visit(**{"interventions": [{"code": "97110", "minutes": 15}], **facts}).assistant_present is present
