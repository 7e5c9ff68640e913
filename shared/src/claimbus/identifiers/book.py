"""Identifiers that are validated by the dated tables in `rules/`: states, member ids, relationships."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from claimbus.identifiers.basic_set import in_basic_set
from claimbus.identifiers.numbers import without_separators
from claimbus.rules import DatedRow, DayRules, RuleBook, TableOf, spelled
from claimbus.values import Program

_SELF = "18"
_MEMBER_ID_LENGTH = range(2, 81)
"""Characters of X12 element 67."""


class StateRow(DatedRow):
    """A two-letter code of a state or territory."""

    code: str


class MemberIdRow(DatedRow):
    """The shape that every member id of a program has."""

    program: Program
    name: str
    pattern: re.Pattern[str]
    """Of the whole id, in capitals and without blanks and hyphens."""


class RelationshipRow(DatedRow):
    """A spelling of what the patient is to the subscriber."""

    spelling: str
    code: str
    """X12 element 1069, of those that 005010X222A1 takes."""
    category: Literal["self", "spouse", "child", "other"] | None = None
    """Where a form has these four alone (CMS-1500 item 6, FHIR); none where the patient's relationship is unknown."""

    @property
    def is_self(self) -> bool:
        return self.code == _SELF


@dataclass(frozen=True, kw_only=True)
class Identifiers(DayRules):
    """What is in force on one day."""

    states: frozenset[str]
    member_ids: Mapping[Program, MemberIdRow]
    relationships: Mapping[str, RelationshipRow]
    """By spelling."""

    def normalize_state(self, text: str) -> str | None:
        """The two capitals of a state, territory or armed forces address (N402; USPS Publication 28, appendix B)."""
        code = text.strip().upper()
        return code if code in self.states and text.isascii() else None

    def normalize_member_id(self, text: str, program: Program) -> str | None:
        """In capitals (NM109 of loop 2010BA).

        Where the program's ids have one shape, without blanks and hyphens; elsewhere these belong to the id.
        """
        row = self.member_ids.get(program)
        if row is not None:
            bare = without_separators(text).upper()
            return bare if row.pattern.fullmatch(bare) else None
        member_id = in_basic_set(text)
        return member_id if member_id is not None and len(member_id) in _MEMBER_ID_LENGTH else None

    def find_relationship(self, text: str) -> RelationshipRow | None:
        """What the patient is to the subscriber, by any known spelling (element 1069; NUCC 1500 manual, item 6)."""
        return self.relationships.get(spelled(text))


class IdentifierBook(RuleBook[Identifiers]):
    """The tables, which lie beside this module: claims and documents read the very same rows."""

    package = "claimbus.identifiers"

    states = TableOf("states.toml", StateRow, key=lambda row: row.code)
    member_ids = TableOf("member_id_shapes.toml", MemberIdRow, key=lambda row: row.program)
    relationships = TableOf("relationships.toml", RelationshipRow, key=lambda row: spelled(row.spelling))

    @classmethod
    def service(cls) -> str:
        return "identifiers"

    def in_force(self, day: date) -> Identifiers:
        return Identifiers(
            day=day,
            rule_set=self.rule_set,
            states=frozenset(row.code for row in self.states.on(day)),
            member_ids={row.program: row for row in self.member_ids.on(day)},
            relationships={spelled(row.spelling): row for row in self.relationships.on(day)},
        )
