"""What the tables say about codes: the rows, and all that is in force on one day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from claimbus.events.visit_completed import Contact
from claimbus.rules import DatedRow, FindingRow, FindingRows
from claimbus.values import Program

from coding.domain.evaluation import KINDS, EvaluationRow, EvaluationRows
from coding.domain.lexicon import DeliveryRow, GrammarRow, Lexicon, LexiconRow


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
        for (low, said_low), (high, said_high) in pairwise(self.calibration):
            if share <= high:
                return said_low + (said_high - said_low) * (share - low) / (high - low)
        return self.calibration[-1][1]


class ContactRow(DatedRow):
    """A contact that moves the weight of some codes to another."""

    contact: Contact
    code: str
    takes: tuple[str, ...]


class FactRow(DatedRow):
    """A figure that moves the weight of some codes to another: `above` exclusive, `through` inclusive."""

    fact: Literal["muscles", "area_sq_cm", "monitored_days"]
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


@dataclass(frozen=True)
class CodingRules:
    """All that holds on one date of service."""

    lexicon: Lexicon
    confidence: ConfidenceRow
    contacts: Mapping[Contact, tuple[ContactRow, ...]]
    facts: Mapping[str, tuple[FactRow, ...]]
    """By figure: what it decides."""
    counted_by_muscle: frozenset[str]
    """Codes that the number of muscles tells apart."""
    program_codes: Mapping[Program, Mapping[str, str]]
    """By program: the code by which it takes a service, by the code that others take."""
    same_service: Mapping[str, frozenset[str]]
    """By code: the codes that some program takes for the same service, and those for more of it, both ways."""
    questions: Mapping[tuple[str, ...], str]
    evaluations: EvaluationRows
    findings: FindingRows


def make_coding_rules(
    *,
    terms: Iterable[LexiconRow],
    delivery: Iterable[DeliveryRow],
    grammar: Iterable[GrammarRow],
    confidence: ConfidenceRow,
    contacts: Iterable[ContactRow],
    facts: Iterable[FactRow],
    program_codes: Iterable[ProgramCodeRow],
    further_codes: Iterable[FurtherCodeRow],
    questions: Iterable[QuestionRow],
    evaluations: Iterable[EvaluationRow],
    findings: Iterable[FindingRow],
) -> CodingRules:
    """Index the rows of one day. Raises `RuleError` when two rows claim the same term."""
    evaluation_rows = EvaluationRows(tuple(evaluations))
    terms = tuple(terms)
    by_contact: dict[Contact, list[ContactRow]] = {}
    for contact in contacts:
        by_contact.setdefault(contact.contact, []).append(contact)
    by_fact: dict[str, list[FactRow]] = {}
    for fact in facts:
        by_fact.setdefault(fact.fact, []).append(fact)
    by_program: dict[Program, dict[str, str]] = {}
    same: dict[str, set[str]] = {}
    for row in program_codes:
        by_program.setdefault(row.program, {})[row.code] = row.use
        same.setdefault(row.code, set()).add(row.use)
        same.setdefault(row.use, set()).add(row.code)
    for further in further_codes:
        same.setdefault(further.code, set()).add(further.further)
    return CodingRules(
        lexicon=Lexicon((*terms, *_typed_codes(terms, by_program, evaluation_rows, confidence)), delivery, grammar),
        confidence=confidence,
        contacts={contact: tuple(rows) for contact, rows in by_contact.items()},
        facts={name: tuple(rows) for name, rows in by_fact.items()},
        counted_by_muscle=frozenset(fact.code for fact in by_fact.get("muscles", ())),
        program_codes=by_program,
        same_service={code: frozenset(codes) for code, codes in same.items()},
        questions={tuple(sorted(row.about)): row.ask for row in questions},
        evaluations=evaluation_rows,
        findings={row.id: row for row in findings},
    )


def _typed_codes(
    terms: Iterable[LexiconRow],
    by_program: Mapping[Program, Mapping[str, str]],
    evaluations: EvaluationRows,
    confidence: ConfidenceRow,
) -> Iterable[LexiconRow]:
    """A term for each code itself: some EHRs write it into the description."""
    means = {code: code for row in terms for code in row.codes if code not in KINDS}
    means |= {use: code for uses in by_program.values() for code, use in uses.items()}
    means |= {row.code: row.kind for row in evaluations.rows}
    for written, code in sorted(means.items()):
        yield LexiconRow(
            id=f"code.{written.lower()}",
            kind="service",
            codes={code: confidence.typed_code_weight},
            terms=(written,),
            form="exact",
            leads=True,
            source="the code as written in the text",
        )
