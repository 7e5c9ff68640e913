"""What a predicate says of one visit: an answer, why in plain words, and the facts it used."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from claimbus.values import Result

_LAST_DAY = date.max.toordinal()


class Answer(NamedTuple):
    """`inputs` holds dates (ISO), counts, roles and field names, never a name or words of the note.

    `needs` names the fields of the visit without which the answer is unknown; `interventions` those that it is
    about, where it is not about all of the visit.
    A tuple for its speed: two dozen are made of each visit.
    """

    result: Result
    message: str
    inputs: dict[str, Any]
    needs: tuple[str, ...] = ()
    interventions: tuple[str, ...] = ()


def passed(message: str, **inputs: Any) -> Answer:
    return Answer(Result.PASS, message, inputs)


def failed(message: str, **inputs: Any) -> Answer:
    return Answer(Result.FAIL, message, inputs)


def failed_for(interventions: Iterable[str], message: str, **inputs: Any) -> Answer:
    """A failure of some interventions alone; of the whole visit where none is named."""
    return Answer(Result.FAIL, message, inputs, interventions=tuple(interventions))


def unknown(message: str, *needs: str, **inputs: Any) -> Answer:
    return Answer(Result.UNKNOWN, message, inputs, needs)


def unknown_without_documentation() -> Answer:
    """The visit came without its record: what stands in the record cannot be told."""
    return unknown("The visit was sent without its documentation.", "documentation")


def is_blank(text: str | None) -> bool:
    return not (text and text.strip())


def iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def days_after(day: date, days: int) -> date:
    """`days` calendar days later; the end of the calendar where that lies beyond it."""
    return date.fromordinal(min(day.toordinal() + days, _LAST_DAY))
