"""A bus for a test: a broker with the streams as declared, to publish to and to wait for what comes of it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.js.api import DeliverPolicy
from pydantic_core import to_json

from claimbus.events import DeadLetter, Decision, Event, Keyed, VisitCompleted, basis_for
from claimbus.events.envelope import read
from claimbus.events.subjects import all_claims_of, all_visits_of, event_at, parse, subject_for
from claimbus.messaging import Outgoing, publish_event
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import CLAIMS, OUTCOMES, STREAM_OF, VISITS, provision
from claimbus.services import SERVICES
from claimbus.telemetry.tracing import new_trace
from claimbus.testing.embedded import EmbeddedServer

Given = Event | Mapping[str, Any] | bytes
"""An event, its data, or its JSON. Where a visit is asked for: any event about the revision that is meant."""
E = TypeVar("E", bound=Event)
_LOOK = 0.05
"""Seconds between two looks."""


class Bus:
    """Publish as an EHR, the claims service or a submission service would, and wait for what comes of it.

    What does not come within `seconds` raises `TimeoutError`, which says what came instead.
    """

    def __init__(self, client: Client, seconds: float = 30.0) -> None:
        self.client = client
        self.seconds = seconds

    @property
    def url(self) -> str:
        """Address of the server, for whoever is to be tested."""
        assert self.client.connected_url is not None  # noqa: S101  (a bus is made of a connected client)
        return self.client.connected_url.geturl()

    async def publish(self, event: Given, kind: type[Event] = VisitCompleted) -> bool:
        """Publish an event; false where the broker had the very same already.

        Data and JSON are published as an event of `kind`; beside the keys, nothing in them has to be valid.
        """
        kind = type(event) if isinstance(event, Event) else kind
        body = event if isinstance(event, bytes) else event.to_json() if isinstance(event, Event) else to_json(event)
        keys = _keys(body)
        identity = basis_for(kind, keys.practice_id, keys.visit_id, body).event_id
        outgoing = Outgoing(kind, keys.practice_id, keys.visit_id, keys.revision, identity, body)
        ack = await publish_event(self.client, outgoing, source="/claimbus/testing", context=new_trace())
        return not ack.duplicate

    async def events(self, kind: type[E], visit: Given, count: int = 1) -> list[E]:
        """All events of a kind about a visit, whatever their revision, oldest first, once there are `count`."""
        keys = _keys(visit)
        subject = subject_for(kind, keys.practice_id, keys.visit_id)
        return [
            event for event in await self._stored(STREAM_OF[kind.family], subject, count) if isinstance(event, kind)
        ]

    async def claim_events(self, visit: Given, count: int = 1) -> list[Event]:
        """All that was published about the claim of a visit, oldest first, once there are `count` events."""
        keys = _keys(visit)
        return await self._stored(CLAIMS, all_claims_of(keys.practice_id, keys.visit_id), count)

    async def decision(self, visit: Given) -> Decision:
        """The decision on a visit revision."""
        keys, count = _keys(visit), 1
        while True:
            events = await self.claim_events(visit, count)
            for event in events:
                if isinstance(event, Decision) and event.revision == keys.revision:
                    return event
            count = len(events) + 1

    async def dead_letters(self, count: int = 1) -> list[DeadLetter]:
        """All dead letters, oldest first, once there are `count`."""
        async with asyncio.timeout(self.seconds):
            while len(found := await read_dead_letters(self.client)) < count:
                await asyncio.sleep(_LOOK)
        return [stored.dead_letter for stored in found]

    async def settled(self) -> None:
        """Wait until the services have nothing left to do; look twice, since one may just be handing on."""
        left: dict[str, int] = {}
        try:
            async with asyncio.timeout(self.seconds):
                for _ in range(2):
                    while left := await self._left():
                        await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise TimeoutError(f"messages that services have to settle after {self.seconds:g} s: {left}") from None

    async def _stored(self, stream: str, subject: str, count: int) -> list[Event]:
        js = self.client.jetstream()
        found = 0
        try:
            async with asyncio.timeout(self.seconds):
                while (found := await self._count(stream, subject)) < count:
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise TimeoutError(await self._instead(subject, found, count)) from None
        if not found:
            return []
        messages = await js.subscribe(subject, stream=stream, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
        received = [await messages.next_msg(self.seconds) for _ in range(found)]
        await messages.unsubscribe()
        return [event_at(parse(msg.subject)).model_validate_json(read(msg.headers, msg.data)[1]) for msg in received]

    async def _left(self) -> dict[str, int]:
        """Messages that services have to settle, where there are any."""
        js = self.client.jetstream()
        infos = [info for stream in (VISITS, OUTCOMES) for info in await js.consumers_info(stream)]
        left = {info.name: (info.num_pending or 0) + (info.num_ack_pending or 0) for info in infos}
        return {name: count for name, count in left.items() if count and name in SERVICES}

    async def _count(self, stream: str, subject: str) -> int:
        info = await self.client.jetstream().stream_info(stream, subjects_filter=subject)
        return sum((info.state.subjects or {}).values())

    async def _instead(self, subject: str, found: int, count: int) -> str:
        """For the text of an error: what is stored of the visit, and what could not be used."""
        _, practice_id, visit_id, _ = parse(subject)
        info = await self.client.jetstream().stream_info(VISITS, subjects_filter=all_visits_of(practice_id, visit_id))
        return "; ".join(
            [
                f"{found} of {count} events on {subject} after {self.seconds:g} s",
                f"stored of the visit: {', '.join(info.state.subjects or ['nothing'])}",
                *(f"dead letter: {letter.model_dump_json()}" for letter in await self.dead_letters(0)),
            ]
        )


def _keys(about: Given) -> Keyed:
    return Keyed.model_validate_json(about) if isinstance(about, bytes) else Keyed.model_validate(about)


@asynccontextmanager
async def running_bus() -> AsyncIterator[Bus]:
    """A bus on a server of its own, which ends with it. Raises `BrokerError` where the server cannot be started."""
    with (
        tempfile.TemporaryDirectory(prefix="claimbus-") as folder,
        EmbeddedServer(Path(folder), sync="2m") as server,
    ):
        async with emptied_bus(server.url) as bus:
            yield bus


@asynccontextmanager
async def emptied_bus(url: str) -> AsyncIterator[Bus]:
    """A bus on a server that runs already. All that its streams held is deleted, and they are provisioned anew."""
    client = await nats.connect(url)
    try:
        js = client.jetstream()
        for stream in await js.streams_info():
            await js.delete_stream(str(stream.config.name))
        await provision(js)
        yield Bus(client)
    finally:
        await client.close()
