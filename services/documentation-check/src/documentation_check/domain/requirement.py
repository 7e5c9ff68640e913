"""A requirement: what a record must show, who asks for it, since when, and what its lack would cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from claimbus.events import FixableBy, Mending, VisitCompleted
from claimbus.rules import DatedRow, Origin, Profiles, ProfileSettings
from claimbus.values import FindingId, Program, Severity

from documentation_check.domain.answer import Answer
from documentation_check.domain.case_history import Seen
from documentation_check.domain.tables import Terms

Discipline = Literal["PT", "OT", "SLP"]
DISCIPLINES: tuple[Discipline, ...] = ("PT", "OT", "SLP")

Predicate = Callable[[VisitCompleted, Terms, Seen | None], Answer | None]
"""Null when the visit has nothing that the requirement could be asked of.

It is given what other visits of the case tell, where that is known.
"""

Weight = Literal["block", "review", "info", "none"]
"""How heavily a payer weighs a requirement; `none`: it does not ask for it."""
_HEAVIEST_FIRST: tuple[Weight, ...] = ("block", "review", "info", "none")


class ProgramGroupRow(DatedRow):
    """A name for the programs that share requirements."""

    group: str
    programs: tuple[Program, ...]


class Requirement(DatedRow):
    """One row of `rules/requirements.toml`, whose head says what the fields mean."""

    id: FindingId
    asks: str
    predicate: str
    carc: str | None = None
    rarc: str | dict[Discipline, str] | None = None
    """One code, or a code for each discipline where the list names the therapies apart."""
    mending: Mending
    fix: str
    fixable_by: FixableBy
    citation: str

    def rarc_for(self, discipline: Discipline) -> str | None:
        return self.rarc.get(discipline) if isinstance(self.rarc, dict) else self.rarc


class RequiredByRow(DatedRow):
    """One row of `rules/required_by.toml`: who asks for some requirements."""

    requirements: tuple[FindingId, ...]
    programs: str
    """Name of a group."""
    severity: Severity
    authority: Literal["cms", "standard", "payer", "practice"]

    @property
    def is_cited_by_requirement(self) -> bool:
        """Whether the requirement's own citation is the authority's."""
        return self.authority in ("cms", "standard")


class DocumentationSettings(ProfileSettings, extra="allow"):
    """The section `documentation` of a payer profile: a weight for each requirement that it adds or relaxes.

    A setting bears the requirement's id: `"progress-report.overdue" = "review"`.
    """

    __pydantic_extra__: dict[str, Weight]

    @property
    def weights(self) -> Mapping[str, Weight]:
        """Weight by requirement."""
        return self.__pydantic_extra__


@dataclass(frozen=True, slots=True)
class Check:
    """A requirement made ready for one payer and discipline."""

    requirement: Requirement
    predicate: Predicate
    severity: Severity
    rarc: str | None
    citation: str


@dataclass(frozen=True)
class DocumentationRules:
    """All that documentation is checked against on one date of service."""

    terms: Terms
    profiles: Profiles[DocumentationSettings]
    requirements: Mapping[str, Requirement]
    predicates: Mapping[str, Predicate]
    checks: Mapping[tuple[Program, Discipline], tuple[Check, ...]]
    """What a program asks for, before a payer's profile adds to it or relaxes it."""

    def checks_for(self, visit: VisitCompleted) -> tuple[Check, ...]:
        """What the payer that pays first asks of a visit, in the order of the table."""
        payer = visit.primary.payer
        base = self.checks[payer.program, visit.discipline]
        profile = self.profiles.of(payer, visit.practice_id, visit.service_date)
        if not profile.settings.weights:
            return base
        return self._weighed(base, visit.discipline, profile.settings.weights, profile.origins)

    def _weighed(
        self,
        base: tuple[Check, ...],
        discipline: Discipline,
        weights: Mapping[str, Weight],
        origins: Mapping[str, Origin],
    ) -> tuple[Check, ...]:
        checks = {check.requirement.id: check for check in base}
        for name, weight in weights.items():
            if weight == "none":
                checks.pop(name, None)
                continue
            requirement = self.requirements[name]
            checks[name] = Check(
                requirement,
                self.predicates[requirement.predicate],
                Severity(weight),
                requirement.rarc_for(discipline),
                origins[name].source,
            )
        return tuple(checks[name] for name in self.requirements if name in checks)


def relaxes(weight: Weight, severity: Severity) -> bool:
    """Whether a profile's weight is less than what a program asks for."""
    return _HEAVIEST_FIRST.index(weight) > _HEAVIEST_FIRST.index(severity.value)
