"""`claimbus demo`: the example visits through a pipeline that is started for them."""

import asyncio
import contextlib
import time
from pathlib import Path

import click
from claimbus.messaging import Outgoing
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.settings import Settings
from claimbus.testing.visits import EXAMPLES
from nats.aio.client import Client
from rich.console import Group
from rich.live import Live

from claimbus_cli.bus.connection import BusError, connected, on_bus
from claimbus_cli.bus.pipeline import running_pipeline, stop_on_signals
from claimbus_cli.bus.publishing import outgoing, publish_visit
from claimbus_cli.bus.reading import following
from claimbus_cli.spans import Span, TracesError, is_whole, traces_of
from claimbus_cli.views.show import add_decision, dead_letters_table, decisions_table
from claimbus_cli.views.terminal import out, progress_bars
from claimbus_cli.views.trace import show_trace
from claimbus_cli.visit_files import VisitsError, read_visits

_LONGEST_DEMO = 120.0
"""Seconds until the demo gives up waiting for its visits."""


@click.command()
@click.argument("source", default=str(EXAMPLES), metavar="[VISITS]")
@click.option("--exit", "leave", is_flag=True, help="End by itself when every visit has its answer.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the embedded server.  [default: a free one]")
@on_bus
async def demo(source: str, leave: bool, port: int | None) -> None:
    """Start everything, publish the example visits, show the decisions as they come.

    \b
    claimbus demo
    claimbus demo --exit
    claimbus demo my-visits.jsonl
    """
    stop = stop_on_signals()
    visits = [outgoing(body) for _, body in read_visits(source)]
    if not visits:
        raise VisitsError(f"{source}: no visit in it")
    out.print("Starting broker and services.")
    async with running_pipeline(Settings.read().nats_url, None, port) as running:
        async with connected(running.url) as client:
            await _publish_and_show(client, visits, stop)
            await _show_one_trace(running.folder / "traces", visits[0])
        _print_hints()
        if not leave and not stop.done():
            out.print(f"\nStill running on {running.url}; Ctrl-C stops it.", soft_wrap=True)
            await stop


async def _publish_and_show(client: Client, visits: list[Outgoing], stop: asyncio.Future[None]) -> None:
    table = decisions_table()
    progress = progress_bars()
    published = progress.add_task("published", total=len(visits))
    answered = progress.add_task("answered", total=len(visits))
    waiting = {(visit.practice_id, visit.visit_id) for visit in visits}
    total = len(waiting)
    progress.update(answered, total=total)
    # From the start: on a server of one's own these visits may have been decided by an earlier demo.
    async with asyncio.TaskGroup() as tasks, following(client, from_start=True) as events:

        async def show() -> None:
            async for event in events:
                if (event.practice_id, event.visit_id) in waiting:
                    add_decision(table, event)
                    waiting.discard((event.practice_id, event.visit_id))

        showing = tasks.create_task(show())
        with Live(Group(progress, table), console=out, refresh_per_second=10):
            for visit in visits:
                await publish_visit(client, visit)
                progress.advance(published)
            deadline = time.monotonic() + _LONGEST_DEMO
            while waiting and not stop.done() and time.monotonic() < deadline:
                await asyncio.sleep(0.2)
                waiting -= {stored.visit for stored in await read_dead_letters(client)}
                progress.update(answered, completed=total - len(waiting))
        showing.cancel()
    if dead_letters := await read_dead_letters(client):
        out.print("\n", dead_letters_table(dead_letters), sep="")
    if waiting and not stop.done():
        raise BusError(f"{len(waiting)} visits have no answer after {_LONGEST_DEMO:.0f} seconds")


async def _show_one_trace(folder: Path, visit: Outgoing) -> None:
    """The way of a visit through the services, once all of them have written what they did."""
    key = f"{visit.practice_id}.{visit.visit_id}"
    if Settings.read().exports.signals:
        return  # they were sent to a collector
    spans: list[Span] = []
    for _ in range(20):
        await asyncio.sleep(0.2)
        with contextlib.suppress(TracesError):
            found = traces_of(str(folder), key)[-1]
            if len(found) == len(spans) and is_whole(found):
                break
            spans = found
    if spans:
        out.print()
        show_trace(spans, f"{visit.practice_id}/{visit.visit_id}")


def _print_hints() -> None:
    out.print(
        "\n[bold]Look further[/]",
        "  claimbus evaluate examples/visits/03-mixed-remainders.json | python -m json.tool",
        "      the whole decision: every line, unit, modifier and finding with rule, citation and inputs",
        "  claimbus explain examples/visits/18-distinct-service.json",
        "      the same as a page for a person",
        "  claimbus up, then in another terminal: claimbus watch, claimbus publish FILE, claimbus dead show NUMBER",
        "  claimbus trace VISIT, claimbus top: each step of a visit, and the pipeline at work",
        "  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 claimbus demo    sends all telemetry to a collector",
        sep="\n",
        highlight=False,
        soft_wrap=True,
    )
