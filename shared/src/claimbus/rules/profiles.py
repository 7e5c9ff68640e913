"""Payer profiles: what a program, a payer or a plan sets, with dates; each inherits from the one above it.

A profile is a TOML file. `[profile]` says whom it is for, and each service reads the rows of its own
section; a row holds one setting or more, for as long as it is in force::

    [profile]
    name = "uhc"
    version = "2026.11"
    programs = ["commercial", "medicare_advantage"]   # a program's own profile has `program` instead
    payer_ids = ["87726"]
    payer_names = ["UnitedHealthcare"]                # matched as the beginning of the payer's name
    source = "..."                                    # for rows that name none of their own

    [[units]]
    unit_rule = "cms-8-minute"
    effective_from = 2020-04-01                       # both ends inclusive; left out: open

A plan's profile names its payer's (`payer = "uhc"`) and its `plan_ids`. A folder of a practice's own is laid
over ours: a file that bears a known name adds to that profile, its rows go before ours; files in a
subfolder that is named as a practice hold for that practice alone.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from claimbus.rules.table import RuleError, Table, newest
from claimbus.values import PayerKey, Program

TABLE = "payer-profiles"
SECTIONS = ("coding", "units", "documentation", "claims")
"""What a profile may set, by the service that reads it."""
_DAY = timedelta(days=1)
_WORD = re.compile(r"[a-z0-9]+")

Level = Literal["program", "payer", "plan"]


class ProfileSettings(BaseModel):
    """What one service reads of a profile; a service's own model names its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(BaseModel):
    """`[profile]` of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    program: Program | None = None
    programs: tuple[Program, ...] = ()
    payer: str | None = None
    payer_ids: tuple[str, ...] = ()
    payer_names: tuple[str, ...] = ()
    plan_ids: tuple[str, ...] = ()
    source: str = ""

    @property
    def level(self) -> Level:
        if self.program is not None:
            return "program"
        return "plan" if self.payer is not None else "payer"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting comes from."""

    profile: str
    source: str
    effective_from: date
    effective_through: date
    file: str


class _Row(NamedTuple):
    section: str
    settings: Mapping[str, Any]
    origin: Origin

    def in_force(self, day: date) -> bool:
        return self.origin.effective_from <= day <= self.origin.effective_through


@dataclass(frozen=True)
class ProfileFile:
    """One file, read."""

    head: Head
    rows: tuple[_Row, ...]
    practice: str | None = None
    """The practice that it holds for alone."""
    own: bool = False
    """Of a practice's folder, not ours."""


S = TypeVar("S", bound=ProfileSettings)


@dataclass(frozen=True)
class Profile(Generic[S]):
    """The settings of one payer on one day, each with its origin."""

    name: str
    """From the program inwards: `commercial > uhc`."""
    settings: S
    origins: Mapping[str, Origin]

    def cite(self, setting: str) -> str:
        """The source of one setting."""
        return self.origins[setting].source


@dataclass(frozen=True)
class ProfileBook:
    """All profiles at hand. `table` is their identity for a rule set."""

    files: tuple[ProfileFile, ...]
    table: Table[Any]
    _payers: Mapping[str, Head] = field(repr=False)
    """By name: all that recognizes a payer or a plan, ours and the practice's together."""

    def chain(self, payer: PayerKey) -> tuple[str, ...]:
        """Names of the profiles that hold for a payer, the program's first."""
        found = self._payer_of(payer)
        if found is None:
            return (payer.program.value,)
        plan = self._plan_of(found.name, payer.plan_id)
        return (payer.program.value, found.name, plan.name) if plan else (payer.program.value, found.name)

    def chains(self) -> Iterator[tuple[str, ...]]:
        """Every chain of names that a visit can lead to."""
        for program in Program:
            yield (program.value,)
            for head in self._payers.values():
                if head.level == "payer" and program in head.programs:
                    yield program.value, head.name
                    for plan in self._payers.values():
                        if plan.payer == head.name:
                            yield program.value, head.name, plan.name

    def practices(self) -> tuple[str | None, ...]:
        """Practices with files of their own, and null for all others."""
        return (None, *sorted({file.practice for file in self.files if file.practice}))

    def _payer_of(self, payer: PayerKey) -> Head | None:
        heads = [head for head in self._payers.values() if head.level == "payer" and payer.program in head.programs]
        number = _spelled(payer.payer_id)
        if number:
            for head in heads:
                if number in map(_spelled, head.payer_ids):
                    return head
        name = _spelled(payer.payer_name)
        matches = [
            (len(known), head)
            for head in heads
            for known in map(_spelled, head.payer_names)
            if f"{name} ".startswith(f"{known} ")
        ]
        return max(matches, key=lambda match: match[0])[1] if name and matches else None

    def _plan_of(self, payer: str, plan_id: str | None) -> Head | None:
        number = _spelled(plan_id)
        plans = (head for head in self._payers.values() if head.payer == payer)
        return next((head for head in plans if number in map(_spelled, head.plan_ids)), None) if number else None

    def rows(self, section: str, chain: tuple[str, ...], practice: str | None) -> Iterator[_Row]:
        """Rows of a section that hold for a chain, those that go before others last."""
        for name, layer in product(chain, (_ours, _own_of_all, _own_of_one)):
            for file in self.files:
                if file.head.name == name and layer(file, practice):
                    yield from (row for row in file.rows if row.section == section)


