"""Canaries for every field that the JSON Schema marks as PHI, and how they are looked for."""

import base64
import itertools
import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

SCHEMAS = Path(__file__).parents[2] / "shared" / "schemas"
_FIRST_DAY = date(1903, 1, 1)
"""Before anything that a visit is about, so that a day stands for its field alone."""


class Planted(NamedTuple):
    """An event whose marked fields each hold a canary of their own; canaries by the field's path."""

    event: dict[str, Any]
    canaries: dict[str, str]


class Canaries:
    """Makes canaries, no two alike."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.all: list[str] = []

    def plant(self, schema: str, base: dict[str, Any]) -> Planted:
        """`base` with a canary in each marked field, those that it leaves out included."""
        document = json.loads((SCHEMAS / schema).read_text())
        canaries: dict[str, str] = {}
        return Planted(self._filled(document, document.get("$defs", {}), base, "", canaries), canaries)

    def another(self, kind: str = "string") -> str:
        number = next(self._numbers)
        made = (_FIRST_DAY + timedelta(days=number)).isoformat() if kind == "date" else f"Canary{number:04d}Zq"
        self.all.append(made)
        return made

    def _filled(
        self, schema: dict[str, Any], defs: dict[str, Any], value: Any, path: str, canaries: dict[str, str]
    ) -> Any:
        schema = _chosen(schema, defs)
        if schema.get("x-phi"):
            canaries[path] = self.another(schema.get("format", "string"))
            return canaries[path]
        if "properties" in schema:
            given = value if isinstance(value, dict) else {}
            found = {
                name: self._filled(part, defs, given.get(name), f"{path}.{name}".strip("."), canaries)
                for name, part in schema["properties"].items()
            }
            return {name: one for name, one in found.items() if one is not None}
        if "items" in schema:
            items = value or ([None] if _marks(schema["items"], defs) else [])
            return [self._filled(schema["items"], defs, one, f"{path}.{at}", canaries) for at, one in enumerate(items)]
        return value


def _chosen(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """What a field may be beside null."""
    if "$ref" in schema:
        return _chosen(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "properties" in schema:
        return schema
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _chosen(choices[0], defs) if choices else schema


def _marks(schema: dict[str, Any], defs: dict[str, Any]) -> bool:
    schema = _chosen(schema, defs)
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return bool(schema.get("x-phi")) or any(_marks(one, defs) for one in below)


def fields_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every leaf of a schema: where it stands (`Patient.first_name`), what it is, and whether it is marked."""
    parts = {schema["title"]: schema, **schema.get("$defs", {})}
    for title, part in parts.items():
        for name, field in part.get("properties", {}).items():
            for leaf in _leaves(field):
                yield f"{title}.{name}", leaf, bool(leaf.get("x-phi") or field.get("x-phi"))


def _leaves(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in field.get("anyOf", [field]):
        if one.get("type") == "array":
            yield from _leaves(one["items"])
        elif "$ref" not in one and one.get("type") != "null":
            yield one


def spellings(canary: str) -> set[bytes]:
    """How a canary may look where it leaked: in other letters, in base64, a date as other systems write it."""
    found = {canary, canary.lower(), canary.upper()}
    if canary[4:5] == "-":
        day = date.fromisoformat(canary)
        found |= {f"{day:%Y%m%d}", f"{day:%m/%d/%Y}", f"{day.month}/{day.day}/{day.year}"}
    plain = {one.encode() for one in found}
    return plain | {core for one in plain for core in _in_base64(one)}


def _in_base64(text: bytes) -> Iterator[bytes]:
    """The middle of it, wherever it stands within three bytes."""
    for before, cut in ((0, 0), (1, 2), (2, 3)):
        yield base64.b64encode(b"\0" * before + text)[cut:-4]


def leaks(canaries: Iterable[str], places: dict[str, bytes]) -> list[str]:
    """Each place that a canary was found in."""
    return [
        f"{canary} in {place}"
        for canary in canaries
        for place, told in places.items()
        if any(spelling in told for spelling in spellings(canary))
    ]
