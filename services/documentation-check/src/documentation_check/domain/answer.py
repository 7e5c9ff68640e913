"""What a predicate answers of one visit: the result, and what the requirement's row makes its texts from."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from claimbus.values import Result

_LAST_DAY = date.max.toordinal()
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Answer(NamedTuple):
    """`variant` names the situation whose texts the row has; empty: the row's own.

    `inputs` holds dates (ISO), counts, roles and field names, never a name or words of the note; `text` values that
    only the texts use. `needs` names the fields of the visit without which the answer is unknown; `interventions` those
    that it is about, where it is not about all of the visit.
    A tuple for its speed: two dozen are made of each visit.
    """

    result: Result
    variant: str = ""
    inputs: Mapping[str, Any] = _NOTHING
    text: Mapping[str, Any] = _NOTHING
    needs: tuple[str, ...] = ()
    interventions: tuple[str, ...] = ()
    field: str | None = None
    """The field of the visit that it is about, where it is about one."""


def failed(
    variant: str = "",
    *,
    field: str | None = None,
    inputs: Mapping[str, Any] = _NOTHING,
    text: Mapping[str, Any] = _NOTHING,
    interventions: Iterable[str] = (),
) -> Answer:
    """A failure of some interventions alone; of the whole visit where none is named."""
    if field is not None:
        inputs = {"field": field, **inputs}
    return Answer(Result.FAIL, variant, inputs, text, interventions=tuple(interventions), field=field)


def unknown(
    *needs: str, variant: str = "", inputs: Mapping[str, Any] = _NOTHING, text: Mapping[str, Any] = _NOTHING
) -> Answer:
    return Answer(Result.UNKNOWN, variant, inputs, text, needs)


def due(variant: str = "", *, inputs: Mapping[str, Any]) -> Answer:
    """What is due next: nothing has failed."""
    return Answer(Result.PASS, variant, inputs)


PASSED = Answer(Result.PASS)
DOCUMENTATION_NOT_SENT = unknown("documentation", variant="documentation-not-sent")
"""The visit came without its record, so nothing is known of what the record holds."""
TIME_NOT_SENT = "time-not-sent"
"""Variant for a visit that came without its treatment time."""


def is_blank(text: str | None) -> bool:
    return not (text and text.strip())


def iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def days_after(day: date, days: int) -> date:
    """`days` calendar days later; the end of the calendar where that lies beyond it."""
    return date.fromordinal(min(day.toordinal() + days, _LAST_DAY))
