"""Findings by their ids as a person reads them."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from claimbus_cli.registry import Entry

_MENDING = {
    "addendum": "by addendum: a dated, signed addition of what was done and is known",
    "document": "by a document that is written or obtained now, under its true date",
    "correction": "by correction: what was sent is put right from the record",
    "none": "not at all: nothing that is written now makes it billable",
}


def finding_page(entry: Entry) -> Table:
    """What one finding means, what it costs and who fixes it how."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=14)
    grid.add_column(overflow="fold")
    for label, text in (
        ("finding", entry.id),
        ("means", entry.meaning),
        ("said by", entry.service),
        ("severity", entry.severity),
        ("denial", entry.denial or "none is known"),
        ("mended by", entry.fixable_by.replace("_", " ")),
        ("how", _MENDING[entry.mending]),
        ("source", entry.source),
    ):
        grid.add_row(Text(label), Text(text))
    return grid


def findings_table(entries: Sequence[Entry]) -> Table:
    """A row for each finding."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("finding", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("denial", overflow="fold")
    table.add_column("mended by", overflow="fold")
    table.add_column("means", overflow="fold", ratio=1)
    for entry in entries:
        fix = f"{entry.mending} ({entry.fixable_by.replace('_', ' ')})"
        table.add_row(*map(Text, (entry.id, entry.severity, entry.denial, fix, entry.meaning)))
    return table
