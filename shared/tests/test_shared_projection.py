"""A projection is rebuilt from a stream, keeps up with it, and finds its way back when it is lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from claimbus.events import Event, Keyed, VisitCompleted, VisitVoided
from claimbus.events.subjects import subject_for
from claimbus.health import is_healthy
from claimbus.messaging import Projection, Reading, broker
from claimbus.messaging import projection as projection_module
from claimbus.messaging.topology import VISITS, provision
from claimbus.testing.embedded import EmbeddedServer
from nats.aio.client import Client

CANARY = "Zebulon-Canary-1931"


class Seen:
    """What a projection was handed."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.voided: list[str] = []
        self.projection = Projection(
            Reading(VisitCompleted, Keyed, lambda event: self.keys.append(event.visit_id)),
            Reading(VisitVoided, Keyed, lambda event: self.voided.append(event.visit_id)),
        )


def body(key: str, practice: str = "projected-pt") -> bytes:
    return json.dumps({"practice_id": practice, "visit_id": key, "revision": 1, "reason": CANARY}).encode()


async def put(client: Client, *keys: str, kind: type[Event] = VisitCompleted) -> None:
    for key in keys:
        await client.jetstream().publish(subject_for(kind, "projected-pt", key), body(key), timeout=10)


@asynccontextmanager
async def following(client: Client) -> AsyncIterator[Seen]:
    seen = Seen()
    await seen.projection.start(client)
    try:
        yield seen
    finally:
        await seen.projection.stop()


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            if (await value) if asyncio.iscoroutine(value) else value:
                return
            await asyncio.sleep(0.02)


def named(*numbers: int) -> list[str]:
    return [f"v{number}" for number in range(*numbers)]


async def ephemeral(client: Client) -> list[str]:
    """Consumers of the stream that nobody provisioned."""
    return [str(info.name) for info in await client.jetstream().consumers_info(VISITS) if not info.config.durable_name]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection_module, "_EXPIRES", 0.3)
    monkeypatch.setattr(projection_module, "_LOOK", 0.1)


async def test_it_begins_with_all_that_the_stream_held_and_follows_what_comes(client: Client) -> None:
    await put(client, *named(600))
    async with following(client) as seen:
        assert seen.keys == named(600), "more than one fetch brings, before the service would begin to receive"
        assert seen.projection.is_current
        await put(client, *named(600, 610))
        await until(lambda: len(seen.keys) == 610)
    assert seen.keys == named(610)


async def test_it_is_given_only_the_kinds_that_it_reads(client: Client) -> None:
    await client.jetstream().publish("visits.projected-pt.v0.coded", body("v0"))
    await put(client, "v1")
    await put(client, "v1", kind=VisitVoided)
    async with following(client) as seen:
        assert (seen.keys, seen.voided) == (["v1"], ["v1"])


