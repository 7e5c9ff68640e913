"""`claimbus top`: the pipeline at work."""

import asyncio
import contextlib

import click
from rich.live import Live

from claimbus_cli.bus.connection import at_server, on_bus
from claimbus_cli.bus.open_visits import OpenVisitsReader
from claimbus_cli.bus.snapshot import take_snapshot
from claimbus_cli.views.terminal import out, print_json
from claimbus_cli.views.top import activity_page, as_data


@click.command()
@click.option("--once", is_flag=True, help="Two looks, one picture, and no more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of the picture.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.2),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
@on_bus
async def top(once: bool, as_json: bool, interval: float) -> None:
    """Watch the pipeline at work until Ctrl-C: rates, what waits, what claims said, open visits, what is oldest.

    \b
    claimbus top
    claimbus top --once --json | jq .open
    """
    async with at_server() as client:
        open_visits = OpenVisitsReader(client)
        before = await take_snapshot(client, open_visits)
        with contextlib.nullcontext() if once or as_json else Live(console=out, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(interval)
                now = await take_snapshot(client, open_visits)
                if as_json:
                    print_json(as_data(before, now), indent=None)
                elif live is None:
                    out.print(activity_page(before, now))
                else:
                    live.update(activity_page(before, now), refresh=True)
                if once:
                    return
                before = now
