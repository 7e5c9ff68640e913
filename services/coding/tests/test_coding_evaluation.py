"""What a decision does not show of an evaluation, and every combination of its components; the rest is in cases/*.toml.

Source: CPT 97161-97164, domain-rules section 3.
"""

from itertools import product
from typing import Any

import pytest
from claimbus.events import Basis, VisitCoded, VisitCompleted
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook

RULES = CodingRuleBook.load()

LOW = {"personal_factors": 0, "examined_elements": 2, "presentation": "stable", "decision_making": "low"}
MODERATE = {"personal_factors": 1, "examined_elements": 3, "presentation": "evolving", "decision_making": "moderate"}
HIGH = {"personal_factors": 3, "examined_elements": 4, "presentation": "unstable", "decision_making": "high"}
LEVELS = {1: LOW, 2: MODERATE, 3: HIGH}
CODES = {1: "97161", 2: "97162", 3: "97163"}


def code_visit(evaluation: dict[str, Any] | None, *interventions: dict[str, Any], **facts: Any) -> VisitCoded:
    visit = VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": "2026-11-18",
            "patient": {"patient_id": "x"},
            "coverage": [{"program": "medicare_part_b"}],
            "interventions": list(interventions),
            "evaluation": evaluation,
        }
        | facts
    )
    return suggest_codes(visit, Basis(event_id="e", sha256="s"), RULES.on(visit.service_date))


@pytest.mark.parametrize("levels", list(product((1, 2, 3), repeat=4)))
def test_the_lowest_component_governs(levels: tuple[int, ...]) -> None:
    evaluation = {name: LEVELS[level][name] for name, level in zip(LOW, levels, strict=True)}
    assert code_visit(evaluation).interventions[0].code == CODES[min(levels)]


def test_an_evaluation_without_an_intervention_becomes_one_of_unknown_time() -> None:
    visit = code_visit(MODERATE, {"id": "1", "description": "Ultrasound", "code": "97035", "minutes": 8})
    evaluation = visit.interventions[1]
    assert (evaluation.intervention_id, evaluation.code, evaluation.chosen_by) == ("evaluation", "97162", "rules")
    assert (evaluation.minutes, evaluation.contact) == (None, None)
    assert {evidence.text for evidence in evaluation.evidence} == {"1", "3", "evolving", "moderate"}


def test_an_id_that_an_intervention_already_bears_is_not_used_twice() -> None:
    visit = code_visit(LOW, {"id": "evaluation", "description": "Ultrasound", "minutes": 8})
    assert len({intervention.intervention_id for intervention in visit.interventions}) == 2


def test_a_re_evaluation_has_one_code_and_asks_for_its_reason() -> None:
    without = code_visit({"kind": "re_evaluation"}).interventions[0]
    assert without.code == "97164"
    assert "re-evaluation" in (without.question or "")
    assert code_visit({"kind": "re_evaluation", "reason": "new fall"}).interventions[0].question is None
    documented = code_visit({"kind": "re_evaluation"}, documentation={"re_evaluation_reason": "plateau"})
    assert documented.interventions[0].question is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("PT eval low complexity", "97161"),
        ("Moderate complexity evaluation", "97162"),
        ("Initial evaluation, high complexity", "97163"),
    ],
)
def test_a_level_that_only_the_words_claim_is_suggested_and_asked_about(words: str, code: str) -> None:
    coded = code_visit(None, {"description": words, "minutes": 40}).interventions[0]
    assert (coded.code, coded.suggested_code) == (None, code)
    assert "components" in (coded.question or "")


def test_components_stand_against_the_level_that_the_words_claim() -> None:
    coded = code_visit(LOW, {"description": "PT eval high complexity", "minutes": 60}).interventions[0]
    assert coded.suggested_code == "97161"
    below = {"personal_factors": 1}
    coded = code_visit({"kind": "evaluation", **below}, {"description": "PT eval high complexity"}).interventions[0]
    assert coded.suggested_code is None
