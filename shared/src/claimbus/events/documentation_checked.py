"""Documentation checked: every requirement that applies, answered pass, fail or unknown."""

from typing import ClassVar

from claimbus.events.finding import Finding
from claimbus.events.model import Derived, Record


class Completeness(Record):
    """How many of the requirements that apply to a visit its record meets."""

    passed: int
    failed: int
    unknown: int
    score: int
    """Percent of all that apply, rounded down: 100 only when every one is met. No probability of a denial."""


class DocumentationChecked(Derived):
    """What documentation-check says of one visit; a finding for each requirement that applies, and what is due next."""

    type: ClassVar[str] = "org.claimbus.visit.documentation-checked.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "documentation-checked"

    checks: tuple[Finding, ...]
    completeness: Completeness | None = None
