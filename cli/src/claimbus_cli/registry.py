"""Every finding that a decision may hold, from the rows that the services make them of."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

import click
from claimbus.rules import FindingRow
from claimbus_engine import Rules


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
    """Of a failure; what is unknown is fixed by sending what the record has."""
    source: str

    @property
    def denial(self) -> str:
        """`CARC 16, RARC M51`; empty where none is known."""
        return ", ".join(f"{kind} {code}" for kind, code in (("CARC", self.carc), ("RARC", self.rarc)) if code)


class UnknownFindingError(click.ClickException):
    """An id that no service makes; the text gives the nearest that there are."""


def registry(rules: Rules) -> Mapping[str, Entry]:
    """By id, in the order of the services and their tables."""
    return {row.id: _entry(row, book.service()) for book in rules.books for row in book.finding_rows}


def look_up(name: str, entries: Mapping[str, Entry]) -> Entry:
    """Raises `UnknownFindingError`."""
    given = name.strip().casefold().replace("_", "-")
    if given in entries:
        return entries[given]
    # The whole id, or its problem alone: `overdue` is meant for `progress-report.overdue`.
    by_part = {part: full for full in entries for part in (full.partition(".")[2], full)}
    near = dict.fromkeys(by_part[part] for part in get_close_matches(given, by_part, n=3, cutoff=0.5))
    hint = f"the nearest: {', '.join(near)}" if near else "see: claimbus findings"
    raise UnknownFindingError(f"no finding has the id {name}; {hint}")


def _entry(row: FindingRow, service: str) -> Entry:
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
