"""Whatever validates as a visit is coded: nothing raises, and no code is invented."""

from typing import Any

import pytest
from claimbus.events import Basis, VisitCoded, VisitCompleted
from claimbus.values import Program
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = CodingRuleBook.load()
VOCABULARY = sorted({term for row in (*RULES.terms.rows, *RULES.delivery.rows) for term in row.terms})
phrases = st.lists(
    st.sampled_from(VOCABULARY)
    | st.sampled_from([". ", ", ", "but", "US", "\n", "İ", "to", "3x10"])
    | st.text(max_size=8),
    max_size=12,
).map(" ".join)
codes = st.sampled_from(["97110", " 97112", "97161", "97164", "97166", "g0283", "97014", "", "99999", "banana"])


def record(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})


interventions = record(
    description=phrases,
    narrative=phrases,
    code=codes,
    minutes=st.integers(0, 1440),
    assistant_minutes=st.integers(0, 1440),
    contact=st.sampled_from(["one_on_one", "group", "supervised", "unattended"]),
    charge=st.decimals(0, 999, places=2),
)
evaluations = record(
    kind=st.sampled_from(["evaluation", "re_evaluation"]),
    personal_factors=st.integers(0, 9),
    examined_elements=st.integers(0, 9),
    presentation=st.sampled_from(["stable", "evolving", "unstable"]),
    decision_making=st.sampled_from(["low", "moderate", "high"]),
    reason=st.text(max_size=5),
)
visits = st.fixed_dictionaries(
    {
        "practice_id": st.just("p"),
        "visit_id": st.just("v"),
        "revision": st.integers(1, 3),
        "service_date": st.dates(),
        "patient": st.just({"patient_id": "x"}),
        "coverage": st.sampled_from(list(Program)).map(lambda program: [{"program": program}]),
        "discipline": st.sampled_from(["PT", "OT", "SLP", None]),
        "interventions": st.lists(interventions, min_size=1, max_size=3),
        "evaluation": st.none() | evaluations,
        "documentation": st.none() | record(note=record(text=phrases, objective=phrases, assessment=phrases)),
    }
)


def code(visit: VisitCompleted) -> VisitCoded:
    return suggest_codes(visit, Basis(event_id="e", sha256="s"), RULES.on(visit.service_date))


@settings(max_examples=400, deadline=None)
@given(visits)
def test_any_visit_is_coded_and_every_code_has_its_reason(raw: dict[str, Any]) -> None:
    visit = VisitCompleted.model_validate(raw)
    coded = code(visit)
    sure = RULES.on(visit.service_date).confidence.sure_from
    by_id = {intervention.intervention_id: intervention for intervention in coded.interventions}
    assert len(by_id) == len(coded.interventions) <= len(visit.interventions) + 1
    for intervention in visit.interventions:
        result = by_id[intervention.id]
        chosen = (intervention.code or "").strip().upper()
        if chosen:
            assert (result.code, result.chosen_by) == (chosen, "clinician")
        elif result.code is not None:
            assert result.chosen_by == "rules"
            assert result.confidence >= sure
            assert result.evidence
        else:
            assert result.chosen_by is None
            assert result.question
        assert (result.minutes, result.contact) == (intervention.minutes, intervention.contact)
        texts = {name: getattr(intervention, name) for name in ("description", "narrative", "contact")}
        for evidence in result.evidence:
            if not evidence.field.startswith("evaluation."):
                assert (texts[evidence.field] or "")[evidence.start : evidence.end] == evidence.text
    for finding in coded.findings:
        assert finding.intervention_id in by_id or finding.id == "coding.service-not-listed"
    assert VisitCoded.model_validate_json(coded.model_dump_json()) == coded


@pytest.mark.parametrize(
    "piece",
    [
        "US ",
        "US deferred, ",
        "declined ",
        "no will ",
        "strength ",
        "hip ",
        "manual the a left ",
        "12 ",
        "1",
        "\n",
        "\u0130",
        "sit to ",
        "DN upper trap ",
        "x3 declined ",
        "97110 ",
        "4/5 ROM, ",
    ],
)
def test_the_longest_text_is_read_and_its_evidence_is_bounded(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    visit = VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": "2026-11-18",
            "patient": {"patient_id": "x"},
            "coverage": [{"program": "commercial"}],
            "interventions": [{"description": text, "narrative": text}],
        }
    )
    (result,) = code(visit).interventions
    assert len(result.evidence) <= 2 * RULES.on(visit.service_date).confidence.most_evidence
    assert len(result.alternatives) <= RULES.on(visit.service_date).confidence.most_alternatives
