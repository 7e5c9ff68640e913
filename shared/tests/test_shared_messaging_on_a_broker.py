"""Settlement, the guarded publish and the join, each on a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from claimbus.events import (
    Basis,
    ClaimReady,
    ClaimVoided,
    DeadLetter,
    DocumentationChecked,
    Event,
    RuleSet,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitHeld,
    VisitVoided,
    Worksheet,
    basis_for,
)
from claimbus.events.subjects import dead, subject_for
from claimbus.messaging import (
    Drift,
    Join,
    Joined,
    LatestClaimEvent,
    Outgoing,
    Received,
    StaleRead,
    broker,
    decode,
    delivery,
    publish_event,
    publish_once,
    subscription,
)
from claimbus.messaging import join as join_module
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.decisions import latest_claim_event
from claimbus.messaging.direct_get import LastMessages, walk
from claimbus.messaging.publish import publish_after, publish_derived
from claimbus.messaging.topology import (
    ATTEMPTS,
    CLAIMS,
    DEAD,
    OUTCOMES,
    RULES,
    VISITS,
    provision,
    streams,
    verify,
    verify_streams,
)
from claimbus.testing.visits import visit_data
from faststream.nats import NatsRouter
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from pydantic_core import to_json

CANARY = "Zebulon-Canary-1931"
RULE_SET = RuleSet(version="1", sha256="0" * 64, tables={"t": "1"})
Handler = Callable[[Any], Awaitable[None]]


def visit(key: str = "v1", revision: int = 1, **changes: Any) -> bytes:
    return to_json(
        visit_data(changes={"patient.patient_id": CANARY}, practice_id="p", visit_id=key, revision=revision, **changes)
    )


async def put(client: Client, body: bytes, kind: type[Event] = VisitCompleted) -> int:
    data = json.loads(body)
    return (await client.jetstream().publish(subject_for(kind, data["practice_id"], data["visit_id"]), body)).seq


def derived(body: bytes) -> tuple[VisitCoded, UnitsComputed, DocumentationChecked]:
    """Facts that name a visit body as their basis."""
    data = json.loads(body)
    basis = basis_for(VisitCompleted, data["practice_id"], data["visit_id"], body)
    common: dict[str, Any] = {
        "practice_id": data["practice_id"],
        "visit_id": data["visit_id"],
        "revision": data["revision"],
        "basis": basis,
        "rule_set": RULE_SET,
    }
    return (
        VisitCoded(
            **common, service_date="2026-11-18", program="commercial", assistant_present=False, interventions=()
        ),
        UnitsComputed(
            **common, worksheet=Worksheet(rule="r", citation="c", timed_minutes=0, timed_units=0, services=())
        ),
        DocumentationChecked(**common, checks=()),
    )


@asynccontextmanager
async def serving(url: str, service: str, handler: Handler) -> AsyncIterator[None]:
    """A service of one handler, as `claimbus.service` runs it."""
    router = NatsRouter()
    router.subscriber(**subscription(service))(handler)
    running = broker(url, service, router)
    await running.start()
    try:
        yield
    finally:
        await running.stop()


async def until(condition: Callable[[], Any], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            if (await value) if asyncio.iscoroutine(value) else value:
                return
            await asyncio.sleep(0.02)


async def dead_letters(client: Client) -> list[DeadLetter]:
    return [stored.dead_letter for stored in await read_dead_letters(client)]


async def unsettled(client: Client, consumer: str) -> int:
    info = await client.jetstream().consumer_info(VISITS, consumer)
    return (info.num_ack_pending or 0) + (info.num_pending or 0)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", (0.05,) * (ATTEMPTS - 1))


# --- delivery ---------------------------------------------------------------------------------------


async def test_a_handler_that_recovers_is_tried_until_it_does(
    nats_url: str, client: Client, quick_retries: None
) -> None:
    tries = []

    async def handler(received: Received[VisitCompleted]) -> None:
        tries.append(received.msg.metadata.num_delivered)
        if len(tries) < 3:
            raise RuntimeError(CANARY)

    async with serving(nats_url, "coding", handler):
        await put(client, visit())
        await until(lambda: len(tries) == 3)
        await until(lambda: _is(0, unsettled(client, "coding")))
    assert tries == [1, 2, 3]
    assert await dead_letters(client) == []


async def test_a_retry_waits_longer_than_the_one_before(nats_url: str, client: Client) -> None:
    at = []

    async def handler(received: Received[VisitCompleted]) -> None:
        at.append(asyncio.get_running_loop().time())
        if len(at) < 3:
            raise RuntimeError

    async with serving(nats_url, "coding", handler):
        await put(client, visit())
        await until(lambda: len(at) == 3)
    assert at[2] - at[1] > at[1] - at[0] >= delivery.RETRY_DELAYS[0]


async def test_a_handler_that_never_recovers_ends_in_a_dead_letter_without_the_content(
    nats_url: str, client: Client, quick_retries: None, capfd: pytest.CaptureFixture[str]
) -> None:
    tries = 0

    async def handler(received: Received[VisitCompleted]) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError(CANARY)

    async with serving(nats_url, "coding", handler):
        seq = await put(client, visit())
        await until(lambda: dead_letters(client))
        await until(lambda: _is(0, unsettled(client, "coding")))
    (dead_letter,) = await dead_letters(client)
    assert tries == ATTEMPTS
    assert (dead_letter.why, dead_letter.error, dead_letter.deliveries, dead_letter.seq) == (
        "exhausted",
        "RuntimeError",
        ATTEMPTS,
        seq,
    )
    assert CANARY not in dead_letter.model_dump_json()
    assert CANARY not in "".join(capfd.readouterr())


async def test_a_service_that_stops_lets_its_running_handlers_finish(nats_url: str, client: Client) -> None:
    begun, finished = [], []

    async def handler(received: Received[VisitCompleted]) -> None:
        begun.append(received.event.visit_id)
        await asyncio.sleep(1)
        finished.append(received.event.visit_id)

    for number in range(10):
        await put(client, visit(f"v{number}"))
    async with serving(nats_url, "coding", handler):
        await until(lambda: len(begun) == 10)
        assert finished == []
    assert sorted(finished) == sorted(begun)
    assert await unsettled(client, "coding") == 0, "each was acknowledged before the connection closed"


async def test_a_failing_message_does_not_hold_up_the_others(nats_url: str, client: Client) -> None:
    done = []

    async def handler(received: Received[VisitCompleted]) -> None:
        if received.event.visit_id == "stuck":
            raise RuntimeError
        done.append(received.event.visit_id)

    async with serving(nats_url, "coding", handler):
        await put(client, visit("stuck"))
        for number in range(5):
            await put(client, visit(f"v{number}"))
        await until(lambda: len(done) == 5)


async def test_a_message_that_kills_every_process_that_touches_it_is_seen_in_the_dead_letter_stream(
    client: Client,
) -> None:
    js = client.jetstream()
    config = ConsumerConfig(
        durable_name="fragile", filter_subject="visits.*.*.completed", ack_policy=AckPolicy.EXPLICIT,
        ack_wait=0.2, max_deliver=2,
    )  # fmt: skip
    await js.add_consumer(VISITS, config)
    await put(client, visit())
    subscription = await js.pull_subscribe_bind(durable="fragile", stream=VISITS)
    for _ in range(2):
        await subscription.fetch(1, timeout=2)  # taken and never settled, as by a crash
    with pytest.raises(TimeoutError):
        await subscription.fetch(1, timeout=1)
    (advisory,) = await walk(client, DEAD, ">")
    assert json.loads(advisory.body)["consumer"] == "fragile"


# --- one claim event for each revision -----------------------------------------------------------------


def held(revision: int = 1) -> VisitHeld:
    return VisitHeld(practice_id="p", visit_id="v1", revision=revision, reason="waiting", waits_for=("coded",))


async def _one_received(client: Client, body: bytes) -> Received[Event]:
    """A received fact to cause something with, outside of any service."""
    await put(client, body)
    subscription = await client.jetstream().pull_subscribe_bind(durable="coding", stream=VISITS)
    (msg,) = await subscription.fetch(1, timeout=5)
    fact = decode(msg.subject, msg.headers, msg.data)
    return Received(fact.event, fact.id, fact.headers, fact.body, msg)


async def test_of_twenty_racing_writers_one_gets_through_whichever_event_each_has(client: Client) -> None:
    cause = await _one_received(client, visit())
    events = [held(), ClaimVoided(practice_id="p", visit_id="v1", revision=1)] * 10
    outcomes = await asyncio.gather(*(publish_after(event, LatestClaimEvent(), cause=cause) for event in events))
    # An event repeated under its own id is the same event: the broker answers that it has it.
    info = await client.jetstream().stream_info(CLAIMS)
    assert info.state.messages == 1
    assert True in outcomes
    assert False in outcomes


async def test_publish_once_follows_on_a_hold_but_not_on_a_terminal_event(client: Client) -> None:
    cause = await _one_received(client, visit())
    seen: list[LatestClaimEvent] = []

    def compose(last: LatestClaimEvent) -> Event:
        seen.append(last)
        return ClaimVoided(practice_id="p", visit_id="v1", revision=1)

    assert await publish_after(held(), LatestClaimEvent(), cause=cause)
    await publish_once(compose, terminal=(ClaimVoided,), cause=cause)
    assert [last.fact for last in seen] == ["", "held"]
    await publish_once(compose, terminal=(ClaimVoided,), cause=cause)
    assert (await latest_claim_event(client, "p", "v1")).fact == "voided"
    assert (await client.jetstream().stream_info(CLAIMS)).state.messages == 2


async def test_of_a_late_older_revision_nothing_is_published(client: Client) -> None:
    cause = await _one_received(client, visit(revision=1))
    newer = VisitHeld(practice_id="p", visit_id="v1", revision=2, reason="waiting")
    assert await publish_after(newer, LatestClaimEvent(), cause=cause)
    await publish_once(lambda _: held(), terminal=(ClaimReady,), cause=cause)
    last = await latest_claim_event(client, "p", "v1")
    assert (last.revision, last.fact) == (2, "held")


async def test_a_derived_event_repeated_after_a_crash_is_stored_once(client: Client) -> None:
    cause = await _one_received(client, visit())
    coded, *_ = derived(cause.body)
    await publish_derived(coded, cause=cause)
    await publish_derived(coded, cause=cause)
    assert len(await walk(client, VISITS, "visits.p.v1.coded")) == 1


# --- the join ---------------------------------------------------------------------------------------

NEEDS = (VisitCompleted, VisitCoded, UnitsComputed, DocumentationChecked)


@asynccontextmanager
async def joining(url: str, replicas: int = 1) -> AsyncIterator[list[tuple[int, str]]]:
    """Claims' join alone, in some replicas; gives what it handed on, as (revision, digest)."""
    handed: list[tuple[int, str]] = []

    def handler_of(join: Join) -> Handler:
        async def handler(received: Received[Any]) -> None:
            if isinstance(received.event, VisitVoided):
                return

            async def then(joined: Joined) -> None:
                event = joined[VisitCompleted]
                assert {joined[kind].basis.sha256 for kind in (VisitCoded, UnitsComputed, DocumentationChecked)} == {
                    joined.basis.sha256
                }
                handed.append((event.revision, joined.basis.sha256))

            await join.when_complete(received, then)

        return handler

    async with asyncio.TaskGroup():
        stack = [serving(url, "claims", handler_of(Join(*NEEDS))) for _ in range(replicas)]
        for service in stack:
            await service.__aenter__()
        try:
            yield handed
        finally:
            for service in stack:
                await service.__aexit__(None, None, None)


