"""The tables that codes are suggested by, and what is in force on one day."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from datetime import date
from typing import TypeVar

from claimbus.rules import DatedRow, FindingRow, RuleBook, RuleError, TableOf, findings_by_id
from claimbus.values import Program

from coding.domain.findings import CodingFinding
from coding.domain.lexicon import DeliveryRow, GrammarRow, Lexicon, LexiconRow, check_terms
from coding.domain.tables import (
    KINDS,
    CodingRules,
    ConfidenceRow,
    ContactRow,
    EvaluationRow,
    EvaluationRows,
    FactRow,
    FurtherCodeRow,
    ProgramCodeRow,
    QuestionRow,
)

Row = TypeVar("Row", bound=DatedRow)
Key = TypeVar("Key", bound=Hashable)


class CodingRuleBook(RuleBook[CodingRules]):
    package = "coding"

    terms = TableOf("lexicon.toml", LexiconRow, key=lambda row: row.id)
    muscles = TableOf("muscles.toml", LexiconRow, key=lambda row: row.id)
    delivery = TableOf("delivery.toml", DeliveryRow, key=lambda row: row.id)
    grammar = TableOf("grammar.toml", GrammarRow, key=lambda row: row.role)
    confidence = TableOf("confidence.toml", ConfidenceRow, key=lambda _: "confidence")
    contacts = TableOf("contact.toml", ContactRow, key=lambda row: (row.contact, row.code))
    facts = TableOf("facts.toml", FactRow, key=lambda row: (row.fact, row.code))
    further_codes = TableOf("further_codes.toml", FurtherCodeRow, key=lambda row: row.further)
    program_codes = TableOf("program_codes.toml", ProgramCodeRow, key=lambda row: (row.program, row.code))
    questions = TableOf("questions.toml", QuestionRow, key=lambda row: row.about)
    evaluations = TableOf("evaluation_levels.toml", EvaluationRow, key=lambda row: row.code)
    findings = TableOf("findings.toml", FindingRow, key=lambda row: row.id)

    def in_force(self, day: date) -> CodingRules:
        terms = (*self.terms.on(day), *self.muscles.on(day))
        facts = _grouped((row.fact, row) for row in self.facts.on(day))
        program_codes: dict[Program, dict[str, str]] = defaultdict(dict)
        same_service: dict[str, set[str]] = defaultdict(set)
        for row in self.program_codes.on(day):
            program_codes[row.program][row.code] = row.use
            same_service[row.code].add(row.use)
            same_service[row.use].add(row.code)
        for further in self.further_codes.on(day):
            same_service[further.code].add(further.further)
        evaluations = self.evaluations.on(day)
        confidence = self._confidence(day)
        typed_codes = _typed_codes(terms, self.program_codes.on(day), evaluations, confidence)
        return CodingRules(
            day=day,
            rule_set=self.rule_set,
            lexicon=Lexicon((*terms, *typed_codes), self.delivery.on(day), self.grammar.on(day)),
            confidence=confidence,
            contacts=_grouped((row.contact, row) for row in self.contacts.on(day)),
            facts=facts,
            counted_by_muscle=frozenset(row.code for row in facts.get("muscles", ())),
            program_codes=dict(program_codes),
            same_service={code: tuple(sorted(codes)) for code, codes in same_service.items()},
            questions={tuple(sorted(row.about)): row.ask for row in self.questions.on(day)},
            evaluations=EvaluationRows(evaluations),
            findings=findings_by_id(self.findings.on(day), CodingFinding),
        )

    def check(self) -> None:
        """Whether every day's rows fit together, without a lexicon for every period: each takes a tenth of a second."""
        for day in self._changes:
            self._confidence(day)
            findings_by_id(self.findings.on(day), CodingFinding)
        typed_codes = _typed_codes(
            self.terms.rows, self.program_codes.rows, self.evaluations.rows, self.confidence.rows[0]
        )
        check_terms(
            {
                "code typed in a text": typed_codes,
                "lexicon.toml": self.terms.rows,
                "muscles.toml": self.muscles.rows,
                "delivery.toml": self.delivery.rows,
            }
        )

    def _confidence(self, day: date) -> ConfidenceRow:
        for row in self.confidence.on(day):
            return row
        raise RuleError(f"confidence.toml: no row is in force on {day}; leave effective_from out of the first")


def _grouped(rows: Iterable[tuple[Key, Row]]) -> Mapping[Key, tuple[Row, ...]]:
    groups: dict[Key, list[Row]] = {}
    for key, row in rows:
        groups.setdefault(key, []).append(row)
    return {key: tuple(group) for key, group in groups.items()}


def _typed_codes(
    terms: Iterable[LexiconRow],
    program_codes: Iterable[ProgramCodeRow],
    evaluations: Iterable[EvaluationRow],
    confidence: ConfidenceRow,
) -> tuple[LexiconRow, ...]:
    """A term for each code itself: some EHRs write it into the description."""
    means = {code: code for row in terms for code in row.codes if code not in KINDS}
    means |= {row.use: row.code for row in program_codes}
    means |= {row.code: row.kind for row in evaluations}
    return tuple(
        LexiconRow(
            id=f"code.{written.lower()}",
            kind="service",
            codes={code: confidence.typed_code_weight},
            terms=(written,),
            form="exact",
            leads=True,
            source="the code as written in the text",
        )
        for written, code in sorted(means.items())
    )
