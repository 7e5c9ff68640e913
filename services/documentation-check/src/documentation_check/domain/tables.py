"""Rows of the tables that documentation is checked by, and what is in force on one day.

The rows stay data: a predicate reads `Terms` and knows neither a number of days nor a credential.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from claimbus.events import DUE, VisitCompleted
from claimbus.rules import DatedRow, FindingRow, Origin, PayerRules, ProfileSettings
from claimbus.values import FindingId, Program, Severity

Discipline = Literal["PT", "OT", "SLP"]
DISCIPLINES: tuple[Discipline, ...] = ("PT", "OT", "SLP")
Weight = Literal["block", "review", "info", "none"]
"""How heavily a payer weighs a requirement; `none`: it does not require it."""
Role = Literal["therapist", "assistant", "unlicensed", "other"]
"""`unlicensed` (aide, student) outweighs whatever stands beside it; `other` is a profession that
therapy of this discipline is not billed by."""
MayCertify = Literal["yes", "no", "limited"]
ServiceKind = Literal["evaluation", "re_evaluation", "group", "modality", "caregiver_training"]
Supervision = Literal["direct", "general"]
SKILLS = ("measure", "response", "cueing", "assistance", "progression")
"""Cues each of which shows that a therapist's skill was needed."""
REASON = "reason"
"""Cue for why a modality was given."""

_WORD = re.compile(r"[A-Z][A-Z/-]*")
_PART = re.compile(r"[A-Z]+")
_WEIGHT: tuple[Role, ...] = ("unlicensed", "therapist", "assistant", "other")


class Requirement(FindingRow):
    """One row of `rules/requirements.toml`: what the record must show, and the finding where it does not."""

    severity: Severity | Literal["by payer"] = "by payer"
    requirement: str = ""
    """In a few words; empty for what is due next."""
    predicate: str
    """Name of the function that answers it (`predicates.py`)."""
    rarc_by_discipline: Mapping[Discipline, str] = {}
    """Where the list of remark codes names the therapies apart."""

    @property
    def is_due(self) -> bool:
        """Whether it says what is due next, and is no requirement."""
        return self.id.startswith(DUE)

    def for_discipline(self, discipline: Discipline) -> "Requirement":
        """The row with the remark code of one therapy."""
        return self.model_copy(update={"rarc": self.rarc_by_discipline.get(discipline, self.rarc)})


class RequiredByRow(DatedRow):
    """One row of `rules/required_by.toml`: who requires some of them."""

    requirements: tuple[FindingId, ...]
    programs: str
    """Name of a group."""
    severity: Severity
    authority: Literal["cms", "standard", "payer", "practice"]

    @property
    def is_cited_by_requirement(self) -> bool:
        """Whether the requirement's own citation is the authority's."""
        return self.authority in ("cms", "standard")


class ProgramGroupRow(DatedRow):
    """A name for the programs that share requirements."""

    group: str
    programs: tuple[Program, ...]


class DocumentationSettings(ProfileSettings, extra="allow"):
    """The section `documentation` of a payer profile: a weight for each requirement that it adds or relaxes.

    A setting has the requirement's id: `"progress-report.overdue" = "review"`.
    """

    __pydantic_extra__: dict[str, Weight]

    @property
    def weights(self) -> Mapping[str, Weight]:
        """Weight by requirement."""
        return self.__pydantic_extra__


class LimitRow(DatedRow):
    """A number that a manual sets, or where none does, we; `unit` says of what."""

    name: str
    value: int
    unit: str
    citation: str


class CredentialRow(DatedRow):
    """What a credential makes of its bearer in one discipline, or in `any`."""

    credential: str
    role: Role
    discipline: Literal["PT", "OT", "SLP", "any"]


class CertifierRow(DatedRow):
    """Whether this kind of practitioner may certify a therapy plan of care."""

    kind: str
    may_certify: MayCertify


class ServiceCodesRow(DatedRow):
    """Codes that ask something of the record beside what every visit shows."""

    kind: ServiceKind
    codes: tuple[str, ...]


class SupervisionRow(DatedRow):
    """The least supervision of an assistant in a setting."""

    facility: Literal["practitioner", "outpatient_hospital"]
    level: Supervision


