"""Rows of the tables that codes are suggested by, and what is in force on one day.

The rows of the lexicon stand beside it, in `lexicon.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Literal

from claimbus.events.visit_completed import Contact
from claimbus.rules import DatedRow, DayRules, FindingRow
from claimbus.values import Program

from coding.domain.findings import CodingFinding
from coding.domain.lexicon import Lexicon

Kind = Literal["evaluation", "re_evaluation"]
Fact = Literal["muscles", "area_sq_cm", "monitored_days"]
"""A figure of the visit, or counted in its words."""
KINDS: tuple[Kind, ...] = ("evaluation", "re_evaluation")


class ConfidenceRow(DatedRow):
    """How weights become a confidence, and how sure is sure; see `confidence.toml`."""

    silence: float
    calibration: tuple[tuple[float, float], ...]
    suggest_from: float
    sure_from: float
    clear_from: float
    clear_weight: float
    named_level: float
    against_label_weight: float
    label_factor: float
    typed_code_weight: float
    governed_by_purpose: frozenset[str]
    beside_purpose: float
    hint_beside_words: float
    technique_weight: float
    purpose_beside_technique: float
    later_purpose: float
    purpose_alone: float
    further_term: float
    most_terms: int
    most_evidence: int
    most_alternatives: int
    rival_from: float

    def of(self, share: float) -> float:
        """The confidence that a share of all weight has earned: how often such a share was right."""
        for (low, confidence), (high, higher_confidence) in pairwise(self.calibration):
            if share <= high:
                return confidence + (higher_confidence - confidence) * (share - low) / (high - low)
        return self.calibration[-1][1]


class ContactRow(DatedRow):
    """A contact that moves the weight of some codes to another."""

    contact: Contact
    code: str
    takes: tuple[str, ...]


class FactRow(DatedRow):
    """A figure that moves the weight of some codes to another: `above` exclusive, `through` inclusive."""

    fact: Fact
    code: str
    takes: tuple[str, ...]
    above: Decimal = Decimal(0)
    through: Decimal | None = None

    def holds(self, value: Decimal) -> bool:
        return value > self.above and (self.through is None or value <= self.through)


class FurtherCodeRow(DatedRow):
    """A code for further time or surface of the service that `code` begins."""

    code: str
    further: str


class ProgramCodeRow(DatedRow):
    """A payer program that takes a service under another code."""

    code: str
    program: Program
    use: str


class QuestionRow(DatedRow):
    """What to ask about a pair of codes, or about a state of the words."""

    about: tuple[str, ...]
    ask: str


class EvaluationRow(DatedRow):
    """One evaluation code; the thresholds are None where the level does not rest on components."""

    kind: Kind
    discipline: Literal["PT", "OT", "SLP"]
    code: str
    level: int
    personal_factors_from: int | None = None
    examined_elements_from: int | None = None
    presentation: str | None = None
    decision_making: str | None = None

    @property
    def has_components(self) -> bool:
        return self.personal_factors_from is not None


@dataclass(frozen=True)
class EvaluationRows:
    """The evaluation codes in force on a day."""

    rows: tuple[EvaluationRow, ...]

    @cached_property
    def by_code(self) -> Mapping[str, EvaluationRow]:
        return {row.code: row for row in self.rows}

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str], tuple[EvaluationRow, ...]]:
        grouped: dict[tuple[str, str], list[EvaluationRow]] = {}
        for row in sorted(self.rows, key=lambda row: row.level):
            grouped.setdefault((row.kind, row.discipline), []).append(row)
        return {key: tuple(rows) for key, rows in grouped.items()}

    def of_kind(self, kind: Kind, discipline: str) -> tuple[EvaluationRow, ...]:
        """Codes for an evaluation of this kind, lowest level first."""
        return self._by_kind.get((kind, discipline), ())


@dataclass(frozen=True, kw_only=True)
class CodingRules(DayRules):
    """All that codes are suggested by on one date of service."""

    lexicon: Lexicon
    confidence: ConfidenceRow
    contacts: Mapping[Contact, tuple[ContactRow, ...]]
    facts: Mapping[Fact, tuple[FactRow, ...]]
    """By figure: what it decides."""
    counted_by_muscle: frozenset[str]
    """Codes that the number of muscles tells apart."""
    program_codes: Mapping[Program, Mapping[str, str]]
    """By program: the code by which it takes a service, by the code that others take."""
    same_service: Mapping[str, tuple[str, ...]]
    """By code: the codes that some program takes for the same service, and those for more of it, both ways."""
    questions: Mapping[tuple[str, ...], str]
    """By what it is about, sorted: what to ask."""
    evaluations: EvaluationRows
    findings: Mapping[CodingFinding, FindingRow]

    def question_about(self, *about: str) -> str | None:
        """What to ask about a pair of codes, or about a state of the words; None where the table has no question."""
        return self.questions.get(tuple(sorted(about)))
