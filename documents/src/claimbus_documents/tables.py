"""Tables that documents are made by: codes of FHIR, cells of the form, and how both say what a decision says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from claimbus.rules import DatedRow, Table, load_table
from claimbus.values import Count, Program

_RULES = "claimbus_documents.{}.rules"
_SHARED = "claimbus.identifiers.rules"


class FhirCodeRow(DatedRow):
    """A code, with its system, for something that the contract names; the system alone where `about` is `system`."""

    about: str
    said: str
    system: str
    code: str = ""


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


class RelationshipRow(DatedRow):
    """A spelling of what the patient is to the subscriber."""

    said: str
    relationship: Literal["self", "spouse", "child", "other"]


@dataclass(frozen=True)
class DocumentTables:
    """What is in force on one day."""

    fhir_codes: Mapping[tuple[str, str], tuple[FhirCodeRow, ...]]
    """By what it is about, and what the contract says."""
    cells: Mapping[str, CellRow]
    programs: Mapping[str, FormProgramRow]
    relationships: Mapping[str, str]

    def relationship(self, said: str | None) -> str | None:
        """One of self, spouse, child and other; null where nothing is known. Any other word is `other`."""
        if said is None or not said.strip():
            return None
        return self.relationships.get(said.strip().casefold(), "other")


_CODES = load_table(
    _RULES.format("fhir"), "fhir_codes.toml", FhirCodeRow, lambda row: (row.about, row.said, row.system)
)
_CELLS = load_table(_RULES.format("cms1500"), "cms1500_cells.toml", CellRow, lambda row: row.cell)
_PROGRAMS = load_table(_RULES.format("cms1500"), "cms1500_programs.toml", FormProgramRow, lambda row: row.program)
_RELATIONSHIPS = load_table(_SHARED, "relationships.toml", RelationshipRow, lambda row: row.said)
DOCUMENT_TABLES: tuple[Table[Any], ...] = (_CODES, _CELLS, _PROGRAMS, _RELATIONSHIPS)


@lru_cache(maxsize=64)
def tables_on(day: date) -> DocumentTables:
    codes: dict[tuple[str, str], tuple[FhirCodeRow, ...]] = {}
    for row in _CODES.on(day):
        codes[row.about, row.said] = (*codes.get((row.about, row.said), ()), row)
    return DocumentTables(
        fhir_codes=codes,
        cells={row.cell: row for row in _CELLS.on(day)},
        programs={row.program: row for row in _PROGRAMS.on(day)},
        relationships={row.said: row.relationship for row in _RELATIONSHIPS.on(day)},
    )
