"""The dated tables that documents are written by; none of them changes a decision."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from claimbus.rules import DatedRow, Table, load_table
from claimbus.values import Count

from claims.rule_book import ClaimRuleBook

CodeList = Literal["relationship", "responsibility", "filing", "sex", "cause", "qualifier"]


class ElementRow(DatedRow):
    element: str
    """X12's number of the data element."""
    name: str
    shortest: Count
    longest: Count
    """Characters."""


class LimitRow(DatedRow):
    name: str
    most: Count


class CodeRow(DatedRow):
    about: CodeList
    said: tuple[str, ...]
    code: str


class X12Book(NamedTuple):
    """The tables of one day."""

    elements: Mapping[str, ElementRow]
    most: Mapping[str, int]
    codes: Mapping[CodeList, Mapping[str, str]]
    """By list: what the contract says, and the code for it, in the table's order."""
    states: frozenset[str]


class DocumentRules:
    """All tables of the documents. Raises `RuleError` when one must not be used."""

    def __init__(self) -> None:
        self._elements = load_table(__name__, "x12_elements.toml", ElementRow, lambda row: row.element)
        self._limits = load_table(__name__, "professional_limits.toml", LimitRow, lambda row: row.name)
        self._codes = load_table(__name__, "x12_codes.toml", CodeRow, lambda row: (row.about, row.code))
        self._states = ClaimRuleBook.states.read(ClaimRuleBook.folder(None, None))
        self.tables: tuple[Table[Any], ...] = (self._elements, self._limits, self._codes, self._states)
        self.x12_on = lru_cache(maxsize=16)(self._x12_on)

    def _x12_on(self, day: date) -> X12Book:
        codes: dict[CodeList, dict[str, str]] = {}
        for row in self._codes.on(day):
            codes.setdefault(row.about, {}).update(dict.fromkeys(row.said, row.code))
        return X12Book(
            elements={row.element: row for row in self._elements.on(day)},
            most={row.name: row.most for row in self._limits.on(day)},
            codes=codes,
            states=frozenset(row.code for row in self._states.on(day)),
        )


DOCUMENT_RULES = DocumentRules()
