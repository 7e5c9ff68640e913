"""The stack of docker-compose.yml on a real engine: visits in, decisions out, scaled, rolled, nothing lost.

`pytest -s` also prints what was measured.
"""

import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from claimbus.events.subjects import ALL_CLAIMS, every, parse
from claimbus.events.visit_completed import VisitCompleted
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import CLAIMS, VISITS
from claimbus.services import SERVICES
from claimbus.testing.bus import Bus
from claimbus.testing.visits import example_bodies, visits
from claimbus_cli.bus.reading import all_messages, claim_events_of
from claimbus_cli.decisions import decide_visit
from claimbus_engine import Rules
from composed import BROKERS, Stack, composed, run
from nats.aio.client import Client
from nats.errors import Error as NatsError
from observing import decisions_are_in, eventually, quiet, until_stored

PATIENCE = 180.0

# Docker accepts connections for a container that is down, and closes them: nats-py leaves such sockets open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RATE = 40
"""Visits a second of the load: what a small machine does with room to spare, so that a backlog is seen to go."""


@contextlib.asynccontextmanager
async def load(client: Client) -> AsyncIterator[list[str]]:
    """Visits are published at a steady rate for as long as this is entered; the list grows with their keys."""
    sent: list[str] = []
    is_over = False

    async def publish_on() -> None:
        begun = time.monotonic()
        for number, visit in enumerate(visits(1_000_000)):
            if is_over:
                return
            await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            await until_stored(partial(Bus(client).publish, visit))
            sent.append(visit["visit_id"])

    publishing = asyncio.create_task(publish_on())
    try:
        yield sent
    finally:
        # Told, not cancelled: Python 3.11's wait_for drops a cancellation that meets its answer.
        is_over = True
        await publishing


async def stored_at(client: Client, stream: str, subject: str) -> dict[str, float]:
    """When the first message on each visit was stored."""
    found: dict[str, float] = {}
    async for msg in all_messages(client, stream, subject):
        found.setdefault(parse(msg.subject).visit_id, msg.metadata.timestamp.timestamp())
    return found


async def assert_each_decided_once(stack: Stack, client: Client, title: str) -> None:
    """And print what it took."""
    came = await stored_at(client, VISITS, every(VisitCompleted))
    await decisions_are_in(client, len(came), PATIENCE)
    await Bus(client, PATIENCE).settled()
    counts = Counter([parse(msg.subject).visit_id async for msg in all_messages(client, CLAIMS, ALL_CLAIMS)])
    assert set(counts) == set(came), "a visit was lost"
    assert set(counts.values()) == {1}, "a visit was decided twice"
    assert await read_dead_letters(client) == []
    assert "Violation" not in await stack.logs(*BROKERS[stack.files[-1]])
    decided = await stored_at(client, CLAIMS, ALL_CLAIMS)
    waits = sorted(decided[key] - came[key] for key in came)
    figures = {
        "visits": len(came),
        "lost": len(came.keys() - counts.keys()),
        "twice": sum(count > 1 for count in counts.values()),
        "median_seconds": round(statistics.median(waits), 3),
        "p99_seconds": round(waits[int(len(waits) * 0.99)], 3),
        "longest_seconds": round(waits[-1], 3),
    }
    sys.stdout.write(f"\n{title}: {json.dumps(figures)}\n")


