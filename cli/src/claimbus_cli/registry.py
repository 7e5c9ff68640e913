"""Every finding that any service can say, from the very rows that the services say it by."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from claimbus.events import DUE
from claimbus.rules import FindingRow
from claims.rules import RULES as CLAIMS
from coding.rules import RULES as CODING
from documentation_check.domain.requirement import Requirement
from documentation_check.rules import RULES as DOCUMENTATION
from units.rule_book import UnitRuleBook

BY_PAYER = "by payer"

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
        *(_of_row(row, "coding") for row in CODING.findings),
        *(_of_row(row, "units") for row in UNITS.finding_rows),
        *map(_of_requirement, DOCUMENTATION.requirements.rows),
        *(_of_row(row, "claims") for row in CLAIMS.findings),
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


def _of_requirement(row: Requirement) -> Entry:
    weights = {asked.severity.value for asked in DOCUMENTATION.required_by.rows if row.id in asked.requirements}
    return Entry(
        row.id,
        row.asks if row.id.startswith(DUE) else f"The record does not show: {row.asks[0].lower()}{row.asks[1:]}",
        "documentation-check",
        weights.pop() if len(weights) == 1 else BY_PAYER,
        row.carc or "",
        _remarks(row),
        row.fixable_by,
        row.mending,
        row.citation,
    )


def _remarks(row: Requirement) -> str:
    """One code, or each with the disciplines that it is for."""
    if not isinstance(row.rarc, dict):
        return row.rarc or ""
    of_code: dict[str, list[str]] = {}
    for discipline, code in row.rarc.items():
        of_code.setdefault(code, []).append(discipline)
    return ", ".join(f"{code} ({', '.join(disciplines)})" for code, disciplines in of_code.items())
