"""The components of an evaluation in, its level out. Source: CPT 97161-97164, domain-rules section 3."""

from itertools import product
from typing import Any

import pytest
from claimbus.events import Basis, VisitCoded, VisitCompleted
from claimbus.values import Result, Severity
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


def answers(visit: VisitCoded) -> list[tuple[str, Result, Severity]]:
    return [(finding.id, finding.result, finding.severity) for finding in visit.findings]


@pytest.mark.parametrize("levels", list(product((1, 2, 3), repeat=4)))
def test_the_lowest_component_governs(levels: tuple[int, ...]) -> None:
    evaluation = {name: LEVELS[level][name] for name, level in zip(LOW, levels, strict=True)}
    assert code_visit(evaluation).interventions[0].code == CODES[min(levels)]


@pytest.mark.parametrize(
    ("component", "count", "code"),
    [
        ("personal_factors", 0, "97161"),
        ("personal_factors", 1, "97162"),
        ("personal_factors", 2, "97162"),
        ("personal_factors", 3, "97163"),
        ("personal_factors", 9, "97163"),
        ("examined_elements", 1, "97161"),
        ("examined_elements", 2, "97161"),
        ("examined_elements", 3, "97162"),
        ("examined_elements", 4, "97163"),
        ("examined_elements", 12, "97163"),
    ],
)
def test_counts_reach_a_level_at_its_threshold(component: str, count: int, code: str) -> None:
    assert code_visit({**HIGH, component: count}).interventions[0].code == code


def test_time_never_selects_the_level() -> None:
    for minutes in (5, 20, 45, 90):
        visit = code_visit(LOW, {"description": "PT evaluation", "minutes": minutes})
        assert visit.interventions[0].code == "97161"


def test_an_evaluation_without_an_intervention_becomes_one_of_unknown_time() -> None:
    visit = code_visit(MODERATE, {"id": "1", "description": "Ultrasound", "code": "97035", "minutes": 8})
    evaluation = visit.interventions[1]
    assert (evaluation.intervention_id, evaluation.code, evaluation.chosen_by) == ("evaluation", "97162", "rules")
    assert (evaluation.minutes, evaluation.contact) == (None, None)
    assert {evidence.text for evidence in evaluation.evidence} == {"1", "3", "evolving", "moderate"}


def test_an_intervention_that_bears_the_code_is_the_evaluation() -> None:
    visit = code_visit(MODERATE, {"description": "PT evaluation", "code": "97162", "minutes": 30})
    assert len(visit.interventions) == 1
    assert (visit.findings, visit.passed) == ((), ("evaluation.level-unsupported",))


def test_an_intervention_that_names_the_evaluation_gets_the_level_of_the_components() -> None:
    visit = code_visit(HIGH, {"description": "Initial evaluation", "minutes": 50})
    assert [intervention.code for intervention in visit.interventions] == ["97163"]
    assert visit.interventions[0].minutes == 50


def test_an_id_that_an_intervention_already_bears_is_not_used_twice() -> None:
    visit = code_visit(LOW, {"id": "evaluation", "description": "Ultrasound", "minutes": 8})
    assert len({intervention.intervention_id for intervention in visit.interventions}) == 2


@pytest.mark.parametrize("code", ["97161", "97163"])
def test_a_level_above_or_below_the_components_is_a_finding_and_is_not_changed(code: str) -> None:
    visit = code_visit(MODERATE, {"description": "PT evaluation", "code": code, "minutes": 30})
    assert (visit.interventions[0].code, visit.interventions[0].suggested_code) == (code, "97162")
    assert answers(visit) == [("evaluation.level-unsupported", Result.FAIL, Severity.REVIEW)]


@pytest.mark.parametrize("missing", list(LOW))
def test_a_missing_component_leaves_the_level_open_and_is_named(missing: str) -> None:
    visit = code_visit({**MODERATE, missing: None})
    (coded,) = visit.interventions
    assert (coded.code, coded.suggested_code) == (None, None)
    assert coded.question is not None
    assert answers(visit) == [("evaluation.component-missing", Result.UNKNOWN, Severity.REVIEW)]
    assert visit.findings[0].inputs["missing"] == [missing]


