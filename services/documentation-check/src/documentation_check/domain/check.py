"""Check one visit's documentation.

Unknown and missing are kept apart by one rule. What holds a record's parts (`documentation`, `time`)
may not have been sent at all: then every part of it is unknown. Where it was sent, it is the list
of what the record holds, so a document that it does not list (`signature`, `plan_of_care`, the
dated certification, `timed_minutes`) is missing from the record. A fact about something that is
there (who signed, when the visit ended, how many treatment days) stays unknown when it is null.
"""

from collections import Counter

from claimbus.events import Basis, Checked, Completeness, DocumentationChecked, VisitCompleted
from claimbus.rules import sorted_out
from claimbus.values import Result

from documentation_check.domain.answer import Answer
from documentation_check.domain.case_history import Seen
from documentation_check.domain.predicates import PREDICATES
from documentation_check.domain.tables import DocumentationRules, Required


def check_documentation(
    visit: VisitCompleted, basis: Basis, rules: DocumentationRules, *, seen: Seen | None = None
) -> DocumentationChecked:
    """Each requirement that applies on the date of service, in the table's order: met, or a finding.

    The payer that pays first chooses the requirements: its program's, with what its profile adds or relaxes. `seen` is
    what other visits of the case show; null where none are known.
    """
    checked: list[Checked] = []
    for required in rules.required_of(visit):
        answer = PREDICATES[required.row.predicate].answer(visit, rules.terms, seen)
        if answer is not None:
            checked.append(_checked(required, answer))
    findings, passed = sorted_out(checked)
    counts = Counter(finding.result for finding in findings if not finding.is_due)
    failed, unknown = counts[Result.FAIL], counts[Result.UNKNOWN]
    return DocumentationChecked(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        basis=basis,
        checks=findings,
        passed=passed,
        completeness=Completeness(
            passed=len(passed),
            failed=failed,
            unknown=unknown,
            score=100 * len(passed) // max(len(passed) + failed + unknown, 1),
        ),
        rule_set=rules.rule_set.reference,
    )


def _checked(required: Required, answer: Answer) -> Checked:
    """The answer with the texts, the denial and the fix of the requirement's row."""
    row = required.row
    if answer.result is Result.PASS and not row.is_due:
        return row.passed()
    make = {Result.PASS: row.due, Result.FAIL: row.fail, Result.UNKNOWN: row.unknown}[answer.result]
    several = len(answer.interventions) > 1
    return make(
        answer.variant,
        severity=required.severity,
        citation=required.citation,
        intervention_id=next(iter(answer.interventions), None) if not several else None,
        intervention_ids=answer.interventions if several else (),
        field=answer.field,
        inputs={**answer.inputs, "needs": list(answer.needs)} if answer.needs else answer.inputs,
        text={**answer.text, "needs": ", ".join(answer.needs)},
    )
