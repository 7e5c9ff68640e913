"""Dead letters: how one is made of a message that could not be used, and how they are read again.

A dead letter says where the message is stored and never what it holds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from pydantic_core import from_json

from claimbus.events import DeadLetter
from claimbus.events.subjects import ALL_DEAD, dead
from claimbus.messaging.direct_get import Stored, read_on
from claimbus.messaging.errors import problems_of
from claimbus.messaging.topology import DEAD, PUBLISH_TIMEOUT
from claimbus.telemetry import tracing

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter with its number, which is its sequence in the dead-letter stream."""

    number: int
    dead_letter: DeadLetter

    @property
    def visit(self) -> tuple[str, str]:
        """Practice and visit that the message is about; empty where the dead letter does not name them."""
        tokens = self.dead_letter.subject.split(".")
        return (tokens[1], tokens[2]) if len(tokens) == 4 else ("", "")


async def publish_dead_letter(raw: Msg, why: Literal["invalid", "exhausted"], error: Exception) -> None:
    """Publish a reference to a delivered message that is given up. Raises nats-py's errors."""
    meta = raw.metadata
    dead_letter = DeadLetter(
        stream=meta.stream,
        seq=meta.sequence.stream,
        subject=raw.subject,
        consumer=meta.consumer,
        deliveries=meta.num_delivered,
        why=why,
        error=type(error).__name__,
        problems=problems_of(error),
        at=datetime.now(UTC),
    )
    # An invalid event is invalid for all its readers: one dead letter, whoever finds it first.
    finder = "" if why == "invalid" else meta.consumer
    headers = {"Nats-Msg-Id": f"{meta.stream}:{meta.sequence.stream}:{why}:{finder}"}
    tracing.inject(headers)
    await JetStreamContext(raw._client).publish(  # noqa: SLF001  (nats-py has no public name for it)
        dead(meta.consumer, why),
        dead_letter.model_dump_json().encode(),
        stream=DEAD,
        timeout=PUBLISH_TIMEOUT,
        headers=headers,
    )


async def read_dead_letters(client: Client, start: int = 1) -> list[StoredDeadLetter]:
    """All dead letters from a number on, oldest first, those of crashed deliveries included.

    Raises nats-py's errors.
    """
    found: list[StoredDeadLetter] = []
    while messages := await read_on(client, DEAD, ">", start=start, most=_AT_ONCE):
        found += map(_dead_letter_in, messages)
        start = messages[-1].seq + 1
    return found


def _dead_letter_in(message: Stored) -> StoredDeadLetter:
    if message.subject.startswith(ALL_DEAD.split(".", 1)[0]):
        return StoredDeadLetter(message.seq, DeadLetter.model_validate_json(message.body))
    # The server's own advisory about a message whose every delivery ended in a crash.
    advisory = from_json(message.body)
    dead_letter = DeadLetter(
        stream=advisory["stream"],
        seq=advisory["stream_seq"],
        subject="",
        consumer=advisory["consumer"],
        deliveries=advisory["deliveries"],
        why="crashed",
        error="MaxDeliveries",
        at=advisory["timestamp"],
    )
    return StoredDeadLetter(message.seq, dead_letter)
