"""What a command puts on the bus: visits and claims' outcomes as an EHR would, and dead letters' messages again."""

from claimbus.events import ClaimAdjudicated, ClaimSubmitted, Event, VisitCompleted, VisitVoided, basis_for
from claimbus.events.envelope import Envelope, read
from claimbus.events.subjects import event_at, parse
from claimbus.messaging import Outgoing, publish_event
from claimbus.messaging.dead_letters import StoredDeadLetter
from claimbus.telemetry.tracing import link_to, new_trace
from claimbus.values import Key
from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from claimbus_cli.bus.connection import BusError

_KEY = TypeAdapter[str](Key)
SOURCE = "/ehr/claimbus-cli"
FROM_OUTSIDE: dict[str, type[Event]] = {
    kind.fact: kind for kind in (VisitCompleted, VisitVoided, ClaimSubmitted, ClaimAdjudicated)
}
"""What others than the services publish, by fact: an EHR visits, whoever sends claims their outcomes."""


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
