"""The FastStream broker as Claimbus runs it, and what a handler subscribes with."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypedDict

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsNKey, NatsRouter, PullSub
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

from claimbus.events import Event, VisitCompleted
from claimbus.messaging.decode import decode_received
from claimbus.messaging.delivery import Settlement
from claimbus.messaging.permissions import inbox_of
from claimbus.messaging.topology import BATCH, STREAM_OF, consumers
from claimbus.telemetry.logs import log

PULL_SECONDS = 1.0
"""How long a request for messages stays open; a service that stops waits for the end of its last one."""
_LAST_FETCH = 3.0
"""Seconds for that, and for the handlers of what it brings to begin."""
GRACE = 20.0
"""Seconds that running handlers get to finish after SIGTERM; more than a publish may take."""


class Subscription(TypedDict):
    """Keyword arguments of a FastStream subscriber."""

    stream: JStream
    durable: str
    config: ConsumerConfig
    pull_sub: "PullSub[Literal[False]]"
    inbox_prefix: bytes


def subscription(service: str, of: type[Event] = VisitCompleted) -> Subscription:
    """How a service subscribes, to the stream of such an event: bound to its provisioned consumer, declaring nothing.

    A batch is fetched at once and its handlers run side by side; the next fetch waits for the slowest.
    Handlers here compute for microseconds and wait for one publish, so that costs nothing, and it is
    four times cheaper than one message at a time (ADR 0005).
    """
    stream = STREAM_OF[of.family]
    return Subscription(
        stream=JStream(stream, declare=False),
        durable=service,
        config=consumers(stream)[service],
        pull_sub=PullSub(batch_size=BATCH, timeout=PULL_SECONDS),
        # What is pulled does not inherit the connection's prefix.
        inbox_prefix=f"{inbox_of(service)}.".encode(),
    )


class LastFetch:
    """Lets a subscriber finish what it was given before it is stopped.

    FastStream 0.7.8 cancels a fetch that is under way, with what that has been given already, and passes over
    fetched messages whose handlers have not begun: another replica would be given them after `ACK_WAIT`. So a
    service that stops first lets the last fetch end and its handlers run, and asks for nothing more.
    """

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._fetch = subscription.fetch
        self._is_last = False
        self._is_over = asyncio.Event()
        subscription.fetch = self._fetch_unless_over  # type: ignore[method-assign]

    async def _fetch_unless_over(self, *args: Any, **kwargs: Any) -> list[Msg]:
        if self._is_last:
            self._is_over.set()
            await asyncio.get_running_loop().create_future()  # until the subscriber is stopped
        return await self._fetch(*args, **kwargs)

    async def end(self) -> None:
        """Wait until what was fetched is handled; what takes longer is given `GRACE` when the broker stops."""
        self._is_last = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_FETCH):
                await self._is_over.wait()


def last_fetches(running: NatsBroker) -> list[LastFetch]:
    """A `LastFetch` for each subscriber of a broker that was started."""
    subscriptions = [getattr(subscriber, "subscription", None) for subscriber in running.subscribers]
    pulls = (item for item in subscriptions if isinstance(item, JetStreamContext.PullSubscription))
    return [LastFetch(pull) for pull in pulls]


async def _on_error(exc: Exception) -> None:
    # Also how a publish that the server's permissions forbid shows itself.
    log().warning("broker.error", error_type=type(exc).__name__)


async def _on_disconnect() -> None:
    log().warning("broker.disconnected")


async def _on_reconnect() -> None:
    log().info("broker.reconnected")


def broker(url: str, service: str, *routers: NatsRouter, nkey: Path | None = None) -> NatsBroker:
    """A broker with our delivery rules; it connects when started and reconnects for ever.

    `nkey` is the file of the seed that proves who the service is; without one the server is asked to let anyone in.
    """
    options: dict[str, Any] = {
        "name": f"claimbus-{service}",
        "inbox_prefix": inbox_of(service),
        "security": NatsNKey.from_file(nkey) if nkey else None,
        "ack_policy": AckPolicy.MANUAL,
        # Handlers take one argument, already decoded and typed; injecting it costs 0.17 ms a message.
        "apply_types": False,
        "graceful_timeout": GRACE,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 1,
        "error_cb": _on_error,
        "disconnected_cb": _on_disconnect,
        "reconnected_cb": _on_reconnect,
        "logger": None,
    }
    return NatsBroker(url, middlewares=[Settlement], decoder=decode_received, routers=routers, **options)
