"""Visits that wait for a claim event: the one place that looks at a clock.

A look reads the visits stream a moment behind its end; nearly all visits are decided by then and cost nothing
more. The others are kept, counted, and each looked at once, when its time is up. The stream is read by direct gets
and not by a consumer: one that lags on purpose would look like one that cannot keep up. Each replica looks by itself,
and the guarded publish lets one of them publish (ADR 14).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, cast

from nats.aio.client import Client
from nats.errors import Error as NatsError
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from claimbus.background import BackgroundTask
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
"""Seconds after which a visit should have a claim event where none is ever held."""
_AT_ONCE = 100
"""Visits read at once."""
_AWAY = (NatsError, MessagingError, TimeoutError, RuntimeError)
"""What the broker does when it is not there, or behind: the same visit is looked at again."""


@dataclass(frozen=True, slots=True)
class StalledVisit:
    """A visit revision without a claim event in time, and what of it is in the stream by now."""

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
    """There is no claim event of it at all, as far as is known."""


class StalledVisits:
    """Keeps the visits that have no claim event yet, and looks at those that wait too long, while a service runs.

    `needs` are the facts that a decision joins, beside the visit. `is_closed` answers from memory whether a revision
    has a terminal event; what it does not know is found out by the guarded publish. A visit is handed to `hold` when it
    is `after` seconds old; where that is 0, visits are only counted.
    """

    def __init__(
        self,
        service: str,
        *needs: type[Derived],
        is_closed: Callable[[Keyed], bool],
        hold: Callable[[StalledVisit], Awaitable[None]],
        after: float,
    ) -> None:
        self._service = service
        self._needs = needs
        self._is_closed = is_closed
        self._hold = hold
        self._after = after
        self._place: int | None = None
        self._undecided: dict[int, _Undecided] = {}
        self._looking: BackgroundTask | None = None

    @property
    def is_current(self) -> bool:
        return self._looking is not None and self._looking.is_running

    async def start(self, client: Client) -> None:
        self._looking = BackgroundTask("stalled visits", partial(self._look_on, client), restart_after=_MOST_SECONDS)
        self._looking.start()

    async def stop(self) -> None:
        if self._looking is not None:
            await self._looking.stop()

    async def _look_on(self, client: Client) -> None:
        while True:
            await asyncio.sleep(min(self._after / _OFTEN or _MOST_SECONDS, _MOST_SECONDS))
            try:
                await self._look(client)
            except _AWAY as exc:
                # The broker is away or behind; the place is kept, and the next look goes on from it.
                log().warning("stalled.look-failed", error_type=type(exc).__name__)
            self._record_counts()

    async def _look(self, client: Client) -> None:
        now = datetime.now(UTC)
        await self._read(client, now - timedelta(seconds=min(_YOUNG, self._after / 2 or _YOUNG)))
        due = now - timedelta(seconds=self._after)
        for seq, undecided in list(self._undecided.items()):
            if self._is_closed(undecided.visit):
                del self._undecided[seq]
            elif self._after and undecided.at <= due and not undecided.is_looked_at:
                await self._look_safely(seq, undecided, client)

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

    def _record_counts(self) -> None:
        now = datetime.now(UTC)
        limit = now - timedelta(seconds=2 * (self._after or _PATIENCE))
        waiting = [undecided for undecided in self._undecided.values() if not self._is_closed(undecided.visit)]
        oldest = min((undecided.at for undecided in waiting), default=now)
        record(registry.OPEN, len(waiting))
        record(registry.OLDEST_OPEN, max(0.0, (now - oldest).total_seconds()))
        record(registry.UNACCOUNTED, sum(undecided.is_unaccounted and undecided.at <= limit for undecided in waiting))

    async def _look_safely(self, seq: int, undecided: _Undecided, client: Client) -> None:
        try:
            await self._look_at(seq, undecided, client)
        except _AWAY:
            raise
        except Exception as exc:  # whatever is wrong with one visit, the next ones are to be looked at
            undecided.is_looked_at = True
            log().error("stalled.skipped", seq=seq, error_type=type(exc).__name__)

    async def _look_at(self, seq: int, undecided: _Undecided, client: Client) -> None:
        stored = await read_at(client, VISITS, seq)
        try:
            fact = cast(Fact[VisitCompleted], decode(stored.subject, stored.headers, stored.body)) if stored else None
        except InvalidEvent:
            fact = None  # a dead letter of its own
        waits = await self._waits_for(client, fact) if fact else None
        if stored is None or fact is None or waits is None:
            del self._undecided[seq]
            return
        if not waits.missing and waits.newest > await _settled_up_to(client, self._service):
            return  # claims has not come to it yet, which is no reason to hold it
        visit = f"{fact.event.practice_id}.{fact.event.visit_id}"
        where = template_of(VisitCompleted)
        attributes = {registry.SYSTEM: "nats", registry.DESTINATION: where, registry.VISIT_KEY: visit}
        context = tracing.context_of(stored.headers, VISITS, stored.seq)
        with tracing.span(f"process {where}", SpanKind.INTERNAL, attributes, context):
            await self._hold(StalledVisit(client, self._service, fact, waits.missing, self._after))
        undecided.is_looked_at, undecided.is_unaccounted = True, False

    async def _waits_for(self, client: Client, fact: Fact[VisitCompleted]) -> _Waits | None:
        """What the visit waits for; null where a later revision or a void is to be decided instead."""
        event = fact.event
        kinds: tuple[type[Event], ...] = (VisitCompleted, VisitVoided, *self._needs)
        stored = {
            kind: await walk(client, VISITS, subject_for(kind, event.practice_id, event.visit_id)) for kind in kinds
        }
        revisions = {
            kind: [_revision_in(message) for message in stored[kind]] for kind in (VisitCompleted, VisitVoided)
        }
        if max(revisions[VisitCompleted]) > event.revision or max(revisions[VisitVoided], default=0) >= event.revision:
            return None
        digest = fact.basis.sha256
        found = {
            kind: [message.seq for message in stored[kind] if _digest_in(message) == digest] for kind in self._needs
        }
        newest = max((seq for seqs in found.values() for seq in seqs), default=0)
        return _Waits(tuple(kind for kind, seqs in found.items() if not seqs), newest)


async def _settled_up_to(client: Client, service: str) -> int:
    """Sequence up to which the service has settled all that it receives: handled, or given up."""
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
