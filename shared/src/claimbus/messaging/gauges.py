"""What the broker reports, as gauges: how far each consumer is behind, and how full the streams are."""

import asyncio
from functools import partial

from nats.aio.client import Client
from nats.errors import Error as NatsError

from claimbus.background import BackgroundTask
from claimbus.messaging.topology import STREAMS, consumer_names
from claimbus.telemetry import metrics, registry
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record

_EVERY = 5.0
"""Seconds between two looks."""


class BrokerGauges:
    """Looks at the broker for as long as a service runs, if metrics are sent at all.

    Every service reports all consumers and streams: the lag of one that is down is what ops look for.
    """

    def __init__(self) -> None:
        self._looking: BackgroundTask | None = None

    @property
    def is_current(self) -> bool:
        return self._looking is None or self._looking.is_running

    async def start(self, client: Client) -> None:
        if metrics.are_sent():
            self._looking = BackgroundTask("gauges", partial(_look_on, client), restart_after=_EVERY)
            self._looking.start()

    async def stop(self) -> None:
        if self._looking is not None:
            await self._looking.stop()


async def _look_on(client: Client) -> None:
    while True:
        try:
            await look(client)
        except (NatsError, TimeoutError) as exc:
            log().warning("gauges.look-failed", error_type=type(exc).__name__)
        await asyncio.sleep(_EVERY)


async def look(client: Client) -> None:
    """Set the gauges once. Raises nats-py's errors."""
    js = client.jetstream()
    for stream, name in consumer_names():
        info = await js.consumer_info(stream, name)
        labels = {registry.CONSUMER_GROUP: name, registry.STREAM: stream}
        record(registry.PENDING, info.num_pending or 0, labels)
        record(registry.ACK_PENDING, info.num_ack_pending or 0, labels)
        record(registry.ACK_PENDING_LIMIT, info.config.max_ack_pending or 0, labels)
        record(registry.REDELIVERED, info.num_redelivered or 0, labels)
    for stream in STREAMS:
        there = await js.stream_info(stream)
        labels = {registry.STREAM: stream}
        record(registry.STREAM_SIZE, there.state.bytes, labels)
        record(registry.STREAM_LIMIT, there.config.max_bytes or 0, labels)
        record(registry.STREAM_MESSAGES, there.state.messages, labels)
