"""From a stored message to an event, or to a reason why it is none."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from faststream.message import StreamMessage
from nats.aio.client import Client
from nats.aio.msg import Msg

from claimbus.events import Basis, Event, InvalidEvent, Problem, basis_for, validated
from claimbus.events.envelope import EnvelopeError, read
from claimbus.events.subjects import Address, event_at, parse

STORED_AT = "Nats-Time-Stamp"
"""Header that a direct get adds."""

E_co = TypeVar("E_co", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True)
class Fact(Generic[E_co]):
    """An event with what else came in its message."""

    event: E_co
    id: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def basis(self) -> Basis:
        """Identity of this event, for what is computed from it."""
        return Basis(event_id=self.id, sha256=hashlib.sha256(self.body).hexdigest())

    @property
    def stored_at(self) -> datetime | None:
        """When the broker stored it, by the broker's clock; null for what was not read from a stream."""
        at = self.headers.get(STORED_AT)
        return datetime.fromisoformat(at) if at else None


def decode(subject: str, headers: Mapping[str, str] | None, body: bytes) -> Fact[Event]:
    """The fact in a message.

    Raises `InvalidEvent` naming each wrong field: the envelope's, the data's, or `practice_id` and
    `visit_id` where they are not the subject's, because a publisher allowed one practice must not
    speak for another.
    """
    try:
        address = parse(subject)
        kind = event_at(address)
    except (ValueError, KeyError):
        raise InvalidEvent(Problem(field="subject", problem="no event of the contract has this subject")) from None
    try:
        envelope, data = read(headers, body)
    except EnvelopeError as exc:
        field, _, problem = str(exc).partition(": ")
        raise InvalidEvent(Problem(field=field, problem=problem)) from None
    if envelope is not None and envelope.type != kind.type:
        raise InvalidEvent(Problem(field="ce-type", problem=f"this subject carries {kind.type}"))
    event = validated(kind, data)
    _refuse_foreign(event, address)
    identity = envelope.id if envelope else basis_for(kind, event.practice_id, event.visit_id, body).event_id
    return Fact(event, identity, headers or {}, body)


@dataclass(frozen=True, slots=True)
class Received(Fact[E_co]):
    """A fact as a handler gets it, with the message it came in."""

    msg: Msg

    @property
    def client(self) -> Client:
        """The connection that it came on."""
        return self.msg._client  # noqa: SLF001  (nats-py has no public name for it)

    @property
    def service(self) -> str:
        """Name of the service that received it."""
        return self.msg.metadata.consumer

    @property
    def stored_at(self) -> datetime:
        return self.msg.metadata.timestamp

    @property
    def seq(self) -> int:
        """Its sequence in the stream."""
        return self.msg.metadata.sequence.stream


async def decode_received(msg: StreamMessage[Msg]) -> Received[Event]:
    """FastStream decoder: what every handler is given."""
    fact = decode(msg.raw_message.subject, msg.raw_message.headers, msg.raw_message.data)
    return Received(fact.event, fact.id, fact.headers, fact.body, msg.raw_message)


def _refuse_foreign(event: Event, address: Address) -> None:
    wrong = [
        Problem(field=field, problem="differs from the subject's token")
        for field, here, there in (
            ("practice_id", event.practice_id, address.practice_id),
            ("visit_id", event.visit_id, address.visit_id),
        )
        if here != there
    ]
    if wrong:
        raise InvalidEvent(*wrong)
