"""Tables that an 837P is written by: lengths of elements, limits of the guide, codes of its lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from claimbus.rules import DatedRow, DayRules, RuleBook, TableOf
from claimbus.values import Count

CodeList = Literal["responsibility", "filing", "sex", "cause", "qualifier"]


class ElementRow(DatedRow):
    """Length of a data element."""

    element: str
    """X12's number of it."""
    name: str
    shortest: Count
    longest: Count
    """Characters."""


class LimitRow(DatedRow):
    """Most of something in one claim, line or transaction set."""

    name: str
    most: Count


class CodeRow(DatedRow):
    """The code for what the contract has in words."""

    about: CodeList
    given: tuple[str, ...]
    code: str


@dataclass(frozen=True, kw_only=True)
class X12Tables(DayRules):
    """What is in force on one day."""

    elements: Mapping[str, ElementRow]
    most: Mapping[str, int]
    codes: Mapping[CodeList, Mapping[str, str]]
    """By list: what the contract has, and the code for it, in the table's order."""


class X12RuleBook(RuleBook[X12Tables]):
    """All tables of the 837P."""

    package = "claimbus_documents.x12"

    elements = TableOf("x12_elements.toml", ElementRow, key=lambda row: row.element)
    limits = TableOf("professional_limits.toml", LimitRow, key=lambda row: row.name)
    codes = TableOf("x12_codes.toml", CodeRow, key=lambda row: (row.about, row.code))

    def in_force(self, day: date) -> X12Tables:
        codes: dict[CodeList, dict[str, str]] = {}
        for row in self.codes.on(day):
            codes.setdefault(row.about, {}).update(dict.fromkeys(row.given, row.code))
        return X12Tables(
            day=day,
            rule_set=self.rule_set,
            elements={row.element: row for row in self.elements.on(day)},
            most={row.name: row.most for row in self.limits.on(day)},
            codes=codes,
        )
