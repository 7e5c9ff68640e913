"""Dated, cited tables: load them once, pick the rows in force on a date of service, name their version.

A table is a TOML file::

    [table]
    name = "unit-rule-by-program"
    version = "2026.11"
    source = "Pub 100-04 ch.5 s20.2"        # for rows that name none of their own

    [[row]]
    program = "medicare_part_b"
    rule = "cms-8-minute"
    effective_from = 2000-04-01             # both ends inclusive; left out: open

Columns that most rows share are written once, under `[defaults]`: a row has those that it leaves out, and of a column
that is a table the entries that it leaves out.

Many rows of few columns lie beside it as CSV, named by `rows = "file.csv"` under `[table]`; an empty
cell is left out.
"""

import csv
import hashlib
import io
import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from claimbus.events.model import RuleSet


class RuleError(ValueError):
    """A table that must not be used; the text names the file, the row and the mend."""


class DatedRow(BaseModel):
    """A row in force from `effective_from` through `effective_through`, both inclusive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effective_from: date = date.min
    effective_through: date = date.max
    source: str = ""

    def in_force(self, day: date) -> bool:
        return self.effective_from <= day <= self.effective_through


Row = TypeVar("Row", bound=DatedRow)


@dataclass(frozen=True)
class Table(Generic[Row]):
    """All rows of one table, with the version and the digest that go into a decision."""

    name: str
    version: str
    sha256: str
    rows: tuple[Row, ...]

    def on(self, day: date) -> tuple[Row, ...]:
        """Rows in force on `day`, in file order."""
        return tuple(row for row in self.rows if row.in_force(day))


def read_table(
    find: Callable[[str], Traversable], file: str, row_type: type[Row], key: Callable[[Row], Hashable]
) -> Table[Row]:
    """Read a table; `find` gives the place of a file by its name.

    Raises `RuleError` when a row does not fit `row_type`, has no source, ends before it begins, or
    overlaps in time with another row of the same `key`.
    """
    place = find(file)
    try:
        raw = place.read_bytes()
        document = tomllib.loads(raw.decode())
        head = document["table"]
        given: Iterable[Mapping[str, Any]] = document.get("row", ())
        if "rows" in head and "row" in document:
            raise ValueError("rows stand in the CSV or here, not in both")
        if "rows" in head:
            beside = find(head["rows"]).read_bytes()
            raw += beside
            given = _cells(beside.decode())
        defaults = {"source": head.get("source", ""), **document.get("defaults", {})}
        rows = tuple(_row(row_type, number, _filled(row, defaults)) for number, row in enumerate(given, 1))
        name, version = str(head["name"]), str(head["version"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, csv.Error) as exc:
        raise RuleError(f"{place}: {exc}") from exc
    _refuse_conflicts(str(place), rows, key)
    return Table(name, version, hashlib.sha256(raw).hexdigest(), rows)


def _cells(text: str) -> Iterator[dict[str, str]]:
    columns: list[str] = []
    for cells in csv.reader(io.StringIO(text, newline=""), strict=True):
        if not columns:
            columns = cells
        elif len(cells) == len(columns):
            yield {column: cell for column, cell in zip(columns, cells, strict=True) if cell}
        elif cells:
            raise ValueError(f"{','.join(cells)}: not one cell for each column")


def _filled(row: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = {
        name: {**default, **row[name]}
        for name, default in defaults.items()
        if isinstance(default, Mapping) and isinstance(row.get(name), Mapping)
    }
    return {**defaults, **row, **entries}


def _row(row_type: type[Row], number: int, cells: Mapping[str, Any]) -> Row:
    try:
        return row_type.model_validate(cells)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise RuleError(f"row {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _refuse_conflicts(where: str, rows: Iterable[Row], key: Callable[[Row], Hashable]) -> None:
    by_key: dict[Hashable, list[Row]] = {}
    for row in rows:
        if not row.source:
            raise RuleError(f"{where}: {key(row)} has no source; give the row or the table one")
        if row.effective_through < row.effective_from:
            raise RuleError(f"{where}: {key(row)} ends {row.effective_through} before it begins {row.effective_from}")
        by_key.setdefault(key(row), []).append(row)
    for name, same in by_key.items():
        for earlier, later in pairwise(sorted(same, key=lambda row: row.effective_from)):
            if later.effective_from <= earlier.effective_through:
                day = later.effective_from
                raise RuleError(f"{where}: {name} has two rows in force on {day}; end the first sooner")


class Span(Protocol):
    """Something in force from one day through another, both inclusive."""

    @property
    def effective_from(self) -> date: ...

    @property
    def effective_through(self) -> date: ...


def days_of_change(spans: Iterable[Span]) -> tuple[date, ...]:
    """The first day of all, and those on which something begins or has ended; between two, every day is the same."""
    days = {date.min}
    for span in spans:
        days.add(span.effective_from)
        if span.effective_through < date.max:
            days.add(span.effective_through + timedelta(days=1))
    return tuple(sorted(days))


def last_change(days: Sequence[date], day: date) -> date:
    """Of days of change, the last one up to `day`."""
    return days[bisect_right(days, day) - 1]


def rule_set_of(*tables: Table[Any]) -> RuleSet:
    """The identity of a set of tables: newest version, each table's version, one digest over all."""
    return RuleSet(
        version=newest(table.version for table in tables),
        sha256=_digest(f"{table.name}={table.sha256}" for table in tables),
        tables={table.name: table.version for table in sorted(tables, key=lambda table: table.name)},
    )


@lru_cache(maxsize=64)
def merge_rule_sets(*sets: RuleSet) -> RuleSet:
    """One identity for the rule sets of several services; the order they come in does not matter."""
    tables: dict[str, str] = {}
    for name, version in (item for rules in sets for item in rules.tables.items()):
        tables[name] = newest((version, tables.get(name, version)))
    return RuleSet(
        version=newest(rules.version for rules in sets),
        sha256=_digest(rules.sha256 for rules in sets),
        tables=dict(sorted(tables.items())),
    )


def newest(versions: Iterable[str]) -> str:
    """By the numbers in them, not by their spelling: 2026.11 is newer than 2026.9."""
    return max(versions, key=lambda version: ([int(number) for number in re.findall(r"\d+", version)], version))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()
