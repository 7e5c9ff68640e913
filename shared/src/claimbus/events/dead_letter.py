"""Dead letter: a message that a service could not use, by reference and never by copy."""

from pydantic import Field

from claimbus.events.model import Record
from claimbus.values import Instant


class Problem(Record):
    """One thing wrong with a message: the field's path, and what was expected there."""

    field: str
    problem: str


class DeadLetter(Record):
    """Where the message lies, who gave it up, why. Holds nothing of the message's content."""

    stream: str
    seq: int
    subject: str
    consumer: str
    deliveries: int
    why: str
    """`invalid`: no delivery can succeed; `exhausted`: every attempt failed; `crashed`: no attempt ended."""
    error: str
    """Name of the error's class."""
    problems: tuple[Problem, ...] = Field(default=())
    at: Instant