async def store(client: Client, event: Event) -> None:
    await publish_event(client, Outgoing.of(event), source="/test")


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
async def test_facts_are_joined_in_whatever_order_they_are_stored(
    order: tuple[int, ...], nats_url: str, client: Client
) -> None:
    body = visit()
    async with joining(nats_url) as handed:
        await put(client, body)
        facts = derived(body)
        for place in order:
            await store(client, facts[place])
        # `coded` alone wakes nobody: claims subscribes to units and documentation, and units follows coding.
        if order[-1] == 0:
            await asyncio.sleep(0.3)
            assert handed == []
        else:
            await until(lambda: handed)
    assert len(handed) == (0 if order[-1] == 0 else 1)


async def test_facts_of_two_bodies_under_one_revision_never_meet(nats_url: str, client: Client) -> None:
    first, second = visit(), visit(place_of_service="12")
    async with joining(nats_url) as handed:
        await put(client, first)
        await put(client, second)
        for fact in (derived(first)[0], derived(second)[1], derived(first)[2]):
            await store(client, fact)
        await asyncio.sleep(0.3)
        assert handed == []
        for fact in (derived(second)[0], derived(second)[2], derived(first)[1]):
            await store(client, fact)
        await until(lambda: len(handed) == 2)
    digests = {basis_for(VisitCompleted, "p", "v1", body).sha256 for body in (first, second)}
    assert {digest for _, digest in handed} == digests


