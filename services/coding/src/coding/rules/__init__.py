"""The tables of the coding service, loaded once and picked by date of service."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from claimbus.events import RuleSet
from claimbus.rules import FindingRow, Table, days_of_change, last_change, load_table, rule_set_of

from coding.domain.evaluation import EvaluationRow
from coding.domain.lexicon import DeliveryRow, GrammarRow, LexiconRow
from coding.domain.tables import (
    CodingRules,
    ConfidenceRow,
    ContactRow,
    FactRow,
    FurtherCodeRow,
    ProgramCodeRow,
    QuestionRow,
    make_coding_rules,
)

_TERMS = load_table(__package__, "lexicon.toml", LexiconRow, lambda row: row.id)
_DELIVERY = load_table(__package__, "delivery.toml", DeliveryRow, lambda row: row.id)
_GRAMMAR = load_table(__package__, "grammar.toml", GrammarRow, lambda row: row.role)
_CONFIDENCE = load_table(__package__, "confidence.toml", ConfidenceRow, lambda _row: "one")
_CONTACTS = load_table(__package__, "contact.toml", ContactRow, lambda row: (row.contact, row.code))
_FACTS = load_table(__package__, "facts.toml", FactRow, lambda row: (row.fact, row.code))
_FURTHER = load_table(__package__, "further_codes.toml", FurtherCodeRow, lambda row: row.further)
_MUSCLES = load_table(__package__, "muscles.toml", LexiconRow, lambda row: row.id)
_PROGRAM_CODES = load_table(__package__, "program_codes.toml", ProgramCodeRow, lambda row: (row.program, row.code))
_QUESTIONS = load_table(__package__, "questions.toml", QuestionRow, lambda row: row.about)
_EVALUATIONS = load_table(__package__, "evaluation_levels.toml", EvaluationRow, lambda row: row.code)
_FINDINGS = load_table(__package__, "findings.toml", FindingRow, lambda row: row.id)
_TABLES: tuple[Table[Any], ...] = (
    _TERMS,
    _MUSCLES,
    _DELIVERY,
    _GRAMMAR,
    _CONFIDENCE,
    _CONTACTS,
    _FACTS,
    _PROGRAM_CODES,
    _FURTHER,
    _QUESTIONS,
    _EVALUATIONS,
    _FINDINGS,
)
_CHANGES = days_of_change(row for table in _TABLES for row in table.rows)


@lru_cache(maxsize=32)
def _from(day: date) -> CodingRules:
    return make_coding_rules(
        terms=(*_TERMS.on(day), *_MUSCLES.on(day)),
        delivery=_DELIVERY.on(day),
        grammar=_GRAMMAR.on(day),
        confidence=_CONFIDENCE.on(day)[0],
        contacts=_CONTACTS.on(day),
        facts=_FACTS.on(day),
        program_codes=_PROGRAM_CODES.on(day),
        further_codes=_FURTHER.on(day),
        questions=_QUESTIONS.on(day),
        evaluations=_EVALUATIONS.on(day),
        findings=_FINDINGS.on(day),
    )


def _on(service_date: date) -> CodingRules:
    return _from(last_change(_CHANGES, service_date))


@dataclass(frozen=True)
class Rules:
    on: Callable[[date], CodingRules]
    findings: tuple[FindingRow, ...]
    """Of every day."""
    tables: tuple[Table[Any], ...]
    rule_set: RuleSet


RULES = Rules(on=_on, findings=_FINDINGS.rows, tables=_TABLES, rule_set=rule_set_of(*_TABLES))
