"""Suggest a code for each intervention of a visit, with the words behind it."""

from dataclasses import dataclass, field
from typing import Any

from claimbus.events import (
    Alternative,
    Basis,
    CodedIntervention,
    Evidence,
    Finding,
    RuleSet,
    VisitCoded,
    VisitCompleted,
)

from coding.domain import findings
from coding.domain.evaluation import LevelAnswer
from coding.domain.rulebook import CodingRules

_CLINICIAN = "clinician's choice"
_NEVER_RECODED = (
    "The treating clinician selects the code; coding compares it and never replaces it (contract, visit coded)"
)
_ROUNDED = 3
"""Decimals of a confidence."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What speaks for which code. `rule` and `citation` name what `code` rests on."""

    code: str | None
    confidence: float
    rule: str
    citation: str
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    question: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    weight: float = 0.0
    not_performed: bool = False
    level: LevelAnswer | None = None
    """Where an evaluation is coded: what its components support."""


def suggest_codes(visit: VisitCompleted, basis: Basis, rules: CodingRules, rule_set: RuleSet) -> VisitCoded:
    """Code each intervention, and the evaluation where no intervention bears its code.

    The clinician's code is never replaced. Without one, a suggestion stands as the code from the
    confidence on that `confidence.toml` calls sure; below it there is a question instead.
    """
    primary = visit.primary
    coded: list[CodedIntervention] = []
    found: list[Finding] = []
    kinds_borne: set[str] = set()
    for intervention in visit.interventions:
        chosen = (intervention.code or "").strip().upper() or None
        suggestion = _suggest(visit, intervention, chosen, primary, rules)
        one = _coded(intervention, chosen, suggestion, rules)
        coded.append(one)
        found += findings.of_intervention(one, chosen, suggestion, intervention.charge, rules)
        kinds_borne |= _kinds_borne(one, suggestion, rules)
    if visit.evaluation is not None and visit.evaluation.kind not in kinds_borne:
        one, suggestion = _code_evaluation(visit, visit.evaluation, bool(kinds_borne), rules)
        coded.append(one)
        found += findings.of_level(one, None, suggestion, rules)
    return VisitCoded(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        basis=basis,
        service_date=visit.service_date,
        program=primary.program,
        payer_id=primary.payer_id,
        assistant_present=visit.assistant is not None,
        interventions=tuple(coded),
        findings=tuple(found),
        rule_set=rule_set,
    )