@pytest.mark.parametrize("replicas", [1, 3])
async def test_a_newer_revision_is_joined_though_an_older_one_came_after_it(
    replicas: int, nats_url: str, client: Client
) -> None:
    new, old = visit(revision=2), visit(revision=1)
    await put(client, new)
    for fact in derived(new)[:2]:
        await store(client, fact)
    await put(client, old)
    for fact in derived(old)[:2]:
        await store(client, fact)
    async with joining(nats_url, replicas) as handed:
        await store(client, derived(new)[2])
        await until(lambda: 2 in [revision for revision, _ in handed])


async def test_a_join_that_forgot_its_facts_reads_them_again(
    nats_url: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join_module, "_KEPT", 2)
    bodies = [visit(f"v{number}") for number in range(40)]
    wanted = {basis_for(VisitCompleted, "p", f"v{number}", body).sha256 for number, body in enumerate(bodies)}
    async with joining(nats_url) as handed:
        for body in bodies:
            await put(client, body)
        for place in range(3):
            for body in bodies:
                await store(client, derived(body)[place])
        # So short a memory also forgets what it handed on, and hands a visit on twice: the broker's guard is for that.
        await until(lambda: {digest for _, digest in handed} == wanted)


async def test_a_handing_on_that_fails_is_repeated(nats_url: str, client: Client, quick_retries: None) -> None:
    join, tries = Join(*NEEDS), 0

    async def handler(received: Received[Any]) -> None:
        async def then(_: Joined) -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise RuntimeError

        await join.when_complete(received, then)

    async with serving(nats_url, "claims", handler):
        await put(client, visit())
        for fact in derived(visit()):
            await store(client, fact)
        await until(lambda: tries == 2)


