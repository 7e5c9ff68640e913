"""From JSON to an event, or to the fields that are wrong with it; and how an event is identified."""

import hashlib
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from claimbus.events.dead_letter import Problem
from claimbus.events.envelope import event_id
from claimbus.events.model import Basis, Derived, Event

E = TypeVar("E", bound=Event)
_MOST_PROBLEMS = 20


class InvalidEvent(ValueError):
    """An event that can never be used; names fields and never repeats their content."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.problem}" for problem in problems))
        self.problems = problems[:_MOST_PROBLEMS]


def validated(kind: type[E], data: bytes) -> E:
    """The event that some JSON holds. Raises `InvalidEvent` naming each wrong field."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as exc:
        if not data.strip():
            raise InvalidEvent(Problem(field="body", problem="empty; the event's data is a JSON object")) from None
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
        if errors[0]["type"] == "json_invalid":
            raise InvalidEvent(Problem(field="body", problem=f"not JSON: {_where(data)}")) from None
        raise InvalidEvent(*_innermost(_problem(error["loc"], error["msg"]) for error in errors)) from None


def basis_for(kind: type[Event], practice_id: str, visit_id: str, body: bytes) -> Basis:
    """Identity of an event that came without an id of its own: the same body, the same id."""
    digest = hashlib.sha256(body).hexdigest()
    return Basis(event_id=event_id(kind.type, practice_id, visit_id, digest), sha256=digest)


def identity_of(event: Event) -> str:
    """Id of an event of ours, from what it was computed from and by which rules: the same inputs, the same id."""
    basis, rules = (event.basis.sha256, event.rule_set.sha256) if isinstance(event, Derived) else ("", "")
    return event_id(event.type, event.practice_id, event.visit_id, event.revision, basis, rules)


def _where(data: bytes) -> str:
    try:
        from_json(data)
    except ValueError as exc:
        return str(exc)
    return "cannot be read"


def _innermost(problems: Iterable[Problem]) -> list[Problem]:
    """Without those about a field that holds another wrong field: a list that only lost its bad rows."""
    found = list(problems)
    return [problem for problem in found if not any(inner.field.startswith(f"{problem.field}.") for inner in found)][
        :_MOST_PROBLEMS
    ]


def _problem(loc: tuple[int | str, ...], message: str) -> Problem:
    text = message.removeprefix("Value error, ")
    if not loc and ": " in text:
        field, _, text = text.partition(": ")
        return Problem(field=field, problem=text)
    return Problem(field=".".join(map(str, loc)) or "body", problem=text)