class CueRow(DatedRow):
    """Regular expressions for words that show something in a note."""

    shows: Literal["measure", "response", "cueing", "assistance", "progression", "reason"]
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """What the predicates read of the tables on one date of service."""

    initial_certification_days: int
    certification_interval_days: int
    verbal_order_signature_days: int
    order_exception_days: int | None
    """Days in which the plan must have been sent for an order to stand for the first signature; null before 2025."""
    progress_report_treatment_days: int
    credentials: Mapping[str, Mapping[str, Role]]
    """Role by discipline by credential, in capitals."""
    certifiers: Mapping[str, MayCertify]
    services: Mapping[ServiceKind, frozenset[str]]
    """Codes by what they ask of the record."""
    supervision: Mapping[str, Supervision]
    """Least supervision of an assistant, by facility."""
    cues: Mapping[str, re.Pattern[str]]
    """What finds the words that show something, by what they show."""
    group_patients: int
    cloned_note_likeness: int
    """Percent from which two notes of a case are too much alike."""
    cloned_note_words: int
    """Words that a note must have to be compared."""

    def is_of(self, kind: ServiceKind, code: str | None) -> bool:
        """Whether a code, as an EHR writes it, is of a kind."""
        return (code or "").strip().upper() in self.services.get(kind, ())

    def shows(self, cue: str, texts: Iterable[str | None]) -> bool:
        """Whether the words of one of these texts show something, by the name of the cue."""
        search = self.cues[cue].search
        return any(text and search(text) for text in texts)

    def role_of(self, credential: str | None, discipline: str) -> Role | None:
        """Role of somebody who signs `PT, DPT` or `COTA/L`; null when no part of it is known."""
        text = (credential or "").upper().replace(".", "").strip()
        if whole := self._role(text, discipline):
            return whole
        roles = {self._role(word, discipline) for word in _words(text)}
        return next((role for role in _WEIGHT if role in roles), None)

    def _role(self, word: str, discipline: str) -> Role | None:
        roles = self.credentials.get(word)
        if roles is None:
            return None
        # A therapist of another discipline is somebody else here.
        return roles.get(discipline) or roles.get("any") or "other"

    def may_certify(self, kind: str) -> MayCertify | None:
        """Null for a kind that the table does not know."""
        return self.certifiers.get("_".join(_PART.findall(kind.upper())).lower())


def _words(text: str) -> list[str]:
    # "PT/OT" is two credentials, "COTA/L" one: the parts count besides the word.
    words = _WORD.findall(text)
    return words + [part for word in words if "/" in word or "-" in word for part in _PART.findall(word)]


class Required(NamedTuple):
    """A requirement as one payer has it for one discipline."""

    row: Requirement
    severity: Severity
    citation: str


@dataclass(frozen=True, kw_only=True)
class DocumentationRules(PayerRules[DocumentationSettings]):
    """All that documentation is checked against on one date of service."""

    terms: Terms
    requirements: Mapping[Discipline, Mapping[str, Requirement]]
    """By id, in the order of the table."""
    required: Mapping[tuple[Program, Discipline], Mapping[str, Required]]
    """What a program requires, by id and in that order, before a payer's profile adds to it or relaxes it."""

    def required_of(self, visit: VisitCompleted) -> Iterable[Required]:
        """What the payer that pays first requires of a visit, in the order of the table."""
        payer = visit.primary.payer
        profile = self.profile_of(payer, visit.practice_id)
        required = self.required[payer.program, visit.discipline]
        if not profile.settings.weights:
            return required.values()
        return self._weighed(required, self.requirements[visit.discipline], profile.settings.weights, profile.origins)

    @staticmethod
    def _weighed(
        required: Mapping[str, Required],
        requirements: Mapping[str, Requirement],
        weights: Mapping[str, Weight],
        origins: Mapping[str, Origin],
    ) -> Iterable[Required]:
        weighed = {
            name: Required(requirements[name], Severity(weight), origins[name].source)
            for name, weight in weights.items()
            if weight != "none" and name in requirements
        }
        chosen = {name: item for name, item in required.items() if name not in weights} | weighed
        return (chosen[name] for name in requirements if name in chosen)
