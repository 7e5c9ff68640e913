"""`claimbus findings`: every finding by its id, and what each means."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from claimbus.services import SERVICES
from pydantic_core import to_json
from rich.table import Table
from rich.text import Text

from claimbus_cli.views.terminal import loading_rules, out

if TYPE_CHECKING:
    from claimbus_cli.registry import Entry

_MENDING = {
    "addendum": "by addendum: a dated, signed addition of what was done and is known",
    "document": "by a document that is written or obtained now, under its true date",
    "correction": "by correction: what was sent is put right from the record",
    "none": "not at all: nothing that is written now makes it billable",
}


@click.command()
@click.argument("name", required=False, metavar="[ID]")
@click.option(
    "--service",
    type=click.Choice(list(SERVICES)),
    help="Only what this service says.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables: one object, or a list of them.")
def findings(name: str | None, service: str | None, as_json: bool) -> None:
    """List every finding that a decision may hold, or explain one by its id.

    A finding that is not known is mended by sending what the record has, whatever its row says.

    \b
    claimbus findings
    claimbus findings ncci.pair-not-distinct
    claimbus findings --service units
    claimbus findings --json | jq -r '.[] | select(.mending == "none") | .id'
    """
    with loading_rules():
        from claimbus_cli.registry import UnknownFindingError, look_up, registry
    entries = registry()
    if name is not None:
        try:
            entry = look_up(name, entries)
        except UnknownFindingError as exc:
            raise click.ClickException(str(exc)) from exc
        if service not in (None, entry.service):
            raise click.ClickException(f"{entry.id} is said by {entry.service}, not by {service}")
        if as_json:
            _write(entry._asdict())
        else:
            _explain(entry)
        return
    chosen = [entry for entry in entries.values() if service in (None, entry.service)]
    if as_json:
        _write([entry._asdict() for entry in chosen])
        return
    out.print(_table(chosen))
    out.print(f"{len(chosen)} findings. One of them: claimbus findings ID", highlight=False)


def _write(answer: object) -> None:
    sys.stdout.write(to_json(answer, indent=2).decode() + "\n")


def _explain(entry: "Entry") -> None:
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
    out.print(grid, highlight=False)


def _table(entries: Sequence["Entry"]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("finding", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("denial", overflow="fold")
    table.add_column("mended by", overflow="fold")
    table.add_column("means", overflow="fold", ratio=1)
    for entry in entries:
        mended = f"{entry.mending} ({entry.fixable_by.replace('_', ' ')})"
        table.add_row(*map(Text, (entry.id, entry.severity, entry.denial, mended, entry.meaning)))
    return table
