"""Publishing events: explicit, acknowledged by the broker, and safe to repeat."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from claimbus.events import Event, identity_of
from claimbus.events.envelope import Envelope, to_headers
from claimbus.events.subjects import all_claims_of, subject_for, template_of
from claimbus.messaging.decisions import LatestClaimEvent, all_claim_events, latest_claim_event
from claimbus.messaging.decode import Received
from claimbus.messaging.errors import StaleRead
from claimbus.messaging.topology import PUBLISH_TIMEOUT
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.business import count_claim_event
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record

WRONG_SEQUENCE = (10071, 10164)
"""A lost optimistic write: one code on a single server, the other on a cluster."""

_DUPLICATE_IN_PROCESS = 10158
"""On a cluster: an event of this id is being stored for somebody else. Asked again, it is a duplicate."""
_DUPLICATE_WAITS = (0.02, 0.05, 0.1, 0.2)
"""Seconds before asking again."""
_RACES = 5
"""Lost races for one visit before the message is put back."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event ready to be published: which kind, about which visit, under which id, as which JSON."""

    kind: type[Event]
    practice_id: str
    visit_id: str
    revision: int
    id: str
    body: bytes

    @classmethod
    def of(cls, event: Event) -> "Outgoing":
        body = event.to_json()
        return cls(type(event), event.practice_id, event.visit_id, event.revision, identity_of(event), body)


async def publish_event(
    client: Client,
    event: Outgoing,
    *,
    source: str,
    cause: str | None = None,
    guard: dict[str, str] | None = None,
    message_id: str | None = None,
    context: Context | None = None,
    links: tuple[Link, ...] = (),
) -> PubAck:
    """Publish one event and wait until the broker has stored it.

    The broker drops a second event of the same id within its window, so publishing again after a
    crash or a lost acknowledgement is safe; `message_id` is for one that is meant to be stored again.
    Raises nats-py's errors.
    """
    kind = event.kind
    envelope = Envelope(
        id=event.id,
        source=source,
        type=kind.type,
        time=datetime.now(UTC).isoformat(),
        dataschema=kind.schema_id(),
        correlationid=f"{event.practice_id}.{event.visit_id}",
        causationid=cause,
        revision=str(event.revision),
    )
    headers = {**to_headers(envelope), "Nats-Msg-Id": message_id or event.id, **(guard or {})}
    where = template_of(kind)
    attributes = {
        registry.SYSTEM: "nats",
        registry.OPERATION_NAME: "publish",
        registry.OPERATION_TYPE: "send",
        registry.DESTINATION: where,
    }
    subject = subject_for(kind, event.practice_id, event.visit_id)
    with tracing.span(f"publish {where}", SpanKind.PRODUCER, attributes, context, links):
        tracing.inject(headers)
        with _measured(where):
            return await _store(client, subject, event.body, headers)


@contextlib.contextmanager
def _measured(where: str) -> Iterator[None]:
    labels = {registry.SYSTEM: "nats", registry.OPERATION_NAME: "publish", registry.DESTINATION: where}
    begun = time.perf_counter()
    try:
        yield
    except Exception as exc:
        labels[registry.ERROR_TYPE] = type(exc).__name__
        raise
    finally:
        record(registry.SENT, 1, labels)
        record(registry.OPERATION, time.perf_counter() - begun, labels)


async def _store(client: Client, subject: str, body: bytes, headers: dict[str, str]) -> PubAck:
    for wait in _DUPLICATE_WAITS:
        try:
            return await JetStreamContext(client).publish(subject, body, timeout=PUBLISH_TIMEOUT, headers=headers)
        except APIError as exc:
            if exc.err_code != _DUPLICATE_IN_PROCESS:
                raise
            await asyncio.sleep(wait)
    raise StaleRead("another replica is storing this very event, and is not done")


class Cause(Protocol):
    """Why something is published: an event that was received, or a visit that was looked at."""

    @property
    def client(self) -> Client: ...

    @property
    def service(self) -> str: ...

    @property
    def event(self) -> Event: ...

    @property
    def id(self) -> str: ...


async def publish_derived(event: Event, *, cause: Received[Event]) -> None:
    """Publish an event that follows from the one being handled."""
    await publish_event(cause.client, Outgoing.of(event), source=f"/claimbus/{cause.service}", cause=cause.id)


async def publish_once(
    compose: Callable[[LatestClaimEvent], Event],
    *,
    terminal: tuple[type[Event], ...],
    cause: Cause,
    since: datetime | None = None,
    links: tuple[Link, ...] = (),
    too_late: Callable[[LatestClaimEvent], Event] | None = None,
) -> None:
    """Publish what `compose` makes of the latest claim event of a visit, unless that one is terminal for the revision.

    Terminal for a revision is a claim event of one of the kinds `terminal`, or any on a later revision. Of any number
    of processes that try, one gets through: the broker refuses a claim event that does not follow on the latest, and
    the refused look again. `too_late` is for a revision that a later one overtook before anything was published of
    it. `since` is when the visit was stored, for the time that it took.

    Raises `StaleRead` when the race is lost again and again.
    """
    client = cause.client
    visit = cause.event
    revision = visit.revision
    # Of a first revision there is probably no claim event: try that, and let the broker object.
    latest = (
        LatestClaimEvent() if revision == 1 else await latest_claim_event(client, visit.practice_id, visit.visit_id)
    )
    with tracing.span("decide", SpanKind.INTERNAL, {registry.REVISION: revision}, links=links):
        for _ in range(_RACES):
            make = compose
            if latest.is_terminal_for(revision, terminal):
                is_overtaken = latest.revision > revision and too_late is not None
                if is_overtaken:
                    latest = await all_claim_events(client, visit.practice_id, visit.visit_id)
                if too_late is None or not is_overtaken or revision in latest.revisions:
                    tracing.mark(OUTCOME="already-published")
                    log().info("claim.already-published", outcome=latest.fact, revision=latest.revision)
                    return
                make = too_late
            event = make(latest)
            if await publish_after(event, latest, cause=cause):
                tracing.mark(OUTCOME=type(event).fact)
                count_claim_event(event, since)
                log().info("claim.published", outcome=type(event).fact, revision=event.revision)
                return
            latest = await latest_claim_event(client, visit.practice_id, visit.visit_id)
    raise StaleRead(f"lost {_RACES} races for one visit")


async def publish_after(event: Event, latest: LatestClaimEvent, *, cause: Cause) -> bool:
    """Publish a claim event unless another was published since `latest`; whether it was published.

    The broker compares the last sequence over all claim subjects of the visit, so that of any number
    of writers exactly one gets through, whichever event each of them has.
    """
    guard = {
        "Nats-Expected-Last-Subject-Sequence": str(latest.seq),
        "Nats-Expected-Last-Subject-Sequence-Subject": all_claims_of(event.practice_id, event.visit_id),
    }
    try:
        await publish_event(
            cause.client, Outgoing.of(event), source=f"/claimbus/{cause.service}", cause=cause.id, guard=guard
        )
    except APIError as exc:
        if exc.err_code in WRONG_SEQUENCE:
            return False
        raise
    return True
