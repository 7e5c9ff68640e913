"""The visits that the streams hold."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from claimbus.events import Keyed, VisitCompleted, VisitVoided
from claimbus.events.envelope import read
from nats.aio.client import Client
from pydantic_core import from_json, to_json

from claimbus_cli.bus.reading import stored_events


class _Sent(Keyed):
    """As much of a visit as tells whether it is wanted."""

    service_date: date


class NewestRevision(NamedTuple):
    """The newest revision of a visit; no body where it is not wanted."""

    revision: int
    service_date: date
    body: bytes | None
    seq: int


async def newest_revisions(
    client: Client, practice: str | None, first: date, last: date, advance: Callable[[], None]
) -> tuple[dict[tuple[str, str], NewestRevision], int]:
    """By visit, those not voided; and how many stored events cannot be read. `advance` is called for each event.

    Raises `BusError` for what cannot be a practice's key, and nats-py's errors.
    """
    by_visit: dict[tuple[str, str], NewestRevision] = {}
    unreadable = 0
    async for stored in stored_events(client, VisitCompleted, practice):
        advance()
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
            by_visit[key] = NewestRevision(sent.revision, sent.service_date, body if wanted else None, stored.seq)
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


def lines_of(visits: Iterable[NewestRevision]) -> Iterator[bytes]:
    """Those that are wanted as JSON, each on a line, by date of service."""
    for visit in sorted(visits, key=lambda visit: visit.service_date):
        if visit.body is not None:
            yield visit.body if b"\n" not in visit.body else to_json(from_json(visit.body))
