"""A visit that a fact is missing of is held, once and visibly, and goes on by itself."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from claimbus.events import ClaimReady, ClaimVoided, Decision, VisitHeld, VisitVoided
from claimbus.messaging.topology import CLAIMS
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus_cli.bus.doctor import examine_broker
from claimbus_cli.bus.reading import ClaimEvent, claim_events_of
from nats.aio.client import Client
from observing import eventually
from test_life_after_the_decision import PRACTICE, command, decided, put, visit

AFTER = 4.0
"""Seconds that a visit is given in these tests: many times what a busy machine takes for one."""
QUICK = {"CLAIMBUS_HELD_AFTER": str(AFTER)}


@pytest.fixture
async def pipeline(nats_url: str, client: Client, tmp_path: Path) -> AsyncIterator[Supervisor]:
    """All services, two of each, that give a visit a few seconds, and have decided one."""
    supervisor = Supervisor(nats_url, tmp_path / "logs", replicas=2, environment=QUICK)
    try:
        await supervisor.start()
        await decided(client, visit("first"), 1)
        yield supervisor
    finally:
        going_on(supervisor, *supervisor.pids())
        await supervisor.stop()


@pytest.fixture
async def services_later(nats_url: str, client: Client, tmp_path: Path) -> AsyncIterator[Supervisor]:
    """All services, for a test to start when it wants them."""
    supervisor = Supervisor(nats_url, tmp_path / "logs")
    yield supervisor
    await supervisor.stop()


def replicas(supervisor: Supervisor, service: str) -> list[str]:
    return [name for name in supervisor.pids() if name.rstrip("-2") == service]


def stopped(supervisor: Supervisor, *names: str) -> None:
    """They stand still, as on a machine that hangs."""
    for name in names:
        os.kill(supervisor.pids()[name], signal.SIGSTOP)


def going_on(supervisor: Supervisor, *names: str) -> None:
    for name in names:
        os.kill(supervisor.pids()[name], signal.SIGCONT)


async def held(client: Client, key: str, count: int = 1) -> list[ClaimEvent]:
    async def said() -> list[ClaimEvent]:
        found = await claim_events_of(client, PRACTICE, key)
        return found if len(found) >= count and found[-1].fact == VisitHeld.fact else []

    return list(await eventually(said))


async def facts(client: Client, key: str) -> list[str]:
    return [event.fact for event in await claim_events_of(client, PRACTICE, key)]


@pytest.mark.parametrize(
    ("down", "waits_for"),
    [
        ("coding", ("coded", "units-computed")),
        ("units", ("units-computed",)),
        ("documentation-check", ("documentation-checked",)),
    ],
)
async def test_a_visit_is_held_while_a_service_is_down_and_decided_when_it_is_back(
    down: str, waits_for: tuple[str, ...], client: Client, pipeline: Supervisor
) -> None:
    stopped(pipeline, *replicas(pipeline, down))
    keys = [f"held-{number}" for number in range(8)]
    for key in keys:
        await put(client, visit(key))
    for key in keys:
        (event,) = await held(client, key)
        assert isinstance(event, VisitHeld)
        assert event.waits_for == waits_for
        assert f"said by {down}" in event.reason
    await asyncio.sleep(2 * AFTER)
    assert [await facts(client, key) for key in keys] == [["held"]] * len(keys), "two replicas say it once"
    (answer,) = [one for one in await examine_broker(client) if one.what == "held visits"]
    assert (answer.ok, answer.found) == (None, "8; 0 were held and are decided")
    page = await command("explain", f"{PRACTICE}/held-0", nats=client)
    assert f"It waits for: {', '.join(waits_for)}." in page
    going_on(pipeline, *replicas(pipeline, down))
    for key in keys:
        await eventually(lambda key=key: _are(["held", ClaimReady.fact], facts(client, key)), 60)
    await Bus(client).settled()
    await asyncio.sleep(AFTER)
    assert [await facts(client, key) for key in keys] == [["held", "ready"]] * len(keys)
    (answer,) = [one for one in await examine_broker(client) if one.what == "held visits"]
    assert (answer.ok, answer.found) == (True, "0; 8 were held and are decided")


async def _are(wanted: object, found: object) -> bool:
    return bool((await found if asyncio.iscoroutine(found) else found) == wanted)


async def test_a_held_amendment_supersedes_the_decision_before_the_hold(client: Client, pipeline: Supervisor) -> None:
    first = await decided(client, visit("amended"), 1)
    stopped(pipeline, *replicas(pipeline, "coding"))
    await put(client, visit("amended", 2, place_of_service="12"))
    await held(client, "amended", 2)
    going_on(pipeline, *replicas(pipeline, "coding"))
    await eventually(lambda: _are(["ready", "held", "ready"], facts(client, "amended")), 60)
    last = (await claim_events_of(client, PRACTICE, "amended"))[-1]
    assert isinstance(last, Decision)
    assert last.supersedes == first.claim_id
    assert [(one.field, one.before, one.to) for one in last.changes] == [("claim.place_of_service", "11", "12")]


async def test_a_held_visit_can_be_voided_and_is_not_held_again(client: Client, pipeline: Supervisor) -> None:
    first = await decided(client, visit("gone"), 1)
    stopped(pipeline, *replicas(pipeline, "coding"))
    await put(client, visit("gone", 2))
    await held(client, "gone", 2)
    await put(client, {"practice_id": PRACTICE, "visit_id": "gone", "revision": 2}, VisitVoided)
    await eventually(lambda: _are(["ready", "held", "voided"], facts(client, "gone")))
    voided = (await claim_events_of(client, PRACTICE, "gone"))[-1]
    assert isinstance(voided, ClaimVoided)
    assert voided.retracts == first.claim_id
    going_on(pipeline, *replicas(pipeline, "coding"))
    await Bus(client, 60).settled()
    assert await facts(client, "gone") == ["ready", "held", "voided"]


async def test_only_the_newest_revision_is_held(client: Client, pipeline: Supervisor) -> None:
    stopped(pipeline, *replicas(pipeline, "coding"))
    for revision in (1, 2):
        await put(client, visit("twice", revision))
    (event,) = await held(client, "twice")
    assert event.revision == 2


@asynccontextmanager
async def claims_alone(nats_url: str) -> AsyncIterator[None]:
    """The claims service and none that could give it a fact."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "claims",
        env={**os.environ, **QUICK, "CLAIMBUS_NATS_URL": nats_url},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_a_restarted_service_holds_what_came_while_none_ran_and_says_nothing_twice(
    nats_url: str, client: Client, services_later: Supervisor
) -> None:
    await put(client, visit("early"))
    await asyncio.sleep(AFTER)
    for _ in range(2):
        async with claims_alone(nats_url):
            await held(client, "early")
            await asyncio.sleep(AFTER)
        assert await facts(client, "early") == ["held"]
    await services_later.start()
    await eventually(lambda: _are(["held", "ready"], facts(client, "early")), 60)