async def test_a_handing_on_that_fails_is_repeated_by_a_process_that_received_nothing_else(
    nats_url: str, client: Client, quick_retries: None
) -> None:
    """Documentation finds the visit complete with units, which are stored after it; then handing on fails."""
    replicas, handed = (Join(*NEEDS), Join(*NEEDS)), []

    async def handler(received: Received[Any]) -> None:
        delivery = received.msg.metadata.num_delivered

        async def then(_: Joined) -> None:
            if delivery == 1:
                await asyncio.sleep(0.2)  # the handler of units finds the visit being handed on
                raise RuntimeError
            handed.append(type(received.event))

        # Each delivery goes to another replica, documentation long before units.
        if delivery > 1 and isinstance(received.event, UnitsComputed):
            await asyncio.sleep(0.2)
        await replicas[delivery - 1].when_complete(received, then)

    coded, units, documentation = derived(visit())
    await put(client, visit())
    for fact in (coded, documentation, units):
        await store(client, fact)
    async with serving(nats_url, "claims", handler):
        await until(lambda: _is(0, unsettled(client, "claims")))
    assert handed == [UnitsComputed]


async def test_an_answer_from_before_the_askers_message_is_refused(client: Client) -> None:
    seq = await put(client, visit())
    reader = LastMessages(client, VISITS)
    found = await reader.read(["visits.p.v1.coded"], proof="visits.p.v1.completed", up_to=seq)
    assert found == {}
    with pytest.raises(StaleRead):
        await reader.read(["visits.p.v1.coded"], proof="visits.p.v1.completed", up_to=seq + 1)


