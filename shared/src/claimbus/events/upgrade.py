"""Facts of schema 1.0 as readers of today expect them: they may still lie in a stream when a release is rolled out."""

from collections.abc import Iterable
from typing import TypeVar

from claimbus.events.documentation_checked import DocumentationChecked
from claimbus.events.finding import Finding
from claimbus.events.units_computed import UnitsComputed
from claimbus.events.visit_coded import VisitCoded

F = TypeVar("F", VisitCoded, UnitsComputed, DocumentationChecked)


def upgraded(fact: F) -> F:
    """The same fact with the fields of schema 1.1. One of schema 1.0 is known by the tables in its rule set."""
    if not fact.rule_set.tables:
        return fact
    field = "checks" if isinstance(fact, DocumentationChecked) else "findings"
    return fact.model_copy(update={field: tuple(_with_code_and_field(getattr(fact, field)))})


def _with_code_and_field(findings: Iterable[Finding]) -> Iterable[Finding]:
    """In schema 1.0 the code and the field that a finding is about stood among what explains it."""
    for finding in findings:
        code, field = finding.inputs.get("code"), finding.inputs.get("field")
        codes = finding.codes or ((code,) if isinstance(code, str) else ())
        yield finding.model_copy(
            update={"codes": codes, "field": finding.field or (field if isinstance(field, str) else None)}
        )
