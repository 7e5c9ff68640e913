"""Looking for visits without a claim event, on a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from claimbus.events import (
    Basis,
    DocumentationChecked,
    Event,
    Keyed,
    RuleSet,
    VisitCoded,
    VisitCompleted,
    VisitVoided,
    basis_for,
)
from claimbus.events.subjects import every, subject_for
from claimbus.messaging import StalledVisit, StalledVisits
from claimbus.messaging.direct_get import read_at, read_on
from claimbus.messaging.topology import VISITS
from claimbus.testing.visits import visit_data
from nats.aio.client import Client
from pydantic_core import to_json

AFTER = 0.4
RULES = RuleSet(version="1", sha256="0" * 64, tables={"t": "1"})


def visit(key: str = "v1", revision: int = 1, **changes: Any) -> bytes:
    return to_json(visit_data(practice_id="p", visit_id=key, revision=revision, **changes))


async def put(client: Client, body: bytes, kind: type[Event] = VisitCompleted) -> int:
    data = json.loads(body)
    return (await client.jetstream().publish(subject_for(kind, "p", data.get("visit_id", "v1")), body)).seq


def facts_of(body: bytes) -> tuple[VisitCoded, DocumentationChecked]:
    data = json.loads(body)
    basis: Basis = basis_for(VisitCompleted, "p", data["visit_id"], body)
    common: dict[str, Any] = {
        "practice_id": "p", "visit_id": data["visit_id"], "revision": data["revision"],
        "basis": basis, "rule_set": RULES,
    }  # fmt: skip
    return (
        VisitCoded(
            **common, service_date="2026-11-18", program="commercial", assistant_present=False, interventions=()
        ),
        DocumentationChecked(**common, checks=()),
    )


Hold = Callable[[StalledVisit], Awaitable[None]]


@asynccontextmanager
async def looking(
    client: Client, hold: Hold, is_closed: Callable[[Keyed], bool] = lambda _: False
) -> AsyncIterator[None]:
    watch = StalledVisits("claims", VisitCoded, DocumentationChecked, is_closed=is_closed, hold=hold, after=AFTER)
    await watch.start(client)
    try:
        yield
    finally:
        await watch.stop()


class Held(list[tuple[str, int, tuple[str, ...]]]):
    """What was to be held, with what it waited for."""

    async def __call__(self, waiting: StalledVisit) -> None:
        event = waiting.event
        self.append((event.visit_id, event.revision, tuple(kind.fact for kind in waiting.missing)))


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_visit_is_looked_at_once_when_its_time_is_up(client: Client) -> None:
    held = Held()
    async with looking(client, held):
        await put(client, visit("a"))
        coded, _ = facts_of(visit("b"))
        await put(client, visit("b"))
        await put(client, coded.model_dump_json().encode(), VisitCoded)
        await asyncio.sleep(AFTER / 2)
        assert held == []
        await until(lambda: len(held) == 2)
        await asyncio.sleep(2 * AFTER)
    assert held == [("a", 1, ("coded", "documentation-checked")), ("b", 1, ("documentation-checked",))]


async def test_what_is_known_to_be_closed_is_passed_over(client: Client) -> None:
    held = Held()
    for number in range(250):
        await put(client, visit(f"v{number}"))
    async with looking(client, held, lambda keyed: keyed.visit_id != "v249"):
        await until(lambda: held)
    assert [key for key, *_ in held] == ["v249"]


async def test_a_later_revision_or_a_void_takes_its_turn(client: Client) -> None:
    held = Held()
    await put(client, visit("twice", 1))
    await put(client, visit("twice", 2))
    await put(client, visit("then-invalid", 1))
    await put(client, visit("then-invalid", 2, coverage=[]))
    await put(client, visit("void", 3))
    await put(client, b'{"practice_id": "p", "visit_id": "void", "revision": 3}', VisitVoided)
    await put(client, visit("late-void", 3))
    await put(client, b'{"practice_id": "p", "visit_id": "late-void", "revision": 2}', VisitVoided)
    async with looking(client, held):
        await until(lambda: len(held) == 3)
        await asyncio.sleep(AFTER)
    assert [(key, revision) for key, revision, _ in held] == [("twice", 2), ("then-invalid", 1), ("late-void", 3)]


async def test_facts_of_another_body_are_not_the_visits(client: Client) -> None:
    held = Held()
    sent, elsewhere = visit("v"), visit("v", place_of_service="12")
    await put(client, sent)
    for fact in facts_of(elsewhere):
        await put(client, fact.model_dump_json().encode(), type(fact))
    async with looking(client, held):
        await until(lambda: held)
    assert held == [("v", 1, ("coded", "documentation-checked"))]


async def test_a_visit_whose_facts_are_all_there_waits_until_the_service_has_settled_them(client: Client) -> None:
    held = Held()
    body = visit("v")
    await put(client, body)
    for fact in facts_of(body):
        await put(client, fact.model_dump_json().encode(), type(fact))
    service = await client.jetstream().pull_subscribe_bind("claims", VISITS)
    async with looking(client, held):
        await asyncio.sleep(3 * AFTER)
        assert held == [], "claims has not received them"
        for msg in await service.fetch(2):
            await msg.ack_sync()
        await until(lambda: held)
        await asyncio.sleep(AFTER)
    assert held == [("v", 1, ())]


async def test_what_is_no_visit_is_passed_over(client: Client) -> None:
    held = Held()
    for body in (b"{", b"", b'{"practice_id": "p", "visit_id": "v1"}', visit("v1", coverage=[])):
        await client.jetstream().publish(subject_for(VisitCompleted, "p", "v1"), body)
    await put(client, visit("good"))
    async with looking(client, held):
        await until(lambda: held)
    assert [key for key, *_ in held] == ["good"]


async def test_a_look_that_fails_is_made_again_and_one_visit_that_cannot_be_looked_at_stops_no_other(
    client: Client,
) -> None:
    held, tries = Held(), []

    async def hold(waiting: StalledVisit) -> None:
        tries.append(waiting.event.visit_id)
        if waiting.event.visit_id == "bad":
            raise ValueError
        if len(tries) < 4:
            raise TimeoutError
        await held(waiting)

    for key in ("bad", "good"):
        await put(client, visit(key))
    async with looking(client, hold):
        await until(lambda: held)
    assert tries == ["bad", "good", "good", "good"]


async def test_a_stream_is_read_on_from_an_instant_and_from_a_sequence(client: Client) -> None:
    first = await put(client, visit("a"))
    stored = await read_at(client, VISITS, first)
    assert stored is not None
    await asyncio.sleep(0.01)
    await put(client, visit("b"))
    subject = every(VisitCompleted)
    assert len(await read_on(client, VISITS, subject, start=stored.at, most=10)) == 2
    assert len(await read_on(client, VISITS, subject, start=first + 1, most=10)) == 1
    assert len(await read_on(client, VISITS, subject, start=first, most=1)) == 1
    assert await read_on(client, VISITS, subject, start=first + 2, most=10) == []
    assert await read_at(client, VISITS, first + 2) is None
