"""What a command reads of the bus: events of claims, stored visits, payers' answers."""

import contextlib
from collections.abc import AsyncIterator

from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    ClaimVoided,
    Event,
    InvalidEvent,
    VisitHeld,
    VisitSuperseded,
)
from claimbus.events.subjects import ALL_CLAIMS, all_claims_of, all_outcomes_of, parse, subject_for
from claimbus.messaging import decode
from claimbus.messaging.direct_get import Stored, walk
from claimbus.messaging.topology import CLAIMS, OUTCOMES, VISITS
from claimbus.values import Key
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import TypeAdapter, ValidationError

from claimbus_cli.bus.connection import BusError

_KEY = TypeAdapter[str](Key)


ClaimEvent = ClaimReady | ClaimDenialRisk | VisitHeld | VisitSuperseded | ClaimVoided
_CLAIM_EVENTS = {kind.fact: kind for kind in (ClaimReady, ClaimDenialRisk, VisitHeld, VisitSuperseded, ClaimVoided)}


def _claim_event(subject: str, data: bytes) -> ClaimEvent:
    return _CLAIM_EVENTS[parse(subject).fact].model_validate_json(data)


@contextlib.asynccontextmanager
async def following(client: Client, *, from_start: bool = False) -> AsyncIterator[AsyncIterator[ClaimEvent]]:
    """Every event of claims as it comes, in order, for as long as it is asked; nothing is missed from entry on."""
    policy = DeliverPolicy.ALL if from_start else DeliverPolicy.NEW
    subscription = await client.jetstream().subscribe(
        ALL_CLAIMS, stream=CLAIMS, ordered_consumer=True, deliver_policy=policy
    )
    try:
        yield (_claim_event(msg.subject, msg.data) async for msg in subscription.messages)
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


async def claim_events_of(client: Client, practice_id: str | None, visit_id: str) -> list[ClaimEvent]:
    """Whatever claims has published of a visit, oldest first; of any practice's where none is named.

    Raises `BusError` for what cannot be a visit's key.
    """
    try:
        named = all_claims_of(_KEY.validate_python(practice_id) if practice_id else "*", _KEY.validate_python(visit_id))
    except ValidationError:
        given = f"{practice_id}/{visit_id}" if practice_id else visit_id
        raise BusError(f"no file {given}, and no visit's key: those are letters, digits, '_' and '-'") from None
    return [_claim_event(stored.subject, stored.body) for stored in await walk(client, CLAIMS, named)]


async def outcomes_of(client: Client, practice_id: str, visit_id: str) -> list[ClaimSubmitted | ClaimAdjudicated]:
    """What payers answered to the claims of a visit, oldest first; what is no valid answer is a dead letter instead."""
    found: list[ClaimSubmitted | ClaimAdjudicated] = []
    for stored in await walk(client, OUTCOMES, all_outcomes_of(practice_id, visit_id)):
        with contextlib.suppress(InvalidEvent):
            event = decode(stored.subject, stored.headers, stored.body).event
            if isinstance(event, ClaimSubmitted | ClaimAdjudicated):
                found.append(event)
    return found
