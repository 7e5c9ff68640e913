"""`claimbus up`: broker and services on this machine."""

import asyncio
from pathlib import Path

import click
from claimbus.settings import Settings

from claimbus_cli.bus.connection import on_bus
from claimbus_cli.bus.pipeline import running_pipeline, stop_on_signals
from claimbus_cli.views.terminal import out


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the embedded server.  [default: a free one]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".claimbus"),
    show_default=True,
    help="Folder for streams and logs; the same folder goes on where it stopped.",
)
@on_bus
async def up(port: int | None, data: Path) -> None:
    """Start broker and services, and keep them running until Ctrl-C.

    \b
    claimbus up
    claimbus up --port 4222 --data /var/lib/claimbus
    CLAIMBUS_NATS_URL=nats://10.0.0.5:4222 claimbus up     # services only, on that server
    """
    stop = stop_on_signals()
    out.print("Starting broker and services.")
    async with running_pipeline(Settings.read().nats_url, data, port) as running:
        out.print(f"[green]Running.[/] Broker: {running.url}   logs: {running.folder / 'logs'}", soft_wrap=True)
        is_sent = bool(Settings.read().exports.signals)
        out.print(
            "In another terminal:",
            f"  export CLAIMBUS_NATS_URL={running.url}",
            # Also for `publish`: its span is where the trace of a visit begins.
            *([] if is_sent else [f"  export CLAIMBUS_TRACES_DIR={(running.folder / 'traces').absolute()}"]),
            "  claimbus watch",
            "  claimbus publish examples/visits",
            f"  claimbus trace VISIT{' --from http://JAEGER:16686' if is_sent else ''}",
            "  claimbus top",
            "Ctrl-C stops everything.",
            sep="\n",
            soft_wrap=True,
        )
        failed = running.supervisor.failed
        await asyncio.wait((stop, failed), return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            await failed
        out.print("Stopping: finishing what is in hand.")
