"""The fan-in: all facts of one visit revision, from the stream itself.

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
from opentelemetry.trace import Link

from claimbus.events import Basis, Derived, Event, InvalidEvent
from claimbus.events.subjects import subject_for
from claimbus.messaging.decode import Fact, Received, decode
from claimbus.messaging.direct_get import LastMessages, Stored, walk
from claimbus.messaging.topology import VISITS
from claimbus.telemetry import tracing

E = TypeVar("E", bound=Event)
_KEPT = 2_000
"""Visits whose facts are kept in memory; older ones are read from the stream."""


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
        self._handed_on: OrderedDict[_Key, asyncio.Future[None]] = OrderedDict()
        self._readers: dict[Client, LastMessages] = {}

    async def when_complete(self, received: Received[Event], then: Callable[[Joined], Awaitable[None]]) -> None:
        """Run `then` with all facts of the visit revision, if this was the last of them to be stored.

        A revision that this process is handing on, or has handed on, is not handed on again: this
        waits for the outcome and shares it. When `then` raises, so does every message that waited, and
        the next delivery of any may hand it on. Raises `StaleRead` when the broker's answer is older than
        the message.
        """
        kind, key = type(received.event), self._key(received)
        if key not in self._handed_on:
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
            if key not in self._handed_on:
                joined = Joined({need: facts[need] for need in self._needs})
                self._handed_on[key] = asyncio.ensure_future(then(joined))
                _remember(self._handed_on, key)
        await self._outcome(key, self._handed_on[key])

    async def _outcome(self, key: _Key, handing_on: asyncio.Future[None]) -> None:
        try:
            await handing_on
        except BaseException:
            self._handed_on.pop(key, None)
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
            if not self._add(last, key, facts):
                # Another body or revision of the visit came later on this subject: look further back.
                for earlier in reversed(await walk(client, VISITS, subject, at_least=last.seq)):
                    if self._add(earlier, key, facts):
                        break

    def _add(self, stored: Stored, key: _Key, facts: Facts) -> bool:
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
