"""The fan-in: all facts of one visit revision, from the stream itself, and one word for each revision.

Each fact is in the stream before its handler runs. So the handler of the fact that was stored last
finds all others, if its read is at least as new as its own message. Facts heard a moment ago are kept
in memory, and only what is missing is read: with one replica a visit costs one shared read, with many
it costs a few, and the result is the same.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from faststream.nats import NatsMessage
from nats.aio.client import Client
from opentelemetry.trace import Link, SpanKind

from claimbus.events import Basis, Event
from claimbus.events.subjects import subject_for
from claimbus.messaging.decode import decode
from claimbus.messaging.delivery import basis_of, client_of
from claimbus.messaging.emit import emit_after
from claimbus.messaging.errors import Poison, Stale
from claimbus.messaging.stored import LastMessages, LastWord, Stored, last_word, walk
from claimbus.messaging.topology import VISITS
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.logs import log

E = TypeVar("E", bound=Event)
_KEPT = 2_000
"""Visits whose facts are kept in memory; older ones are read from the stream."""
_RACES = 5
"""Lost races for one visit before the message is put back."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A fact with its identity and the link to the span that published it."""

    event: Event
    identity: Basis
    link: Link


class Joined:
    """All needed facts of one visit revision, computed from one and the same visit event."""

    def __init__(self, heard: dict[type[Event], Heard]) -> None:
        self._heard = heard

    def __getitem__(self, kind: type[E]) -> E:
        event = self._heard[kind].event
        assert isinstance(event, kind)  # noqa: S101  (narrows the type; put there under its own type)
        return event

    @property
    def basis(self) -> Basis:
        """Identity of the visit event that everything was computed from."""
        return next(iter(self._heard.values())).identity

    @property
    def event_ids(self) -> dict[str, str]:
        """Ids of the joined events, by fact."""
        return {kind.fact: heard.identity.event_id for kind, heard in self._heard.items()}

    def links(self, besides: type[Event]) -> tuple[Link, ...]:
        return tuple(heard.link for kind, heard in self._heard.items() if kind is not besides)


_Key = tuple[str, str, int, str]
"""Practice, visit, revision, digest of the visit event: facts of different bodies never meet."""


class Join:
    """Collects facts until those of a visit revision are complete.

    `root` is the fact that all others were computed from; they name it in their `basis`.
    """

    def __init__(self, root: type[Event], *derived: type[Event]) -> None:
        self._needs = (root, *derived)
        self._root = root
        self._kept: OrderedDict[_Key, dict[type[Event], Heard]] = OrderedDict()
        self._readers: dict[Client, LastMessages] = {}

    async def complete(self, fact: Event, msg: NatsMessage) -> Joined | None:
        """All facts of the visit revision, if `fact` was the last to come; else None.

        Raises `Stale` when the broker's answer is older than `msg`.
        """
        heard = Heard(fact, basis_of(msg), tracing.link_to(msg.headers, type(fact).fact))
        key = self._keep(heard)
        if type(fact) is self._root:
            return None  # whatever follows from it comes later, and will ask
        if not self._missing(key):
            return self._take(key)
        await self._read(key, msg)
        return None if self._missing(key) else self._take(key)

    def _keep(self, heard: Heard) -> _Key:
        fact = heard.event
        basis = heard.identity if type(fact) is self._root else getattr(fact, "basis", heard.identity)
        key = (fact.practice_id, fact.visit_id, fact.revision, basis.sha256)
        self._kept.setdefault(key, {})[type(fact)] = heard
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return key

    def _missing(self, key: _Key) -> list[type[Event]]:
        kept = self._kept.get(key, {})
        return [kind for kind in self._needs if kind not in kept]

    def _take(self, key: _Key) -> Joined:
        kept = self._kept.pop(key)
        return Joined({kind: kept[kind] for kind in self._needs})

    async def _read(self, key: _Key, msg: NatsMessage) -> None:
        practice, visit, *_ = key
        client = client_of(msg)
        reader = self._readers.setdefault(client, LastMessages(client, VISITS))
        wanted = {subject_for(kind, practice, visit): kind for kind in self._missing(key)}
        found = await reader.read(
            wanted, proof=msg.raw_message.subject, at_least=msg.raw_message.metadata.sequence.stream
        )
        for subject, stored in found.items():
            if self._keep_stored(stored) != key:
                # Another body or revision of the visit came later on this subject: look further back.
                for earlier in await walk(client, VISITS, subject):
                    self._keep_stored(earlier)

    def _keep_stored(self, stored: Stored) -> _Key | None:
        try:
            event, identity = decode(stored.subject, stored.headers, stored.body)
        except Poison:
            return None  # a dead letter of its own; it is no part of any visit
        return self._keep(Heard(event, identity, tracing.link_to(stored.headers, type(event).fact)))


async def say_once(
    compose: Callable[[LastWord], Event],
    *,
    of: Event,
    closed_by: tuple[type[Event], ...],
    cause: NatsMessage,
    links: tuple[Link, ...] = (),
) -> None:
    """Say what `compose` makes of the last word on a visit, unless that word closed the revision.

    A revision is closed by a word of one of the kinds `closed_by`, or by any word on a later
    revision. Of any number of processes that try, one gets through: the broker refuses a word that
    does not follow on the last one, and the refused look again.

    Raises `Stale` when the race is lost again and again.
    """
    client = client_of(cause)
    # Of a first revision probably nothing was said: try that, and let the broker object.
    last = LastWord() if of.revision == 1 else await last_word(client, of.practice_id, of.visit_id)
    with tracing.span("decide", SpanKind.INTERNAL, {registry.REVISION: of.revision}, links=links):
        for _ in range(_RACES):
            if last.closes(of.revision, closed_by):
                log().info("claim.already-said", outcome=last.fact, revision=last.revision)
                return
            event = compose(last)
            if await emit_after(event, last, cause=cause):
                tracing.mark(OUTCOME=type(event).fact)
                log().info("claim.said", outcome=type(event).fact, revision=event.revision)
                return
            last = await last_word(client, of.practice_id, of.visit_id)
    raise Stale(f"lost {_RACES} races for one visit")
