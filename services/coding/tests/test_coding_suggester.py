"""A practice's own suggester: asked, recorded, shown, and never the author of a line."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from claimbus.events import Basis, VisitCoded, VisitCompleted
from claimbus.settings import SettingsError
from claimbus.values import Severity
from coding.domain.opinion import Asked, Opinion
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from coding.suggester import ask, load_suggester
from hypothesis import given
from hypothesis import strategies as st

RULES = CodingRuleBook.load()


@dataclass
class Model:
    """Says one thing of everything; the class itself is what a practice would name."""

    answer: Any = None
    name: str = "model-7"

    async def suggest(self, asked: Asked) -> Opinion | None:
        assert isinstance(asked, Asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, float):
            await asyncio.sleep(self.answer)
        return self.answer if isinstance(self.answer, Opinion) else None


def visit_of(**intervention: Any) -> VisitCompleted:
    return VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": "2026-11-18",
            "patient": {"patient_id": "secret-patient", "last_name": "Tester"},
            "coverage": [{"program": "commercial", "member_id": "M1"}],
            "interventions": [{"description": "Massage", "minutes": 15, **intervention}],
        }
    )


def coded_with(model: Any, visit: VisitCompleted) -> VisitCoded:
    suggestions = asyncio.run(ask(visit, model))
    return suggest_codes(visit, Basis(event_id="e", sha256="s"), RULES.on(visit.service_date), suggestions)


def test_a_machines_code_that_nobody_supports_is_recorded_and_asked_about_and_makes_no_line() -> None:
    coded = coded_with(Model(Opinion("97124", 0.99, (("description", 0, 7),))), visit_of())
    intervention = coded.interventions[0]
    assert (intervention.code, intervention.chosen_by) == (None, None)
    assert intervention.machine_suggestion is not None
    assert (intervention.machine_suggestion.code, intervention.machine_suggestion.suggester) == ("97124", "model-7")
    assert intervention.machine_suggestion.supported_by is None
    assert [evidence.text for evidence in intervention.machine_suggestion.evidence] == ["Massage"]
    found = {finding.id: finding for finding in coded.findings}
    assert found["coding.machine-suggestion"].severity is Severity.REVIEW
    assert "coding.no-code" in found


@pytest.mark.parametrize(("given_code", "by"), [("97140", "clinician"), (None, "rules")])
def test_a_machine_that_says_what_a_rule_or_a_person_says_raises_no_question(given_code: str | None, by: str) -> None:
    coded = coded_with(Model(Opinion("97140", 0.6)), visit_of(description="Joint mobilization", code=given_code))
    machine = coded.interventions[0].machine_suggestion
    assert machine is not None
    assert machine.supported_by == by
    assert "coding.machine-suggestion" not in {finding.id for finding in coded.findings}


@given(
    code=st.sampled_from(["97110", "97140", "97530", "99999"]),
    confidence=st.floats(0, 1),
    words=st.sampled_from(["Massage", "STM", "nothing known", "Gait training deferred", "Squats"]),
    chosen=st.sampled_from([None, "97110", "97140"]),
)
def test_whatever_a_machine_says_changes_no_code(code: str, confidence: float, words: str, chosen: str | None) -> None:
    visit = visit_of(description=words, code=chosen)
    plain, with_machine = coded_with(None, visit), coded_with(Model(Opinion(code, confidence)), visit)
    assert [(intervention.code, intervention.chosen_by) for intervention in plain.interventions] == [
        (intervention.code, intervention.chosen_by) for intervention in with_machine.interventions
    ]


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("the model broke"),
        30.0,
        Opinion("nonsense", 0.9),
        Opinion("97140", 7.0),
        Opinion("97140", 0.9, (("description", 0, 99),)),
        Opinion("97140", 0.9, (("patient", 0, 1),)),
    ],
)
def test_a_machine_that_fails_is_late_or_breaks_the_protocol_has_said_nothing(
    answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    coded = coded_with(Model(answer), visit_of())
    assert coded.interventions[0].machine_suggestion is None
    assert "the model broke" not in "".join(capsys.readouterr())


def test_a_machine_is_told_what_was_documented_and_nothing_of_whom() -> None:
    assert not set(Asked._fields) & {"patient", "member_id", "visit_id", "practice_id", "coverage"}


@pytest.mark.parametrize(
    "named", ["no.such.module:x", "json:no_such_name", "json:dumps", "json:JSONDecoder", "nonsense"]
)
def test_a_suggester_that_cannot_be_used_is_said_at_the_start(named: str) -> None:
    with pytest.raises(SettingsError, match="CLAIMBUS_SUGGESTER"):
        load_suggester(named)


def test_a_class_is_made_and_an_instance_is_taken() -> None:
    assert isinstance(load_suggester(f"{__name__}:Model"), Model)
    assert load_suggester(f"{__name__}:INSTANCE") is INSTANCE
    assert load_suggester(None) is None


INSTANCE = Model()
