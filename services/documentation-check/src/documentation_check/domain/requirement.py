"""A requirement: what a record must show, for whom, since when, and what its lack would cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from claimbus.events import FixableBy, VisitCompleted
from claimbus.rules import DatedRow
from claimbus.values import FindingId, Program, Severity

from documentation_check.domain.answer import Answer
from documentation_check.domain.terms import Terms
from documentation_check.domain.treatment_days import SeenDays

Discipline = Literal["PT", "OT", "SLP"]
DISCIPLINES: tuple[Discipline, ...] = ("PT", "OT", "SLP")

Predicate = Callable[[VisitCompleted, Terms, SeenDays | None], Answer | None]
"""Null when the visit has nothing that the requirement could be asked of.

It is given what other visits of the case tell, where that is known.
"""


class ProgramGroupRow(DatedRow):
    """A name for the programs that share requirements."""

    group: str
    programs: tuple[Program, ...]


class Requirement(DatedRow):
    """One row of `rules/requirements.toml`. `programs` names a group."""

    id: FindingId
    predicate: str
    programs: str
    disciplines: tuple[Discipline, ...] = DISCIPLINES
    severity: Severity
    carc: str | None = None
    rarc: str | dict[Discipline, str] | None = None
    """One code, or a code for each discipline where the list names the therapies apart."""
    fix: str
    fixable_by: FixableBy
    citation: str

    def rarc_for(self, discipline: Discipline) -> str | None:
        return self.rarc.get(discipline) if isinstance(self.rarc, dict) else self.rarc


@dataclass(frozen=True, slots=True)
class Check:
    """A requirement made ready for one program and discipline."""

    requirement: Requirement
    predicate: Predicate
    rarc: str | None


@dataclass(frozen=True)
class DocumentationRules:
    """All that documentation is checked against on one date of service."""

    terms: Terms
    checks: Mapping[tuple[Program, Discipline], tuple[Check, ...]]
