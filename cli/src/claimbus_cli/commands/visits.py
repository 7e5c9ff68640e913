"""`claimbus visits`: the visits that the streams hold, to try rules on or to send again."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

import click
from claimbus.events import Keyed, VisitCompleted, VisitVoided
from claimbus.events.envelope import read
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import VISITS
from nats.aio.client import Client
from pydantic_core import from_json, to_json

from claimbus_cli.bus.bus import stored_events
from claimbus_cli.commands.reconcile import said_by_claims
from claimbus_cli.views.terminal import at_server, counted, run


class _Sent(Keyed):
    """As much of a visit as tells whether it is wanted."""

    service_date: date


class _Last(NamedTuple):
    """The newest revision of a visit; no body where it is not wanted."""

    revision: int
    service_date: date
    body: bytes | None
    seq: int


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
def visits(since: datetime | None, through: datetime | None, practice: str | None, undecided: bool) -> None:
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
    run(_write(practice, first, last, undecided))


async def _write(practice: str | None, first: date, last: date, undecided: bool) -> None:
    async with at_server() as client:
        by_visit, unreadable = await _newest(client, practice, first, last)
        if undecided:
            with counted("words of claims") as tell:
                answered, _ = await said_by_claims(client, tell)
            given_up = {
                stored.dead_letter.seq
                for stored in await read_dead_letters(client)
                if stored.dead_letter.stream == VISITS
            }
            by_visit = {
                key: one
                for key, one in by_visit.items()
                if answered.get(key, 0) < one.revision and one.seq not in given_up
            }
    found = list(_in_order(by_visit.values()))
    for body in found:
        sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()
    if unreadable:
        click.echo(f"{unreadable} stored events are no visits and were left out; see: claimbus dead list", err=True)


async def _newest(
    client: Client, practice: str | None, first: date, last: date
) -> tuple[dict[tuple[str, str], _Last], int]:
    by_visit: dict[tuple[str, str], _Last] = {}
    unreadable = 0
    with counted("stored visits") as tell:
        async for stored in stored_events(client, VisitCompleted, practice):
            tell()
            try:
                _, body = read(stored.headers, stored.body)
                sent = _Sent.model_validate_json(body)
                key = _key_of(sent, stored.subject)
            except ValueError:
                unreadable += 1
                continue
            known = by_visit.get(key)
            if known is None or known.revision <= sent.revision:
                wanted = first <= sent.service_date <= last
                by_visit[key] = _Last(sent.revision, sent.service_date, body if wanted else None, stored.seq)
    async for stored in stored_events(client, VisitVoided, practice):
        try:
            void = Keyed.model_validate_json(read(stored.headers, stored.body)[1])
        except ValueError:
            continue
        known = by_visit.get((void.practice_id, void.visit_id))
        if known is not None and known.revision <= void.revision:
            del by_visit[void.practice_id, void.visit_id]
    return by_visit, unreadable


def _key_of(sent: Keyed, subject: str) -> tuple[str, str]:
    """Raises `ValueError` where the event speaks for another visit than its subject."""
    key = sent.practice_id, sent.visit_id
    if subject.split(".")[1:3] != list(key):
        raise ValueError("the subject names another visit")
    return key


def _in_order(visits: Iterable[_Last]) -> Iterator[bytes]:
    for one in sorted(visits, key=lambda one: one.service_date):
        if one.body is not None:
            yield one.body if b"\n" not in one.body else to_json(from_json(one.body))
