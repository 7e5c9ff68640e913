"""Check one visit's documentation.

Unknown and missing are kept apart by one rule. What holds a record's parts (`documentation`, `time`)
may not have been sent at all: then every part of it is unknown. Where it was sent, it is the list
of what the record holds, so a document that it does not list (`signature`, `plan_of_care`, the
dated certification, `timed_minutes`) is missing from the record. A fact about something that is
there (who signed, when the visit ended, how many treatment days) stays unknown when it is null.
"""

from claimbus.events import Basis, DocumentationChecked, Finding, RuleSet, VisitCompleted
from claimbus.values import Result, Severity

from documentation_check.domain.answer import Answer
from documentation_check.domain.requirement import Check, DocumentationRules


def check_documentation(
    visit: VisitCompleted, basis: Basis, rules: DocumentationRules, rule_set: RuleSet
) -> DocumentationChecked:
    """One finding for each requirement that applies on the date of service, in the table's order.

    The program of the coverage that pays first chooses the requirements.
    """
    terms = rules.terms
    checks = rules.checks.get((visit.primary.program, visit.discipline), ())
    answers = ((check, check.predicate(visit, terms)) for check in checks)
    return DocumentationChecked(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        basis=basis,
        checks=tuple(_finding(check, answer) for check, answer in answers if answer is not None),
        rule_set=rule_set,
    )


def _finding(check: Check, answer: Answer) -> Finding:
    requirement = check.requirement
    if answer.result is Result.PASS:
        return Finding(
            id=requirement.id,
            result=answer.result,
            severity=requirement.severity,
            message=answer.message,
            rule=requirement.id,
            citation=requirement.citation,
            inputs=answer.inputs,
        )
    is_unknown = answer.result is Result.UNKNOWN
    return Finding(
        id=requirement.id,
        result=answer.result,
        severity=Severity.REVIEW if is_unknown and requirement.severity is Severity.BLOCK else requirement.severity,
        intervention_id=answer.intervention_id,
        message=answer.message,
        fix=_ask_for(answer.needs) if answer.needs else requirement.fix,
        fixable_by=requirement.fixable_by,
        carc=requirement.carc,
        rarc=check.rarc,
        rule=requirement.id,
        citation=requirement.citation,
        inputs=answer.inputs | {"needs": list(answer.needs)} if answer.needs else answer.inputs,
    )


def _ask_for(fields: tuple[str, ...]) -> str:
    return f"Send {', '.join(fields)} as the record has it; what the record does not say stays open."
