"""The billed services of a visit, and what their lines are made by."""

from typing import NamedTuple

from claimbus.events import Service, UnitShare, VisitCompleted
from claimbus.events.visit_completed import Intervention
from claimbus.rules import Profile

from claims.domain.tables import ClaimRules, ClaimSettings


class LineContext(NamedTuple):
    """What every line of a claim depends on: the visit, its payer's profile and the day's rules."""

    visit: VisitCompleted
    profile: Profile[ClaimSettings]
    rules: ClaimRules


class Part(NamedTuple):
    """Units of a service that stand on one line."""

    units: int
    minutes: int | None
    share: UnitShare | None
    """Explains who furnished it."""


class Billed(NamedTuple):
    """All units of one code."""

    counted: Service
    """As the worksheet has it."""
    line: int
    """Number of its first claim line."""
    parts: tuple[Part, ...]
    """One for each of its lines."""
    interventions: tuple[Intervention, ...]
    given: tuple[str, ...]
    """What the EHR set as modifiers, in its order, each once. It may be any text."""
    set_by_ehr: tuple[str, ...]
    """Those of them that exist on the date of service."""

    @property
    def code(self) -> str:
        return self.counted.code

    @property
    def units(self) -> int:
        return self.counted.units
