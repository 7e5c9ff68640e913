"""Killed services, lost consumers, a dead broker: every visit still gets exactly one decision."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import nats
import pytest
from claimbus.events.subjects import parse
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import ACK_WAIT, VISITS, provision
from claimbus.probe import answers
from claimbus.services import SERVICES
from claimbus.testing.bus import Bus
from claimbus.testing.embedded import EmbeddedServer
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visits
from nats.aio.client import Client
from observing import decisions_are_in, publish_twice, quiet, until_stored, words_of_claims

PATIENCE = 6 * ACK_WAIT


async def publish_all_twice(client: Client, count: int) -> None:
    gate = asyncio.Semaphore(32)

    async def publish_when_free(visit: dict[str, Any]) -> None:
        async with gate:
            await publish_twice(client, visit)

    async with asyncio.TaskGroup() as tasks:
        for visit in visits(count):
            tasks.create_task(publish_when_free(visit))


async def assert_one_decision_each(client: Client, count: int) -> None:
    words = await words_of_claims(client)
    by_visit = {subject.split(".")[2]: number for subject, number in words.items()}
    assert len(words) == len(by_visit), "a visit has two outcomes"
    assert set(by_visit.values()) == {1}, "a visit was decided twice"
    assert set(by_visit) == {visit["visit_id"] for visit in visits(count)}, "a visit was lost"
    assert await read_dead_letters(client) == []


async def deliveries(client: Client, service: str) -> tuple[int, int]:
    """How many messages a service was given, repetitions too, and how many there are for it."""
    js = client.jetstream()
    given = (await js.consumer_info(VISITS, service)).delivered
    facts = {event.fact for event in SERVICES[service].subscribes}
    there = (await js.stream_info(VISITS, subjects_filter=">")).state.subjects or {}
    return (given.consumer_seq if given else 0), sum(n for subject, n in there.items() if parse(subject).fact in facts)


@pytest.mark.parametrize("victim", SERVICES)
async def test_a_service_killed_while_a_thousand_visits_flow_twice_loses_and_doubles_none(
    victim: str, client: Client, services: Supervisor
) -> None:
    count = 1000
    publishing = asyncio.create_task(publish_all_twice(client, count))
    await decisions_are_in(client, count // 10, PATIENCE)
    os.kill(services.pid_of(victim), signal.SIGKILL)
    await publishing
    await decisions_are_in(client, count, PATIENCE)
    await Bus(client, PATIENCE).settled()
    assert services.restarts()[victim] == 1
    await assert_one_decision_each(client, count)


async def test_three_replicas_of_each_service_still_decide_once(nats_url: str, client: Client, tmp_path: Path) -> None:
    count = 300
    async with Supervisor(nats_url, tmp_path / "logs", replicas=3):
        await publish_all_twice(client, count)
        await decisions_are_in(client, count, PATIENCE)
        await Bus(client, PATIENCE).settled()
        await assert_one_decision_each(client, count)


@pytest.mark.parametrize("stopped", SERVICES)
async def test_a_service_told_to_stop_under_load_loses_nothing_and_leaves_nothing_to_repeat(
    stopped: str, client: Client, services: Supervisor
) -> None:
    count = 400
    publishing = asyncio.create_task(publish_all_twice(client, count))
    await decisions_are_in(client, count // 10, PATIENCE)
    os.kill(services.pid_of(stopped), signal.SIGTERM)
    await publishing
    await decisions_are_in(client, count, PATIENCE)
    await Bus(client, PATIENCE).settled()
    await assert_one_decision_each(client, count)
    assert "service.draining" in (services.logs / f"{stopped}.log").read_text()
    given, there = await deliveries(client, stopped)
    assert given == there, "a message was taken and not settled: it came again after ACK_WAIT"


async def test_a_broker_killed_while_visits_flow_loses_none(tmp_path: Path) -> None:
    count = 200
    server = EmbeddedServer(tmp_path / "nats")
    server.start()
    port = int(server.url.rsplit(":", 1)[1])
    client = await nats.connect(server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.2, error_cb=quiet)
    await provision(client.jetstream())
    supervisor = Supervisor(server.url, tmp_path / "logs")
    try:
        await supervisor.start()
        for number, visit in enumerate(visits(count)):
            await until_stored(partial(Bus(client).publish, visit))
            if number == count // 2:
                server.kill()
                server = EmbeddedServer(tmp_path / "nats", port)
                server.start()
        await decisions_are_in(client, count, PATIENCE)
        await assert_one_decision_each(client, count)
        assert set(supervisor.restarts().values()) == {0}
    finally:
        await client.close()
        await supervisor.stop()
        server.stop()


async def test_health_notices_a_deleted_consumer_and_work_goes_on_when_it_is_back(
    client: Client, services: Supervisor
) -> None:
    port = services.port_of("coding")
    assert await _health(port) == 204
    assert answers(port)
    await client.jetstream().delete_consumer(VISITS, "coding")
    assert await _health(port) == 503
    assert not answers(port)
    assert await _health(port, "/live") == 204  # nothing that a restart would mend
    await publish_all_twice(client, 3)
    await asyncio.sleep(1)
    assert await words_of_claims(client) == {}
    await provision(client.jetstream())
    assert await _health(port) == 204
    await decisions_are_in(client, 3)
    await assert_one_decision_each(client, 3)


async def units_on(nats_url: str, **environment: str) -> asyncio.subprocess.Process:
    """A service that nobody supervises, with its log to read."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "units",
        env={**os.environ, "CLAIMBUS_NATS_URL": nats_url, **environment},
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_service_refuses_to_run_on_a_topology_that_drifted(nats_url: str, client: Client) -> None:
    await client.jetstream().delete_consumer(VISITS, "units")
    process = await units_on(nats_url)
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 78
    assert "consumer units does not exist on stream VISITS; run: claimbus provision" in said.decode()


async def test_a_service_told_to_wait_starts_when_somebody_provisions(nats_url: str, client: Client) -> None:
    await client.jetstream().delete_consumer(VISITS, "units")
    process = await units_on(nats_url, CLAIMBUS_WAIT="60")
    assert process.stderr is not None
    assert b"service.waiting" in await asyncio.wait_for(process.stderr.readline(), 30)
    await provision(client.jetstream())
    while b"service.ready" not in await asyncio.wait_for(process.stderr.readline(), 30):
        pass
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def _health(port: int, path: str = "/ready") -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status
