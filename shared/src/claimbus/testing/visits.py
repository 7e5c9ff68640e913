"""Example visits, and visits like them: changed at any place, and as many as a test wants.

All are synthetic: no person, plan or practice exists. What has a check digit has the right one.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_jsonable_python

from claimbus.events import Keyed, VisitCompleted, VisitVoided

EXAMPLES = Path(__file__).with_name("examples")
"""Folder of the example visits; examples/README.md has what each shows, and which two are invalid."""
GOOD = "01-medicare-plain"
"""A visit of which nothing is missing. Its like for other payers and services: 02, 04 and 05."""

_FIRST_NAMES = ("Alex", "Jo", "Kim", "Lee", "Max", "Noor", "Robin", "Sam")
_LAST_NAMES = ("Example", "Fictive", "Model", "Pattern", "Sample", "Specimen", "Tester", "Trial")
_FIRST_BIRTHDAY, _BIRTHDAYS = date(1930, 1, 1), 20_000
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?=T|$)")


@cache
def example_bodies() -> Mapping[str, bytes]:
    """The JSON of each valid example, by the name of its file."""
    files = sorted(file for file in EXAMPLES.glob("*.json") if "-invalid-" not in file.name)
    return {file.stem: file.read_bytes().strip() for file in files}


def visit_data(
    example: str = GOOD, changes: Mapping[str, Any] | None = None, *, remove: Iterable[str] = (), **fields: Any
) -> dict[str, Any]:
    """An example visit as JSON data: `fields` replace whole fields, `changes` and `remove` go by path, as in `changed`.

    Raises `ValueError` for an example or a path that does not exist.
    """
    if example not in example_bodies():
        raise ValueError(f"{example}: no example visit; there are {', '.join(example_bodies())}")
    return changed(from_json(example_bodies()[example]), {**fields, **(changes or {})}, remove)


def visit(
    example: str = GOOD, changes: Mapping[str, Any] | None = None, *, remove: Iterable[str] = (), **fields: Any
) -> VisitCompleted:
    """The same as an event. Raises `ValueError` for what is no valid visit, too."""
    return VisitCompleted.model_validate(visit_data(example, changes, remove=remove, **fields))


def visits(
    count: int, *, seed: int = 0, days: int = 1, prefix: str = "visit", examples: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Visits as JSON data: the examples in turn, each with a patient, a case and, from `prefix`, a key of its own.

    They are spread over `days`: with all its dates but the date of birth, a visit lies up to that many days before its
    example. The same arguments give the same visits.
    """
    chance = random.Random(f"{prefix} {seed}")  # noqa: S311  (people are made up, and no secrets)
    names = examples or tuple(example_bodies())
    for number in range(count):
        data = _moved(visit_data(names[number % len(names)]), -timedelta(days=chance.randrange(days)))
        key = f"{prefix}-{number:07d}"
        changes = {
            "visit_id": key,
            "case.case_id": key,
            "patient.patient_id": key,
            "patient.first_name": chance.choice(_FIRST_NAMES),
            "patient.last_name": chance.choice(_LAST_NAMES),
            "patient.birth_date": _FIRST_BIRTHDAY + timedelta(days=chance.randrange(_BIRTHDAYS)),
        }
        for place, coverage in enumerate(data["coverage"]):
            # Digits for digits, since a payer's numbers have a shape.
            member_id = re.sub(r"\d", lambda _: str(chance.randint(1, 9)), coverage["member_id"])
            changes[f"coverage.{place}.member_id"] = member_id
        yield changed(data, changes)


def visit_voided(about: Keyed, **fields: Any) -> VisitVoided:
    """The EHR takes a visit back."""
    return VisitVoided.model_validate({**keys_of(about), "reason": "wrong patient", **fields})


def keys_of(about: Keyed) -> dict[str, Any]:
    """Practice, visit and revision, for another event about the same."""
    return about.model_dump(include=set(Keyed.model_fields))


def npi(nine: str) -> str:
    """The NPI of nine digits and their check digit (45 CFR 162.406: ISO/IEC 7812 with the prefix 80840)."""
    doubled = [sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(f"80840{nine}"[::-1])]
    return f"{nine}{-sum(doubled) % 10}"


def changed(data: dict[str, Any], changes: Mapping[str, Any], remove: Iterable[str] = ()) -> dict[str, Any]:
    """A copy of JSON data with other values at some places, and then without others.

    A place is a path such as `interventions.0.minutes`: list entries are counted from 0, one past the last appends, and
    an object that is not there is made. Values may be dates, decimals and records. Raises `ValueError` for a path that
    leads nowhere.
    """
    copy = deepcopy(data)
    path = ""
    try:
        for path, value in changes.items():
            place, name = _place(copy, path)
            if isinstance(place, list) and name == len(place):
                place.append(None)
            place[name] = to_jsonable_python(value, by_alias=True)
        # Later entries of a list first, so that the earlier ones keep their number.
        for path in sorted(remove, key=lambda path: [name.zfill(6) for name in path.split(".")], reverse=True):
            place, name = _place(copy, path)
            del place[name]
    except (KeyError, IndexError, TypeError, ValueError):
        raise ValueError(f"{path}: no such place in the data") from None
    return copy


def _place(data: Any, path: str) -> tuple[Any, Any]:
    """The object or list that holds what a path leads to, and its name or number there."""
    *above, last = path.split(".")
    for name in above:
        if isinstance(data, dict) and data.get(name) is None:
            data[name] = {}
        data = data[int(name) if isinstance(data, list) else name]
    return data, int(last) if isinstance(data, list) else last


def _moved(data: Any, by: timedelta, name: str = "") -> Any:
    if isinstance(data, dict):
        return {name: _moved(value, by, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_moved(value, by) for value in data]
    if by and isinstance(data, str) and name != "birth_date" and (found := _DATE.match(data)):
        return f"{date.fromisoformat(found[0]) + by}{data[10:]}"
    return data
