"""What the coded visit carries, and the decision on it does not show; lines and findings are in cases/*.toml."""

from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import Basis, VisitCoded, VisitCompleted
from claimbus.values import Program
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


def test_words_that_only_lean_to_another_code_are_no_finding() -> None:
    visit = code_visit({"description": "Tandem stance", "code": "97530"})
    assert visit.findings == ()
    assert visit.interventions[0].question is not None


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