def _ours(file: ProfileFile, _practice: str | None) -> bool:
    return not file.own


def _own_of_all(file: ProfileFile, _practice: str | None) -> bool:
    return file.own and file.practice is None


def _own_of_one(file: ProfileFile, practice: str | None) -> bool:
    return file.practice is not None and file.practice == practice


class Profiles(Generic[S]):
    """One service's section of every profile, checked as a whole when it is made.

    Raises `RuleError` for a setting that the service does not know, a value that it cannot use, and a
    program that leaves a setting open on some day.
    """

    def __init__(self, book: ProfileBook, section: str, model: type[S]) -> None:
        self._book = book
        self._section = section
        self._model = model
        self._resolved = lru_cache(maxsize=4096)(self._resolve)
        # What a visit says of its payer is looked up once; the profile behind it is made once.
        self._found = lru_cache(maxsize=16_384)(book.chain)
        self._practices = frozenset(book.practices())
        self._breaks = self._days_of_change()
        for chain, practice in product(book.chains(), book.practices()):
            for day in self._breaks:
                self._resolved(chain, practice, day)

    def of(self, payer: PayerKey, practice_id: str, day: date) -> Profile[S]:
        """The profile of a payer on a date of service."""
        practice = practice_id if practice_id in self._practices else None
        return self.named(self._found(payer), practice, day)

    def named(self, chain: tuple[str, ...], practice: str | None, day: date) -> Profile[S]:
        """The profile at the end of a chain of names, the program's first."""
        return self._resolved(chain, practice, max(one for one in self._breaks if one <= day))

    def _days_of_change(self) -> tuple[date, ...]:
        origins = [row.origin for file in self._book.files for row in file.rows if row.section == self._section]
        starts = {origin.effective_from for origin in origins}
        ends = {origin.effective_through + _DAY for origin in origins if origin.effective_through < date.max}
        return tuple(sorted(starts | ends | {date.min}))

    def _resolve(self, chain: tuple[str, ...], practice: str | None, day: date) -> Profile[S]:
        values: dict[str, Any] = {}
        origins: dict[str, Origin] = {}
        for row in self._book.rows(self._section, chain, practice):
            if row.in_force(day):
                values |= row.settings
                origins |= dict.fromkeys(row.settings, row.origin)
        try:
            settings = self._model.model_validate(values)
        except ValidationError as exc:
            raise RuleError(self._complaint(exc, chain, day, origins)) from None
        return Profile(" > ".join(chain), settings, origins)

    def _complaint(self, exc: ValidationError, chain: tuple[str, ...], day: date, origins: Mapping[str, Origin]) -> str:
        first = exc.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        where = origins[name].file if name in origins else " > ".join(chain)
        since = "the beginning" if day == date.min else str(day)
        if first["type"] == "missing":
            return f"{where}: {self._section}.{name} is set for no day from {since} on; give it a row there"
        if first["type"] == "extra_forbidden":
            known = ", ".join(self._model.model_fields)
            return f"{where}: {self._section}.{name} is no setting; there are {known}"
        return f"{where}: {self._section}.{name}: {first['msg']}"


def read_profiles(ours: Path, own: Path | None = None) -> ProfileBook:
    """Our profiles with a practice's own folder laid over them.

    Raises `RuleError`, naming the file and what to mend: unreadable or unknown content, a row without
    source or with its dates the wrong way round, two rows of a file that set one thing on one day, days
    between two rows of a setting on which neither holds, a payer that two profiles claim.
    """
    paths: list[tuple[Path, str | None, bool]] = [(path, None, False) for path in sorted(ours.glob("*.toml"))]
    if own is not None:
        if not own.is_dir():
            raise RuleError(f"{own}: no such folder; payer profiles of one's own are .toml files in a folder")
        paths += [(path, None, True) for path in sorted(own.glob("*.toml"))]
        paths += [(path, path.parent.name, True) for path in sorted(own.glob("*/*.toml"))]
    files: list[ProfileFile] = []
    content: list[tuple[str, bytes]] = []
    for path, practice, is_own in paths:
        raw = path.read_bytes()
        content.append((f"{practice or ''}/{path.name}", raw))
        files.append(_file(path, raw, practice, is_own))
    digest = hashlib.sha256()
    for name, raw in sorted(content):
        digest.update(name.encode() + b"\0" + raw + b"\0")
    version = newest(file.head.version for file in files)
    if any(file.own for file in files):
        version += f"+own.{digest.hexdigest()[:8]}"
    table: Table[Any] = Table(TABLE, version, digest.hexdigest(), ())
    return ProfileBook(tuple(files), table, _recognizing(files))


