"""Visits that wait for a word of claims: the one place that looks at a clock.

A look reads the visits stream a moment behind its end; nearly all visits are decided by then and cost nothing
more. The others are kept, counted, and each looked at once, when its time is up. The stream is read by direct gets
and not by a consumer: one that lags on purpose would look like one that cannot keep up. Each replica looks by itself,
and the guarded publish lets one of them speak (ADR 14).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, cast

from nats.aio.client import Client
from nats.errors import Error as NatsError
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from claimbus.events import Basis, Derived, Event, InvalidEvent, Keyed, Record, VisitCompleted, VisitVoided
from claimbus.events.envelope import EnvelopeError, read
from claimbus.events.subjects import every, subject_for, template_of
from claimbus.messaging.decode import Fact, decode
from claimbus.messaging.direct_get import Stored, read_at, read_on, walk
from claimbus.messaging.errors import MessagingError
from claimbus.messaging.topology import DAY, VISITS
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record

LOOK_BACK = 14 * DAY
"""Seconds before its start whose visits a process looks at: those that came while no replica ran."""
_OFTEN = 20
"""Looks in the time that a visit is given; a visit is noticed at most that part of it later."""
_MOST_SECONDS = 10.0
"""Between two looks."""
_YOUNG = 30.0
"""Seconds in which a visit is decided, first retries included: a younger one is at work and not counted as open."""
_PATIENCE = 300.0
"""Seconds after which a visit should have a word where none is ever held."""
_AT_ONCE = 100
"""Visits read at once."""
_AWAY = (NatsError, MessagingError, TimeoutError, RuntimeError)
"""What the broker does when it is not there, or behind: the same visit is looked at again."""


@dataclass(frozen=True, slots=True)
class StalledVisit:
    """A visit revision that nothing was said of in time, and what of it is in the stream by now."""

    client: Client
    service: str
    fact: Fact[VisitCompleted]
    missing: tuple[type[Event], ...]
    """Facts that did not come; none where all came and no decision followed."""
    seconds: float
    """The time that it was given."""

    @property
    def event(self) -> VisitCompleted:
        return self.fact.event

    @property
    def id(self) -> str:
        return self.fact.id


class _Waits(NamedTuple):
    missing: tuple[type[Event], ...]
    newest: int
    """Sequence of the last of the facts that did come."""


@dataclass(slots=True)
class _Undecided:
    visit: Keyed
    at: datetime
    """When the broker stored it."""
    is_looked_at: bool = False
    is_unaccounted: bool = True
    """Nothing at all was said of it, as far as is known."""


class StalledVisits:
    """Keeps the visits that have no word yet, and looks at those that wait too long, while a service runs.

    `needs` are the facts that a decision joins, beside the visit. `is_closed` tells from memory whether a
    revision has its word; what it does not know is found out by the guarded publish. `hold` says what is to be said.
    """

    def __init__(
        self, *needs: type[Derived], is_closed: Callable[[Keyed], bool], hold: Callable[[StalledVisit], Awaitable[None]]
    ) -> None:
        self._needs = needs
        self._is_closed = is_closed
        self._hold = hold
        self._place: int | None = None
        self._undecided: dict[int, _Undecided] = {}
        self._looking: asyncio.Task[None] | None = None

    async def start(self, client: Client, service: str, after: float) -> None:
        """Look from now on at each visit when it is `after` seconds old; where that is 0, only count them."""
        self._looking = asyncio.create_task(self._look_on(client, service, after))

    async def stop(self) -> None:
        while self._looking is not None and not self._looking.done():
            self._looking.cancel()
            await asyncio.wait((self._looking,), timeout=0.5)

    async def _look_on(self, client: Client, service: str, after: float) -> None:
        while not client.is_closed:
            await asyncio.sleep(min(after / _OFTEN or _MOST_SECONDS, _MOST_SECONDS))
            try:
                await self._look(client, service, after)
            except _AWAY as exc:
                # The broker is away or behind; the place is kept, and the next look goes on from it.
                log().warning("overdue.look-failed", error_type=type(exc).__name__)
            self._tell(after)

    async def _look(self, client: Client, service: str, after: float) -> None:
        now = datetime.now(UTC)
        await self._read(client, now - timedelta(seconds=min(_YOUNG, after / 2 or _YOUNG)))
        due = now - timedelta(seconds=after)
        for seq, one in list(self._undecided.items()):
            if self._is_closed(one.visit):
                del self._undecided[seq]
            elif after and one.at <= due and not one.is_looked_at:
                await self._look_safely(seq, one, client, service, after)

    async def _read(self, client: Client, until: datetime) -> None:
        """Take the visits of before `until`; most are decided by then. Those of after it are read later."""
        while True:
            start = until - timedelta(seconds=LOOK_BACK) if self._place is None else self._place + 1
            visits = await read_on(client, VISITS, every(VisitCompleted), start=start, most=_AT_ONCE)
            for stored in visits:
                if stored.at > until:
                    return
                self._notice(stored)
                self._place = stored.seq
            if not visits:
                return

    def _notice(self, stored: Stored) -> None:
        try:
            visit = Keyed.model_validate_json(read(stored.headers, stored.body)[1])
        except (ValidationError, EnvelopeError):
            return  # a dead letter of its own, which a person sees
        if not self._is_closed(visit):
            self._undecided[stored.seq] = _Undecided(visit, stored.at)

    def _tell(self, after: float) -> None:
        now = datetime.now(UTC)
        limit = now - timedelta(seconds=2 * (after or _PATIENCE))
        waiting = [one for one in self._undecided.values() if not self._is_closed(one.visit)]
        oldest = min((one.at for one in waiting), default=now)
        record(registry.OPEN, len(waiting))
        record(registry.OLDEST_OPEN, max(0.0, (now - oldest).total_seconds()))
        record(registry.UNACCOUNTED, sum(one.is_unaccounted and one.at <= limit for one in waiting))

    async def _look_safely(self, seq: int, one: _Undecided, client: Client, service: str, after: float) -> None:
        try:
            await self._look_at(seq, one, client, service, after)
        except _AWAY:
            raise
        except Exception as exc:  # whatever is wrong with one visit, the next ones are to be looked at
            one.is_looked_at = True
            log().error("overdue.skipped", seq=seq, error_type=type(exc).__name__)

    async def _look_at(self, seq: int, one: _Undecided, client: Client, service: str, after: float) -> None:
        stored = await read_at(client, VISITS, seq)
        try:
            fact = cast(Fact[VisitCompleted], decode(stored.subject, stored.headers, stored.body)) if stored else None
        except InvalidEvent:
            fact = None  # a dead letter of its own
        waits = await self._waits_for(client, fact) if fact else None
        if stored is None or fact is None or waits is None:
            del self._undecided[seq]
            return
        if not waits.missing and waits.newest > await _settled_up_to(client, service):
            return  # claims has not come to it yet, which is no reason to hold it
        visit = f"{fact.event.practice_id}.{fact.event.visit_id}"
        where = template_of(VisitCompleted)
        attributes = {registry.SYSTEM: "nats", registry.DESTINATION: where, registry.VISIT_KEY: visit}
        context = tracing.context_of(stored.headers, VISITS, stored.seq)
        with tracing.span(f"process {where}", SpanKind.INTERNAL, attributes, context):
            await self._hold(StalledVisit(client, service, fact, waits.missing, after))
        one.is_looked_at, one.is_unaccounted = True, False

    async def _waits_for(self, client: Client, fact: Fact[VisitCompleted]) -> _Waits | None:
        """What the visit waits for; null where a later revision or a void is to be said of it instead."""
        event = fact.event
        kinds: tuple[type[Event], ...] = (VisitCompleted, VisitVoided, *self._needs)
        stored = {
            kind: await walk(client, VISITS, subject_for(kind, event.practice_id, event.visit_id)) for kind in kinds
        }
        revisions = {kind: [_revision_in(one) for one in stored[kind]] for kind in (VisitCompleted, VisitVoided)}
        if max(revisions[VisitCompleted]) > event.revision or max(revisions[VisitVoided], default=0) >= event.revision:
            return None
        digest = fact.basis.sha256
        found = {kind: [one.seq for one in stored[kind] if _digest_in(one) == digest] for kind in self._needs}
        newest = max((seq for seqs in found.values() for seq in seqs), default=0)
        return _Waits(tuple(kind for kind, seqs in found.items() if not seqs), newest)


async def _settled_up_to(client: Client, service: str) -> int:
    """Sequence up to which the service has settled all that it hears: handled, or given up."""
    floor = (await client.jetstream().consumer_info(VISITS, service)).ack_floor
    return floor.stream_seq if floor else 0


class _OfBasis(Record):
    basis: Basis


def _digest_in(stored: Stored) -> str:
    """Digest of the visit event that a fact was computed from; empty for what cannot be read."""
    try:
        return _OfBasis.model_validate_json(read(stored.headers, stored.body)[1]).basis.sha256
    except (ValidationError, EnvelopeError):
        return ""


def _revision_in(stored: Stored) -> int:
    """0 for what is a dead letter: it takes no other revision's place."""
    try:
        return decode(stored.subject, stored.headers, stored.body).event.revision
    except InvalidEvent:
        return 0
