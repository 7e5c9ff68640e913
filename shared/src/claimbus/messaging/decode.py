"""From a stored message to an event, or to a reason why it is none."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from faststream.message import StreamMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from pydantic_core import from_json

from claimbus.events import Basis, Event, Problem
from claimbus.events.envelope import EnvelopeError, event_id, read
from claimbus.events.subjects import Address, event_at, parse
from claimbus.messaging.errors import InvalidEvent

STORED_AT = "Nats-Time-Stamp"
"""Header that a direct get adds."""

E = TypeVar("E", bound=Event)
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


def basis_for(kind: type[Event], practice_id: str, visit_id: str, body: bytes) -> Basis:
    """Identity of an event that came without an id of its own: the same body, the same id."""
    digest = hashlib.sha256(body).hexdigest()
    return Basis(event_id=event_id(kind.type, practice_id, visit_id, digest), sha256=digest)


def validated(kind: type[E], data: bytes) -> E:
    """The event that some JSON holds; raises `InvalidEvent` naming each wrong field, never its content."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as exc:
        if not data.strip():
            raise InvalidEvent(Problem(field="body", problem="empty; the event's data is a JSON object")) from None
        problems = exc.errors(include_url=False, include_context=False, include_input=False)
        if problems[0]["type"] == "json_invalid":
            raise InvalidEvent(Problem(field="body", problem=f"not JSON: {_where(data)}")) from None
        raise InvalidEvent(*_innermost(_problem(error["loc"], error["msg"]) for error in problems)) from None


def _where(data: bytes) -> str:
    try:
        from_json(data)
    except ValueError as exc:
        return str(exc)
    return "cannot be read"


def _innermost(problems: Iterable[Problem]) -> list[Problem]:
    """Without those about a field that holds another wrong field: a list that only lost its bad rows."""
    found = list(problems)
    fields = [problem.field for problem in found]
    return [problem for problem in found if not any(name.startswith(f"{problem.field}.") for name in fields)][:20]


def _problem(loc: tuple[int | str, ...], message: str) -> Problem:
    text = message.removeprefix("Value error, ")
    if not loc and ": " in text:
        field, _, text = text.partition(": ")
        return Problem(field=field, problem=text)
    return Problem(field=".".join(map(str, loc)) or "body", problem=text)


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
