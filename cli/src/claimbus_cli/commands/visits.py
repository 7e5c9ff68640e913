"""`claimbus visits`: the visits that the streams hold, to try rules on or to send again."""

import sys
from datetime import date, datetime

import click
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import VISITS

from claimbus_cli.bus.connection import at_server, on_bus
from claimbus_cli.bus.reconciliation import answered_by_claims
from claimbus_cli.bus.stored_visits import lines_of, newest_revisions
from claimbus_cli.views.terminal import counted

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--since", type=_DAY, metavar="DATE", help="First date of service.")
@click.option("--through", type=_DAY, metavar="DATE", help="Last date of service.")
@click.option("--practice", metavar="KEY", help="Of this practice alone.")
@click.option(
    "--undecided",
    is_flag=True,
    help="Those alone that claims has not decided, and that are no dead letters: to publish them again.",
)
@on_bus
async def visits(since: datetime | None, through: datetime | None, practice: str | None, undecided: bool) -> None:
    """Write the visits that lie on the bus, one JSON object a line, by date of service.

    The newest revision of each visit; none that was voided. They hold PHI: keep the file as you keep the record.

    \b
    claimbus visits --since 2026-10-01 --through 2026-10-31 > october.jsonl
    claimbus visits --practice northside-pt | claimbus evaluate - --rules ./drafts --compare
    claimbus visits --undecided | claimbus publish -
    """
    first = since.date() if since else date.min
    last = through.date() if through else date.max
    if last < first:
        raise click.UsageError(f"--through {last} lies before --since {first}")
    async with at_server() as client:
        with counted("stored visits") as advance:
            by_visit, unreadable = await newest_revisions(client, practice, first, last, advance)
        if undecided:
            with counted("words of claims") as advance:
                answered, _ = await answered_by_claims(client, advance)
            dead_letters = [stored.dead_letter for stored in await read_dead_letters(client)]
            given_up = {dead_letter.seq for dead_letter in dead_letters if dead_letter.stream == VISITS}
            by_visit = {
                key: visit
                for key, visit in by_visit.items()
                if answered.get(key, 0) < visit.revision and visit.seq not in given_up
            }
    for line in lines_of(by_visit.values()):
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    if unreadable:
        click.echo(f"{unreadable} stored events are no visits and were left out; see: claimbus dead list", err=True)
