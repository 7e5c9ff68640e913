"""An example visit whose record lacks nothing that Medicare asks for, changes of it, and what is checked of it."""

from collections.abc import Mapping
from typing import Any

from claimbus.events import Basis, DocumentationChecked, Finding, VisitCompleted
from claimbus.testing import visits
from claimbus.values import Result
from documentation_check.domain.case_history import Seen
from documentation_check.domain.check import check_documentation
from documentation_check.rule_book import DocumentationRuleBook

RULES = DocumentationRuleBook.load()
BASIS = Basis(event_id="e-1", sha256="0" * 64)

SIGNATURE = "documentation.signature"
PLAN = "documentation.plan_of_care"
REPORT = "documentation.progress_report"


def visit_with(changes: Mapping[str, Any]) -> VisitCompleted:
    """The good visit, changed at dotted paths."""
    return visits.visit(visits.GOOD, changes)


def check(
    visit: VisitCompleted, seen: Seen | None = None, rules: DocumentationRuleBook = RULES
) -> DocumentationChecked:
    return check_documentation(visit, BASIS, rules.on(visit.service_date), seen=seen)


def checked_ids(checked: DocumentationChecked) -> set[str]:
    """Every requirement that the visit was checked for, met or not, and what is due next."""
    return {*checked.passed, *(finding.id for finding in checked.checks)}


def finding_of(name: str, checked: DocumentationChecked) -> Finding:
    """What a requirement that is not met gives, or what is due next. Raises `StopIteration` where it gives nothing."""
    return next(finding for finding in checked.checks if finding.id == name)


def result_in(name: str, checked: DocumentationChecked) -> Result:
    """Raises `StopIteration` for a requirement that the visit was not checked for."""
    return Result.PASS if name in checked.passed else finding_of(name, checked).result
