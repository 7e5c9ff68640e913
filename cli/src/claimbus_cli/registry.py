"""Every finding that any service can say, from the very rows that the services say it by."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from claimbus.rules import FindingRow
from claims.rule_book import ClaimRuleBook
from coding.rule_book import CodingRuleBook
from documentation_check.rule_book import DocumentationRuleBook
from units.rule_book import UnitRuleBook

BY_PAYER = "by payer"

CLAIMS = ClaimRuleBook.load()
CODING = CodingRuleBook.load()
DOCUMENTATION = DocumentationRuleBook.load()
UNITS = UnitRuleBook.load()


class Entry(NamedTuple):
    """One id of a finding; empty texts where it has no such code."""

    id: str
    meaning: str
    service: str
    severity: str
    """The heaviest that it takes; `by payer` where programs or profiles weigh it differently."""
    carc: str
    rarc: str
    fixable_by: str
    mending: str
    """Of a failure; what is unknown is mended by sending what the record has."""
    source: str

    @property
    def denial(self) -> str:
        """`CARC 16, RARC M51`; empty where none is known."""
        return ", ".join(f"{kind} {code}" for kind, code in (("CARC", self.carc), ("RARC", self.rarc)) if code)


class UnknownFindingError(ValueError):
    """An id that no service says; the text gives the nearest that are said."""


def registry() -> Mapping[str, Entry]:
    """By id, in the order of the services and their tables."""
    entries = [
        *(_of_row(row, "coding") for row in CODING.finding_rows),
        *(_of_row(row, "units") for row in UNITS.finding_rows),
        *(_of_row(row, "documentation-check") for row in DOCUMENTATION.finding_rows),
        *(_of_row(row, "claims") for row in CLAIMS.finding_rows),
    ]
    return {entry.id: entry for entry in entries}


def look_up(name: str, entries: Mapping[str, Entry]) -> Entry:
    """Raises `UnknownFindingError`."""
    asked = name.strip().casefold().replace("_", "-")
    if asked in entries:
        return entries[asked]
    # The whole id, or its problem alone: `overdue` is meant for `progress-report.overdue`.
    by_part = {part: full for full in entries for part in (full.partition(".")[2], full)}
    near = dict.fromkeys(by_part[part] for part in get_close_matches(asked, by_part, n=3, cutoff=0.5))
    hint = f"the nearest: {', '.join(near)}" if near else "see: claimbus findings"
    raise UnknownFindingError(f"no finding has the id {name}; {hint}")


def _of_row(row: FindingRow, service: str) -> Entry:
    return Entry(
        row.id,
        row.meaning,
        service,
        row.severity,
        row.carc or "",
        row.rarc or "",
        row.fixable_by,
        row.mending,
        row.source,
    )