@pytest.mark.parametrize("more", [(), ("docker-compose.cluster.yml",)], ids=["one broker", "three brokers"])
async def test_a_rolling_restart_under_load_loses_and_doubles_none(
    more: tuple[str, ...], images: str, tmp_path: Path
) -> None:
    async with composed(tmp_path, images, *more) as stack, stack.as_user("operator", error_cb=quiet) as client:
        await stack.scale(**dict.fromkeys((name.replace("-", "_") for name in SERVICES), 3))
        states = await stack.states()
        assert Counter(states.values()) == {"healthy": 3 * len(SERVICES) + len(BROKERS[stack.files[-1]])}
        before = {name: set(await stack.containers(name)) for name in SERVICES}
        begun = time.monotonic()
        async with load(client) as sent:
            await eventually(lambda: len(sent) > RATE)
            # One replica of each service at a time, as four Deployments roll side by side.
            await asyncio.gather(*(stack.roll(name) for name in SERVICES))
            if more:
                for name in BROKERS[stack.files[-1]]:
                    await stack.roll(name)
            took = time.monotonic() - begun
        brokers = len(BROKERS[stack.files[-1]]) if more else 0
        title = f"{brokers} brokers and {3 * len(SERVICES)} services restarted, one of each at a time, in {took:.0f} s"
        await assert_each_decided_once(stack, client, title)
        assert {name: set(await stack.containers(name)) for name in SERVICES} == before
        drained = (await stack.logs(*SERVICES)).count("service.draining")
        assert drained == 3 * len(SERVICES), "a container was killed instead of told to stop"


async def test_a_visit_s_journey_through_the_containers(images: str, tmp_path: Path) -> None:
    """From its EHR, with the EHR's key, to the decision that `claimbus evaluate` makes of it."""
    async with composed(tmp_path, images) as stack:
        bodies, rules = example_bodies(), Rules.load()
        async with stack.as_user("ehr-northside-pt") as ehr:
            for body in bodies.values():
                assert await Bus(ehr).publish(body)
        async with stack.as_user("operator") as client:
            await decisions_are_in(client, len(bodies), PATIENCE)
            for body in bodies.values():
                alone = decide_visit(body, rules)
                (decision,) = await claim_events_of(client, "northside-pt", alone.visit_id)
                besides = {"decided_at", "trace_id"}
                assert decision.model_dump(exclude=besides) == alone.model_dump(exclude=besides)
        first = json.loads(next(iter(bodies.values())))["visit_id"]
        said = await stack.compose("run", "--rm", "cli", "explain", f"northside-pt/{first}")
        assert "97110" in said
        assert "ok" in await stack.compose("run", "--rm", "cli", "doctor")


async def test_containers_are_confined(images: str, tmp_path: Path) -> None:
    async with composed(tmp_path, images) as stack:
        for name in (*SERVICES, "nats"):
            (container,) = await stack.containers(name)
            (seen,) = json.loads(await run("docker", "inspect", container))
            host = seen["HostConfig"]
            assert seen["Config"]["User"] == "65532:65532"
            assert host["ReadonlyRootfs"]
            assert host["CapDrop"] == ["ALL"]
            assert "no-new-privileges:true" in host["SecurityOpt"]
            assert host["Memory"] > 0
            assert host["PidsLimit"] > 0
            assert host["RestartPolicy"]["Name"] == "unless-stopped"
            published = [one["HostIp"] for ports in host["PortBindings"].values() for one in ports]
            assert set(published) <= {"127.0.0.1"}
            # Its own seed is what a service can read, and no other's.
            if name != "nats":
                found = await run(
                    "docker", "exec", container, "/opt/claimbus/bin/python", "-c",
                    "import pathlib; print(*pathlib.Path('/').glob('**/nkey'))",
                )  # fmt: skip
                assert found.split() == ["/run/claimbus/nkey"]


async def test_a_broker_that_starts_again_has_everything(images: str, tmp_path: Path) -> None:
    async with composed(tmp_path, images) as stack, stack.as_user("operator", error_cb=quiet) as client:
        async with load(client) as sent:
            await eventually(lambda: len(sent) > RATE)
            (broker,) = await stack.containers("nats")
            await run("docker", "kill", "--signal", "KILL", broker)
            await run("docker", "start", broker)
            await eventually(lambda: client.is_connected)
            published = len(sent)
            await eventually(lambda: len(sent) > published + RATE)
        with contextlib.suppress(NatsError):
            await client.flush()
        await assert_each_decided_once(stack, client, "the broker killed with SIGKILL")