async def test_an_invalid_visit_is_a_dead_letter_and_is_not_held(client: Client, pipeline: Supervisor) -> None:
    await client.jetstream().publish(f"visits.{PRACTICE}.bad.completed", json.dumps({"visit_id": "bad"}).encode())
    stopped(pipeline, *replicas(pipeline, "coding"))
    await put(client, visit("good"))
    before = (await client.jetstream().stream_info(CLAIMS)).state.messages
    await held(client, "good")
    assert (await client.jetstream().stream_info(CLAIMS)).state.messages == before + 1
    assert await facts(client, "bad") == []


async def test_nothing_is_held_where_it_is_turned_off(nats_url: str, client: Client, tmp_path: Path) -> None:
    supervisor = Supervisor(nats_url, tmp_path / "logs", environment={"CLAIMBUS_HELD_AFTER": "0"})
    try:
        await supervisor.start()
        stopped(supervisor, "coding")
        await put(client, visit("waits"))
        await asyncio.sleep(2 * AFTER)
        assert await facts(client, "waits") == []
        going_on(supervisor, "coding")
        await eventually(lambda: _are(["ready"], facts(client, "waits")), 60)
    finally:
        going_on(supervisor, "coding")
        await supervisor.stop()


async def test_a_visit_held_beside_a_dead_letter_names_it(client: Client, pipeline: Supervisor) -> None:
    stopped(pipeline, *replicas(pipeline, "coding"))
    await put(client, visit("poisoned"))
    await client.jetstream().publish(f"visits.{PRACTICE}.poisoned.coded", b'{"practice_id": "northside-pt"}')
    (event,) = await held(client, "poisoned")
    assert isinstance(event, VisitHeld)
    assert event.waits_for == ("coded", "units-computed"), "what cannot be used is not there"
    page = await command("explain", f"{PRACTICE}/poisoned", nats=client)
    assert "Dead letter 1 is of this visit" in page
    going_on(pipeline, *replicas(pipeline, "coding"))
    await eventually(lambda: _are(["held", "ready"], facts(client, "poisoned")), 60)
