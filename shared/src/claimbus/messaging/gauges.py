"""What the broker tells of itself, as gauges: how far each consumer is behind, and how full the streams are."""

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError

from claimbus.messaging.topology import STREAMS, consumer_names
from claimbus.telemetry import metrics, registry
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record

_EVERY = 5.0
"""Seconds between two looks."""


class BrokerGauges:
    """Looks at the broker for as long as a service runs, if metrics are sent at all.

    Every service tells of all consumers and streams: the lag of one that is down is what ops look for.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._looking = asyncio.create_task(self._look_on()) if metrics.are_sent() else None

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,), timeout=0.5)

    async def _look_on(self) -> None:
        while not self._client.is_closed:
            try:
                await look(self._client)
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