def _file(path: Path, raw: bytes, practice: str | None, own: bool) -> ProfileFile:
    try:
        document = tomllib.loads(raw.decode())
        head = Head.model_validate(document.pop("profile"))
    except KeyError:
        raise RuleError(f"{path}: [profile] is missing; it says whom the profile is for") from None
    except ValidationError as exc:
        first = exc.errors()[0]
        raise RuleError(f"{path}: [profile] {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as exc:
        raise RuleError(f"{path}: {exc}") from exc
    if unknown := document.keys() - set(SECTIONS):
        raise RuleError(f"{path}: [[{min(unknown)}]] is no section; there are {', '.join(SECTIONS)}")
    rows = tuple(
        _row(path, head, section, dict(row)) for section, listed in document.items() for row in _listed(path, listed)
    )
    _refuse_conflicts(path, rows)
    return ProfileFile(head, rows, practice, own)


def _listed(path: Path, rows: Any) -> Iterable[Mapping[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RuleError(f"{path}: write a section's rows as [[section]]")
    return rows


def _row(path: Path, head: Head, section: str, row: dict[str, Any]) -> _Row:
    start, end = row.pop("effective_from", date.min), row.pop("effective_through", date.max)
    source = row.pop("source", head.source)
    where = f"{path}: [[{section}]] {', '.join(row) or 'without a setting'}"
    if not source:
        raise RuleError(f"{where} has no source; give the row or the profile one")
    if not (isinstance(start, date) and isinstance(end, date)):
        raise RuleError(f"{where}: effective_from and effective_through are dates, as 2026-01-01")
    if end < start:
        raise RuleError(f"{where} ends {end} before it begins {start}")
    return _Row(section, row, Origin(head.name, str(source), start, end, str(path)))


def _refuse_conflicts(path: Path, rows: Iterable[_Row]) -> None:
    by_setting: dict[tuple[str, str], list[Origin]] = {}
    for row in rows:
        for setting in row.settings:
            by_setting.setdefault((row.section, setting), []).append(row.origin)
    for (section, setting), origins in by_setting.items():
        for earlier, later in pairwise(sorted(origins, key=lambda origin: origin.effective_from)):
            if later.effective_from <= earlier.effective_through:
                day = later.effective_from
                raise RuleError(f"{path}: {section}.{setting} has two rows in force on {day}; end the first sooner")
            if later.effective_from > earlier.effective_through + _DAY:
                gap = f"{earlier.effective_through + _DAY} to {later.effective_from - _DAY}"
                raise RuleError(f"{path}: {section}.{setting} has no row from {gap}; close the gap")


def _recognizing(files: Iterable[ProfileFile]) -> dict[str, Head]:
    """By name, what recognizes each payer and plan; refuses what is ambiguous or leads nowhere."""
    found: dict[str, Head] = {}
    for file in files:
        head = file.head
        if head.level == "program":
            if head.name != head.program:
                raise RuleError(f"profile {head.name}: the profile of program {head.program} bears its name")
            continue
        if head.name in Program.__members__.values():
            raise RuleError(f"profile {head.name}: a program's name; give `program`, or another name")
        known = found.get(head.name)
        if known is None:
            found[head.name] = head
        else:
            found[head.name] = known.model_copy(
                update={
                    names: tuple(dict.fromkeys((*getattr(known, names), *getattr(head, names))))
                    for names in ("programs", "payer_ids", "payer_names", "plan_ids")
                }
            )
    claimed: dict[tuple[str, str], str] = {}
    for head in found.values():
        if head.level == "plan":
            if head.payer not in found or not head.plan_ids:
                raise RuleError(f"profile {head.name}: a plan needs plan_ids and a payer that has a profile")
            keys = [(f"plan of {head.payer}", one) for one in head.plan_ids]
        else:
            if not head.programs or not (head.payer_ids or head.payer_names):
                raise RuleError(f"profile {head.name}: a payer needs programs, and payer_ids or payer_names")
            keys = list(product(head.programs, (*head.payer_ids, *head.payer_names)))
        for space, one in keys:
            other = claimed.setdefault((space, _spelled(one)), head.name)
            if other != head.name:
                raise RuleError(f"profiles {other} and {head.name} both claim {one} ({space}); take it out of one")
    return found


def _spelled(text: str | None) -> str:
    """Letters and digits in words, whatever the case and the marks between them."""
    return " ".join(_WORD.findall((text or "").casefold()))
