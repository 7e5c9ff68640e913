"""`claimbus doctor`: is the broker fit to run the pipeline."""

import click
from rich.table import Table

from claimbus_cli.bus.connection import BusError, at_server, on_bus
from claimbus_cli.bus.doctor import examine_broker
from claimbus_cli.views.terminal import out


@click.command()
@on_bus
async def doctor() -> None:
    """Look at server, streams, consumers, dead letters and clock; say what to do. Status 1 if unfit."""
    async with at_server() as client:
        checks = await examine_broker(client)
    table = Table(box=None)
    for column in ("", "what", "found", "do"):
        table.add_column(column, overflow="fold")
    marks = {True: "[green]ok[/]", False: "[red]no[/]", None: "[yellow]look[/]"}
    for check in checks:
        table.add_row(marks[check.ok], check.what, check.found, check.todo)
    out.print(table)
    if any(check.ok is False for check in checks):
        raise BusError("the broker is not fit to run the pipeline")
