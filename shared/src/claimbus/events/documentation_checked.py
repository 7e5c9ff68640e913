"""Documentation checked: every requirement that applies, answered pass, fail or unknown."""

from typing import ClassVar

from claimbus.events.finding import Finding
from claimbus.events.model import Derived, Record
from claimbus.values import FindingId, Rows


class Completeness(Record):
    """How many of the requirements that apply to a visit its record meets."""

    passed: int
    failed: int
    unknown: int
    score: int
    """Percent of all that apply, rounded down: 100 only when every one is met. No probability of a denial."""


class DocumentationChecked(Derived):
    """What documentation-check found in one visit: an answer to each requirement that applies, and what is due next."""

    type: ClassVar[str] = "org.claimbus.visit.documentation-checked.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "documentation-checked"
    schema_version: ClassVar[str] = "1.1"
    omits_defaults: ClassVar[bool] = True

    checks: tuple[Finding, ...]
    """What failed or is unknown, and what is due next; of an event of schema 1.0 what passed too."""
    passed: Rows[FindingId] = ()
    """Ids of the requirements that are met."""
    completeness: Completeness | None = None
