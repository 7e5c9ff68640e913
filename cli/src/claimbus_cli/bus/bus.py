"""What the command does on the bus: connect, publish visits, follow decisions, replay dead letters."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats
from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    ClaimVoided,
    Event,
    InvalidEvent,
    VisitCompleted,
    VisitHeld,
    VisitSuperseded,
    VisitVoided,
    basis_for,
    decision_adapter,
)
from claimbus.events.envelope import Envelope, read
from claimbus.events.subjects import ALL_CLAIMS, all_claims_of, all_outcomes_of, event_at, parse, subject_for
from claimbus.messaging import Outgoing, decode, publish_event
from claimbus.messaging.dead_letters import StoredDeadLetter
from claimbus.messaging.direct_get import Stored, walk
from claimbus.messaging.permissions import inbox_of
from claimbus.messaging.topology import CLAIMS, OUTCOMES, VISITS
from claimbus.telemetry.tracing import link_to, new_trace
from claimbus.values import Key
from nats.aio.client import DEFAULT_INBOX_PREFIX, Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoServersError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from claimbus_cli.bus.seeds import public_key

_KEY = TypeAdapter[str](Key)
SOURCE = "/ehr/claimbus-cli"
FROM_OUTSIDE: dict[str, type[Event]] = {
    kind.fact: kind for kind in (VisitCompleted, VisitVoided, ClaimSubmitted, ClaimAdjudicated)
}
"""What others than the services say, by fact: an EHR of visits, whoever sends claims of their outcomes."""


_LONGEST_CONNECT = 15.0


class BusError(RuntimeError):
    """The broker cannot be used, or a visit cannot be put on it; the text says what to do."""


def _why_not(url: str, said: str) -> str:
    if "authorization" in said:
        return f"{url} lets in only who has a key, and not this one: set CLAIMBUS_NATS_NKEY"
    if "certificate" in said:
        return f"{url} has a certificate that is not trusted: set SSL_CERT_FILE to the file of its authority"
    return f"no NATS server answers at {url}; start one with: claimbus up"


@contextlib.asynccontextmanager
async def connected(url: str, nkey: Path | None = None) -> AsyncIterator[Client]:
    """A connection for one command, as the user of a seed's file if one is given.

    Raises `BusError` when no server answers, or it lets nobody in without a key, or not with this one.
    """
    said: list[str] = []

    async def _quiet(exc: Exception) -> None:
        """nats-py would print a traceback for each attempt; the error below says it once."""
        said.append(str(exc))

    try:
        # nats-py 2.16 waits for ever after a certificate that it does not trust.
        async with asyncio.timeout(_LONGEST_CONNECT):
            client = await nats.connect(
                url,
                name="claimbus-cli",
                max_reconnect_attempts=2,
                connect_timeout=3,
                error_cb=_quiet,
                nkeys_seed=str(nkey) if nkey else None,
                inbox_prefix=inbox_of(public_key(nkey)) if nkey else DEFAULT_INBOX_PREFIX,
            )
    except (NoServersError, OSError, TimeoutError) as exc:
        raise BusError(_why_not(url, " ".join(said).lower())) from exc
    except NatsError as exc:
        raise BusError(f"CLAIMBUS_NATS_URL: {url!r} cannot be used: {exc}") from exc
    try:
        yield client
    finally:
        await client.close()


def outgoing(body: bytes, kind: type[Event] = VisitCompleted) -> Outgoing:
    """A visit, or another event from outside, ready to be published, valid or not: only its keys must be readable.

    Raises `BusError` naming the key that is missing, since the subject is made of them.
    """
    try:
        visit = from_json(body)
    except ValueError as exc:
        raise BusError(f"not JSON: {exc}") from None
    if not isinstance(visit, dict):
        raise BusError("a visit, or another event, is a JSON object")
    practice_id, visit_id = (_key_in(visit, name) for name in ("practice_id", "visit_id"))
    revision = visit.get("revision")
    basis = basis_for(kind, practice_id, visit_id, body)
    number = revision if isinstance(revision, int) else 1
    return Outgoing(kind, practice_id, visit_id, number, basis.event_id, body)


def _key_in(visit: dict[str, object], name: str) -> str:
    try:
        return _KEY.validate_python(visit.get(name))
    except ValidationError:
        raise BusError(f"{name}: needed to address the visit; 1 to 64 letters, digits, '_' or '-'") from None


async def publish_visit(client: Client, visit: Outgoing) -> bool:
    """Publish a visit as the root of a new trace; False when the broker already had it."""
    ack = await publish_event(client, visit, source=SOURCE, context=new_trace())
    return not ack.duplicate


async def original_of(client: Client, stored: StoredDeadLetter) -> RawStreamMsg:
    """The message that a dead letter is about. Raises `BusError` when it is no longer in its stream."""
    stream = stored.dead_letter.stream
    try:
        return await client.jetstream().get_msg(stream, seq=stored.dead_letter.seq)
    except NotFoundError:
        raise BusError(f"the message of dead letter {stored.number} is no longer in stream {stream}") from None


async def replay(client: Client, stored: StoredDeadLetter) -> bool:
    """Publish the message of a dead letter again, in a new trace linked to its own; False when it just was.

    Raises `BusError` when the original is no longer in its stream, or is no event at all.
    """
    original = await original_of(client, stored)
    try:
        address = parse(original.subject or "")
        kind = event_at(address)
        envelope, data = read(original.headers, original.data or b"")
    except (ValueError, KeyError):
        raise BusError(
            f"dead letter {stored.number} is about no event of the contract; it cannot be replayed"
        ) from None
    if envelope is None:
        identity = basis_for(kind, address.practice_id, address.visit_id, data).event_id
        envelope = Envelope(id=identity, source=SOURCE, type=kind.type)
    where = (stored.dead_letter.stream, stored.dead_letter.seq)
    ack = await publish_event(
        client,
        Outgoing(kind, address.practice_id, address.visit_id, int(envelope.revision or 1), envelope.id, data),
        source=envelope.source,
        message_id=f"replay:{where[0]}:{where[1]}",
        context=new_trace(),
        links=(link_to(original.headers, "replayed", where),),
    )
    return not ack.duplicate


@dataclass(frozen=True)
class Word:
    """Something that claims said, as a follower sees it."""

    practice_id: str
    visit_id: str
    fact: str
    seq: int
    decision: ClaimReady | ClaimDenialRisk | None
    closed: VisitHeld | VisitSuperseded | ClaimVoided | None = None
    """What was said instead of a decision."""


_CLOSED: dict[str, type[VisitHeld] | type[VisitSuperseded] | type[ClaimVoided]] = {
    kind.fact: kind for kind in (VisitHeld, VisitSuperseded, ClaimVoided)
}


def _word(subject: str, seq: int, data: bytes) -> Word:
    address = parse(subject)
    closing = _CLOSED.get(address.fact)
    closed = closing.model_validate_json(data) if closing else None
    decided = address.fact in (ClaimReady.fact, ClaimDenialRisk.fact)
    decision = decision_adapter.validate_json(data) if decided else None
    return Word(address.practice_id, address.visit_id, address.fact, seq, decision, closed)


@contextlib.asynccontextmanager
async def following(client: Client, *, from_start: bool = False) -> AsyncIterator[AsyncIterator[Word]]:
    """Every word of claims as it comes, in order, for as long as it is asked; nothing is missed from entry on."""
    policy = DeliverPolicy.ALL if from_start else DeliverPolicy.NEW
    subscription = await client.jetstream().subscribe(
        ALL_CLAIMS, stream=CLAIMS, ordered_consumer=True, deliver_policy=policy
    )
    try:
        yield (_word(msg.subject, msg.metadata.sequence.stream, msg.data) async for msg in subscription.messages)
    finally:
        await subscription.unsubscribe()


async def stored_events(client: Client, kind: type[Event], practice_id: str | None) -> AsyncIterator[Stored]:
    """Each stored event of a kind, oldest first, up to the last that is there now.

    Raises `BusError` for what cannot be a practice's key.
    """
    try:
        subject = subject_for(kind, _KEY.validate_python(practice_id) if practice_id else "*", "*")
    except ValidationError:
        raise BusError(f"{practice_id}: no practice's key; those are letters, digits, '_' and '-'") from None
    async for msg in all_messages(client, VISITS, subject):
        yield Stored(msg.subject, msg.metadata.sequence.stream, msg.headers or {}, msg.data)


async def all_messages(client: Client, stream: str, subject: str) -> AsyncIterator[Msg]:
    """Each stored message of some subjects, oldest first, up to the last that is there now."""
    js = client.jetstream()
    if not await count_of(client, stream, subject):
        return
    subscription = await js.subscribe(subject, stream=stream, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    try:
        async for msg in subscription.messages:
            yield msg
            if not msg.metadata.num_pending:
                return
    finally:
        await subscription.unsubscribe()


async def count_of(client: Client, stream: str, subject: str) -> int:
    """How many messages of some subjects a stream holds; the broker counts them, and none is sent."""
    js = client.jetstream()
    counting = await js.add_consumer(
        stream,
        ConsumerConfig(
            filter_subject=subject,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.ALL,
            inactive_threshold=5.0,
            mem_storage=True,
            num_replicas=1,
        ),
    )
    await js.delete_consumer(stream, counting.name)
    return counting.num_pending or 0


async def words_on(client: Client, practice_id: str | None, visit_id: str) -> list[Word]:
    """Whatever claims has said of a visit, oldest first; of any practice's where none is named.

    Raises `BusError` for what cannot be a visit's key.
    """
    try:
        named = all_claims_of(_KEY.validate_python(practice_id) if practice_id else "*", _KEY.validate_python(visit_id))
    except ValidationError:
        given = f"{practice_id}/{visit_id}" if practice_id else visit_id
        raise BusError(f"no file {given}, and no visit's key: those are letters, digits, '_' and '-'") from None
    return [_word(stored.subject, stored.seq, stored.body) for stored in await walk(client, CLAIMS, named)]


async def outcomes_of(client: Client, practice_id: str, visit_id: str) -> list[ClaimSubmitted | ClaimAdjudicated]:
    """What payers answered to the claims of a visit, oldest first; what is no valid answer is a dead letter instead."""
    found: list[ClaimSubmitted | ClaimAdjudicated] = []
    for stored in await walk(client, OUTCOMES, all_outcomes_of(practice_id, visit_id)):
        with contextlib.suppress(InvalidEvent):
            event = decode(stored.subject, stored.headers, stored.body).event
            if isinstance(event, ClaimSubmitted | ClaimAdjudicated):
                found.append(event)
    return found
