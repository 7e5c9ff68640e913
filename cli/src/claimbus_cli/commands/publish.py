"""`claimbus publish`: visits, and what became of claims, as an EHR would send them."""

import click

from claimbus_cli.bus.connection import BusError, at_server, on_bus
from claimbus_cli.bus.publishing import FROM_OUTSIDE, outgoing, publish_visit
from claimbus_cli.views.terminal import out, progress_bars
from claimbus_cli.visit_files import read_visits


@click.command()
@click.argument("source", metavar="VISITS")
@click.option(
    "--as", "fact", type=click.Choice([*FROM_OUTSIDE]), default="completed", show_default=True, help="What they say."
)
@on_bus
async def publish(source: str, fact: str) -> None:
    """Publish visits of a file, a folder, or standard input (-) as visit-completed events.

    Publishing the same visit again is safe: it is decided once. With --as, the file says that visits were voided, or
    what became of claims: submitted (277CA) or adjudicated (835).

    \b
    claimbus publish examples/visits
    claimbus publish corrected-visit.json
    claimbus publish --as adjudicated examples/outcomes/01-adjudicated.json
    """
    visits = [(line, body) for line, body in read_visits(source)]
    new = 0
    async with at_server() as client:
        with progress_bars() as progress:
            task = progress.add_task("published", total=len(visits))
            for line, body in visits:
                try:
                    new += await publish_visit(client, outgoing(body, FROM_OUTSIDE[fact]))
                except BusError as exc:
                    raise BusError(f"line {line}: {exc} (the {new} before it are published)") from None
                progress.advance(task)
    out.print(f"{new} published, {len(visits) - new} the broker already had.")