@pytest.mark.parametrize("known", list(LOW))
def test_one_component_of_the_lowest_level_is_enough(known: str) -> None:
    visit = code_visit({known: LOW[known]})
    assert visit.interventions[0].code == "97161"
    assert visit.findings == ()


def test_an_evaluation_of_which_nothing_is_known_is_not_guessed() -> None:
    visit = code_visit({})
    assert visit.interventions[0].code is None
    assert visit.findings[0].inputs["missing"] == list(LOW)


def test_known_components_refute_a_level_above_them_though_others_are_missing() -> None:
    facts = {"description": "PT evaluation", "minutes": 30}
    above = code_visit({"personal_factors": 1}, {**facts, "code": "97163"})
    assert answers(above) == [("evaluation.level-unsupported", Result.FAIL, Severity.REVIEW)]
    possible = code_visit({"personal_factors": 1}, {**facts, "code": "97162"})
    assert answers(possible) == [("evaluation.component-missing", Result.UNKNOWN, Severity.REVIEW)]


def test_no_element_examined_reaches_no_level() -> None:
    visit = code_visit({**HIGH, "examined_elements": 0})
    assert visit.interventions[0].code is None
    assert answers(visit) == [("evaluation.level-unsupported", Result.FAIL, Severity.REVIEW)]


def test_a_level_without_any_evaluation_in_the_visit_is_unknown() -> None:
    visit = code_visit(None, {"description": "PT evaluation", "code": "97162", "minutes": 30})
    assert visit.interventions[0].code == "97162"
    assert answers(visit) == [("evaluation.component-missing", Result.UNKNOWN, Severity.REVIEW)]


def test_a_re_evaluation_has_one_code_and_asks_for_its_reason() -> None:
    without = code_visit({"kind": "re_evaluation"}).interventions[0]
    assert without.code == "97164"
    assert "re-evaluation" in (without.question or "")
    assert code_visit({"kind": "re_evaluation", "reason": "new fall"}).interventions[0].question is None
    documented = code_visit({"kind": "re_evaluation"}, documentation={"re_evaluation_reason": "plateau"})
    assert documented.interventions[0].question is None


def test_the_other_kind_beside_a_coded_evaluation_is_asked_about_and_not_billed() -> None:
    visit = code_visit(MODERATE, {"description": "Re-evaluation", "code": "97164", "minutes": 20})
    assert [(intervention.code, intervention.suggested_code) for intervention in visit.interventions] == [
        ("97164", None),
        (None, "97162"),
    ]
    assert ("evaluation.kind-differs", Result.FAIL, Severity.REVIEW) in answers(visit)
    assert "or a re-evaluation" in (visit.interventions[1].question or "")


def test_levels_of_occupational_therapy_are_not_decided_by_these_components() -> None:
    visit = code_visit(MODERATE, discipline="OT")
    assert visit.interventions[0].code is None
    assert answers(visit) == [("evaluation.code-undecided", Result.UNKNOWN, Severity.REVIEW)]
    coded = code_visit(MODERATE, {"description": "OT eval", "code": "97166", "minutes": 40}, discipline="OT")
    assert [intervention.code for intervention in coded.interventions] == ["97166"]
    assert coded.findings == ()


def test_words_that_clearly_name_an_evaluation_disagree_with_an_exercise_code() -> None:
    visit = code_visit(MODERATE, {"description": "Physical therapy evaluation", "code": "97110", "minutes": 40})
    assert visit.interventions[0].code == "97110"
    assert ("coding.disagreement", Result.FAIL, Severity.REVIEW) in answers(visit)


def test_an_evaluation_code_of_another_discipline_is_reported() -> None:
    visit = code_visit(None, {"description": "Evaluation", "code": "97166", "minutes": 40})
    found = {finding.id: finding for finding in visit.findings}
    assert found["evaluation.discipline-differs"].inputs["code_discipline"] == "OT"
    same = code_visit(None, {"description": "Evaluation", "code": "97166", "minutes": 40}, discipline="OT")
    assert "evaluation.discipline-differs" not in {finding.id for finding in same.findings}


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


def test_an_evaluation_without_minutes_is_evidenced_by_its_components() -> None:
    coded = code_visit(MODERATE, {"description": "PT evaluation"}).interventions[0]
    assert (coded.code, coded.chosen_by) == ("97162", "rules")
