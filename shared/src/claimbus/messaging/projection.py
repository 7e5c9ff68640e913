"""State that a process rebuilds from a stream when it starts, and then keeps up with.

A projection is a memory of facts and never their home: it can be thrown away at any moment, and each
replica has its own. What it holds is what its stream held a moment ago.

Read through an ephemeral pull consumer that acknowledges nothing, asked by hand. nats-py's own ordered consumer
moves its place forward before it queues a message, so that one dropped for a slow reader is never asked
for again (2.16); its `fetch` costs more a message than reading one does.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from claimbus.background import BackgroundTask
from claimbus.events import Event, InvalidEvent, Keyed
from claimbus.events.envelope import read
from claimbus.events.subjects import every, parse
from claimbus.messaging.topology import STREAM_OF
from claimbus.telemetry.logs import log

R = TypeVar("R", bound=Keyed)

_BATCH = 256
"""Messages asked for at once."""
_EXPIRES = 5.0
"""Seconds after which the broker answers that it has nothing new."""
_FORGOTTEN_AFTER = 3 * _EXPIRES
"""Seconds after which the broker drops the consumer of a process that died."""
_LOOK = 0.5
"""Seconds between two looks at whether the stream is still followed, and between two attempts to find back."""
_NOTHING_NEW = ("404", "408")


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    """What a projection makes of one kind of event.

    `shape` holds the few fields that are needed, since reading those takes a third of the time of
    validating the event; `apply` is given them in the order of the stream, and some of them twice.
    """

    kind: type[Event]
    shape: type[R]
    apply: Callable[[R], None]


class Projection:
    """Some kinds of events of one stream, each handed to its reading, from the first that is stored."""

    def __init__(self, *readings: Reading[Any]) -> None:
        (self._stream,) = {STREAM_OF[reading.kind.family] for reading in readings}
        self._readings = {reading.kind.fact: reading for reading in readings}
        self.kinds = tuple(reading.kind for reading in readings)
        self._applied = 0
        self._caught_up = asyncio.Event()
        self._place: _Place | None = None
        self._follower: BackgroundTask | None = None

    @property
    def is_current(self) -> bool:
        """Whether all that the stream held at the start was applied, and what comes now is."""
        is_following = self._follower is not None and self._follower.is_running
        return is_following and self._caught_up.is_set() and self._place is not None

    async def start(self, client: Client) -> None:
        """Apply all that the stream holds, then go on following it. Raises nats-py's errors if it cannot begin."""
        await self._attach(client)
        self._follower = BackgroundTask(f"projection of {self._stream}", partial(self._follow, client), _LOOK)
        self._follower.start()
        await self._caught_up.wait()
        log().info("projection.caught-up", stream=self._stream, seq=self._applied)

    async def stop(self) -> None:
        """Stop following; what was applied stays."""
        if self._follower is not None:
            await self._follower.stop()
        await self._detach()

    async def _attach(self, client: Client) -> None:
        """Make a consumer of what comes after the last message applied, and ask it."""
        consumer = await client.jetstream().add_consumer(
            self._stream,
            ConsumerConfig(
                filter_subjects=[every(kind) for kind in self.kinds],
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self._applied + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=_FORGOTTEN_AFTER,
                num_replicas=1,
                mem_storage=True,
            ),
        )
        if not consumer.num_pending:
            self._caught_up.set()
        place = _Place(client, f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{consumer.name}", client.new_inbox())
        place.subscription = await client.subscribe(place.inbox, cb=partial(self._receive, place))
        await place.ask()
        self._place = place

    async def _detach(self) -> None:
        place, self._place = self._place, None
        if place is not None and place.subscription is not None:
            place.why_lost = "left"
            with suppress(NatsError):
                await place.subscription.unsubscribe()

    async def _follow(self, client: Client) -> None:
        """Find back to the stream whenever it was lost."""
        while True:
            await asyncio.sleep(_LOOK)
            if self._place is None:
                with suppress(NatsError):
                    await self._attach(client)
            elif why := self._place.lost():
                log().warning("projection.lost", stream=self._stream, seq=self._applied, why=why)
                await self._detach()

    async def _receive(self, place: "_Place", msg: Msg) -> None:
        if place.why_lost:
            return
        place.received_at = time.monotonic()
        status = (msg.headers or {}).get("Status")
        if status is None:
            meta = msg.metadata
            if meta.sequence.consumer != place.expected:
                place.why_lost = "gap"
                return
            place.expected += 1
            self._apply(msg)
            self._applied = meta.sequence.stream
            if not meta.num_pending:
                self._caught_up.set()
            place.asked -= 1
            if place.asked:
                return
        elif status in _NOTHING_NEW:
            if not self._caught_up.is_set():
                # The request ended, which need not be the stream's end: a new consumer knows what is left.
                place.why_lost = "quiet"
                return
        else:
            place.why_lost = status
            return
        with suppress(NatsError):
            await place.ask()

    def _apply(self, msg: Msg) -> None:
        """Hand a message to its reading. One that cannot be read is a dead letter elsewhere, and nothing here."""
        try:
            address = parse(msg.subject)
            reading = self._readings[address.fact]
            _, data = read(msg.headers, msg.data)
            event = reading.shape.model_validate_json(data)
            if (event.practice_id, event.visit_id) != (address.practice_id, address.visit_id):
                raise InvalidEvent
            reading.apply(event)
        except Exception as exc:  # whatever is wrong with one message, the next ones are to be applied
            log().info("projection.skipped", stream=self._stream, error_type=type(exc).__name__)


class _Place:
    """A consumer, and how far this process has come with it."""

    def __init__(self, client: Client, next_subject: str, inbox: str) -> None:
        self._client = client
        self._next = next_subject
        self.inbox = inbox
        self.subscription: Subscription | None = None
        self._connection = client.stats["reconnects"]
        self.expected = 1
        """Number that the consumer gives its next message."""
        self.asked = 0
        self.received_at = time.monotonic()
        self.why_lost = ""

    async def ask(self) -> None:
        """Ask for what there is, or for what comes next."""
        self.asked = _BATCH
        request = {"batch": _BATCH, "expires": int(_EXPIRES * 1e9)}
        await self._client.publish(self._next, json.dumps(request).encode(), reply=self.inbox)

    def lost(self) -> str:
        """Why nothing more can come here; empty while all is well."""
        if self._client.is_closed:
            return "closed"
        if self._client.stats["reconnects"] != self._connection:
            return "reconnected"
        if time.monotonic() - self.received_at > 2 * _EXPIRES:
            return "silence"
        return self.why_lost
