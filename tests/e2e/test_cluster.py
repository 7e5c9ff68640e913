"""Three brokers, three copies of each stream: what a single server cannot show."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import nats
import pytest
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import ACK_WAIT, ATTEMPTS, RETRY_DELAYS, provision
from claimbus.testing.embedded import server_binary
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visits
from nats.aio.client import Client
from nats.errors import Error as NatsError
from observing import decisions_are_in, eventually, publish_twice, quiet, until_stored, words_of_claims

PATIENCE = 1.2 * sum(RETRY_DELAYS) + ATTEMPTS * ACK_WAIT
"""Seconds in which any message is settled, however many attempts elections cost it: what is undecided then is lost."""


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Three clustered servers by their address."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(6)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = [probe.getsockname()[1] for probe in probes]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[3:])
    running = {}
    for number in range(3):
        config = tmp_path / f"node-{number}.conf"
        config.write_text(
            f"listen: 127.0.0.1:{ports[number]}\nserver_name: node-{number}\n"
            f"cluster {{ name: test, listen: 127.0.0.1:{ports[3 + number]}, routes: [{routes}] }}\n"
            f'jetstream {{ store_dir: "{tmp_path}/node-{number}", max_file_store: 64G }}\n'
        )
        log = (tmp_path / f"node-{number}.log").open("wb")
        with log:
            address = f"nats://127.0.0.1:{ports[number]}"
            running[address] = subprocess.Popen([server_binary(), "-c", config], stdout=log, stderr=log)
    yield running
    for node in running.values():
        node.kill()
        node.wait()


@pytest.fixture
async def cluster(nodes: dict[str, subprocess.Popen[bytes]]) -> AsyncIterator[Client]:
    client = await nats.connect(list(nodes), max_reconnect_attempts=-1, reconnect_time_wait=0.2, error_cb=quiet)

    async def provisioned() -> bool:
        try:
            return bool(await provision(client.jetstream(), replicas=3) or True)
        except (NatsError, TimeoutError):
            return False  # no leader yet

    await eventually(provisioned, PATIENCE, every=0.5)
    yield client
    await client.close()


async def test_a_lost_node_loses_no_visit_and_two_replicas_of_each_service_double_none(
    nodes: dict[str, subprocess.Popen[bytes]], cluster: Client, tmp_path: Path
) -> None:
    count = 200
    addresses = list(nodes)
    supervisor = Supervisor(addresses[1], tmp_path / "logs", replicas=2)

    try:
        await supervisor.start(PATIENCE)
        for number, visit in enumerate(visits(count)):
            if number == count // 2:
                nodes[addresses[0]].kill()
            await until_stored(partial(publish_twice, cluster, visit))
        await decisions_are_in(cluster, count, PATIENCE, tmp_path / "logs")
        await asyncio.sleep(1)
        by_visit = [subject.split(".")[2] for subject in (await words_of_claims(cluster)).elements()]
        assert sorted(by_visit) == sorted(visit["visit_id"] for visit in visits(count))
        assert await read_dead_letters(cluster) == []
    finally:
        await supervisor.stop()
