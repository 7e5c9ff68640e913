"""`claimbus provision`: streams and consumers as they are declared."""

import click
from claimbus.messaging.topology import provision as apply_topology

from claimbus_cli.bus.connection import at_server, on_bus
from claimbus_cli.views.terminal import out


@click.command()
@click.option("--replicas", type=click.Choice(["1", "3", "5"]), default="1", show_default=True, help="Stream copies.")
@click.option(
    "--room",
    type=click.FloatRange(min=0.05),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="What streams may hold, as a multiple of what is declared; room that they have is never taken away.",
)
@on_bus
async def provision(replicas: str, room: float) -> None:
    """Create or update the streams and consumers. Safe to repeat.

    \b
    CLAIMBUS_NATS_URL=nats://nats:4222 claimbus provision --replicas 3
    claimbus provision --room 4         # VISITS may hold 32 GiB instead of 8
    """
    async with at_server() as client:
        changed = await apply_topology(client.jetstream(), int(replicas), room)
    out.print("\n".join(changed) or "Nothing to change: everything is as declared.")