async def test_it_begins_on_an_empty_stream(client: Client) -> None:
    async with following(client) as seen:
        assert seen.projection.is_current
        await put(client, "v0")
        await until(lambda: seen.keys == ["v0"])


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b"{" + CANARY.encode(), None),
        (b"", None),
        (json.dumps({"practice_id": "projected-pt", "visit_id": "bad"}).encode(), None),
        (body("bad", practice="another-pt"), None),
        (body("elsewhere"), None),
        (body("bad"), {"ce-id": "1"}),
        (body("bad"), {"Content-Type": "application/cloudevents+json"}),
    ],
    ids=["not JSON", "empty", "no revision", "foreign practice", "foreign visit", "broken envelope", "no data"],
)
async def test_a_message_that_cannot_be_read_is_passed_over_and_not_repeated_in_the_log(
    data: bytes, headers: dict[str, str] | None, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    await client.jetstream().publish(subject_for(VisitCompleted, "projected-pt", "bad"), data, headers=headers)
    await put(client, "good")
    async with following(client) as seen:
        assert seen.keys == ["good"]
    assert CANARY not in "".join(capfd.readouterr())


async def test_a_structured_event_is_read(client: Client) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/ehr", "type": VisitCompleted.type}
    structured = json.dumps(event | {"data": json.loads(body("v0"))}).encode()
    headers = {"Content-Type": "application/cloudevents+json"}
    await client.jetstream().publish(subject_for(VisitCompleted, "projected-pt", "v0"), structured, headers=headers)
    async with following(client) as seen:
        assert seen.keys == ["v0"]


async def test_a_deleted_consumer_is_made_again_after_the_last_message_taken(client: Client, quick: None) -> None:
    await put(client, *named(3))
    async with following(client) as seen:
        (lost,) = await ephemeral(client)
        await client.jetstream().delete_consumer(VISITS, lost)
        await put(client, *named(3, 6))
        await until(lambda: len(seen.keys) >= 6)
        assert seen.keys == named(6)
        assert seen.projection.is_current
        assert await ephemeral(client) != [lost]


async def test_a_message_lost_on_the_way_is_read_again(client: Client, quick: None) -> None:
    async with following(client) as seen:
        await put(client, "v0")
        await until(lambda: seen.keys == ["v0"])
        # Somebody else takes a message from its consumer: the next one comes with a gap before it.
        (name,) = await ephemeral(client)
        thief = await client.jetstream().pull_subscribe_bind(consumer=name, stream=VISITS)
        stealing = asyncio.create_task(thief.fetch(3, timeout=5))
        for number in range(1, 200):
            await put(client, f"v{number}")
            if stealing.done():
                break
        assert stealing.done(), "nothing was taken away"
        await put(client, "last")
        await until(lambda: "last" in seen.keys)
    assert seen.keys == [*named(number + 1), "last"]


async def test_a_broker_that_was_killed_is_followed_again(tmp_path: Path, quick: None) -> None:
    async def quiet(_: Exception) -> None:
        """The broker is meant to go away."""

    server = EmbeddedServer(tmp_path / "nats")
    server.start()
    port = int(server.url.rsplit(":", 1)[1])
    client = await nats.connect(server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=quiet)
    try:
        await provision(client.jetstream())
        await put(client, *named(3))
        async with following(client) as seen:
            server.kill()
            await until(lambda: not client.is_connected)
            server = EmbeddedServer(tmp_path / "nats", port)
            server.start()
            await until(lambda: client.is_connected)
            await put(client, *named(3, 6))
            await until(lambda: len(seen.keys) >= 6)
            assert seen.keys == named(6)
            assert seen.projection.is_current
    finally:
        await client.close()
        server.stop()


async def test_a_service_is_healthy_only_while_its_projections_are_current(nats_url: str, client: Client) -> None:
    running = broker(nats_url, "claims")
    await running.start()
    try:
        projection = Seen().projection
        assert await is_healthy(running, "claims")
        assert not await is_healthy(running, "claims", [projection])
        await projection.start(client)
        assert await is_healthy(running, "claims", [projection])
        await projection.stop()
        assert not await is_healthy(running, "claims", [projection])
    finally:
        await running.stop()


async def test_a_connection_drains_at_once_after_its_projection_stopped(
    nats_url: str, client: Client, quick: None
) -> None:
    connection = await nats.connect(nats_url)
    async with following(connection) as seen:
        await asyncio.sleep(3 * projection_module._EXPIRES)
        assert seen.projection.is_current, "an idle stream is no loss"
    async with asyncio.timeout(10):  # nats-py gives a drain 30 seconds
        await connection.drain()


async def test_a_projection_is_not_current_once_its_connection_is_closed(nats_url: str, client: Client) -> None:
    connection = await nats.connect(nats_url)
    seen = Seen()
    await seen.projection.start(connection)
    await connection.close()
    await until(lambda: not seen.projection.is_current)
    await seen.projection.stop()


async def test_a_follower_that_fails_makes_the_projection_stale_until_it_follows_again(
    client: Client, quick: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = projection_module._Place.lost

    def lost(place: projection_module._Place) -> str:
        raise ValueError(CANARY)

    async with following(client) as seen:
        monkeypatch.setattr(projection_module._Place, "lost", lost)
        await until(lambda: not seen.projection.is_current)
        monkeypatch.setattr(projection_module._Place, "lost", failing)
        await until(lambda: seen.projection.is_current)
        await put(client, "v0")
        await until(lambda: seen.keys == ["v0"])
    printed = "".join(capfd.readouterr())
    assert "background.ended" in printed
    assert CANARY not in printed


async def test_it_can_be_stopped_in_the_middle_of_what_comes(client: Client) -> None:
    async def publish_on_and_on() -> None:
        for number in range(100_000):
            await put(client, f"v{number}")

    publishing = asyncio.create_task(publish_on_and_on())
    try:
        for pause in range(20):
            seen = Seen()
            await seen.projection.start(client)
            await asyncio.sleep(pause / 1000)
            async with asyncio.timeout(10):
                await seen.projection.stop()
    finally:
        publishing.cancel()
