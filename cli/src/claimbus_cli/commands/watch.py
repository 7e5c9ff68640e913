"""`claimbus watch`: decisions as they are made."""

import sys

import click
from claimbus.events import Decision
from rich.table import Column, Table

from claimbus_cli.bus.connection import at_server, on_bus
from claimbus_cli.bus.reading import following
from claimbus_cli.views.show import add_decision
from claimbus_cli.views.terminal import out


@click.command()
@click.option("--all", "from_start", is_flag=True, help="Begin with the first decision in the stream.")
@click.option("--json", "as_json", is_flag=True, help="One decision a line, whole.")
@on_bus
async def watch(from_start: bool, as_json: bool) -> None:
    """Follow decisions as they are made, until Ctrl-C.

    \b
    claimbus watch
    claimbus watch --all --json | jq .outcome
    """
    async with at_server() as client, following(client, from_start=from_start) as events:
        async for event in events:
            if not as_json:
                row = Table.grid(
                    Column(min_width=24), Column(min_width=11), Column(min_width=20), Column(), padding=(0, 2)
                )
                add_decision(row, event)
                out.print(row)
            elif isinstance(event, Decision):
                sys.stdout.write(event.model_dump_json() + "\n")
                sys.stdout.flush()
