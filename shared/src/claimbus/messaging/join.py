"""The fan-in: all facts of one visit revision, from the stream itself, and one word for each revision.

Each fact is in the stream before its handler runs. So the handler of the fact that was stored last
finds all others, if its read is at least as new as its own message. No other is sure to find that one,
so it must not be acknowledged before the visit was handed on. Facts received a moment ago are kept
in memory, and only what is missing is read: with one replica a visit costs one shared read, with many
it costs a few, and the result is the same.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from nats.aio.client import Client
from opentelemetry.trace import Link, SpanKind

from claimbus.events import Basis, Derived, Event
from claimbus.events.subjects import subject_for
from claimbus.messaging.decode import Fact, Received, decode
from claimbus.messaging.direct_get import (
    LastMessages,
    LatestClaimEvent,
    Stored,
    all_claim_events,
    latest_claim_event,
    walk,
)
from claimbus.messaging.errors import InvalidEvent, StaleRead
from claimbus.messaging.publish import Cause, publish_after
from claimbus.messaging.topology import VISITS
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.business import count_claim_event
from claimbus.telemetry.logs import log

E = TypeVar("E", bound=Event)
_KEPT = 2_000
"""Visits whose facts are kept in memory; older ones are read from the stream."""
_RACES = 5
"""Lost races for one visit before the message is put back."""


Facts = dict[type[Event], Fact[Event]]


class Joined:
    """All needed facts of one visit revision, computed from one and the same visit event."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __getitem__(self, kind: type[E]) -> E:
        event = self._facts[kind].event
        assert isinstance(event, kind)  # noqa: S101  (narrows the type; put there under its own type)
        return event

    @property
    def basis(self) -> Basis:
        """Identity of the visit event that everything was computed from."""
        return next(iter(self._facts.values())).basis

    @property
    def event_ids(self) -> dict[str, str]:
        """Ids of the joined events, by fact."""
        return {kind.fact: fact.id for kind, fact in self._facts.items()}

    @property
    def since(self) -> datetime | None:
        """When the visit event was stored."""
        return next(iter(self._facts.values())).stored_at

    def links(self, besides: type[Event]) -> tuple[Link, ...]:
        """Links to the spans that published the facts, without the one whose span is the parent."""
        if not tracing.records():
            return ()
        links = (tracing.link_to(fact.headers, kind.fact) for kind, fact in self._facts.items() if kind is not besides)
        # A visit that came without a trace was published by no span.
        return tuple(link for link in links if link.context.is_valid)


_Key = tuple[str, str, int, str]
"""Practice, visit, revision, digest of the visit event: facts of different bodies never meet."""