async def test_a_walk_that_ends_before_a_message_known_to_be_there_is_refused(client: Client) -> None:
    subject = "visits.p.v1.completed"
    seqs = [await put(client, visit(revision=number)) for number in (1, 2)]
    assert [stored.seq for stored in await walk(client, VISITS, subject, at_least=seqs[-1])] == seqs
    with pytest.raises(StaleRead):
        await walk(client, VISITS, subject, at_least=seqs[-1] + 1)


async def test_questions_of_one_turn_share_a_request_and_each_gets_its_own_answer(client: Client) -> None:
    seqs = [await put(client, visit(f"v{number}")) for number in range(1200)]
    reader = LastMessages(client, VISITS)
    answers = await asyncio.gather(
        *(
            reader.read([f"visits.p.v{number}.completed"], proof=f"visits.p.v{number}.completed", up_to=seqs[number])
            for number in range(1200)
        )
    )
    assert [next(iter(answer.values())).seq for answer in answers] == seqs


async def test_who_asked_first_goes_on_first(client: Client) -> None:
    """Visits of a patient that become complete together are decided in their order, and see one another."""
    seqs = [await put(client, visit(f"v{number}")) for number in range(100)]
    reader, order = LastMessages(client, VISITS), []

    async def ask(number: int) -> None:
        subject = f"visits.p.v{number}.completed"
        await reader.read([subject], proof=subject, up_to=seqs[number])
        order.append(number)

    await asyncio.gather(*map(ask, range(100)))
    assert order == list(range(100))


# --- topology ---------------------------------------------------------------------------------------


async def test_provisioning_twice_changes_nothing_and_mends_what_drifted(client: Client) -> None:
    js = client.jetstream()
    assert await provision(js) == []
    drifted = (await js.stream_info(VISITS)).config
    drifted.max_age = 3600.0
    await js.update_stream(drifted)
    await js.add_consumer(VISITS, ConsumerConfig(durable_name="units", ack_wait=1.0, ack_policy=AckPolicy.EXPLICIT))
    assert "max_age" in " ".join(await verify_streams(js))
    with pytest.raises(Drift, match="ack_wait"):
        await verify(js, "units")
    assert sorted(await provision(js)) == ["updated consumer units", f"updated stream {VISITS}"]
    assert await verify_streams(js) == []
    await verify(js, "units")


async def test_room_that_a_stream_was_given_is_never_taken_away(client: Client) -> None:
    js = client.jetstream()
    declared = (await js.stream_info(VISITS)).config.max_bytes or 0
    given = await provision(js, room=1.25)
    assert f"updated stream {VISITS}" in given
    assert await provision(js) == []
    assert (await js.stream_info(VISITS)).config.max_bytes == declared * 1.25
    assert await verify_streams(js) == []


async def test_a_stream_with_less_room_than_declared_is_told(client: Client) -> None:
    js = client.jetstream()
    await js.update_stream((await js.stream_info(VISITS)).config, max_bytes=1 << 30)
    (wrong,) = await verify_streams(js)
    assert "max_bytes" in wrong
    assert await provision(js) == [f"updated stream {VISITS}"]


async def test_the_dead_letter_subjects_are_captured(client: Client) -> None:
    dead_letter = DeadLetter(
        stream=VISITS, seq=1, subject="visits.p.v1.completed", consumer="coding", deliveries=1, why="invalid",
        error="InvalidEvent", at=datetime.now(UTC),
    )  # fmt: skip
    ack = await client.jetstream().publish(dead("coding", "invalid"), dead_letter.model_dump_json().encode())
    assert ack.stream == DEAD
    assert {str(stream.name) for stream in streams()} == {VISITS, CLAIMS, OUTCOMES, DEAD, RULES}


async def _is(wanted: int, number: Awaitable[int]) -> bool:
    return await number == wanted


def test_a_basis_tells_bodies_apart() -> None:
    assert isinstance(basis_for(VisitCompleted, "p", "v", b"1"), Basis)
    assert basis_for(VisitCompleted, "p", "v", b"1") != basis_for(VisitCompleted, "p", "v", b"2")
