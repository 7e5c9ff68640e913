"""What became of stored visits, as tables and as data."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from claimbus_cli.bus.reconciliation import Status, StoredVisit
from claimbus_cli.views.terminal import spell_age

_MEANINGS: dict[Status, str] = {
    "answered": "claims decided it, took it back, or said what replaced it",
    "held": "claims says what it waits for: claimbus explain VISIT",
    "buried": "a dead letter: claimbus dead list",
    "waiting": "nothing said yet, and not late",
    "unaccounted": "nothing said in time: see docs/runbooks/reconciliation-gap.md",
}
_SHOWN = 20


def counts_table(counts: Counter[Status]) -> Table:
    """How many visits there are of each status."""
    table = Table("visits", "stand", "which means", box=None)
    for status, meaning in _MEANINGS.items():
        if count := counts[status]:
            colour = "red" if status == "unaccounted" else "default"
            table.add_row(f"{count:,}", f"[{colour}]{status}[/]", meaning)
    if not counts:
        table.add_row("0", "", "the visits stream is empty")
    return table


def visits_table(title: str, visits: list[StoredVisit]) -> Table:
    """A row for each visit, up to a screenful."""
    table = Table("visit", "revision", "age", "what is there", title=title, title_justify="left", box=None)
    table.columns[0].overflow = "fold"
    for visit in visits[:_SHOWN]:
        dead_letters = [f"dead letter {stored.number} ({stored.dead_letter.consumer})" for stored in visit.dead_letters]
        facts = () if visit.facts is None else visit.facts or ("the visit alone",)
        there = ", ".join((*facts, *dead_letters))
        name = f"{visit.practice_id}/{visit.visit_id}"
        table.add_row(name, str(visit.revision or "?"), spell_age(_age_of(visit)), there)
    if len(visits) > _SHOWN:
        table.add_row(f"and {len(visits) - _SHOWN:,} more", "", "", "--json names all")
    return table


def _age_of(visit: StoredVisit) -> float:
    return max(0.0, (datetime.now(UTC) - visit.at).total_seconds())


def as_data(visit: StoredVisit) -> dict[str, Any]:
    """A visit for a program."""
    dead_letters = [
        {"number": stored.number, "consumer": stored.dead_letter.consumer, "why": stored.dead_letter.why}
        for stored in visit.dead_letters
    ]
    return {
        "practice_id": visit.practice_id,
        "visit_id": visit.visit_id,
        "revision": visit.revision or None,
        "at": visit.at,
        "age_seconds": round(_age_of(visit), 3),
        "stands": visit.status,
        "facts": visit.facts,
        "dead_letters": dead_letters,
    }