class Join:
    """Collects facts until those of a visit revision are complete, and hands them on once.

    `root` is the fact that all others were computed from; they name it in their `basis`.
    """

    def __init__(self, root: type[Event], *derived: type[Event]) -> None:
        self._needs = (root, *derived)
        self._root = root
        self._kept: OrderedDict[_Key, Facts] = OrderedDict()
        self._given: OrderedDict[_Key, asyncio.Future[None]] = OrderedDict()
        self._readers: dict[Client, LastMessages] = {}

    async def when_complete(self, received: Received[Event], then: Callable[[Joined], Awaitable[None]]) -> None:
        """Run `then` with all facts of the visit revision, if this was the last of them to be stored.

        A revision that this process is handing on, or has handed on, is not handed on again: this
        waits for the outcome and shares it. When `then` raises, so does every message that waited, and
        the next delivery of any may hand it on. Raises `StaleRead` when the broker's answer is older than
        the message.
        """
        kind, key = type(received.event), self._key(received)
        if key not in self._given:
            # The facts belong to this call from here on: the memory may forget them while it waits.
            facts = self._kept.setdefault(key, {})
            facts[kind] = received
            _remember(self._kept, key)
            if kind is self._root:
                return  # what follows from the root is stored later, and asks then
            if missing := [need for need in self._needs if need not in facts]:
                await self._read(key, missing, facts, received)
                if len(facts) < len(self._needs):
                    return
            if key not in self._given:
                joined = Joined({need: facts[need] for need in self._needs})
                self._given[key] = asyncio.ensure_future(then(joined))
                _remember(self._given, key)
        await self._outcome(key, self._given[key])

    async def _outcome(self, key: _Key, handing_on: asyncio.Future[None]) -> None:
        try:
            await handing_on
        except BaseException:
            self._given.pop(key, None)
            raise
        self._kept.pop(key, None)

    def _key(self, fact: Fact[Event]) -> _Key:
        event = fact.event
        basis = event.basis if isinstance(event, Derived) else fact.basis
        return event.practice_id, event.visit_id, event.revision, basis.sha256

    async def _read(self, key: _Key, missing: list[type[Event]], facts: Facts, received: Received[Event]) -> None:
        practice, visit, *_ = key
        client = received.client
        reader = self._readers.setdefault(client, LastMessages(client, VISITS))
        wanted = [subject_for(kind, practice, visit) for kind in missing]
        found = await reader.read(wanted, proof=received.msg.subject, up_to=received.seq)
        for subject, last in found.items():
            if not self._take(last, key, facts):
                # Another body or revision of the visit came later on this subject: look further back.
                for earlier in reversed(await walk(client, VISITS, subject, at_least=last.seq)):
                    if self._take(earlier, key, facts):
                        break

    def _take(self, stored: Stored, key: _Key, facts: Facts) -> bool:
        """Add a stored fact if it is one of this visit revision."""
        try:
            fact = decode(stored.subject, stored.headers, stored.body)
        except InvalidEvent:
            return False  # a dead letter of its own; it is no part of any visit
        if self._key(fact) != key:
            return False
        facts[type(fact.event)] = fact
        return True


def _remember(memory: OrderedDict[_Key, Any], key: _Key) -> None:
    memory.move_to_end(key)
    if len(memory) > _KEPT:
        memory.popitem(last=False)


async def publish_once(
    compose: Callable[[LatestClaimEvent], Event],
    *,
    terminal: tuple[type[Event], ...],
    cause: Cause,
    since: datetime | None = None,
    links: tuple[Link, ...] = (),
    too_late: Callable[[LatestClaimEvent], Event] | None = None,
) -> None:
    """Say what `compose` makes of the last word on a visit, unless that word closed the revision.

    A revision is closed by a word of one of the kinds `terminal`, or by any word on a later
    revision. Of any number of processes that try, one gets through: the broker refuses a word that
    does not follow on the last one, and the refused look again. `too_late` is for a revision that a later
    one closed before anything was said of it. `since` is when the visit was stored, for the time that it took.

    Raises `StaleRead` when the race is lost again and again.
    """
    client = cause.client
    of = cause.event
    # Of a first revision probably nothing was said: try that, and let the broker object.
    last = LatestClaimEvent() if of.revision == 1 else await latest_claim_event(client, of.practice_id, of.visit_id)
    with tracing.span("decide", SpanKind.INTERNAL, {registry.REVISION: of.revision}, links=links):
        for _ in range(_RACES):
            say = compose
            if last.closes(of.revision, terminal):
                overtaken = last.revision > of.revision and too_late is not None
                if overtaken:
                    last = await all_claim_events(client, of.practice_id, of.visit_id)
                if too_late is None or not overtaken or of.revision in last.said_of:
                    tracing.mark(OUTCOME="already-said")
                    log().info("claim.already-said", outcome=last.fact, revision=last.revision)
                    return
                say = too_late
            event = say(last)
            if await publish_after(event, last, cause=cause):
                tracing.mark(OUTCOME=type(event).fact)
                count_claim_event(event, since)
                log().info("claim.said", outcome=type(event).fact, revision=event.revision)
                return
            last = await latest_claim_event(client, of.practice_id, of.visit_id)
    raise StaleRead(f"lost {_RACES} races for one visit")
