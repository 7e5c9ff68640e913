"""How the pipeline does right now, from cheap questions to the broker: rates, lag, outcomes, what is oldest."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, Event, VisitCompleted, VisitHeld, VisitSuperseded
from claimbus.events.subjects import every, parse
from claimbus.messaging.direct_get import Stored, read_on
from claimbus.messaging.topology import CLAIMS, DEAD, STREAMS, VISITS, consumer_names, consumers
from nats.aio.client import Client

from claimbus_cli.bus.open_visits import OpenVisits, OpenVisitsReader
from claimbus_cli.bus.reading import count_of

_CLAIM_EVENTS: tuple[type[Event], ...] = (ClaimReady, ClaimDenialRisk, VisitHeld, VisitSuperseded, ClaimVoided)


class ConsumerState(NamedTuple):
    stream: str
    name: str
    delivered: int
    """Deliveries since it was made, those that were repeated included."""
    pending: int
    in_hand: int
    in_hand_limit: int
    redelivered: int


class StreamState(NamedTuple):
    name: str
    messages: int
    bytes: int
    limit: int


class Snapshot(NamedTuple):
    """The pipeline at one moment. `read_at` is seconds of a clock that only goes forward."""

    read_at: float
    consumers: tuple[ConsumerState, ...]
    streams: tuple[StreamState, ...]
    visits: int
    claim_events: dict[str, int]
    """How many events of claims there are, by kind; one visit may have several."""
    dead_letters: int
    open_visits: OpenVisits
    oldest: tuple[str, float] | None
    """The message longest stored that some service has not settled: its visit, and its age in seconds."""


async def take_snapshot(client: Client, open_visits: OpenVisitsReader) -> Snapshot:
    """Ask the broker. Raises nats-py's errors."""
    js = client.jetstream()
    infos = await asyncio.gather(*(js.consumer_info(stream, name) for stream, name in consumer_names()))
    streams = await asyncio.gather(*(js.stream_info(name) for name in STREAMS))
    counts = await asyncio.gather(*(count_of(client, CLAIMS, every(kind)) for kind in _CLAIM_EVENTS))
    unsettled = [info for info in infos if info.num_pending or info.num_ack_pending]
    firsts = [stored for info in unsettled if (stored := await _first_unsettled(client, info)) is not None]
    oldest = min(firsts, key=lambda stored: stored.at, default=None)
    return Snapshot(
        time.monotonic(),
        tuple(
            ConsumerState(
                info.stream_name,
                info.name,
                info.delivered.consumer_seq if info.delivered else 0,
                info.num_pending or 0,
                info.num_ack_pending or 0,
                info.config.max_ack_pending or 0,
                info.num_redelivered or 0,
            )
            for info in infos
        ),
        tuple(
            StreamState(str(info.config.name), info.state.messages, info.state.bytes, info.config.max_bytes or 0)
            for info in streams
        ),
        await count_of(client, VISITS, every(VisitCompleted)),
        {kind.fact: count for kind, count in zip(_CLAIM_EVENTS, counts, strict=True)},
        next(stream.state.messages for stream in streams if stream.config.name == DEAD),
        await open_visits.read(),
        None if oldest is None else (_visit_of(oldest), age_of(oldest.at)),
    )


async def _first_unsettled(client: Client, info: Any) -> Stored | None:
    start = (info.ack_floor.stream_seq if info.ack_floor else 0) + 1
    found: list[Stored] = []
    for subject in consumers(info.stream_name)[info.name].filter_subjects or ():
        found += await read_on(client, info.stream_name, subject, start=start, most=1)
    return min(found, key=lambda stored: stored.seq, default=None)


def _visit_of(stored: Stored) -> str:
    address = parse(stored.subject)
    return f"{address.practice_id}/{address.visit_id}"


def age_of(at: datetime) -> float:
    """In seconds, by this machine's clock, which may be a little behind the broker's."""
    return max(0.0, (datetime.now(UTC) - at).total_seconds())


def rates(before: Snapshot, now: Snapshot) -> dict[tuple[str, str], float]:
    """Deliveries a second of each consumer between two snapshots."""
    seconds = max(now.read_at - before.read_at, 1e-3)
    earlier = {(consumer.stream, consumer.name): consumer.delivered for consumer in before.consumers}
    return {
        key: max(0.0, (consumer.delivered - earlier.get(key, consumer.delivered)) / seconds)
        for consumer in now.consumers
        for key in ((consumer.stream, consumer.name),)
    }
