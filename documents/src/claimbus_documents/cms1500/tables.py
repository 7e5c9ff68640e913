"""Where the cells of the CMS-1500 stand, and what a program changes on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from claimbus.rules import DatedRow, DayRules, RuleBook, TableOf
from claimbus.values import Count, Program


class CellRow(DatedRow):
    """Where something stands on the form: line (6 an inch) and column (10 an inch), from 1, from the paper's corner."""

    cell: str
    line: Count
    column: Count
    width: Count
    """Characters."""
    align: Literal["left", "right"] = "left"
    cut: bool = False
    """May be cut where it is too long: its beginning still tells."""
    field: str = ""
    """Of the decision, whose value stands here."""
    required: bool = False
    """The form may not be sent without it."""
    label: str = ""


class FormProgramRow(DatedRow):
    """What a program changes on the form."""

    program: Program
    item1: str
    grouped_item1: str = ""
    medicare: bool = False
    """Items 4, 7 and 11 follow Medicare's own rules."""


@dataclass(frozen=True, kw_only=True)
class Cms1500Tables(DayRules):
    """What is in force on one day."""

    cells: Mapping[str, CellRow]
    programs: Mapping[str, FormProgramRow]


class Cms1500RuleBook(RuleBook[Cms1500Tables]):
    """All tables of the form."""

    package = "claimbus_documents.cms1500"

    cells = TableOf("cms1500_cells.toml", CellRow, key=lambda row: row.cell)
    programs = TableOf("cms1500_programs.toml", FormProgramRow, key=lambda row: row.program)

    def in_force(self, day: date) -> Cms1500Tables:
        return Cms1500Tables(
            day=day,
            rule_set=self.rule_set,
            cells={row.cell: row for row in self.cells.on(day)},
            programs={row.program: row for row in self.programs.on(day)},
        )
