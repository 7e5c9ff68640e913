"""`claimbus reconcile`: every stored visit against what claims has published."""

import sys

import click

from claimbus_cli.bus.connection import at_server, on_bus
from claimbus_cli.bus.reconciliation import reconcile_visits
from claimbus_cli.views.reconciliation import as_data, counts_table, visits_table
from claimbus_cli.views.terminal import counted, out, print_json


@click.command()
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="A younger visit without a word is only waiting.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@on_bus
async def reconcile(older_than: float, as_json: bool) -> None:
    """Hold every stored visit against what claims has said. Status 1 if nothing was said of one in time.

    \b
    claimbus reconcile
    claimbus reconcile --older-than 60 --json | jq .unaccounted
    """
    async with at_server() as client:
        with counted("read") as advance:
            found = await reconcile_visits(client, older_than, advance)
    if as_json:
        gaps, buried = (list(map(as_data, visits)) for visits in (found.gaps, found.buried))
        print_json({"counts": found.counts, "unaccounted": gaps, "buried": buried})
    else:
        out.print(counts_table(found.counts))
        for title, visits in (("Unaccounted", found.gaps), ("Buried", found.buried)):
            if visits:
                out.print()
                out.print(visits_table(title, visits))
    if found.gaps:
        sys.exit(1)
