"""Documentation checked: every requirement that applies, answered pass, fail or unknown."""

from typing import ClassVar

from claimbus.events.finding import Finding
from claimbus.events.model import Derived


class DocumentationChecked(Derived):
    """What documentation-check says of one visit; a finding for each requirement that applies."""

    type: ClassVar[str] = "org.claimbus.visit.documentation-checked.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "documentation-checked"

    checks: tuple[Finding, ...]
