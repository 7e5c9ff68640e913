"""Publishing facts: explicit, acknowledged by the broker, and safe to repeat."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from claimbus.events import Derived, Event
from claimbus.events.envelope import Envelope, event_id, to_headers
from claimbus.events.subjects import all_claims_of, subject_for, template_of
from claimbus.messaging.decode import Received
from claimbus.messaging.delivery import PUBLISH_TIMEOUT
from claimbus.messaging.direct_get import LatestClaimEvent
from claimbus.messaging.errors import StaleRead
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.metrics import record

_WRONG_SEQUENCE = (10071, 10164)
"""A lost optimistic write: one code on a single server, the other on a cluster."""

_TWIN_IN_PROCESS = 10158
"""On a cluster: an event of this id is being stored for somebody else. Asked again, it is a duplicate."""
_TWIN_WAITS = (0.02, 0.05, 0.1, 0.2)
"""Seconds before asking again."""


def identity_of(event: Event) -> str:
    """Id of an event, from what it says of what and by which rules: the same inputs, the same id."""
    basis, rules = (event.basis.sha256, event.rule_set.sha256) if isinstance(event, Derived) else ("", "")
    return event_id(event.type, event.practice_id, event.visit_id, event.revision, basis, rules)


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
        body = event.model_dump_json().encode()
        return cls(type(event), event.practice_id, event.visit_id, event.revision, identity_of(event), body)


async def publish(
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
    for wait in _TWIN_WAITS:
        try:
            return await JetStreamContext(client).publish(subject, body, timeout=PUBLISH_TIMEOUT, headers=headers)
        except APIError as exc:
            if exc.err_code != _TWIN_IN_PROCESS:
                raise
            await asyncio.sleep(wait)
    raise StaleRead("another replica is storing this very event, and is not done")


class Cause(Protocol):
    """Why something is said: a fact that was received, or a visit that was looked at."""

    @property
    def client(self) -> Client: ...

    @property
    def service(self) -> str: ...

    @property
    def event(self) -> Event: ...

    @property
    def id(self) -> str: ...


async def publish_derived(event: Event, *, cause: Received[Event]) -> None:
    """Say a fact that follows from the message being handled."""
    await publish(cause.client, Outgoing.of(event), source=f"/claimbus/{cause.service}", cause=cause.id)


async def publish_after(event: Event, last: LatestClaimEvent, *, cause: Cause) -> bool:
    """Say something of a visit unless something else was said since `last`; tells whether it was said.

    The broker compares the last sequence over all claim subjects of the visit, so that of any number
    of writers exactly one gets through, whatever each of them wanted to say.
    """
    guard = {
        "Nats-Expected-Last-Subject-Sequence": str(last.seq),
        "Nats-Expected-Last-Subject-Sequence-Subject": all_claims_of(event.practice_id, event.visit_id),
    }
    try:
        await publish(
            cause.client, Outgoing.of(event), source=f"/claimbus/{cause.service}", cause=cause.id, guard=guard
        )
    except APIError as exc:
        if exc.err_code in _WRONG_SEQUENCE:
            return False
        raise
    return True
