"""Check one visit's documentation.

Unknown and missing are kept apart by one rule. What holds a record's parts (`documentation`, `time`)
may not have been sent at all: then every part of it is unknown. Where it was sent, it is the list
of what the record holds, so a document that it does not list (`signature`, `plan_of_care`, the
dated certification, `timed_minutes`) is missing from the record. A fact about something that is
there (who signed, when the visit ended, how many treatment days) stays unknown when it is null.
"""

from collections import Counter
from typing import Any

from claimbus.events import DUE, Basis, DocumentationChecked, RuleSet, VisitCompleted
from claimbus.values import Result, Severity

from documentation_check.domain.answer import Answer
from documentation_check.domain.case_history import Seen
from documentation_check.domain.requirement import Check, DocumentationRules


def check_documentation(
    visit: VisitCompleted,
    basis: Basis,
    rules: DocumentationRules,
    rule_set: RuleSet,
    *,
    seen: Seen | None = None,
) -> DocumentationChecked:
    """One finding for each requirement that applies on the date of service, in the table's order.

    The payer that pays first chooses the requirements: its program's, with what its profile adds or relaxes. `seen` is
    what other visits of the case tell; null where none are known.
    """
    terms = rules.terms
    findings = []
    for check in rules.checks_for(visit):
        answer = check.predicate(visit, terms, seen)
        if answer is not None:
            findings.append(_finding(check, answer))
    # Validating the whole at once takes half the time of two dozen findings one by one.
    return DocumentationChecked.model_validate(
        {
            "practice_id": visit.practice_id,
            "visit_id": visit.visit_id,
            "revision": visit.revision,
            "basis": basis,
            "checks": findings,
            "completeness": _completeness(findings),
            "rule_set": rule_set,
        }
    )


def _completeness(findings: list[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(one["result"] for one in findings if not one["id"].startswith(DUE))
    passed, failed, unknown = counts[Result.PASS], counts[Result.FAIL], counts[Result.UNKNOWN]
    score = 100 * passed // max(passed + failed + unknown, 1)
    return {"passed": passed, "failed": failed, "unknown": unknown, "score": score}


def _finding(check: Check, answer: Answer) -> dict[str, Any]:
    """The fields of a `Finding`. What passed needs no mend and has no denial to expect."""
    requirement = check.requirement
    finding = {
        "id": requirement.id,
        "result": answer.result,
        "severity": check.severity,
        "message": answer.message,
        "rule": requirement.id,
        "citation": check.citation,
        "inputs": answer.inputs,
    }
    if answer.result is Result.PASS:
        return finding
    if answer.result is Result.UNKNOWN and check.severity is Severity.BLOCK:
        finding["severity"] = Severity.REVIEW
    if answer.needs:
        finding["inputs"] = answer.inputs | {"needs": list(answer.needs)}
    return finding | {
        "intervention_id": answer.interventions[0] if len(answer.interventions) == 1 else None,
        "intervention_ids": answer.interventions if len(answer.interventions) > 1 else (),
        "fix": _ask_for(answer.needs) if answer.needs else requirement.fix,
        "fixable_by": requirement.fixable_by,
        "mending": "correction" if answer.needs else requirement.mending,
        "carc": requirement.carc,
        "rarc": check.rarc,
    }


def _ask_for(fields: tuple[str, ...]) -> str:
    return f"Send {', '.join(fields)} as the record has it; what the record does not say stays open."
