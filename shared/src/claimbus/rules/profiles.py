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

A plan's profile names its payer's (`payer = "uhc"`) and its `plan_ids`. A folder of one's own is laid
over ours: a file that bears a known name adds to that profile, its rows go before ours; files in a
subfolder that is named as a practice hold for that practice alone. A plan's rows go before its payer's,
and those before the program's, whosever they are.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise, product
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from claimbus.rules.table import RuleError, Table, days_of_change, last_change, newest
from claimbus.values import Key, PayerKey, Program

TABLE = "payer-profiles"
_OURS = "claimbus.payers"
SECTIONS = ("units", "documentation", "claims")
"""What a profile may set, by the service that reads it. A section that nobody reads would be an empty promise."""
_DAY = timedelta(days=1)
_KEY = TypeAdapter[str](Key)
_WORD = re.compile(r"[a-z0-9]+")

Level = Literal["program", "payer", "plan"]


class ProfileSettings(BaseModel):
    """What one service reads of a profile; a service's own model names its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(BaseModel):
    """`[profile]` of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
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


class ProfileRow(NamedTuple):
    """One row of a file: what it sets in a section, and where that comes from."""

    section: str
    settings: Mapping[str, Any]
    origin: Origin

    def in_force(self, day: date) -> bool:
        return self.origin.effective_from <= day <= self.origin.effective_through


@dataclass(frozen=True)
class ProfileFile:
    """One file, read."""

    head: Head
    rows: tuple[ProfileRow, ...]
    practice: str | None = None
    """The practice that it holds for alone."""
    is_own: bool = False
    """Of a practice's folder, not ours."""


S = TypeVar("S", bound=ProfileSettings)


@dataclass(frozen=True)
class Profile(Generic[S]):
    """The settings of one payer on one day, each with its origin."""

    name: str
    """From the program inwards: `commercial > unitedhealthcare`."""
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
    heads: Mapping[str | None, Mapping[str, Head]] = field(repr=False)
    """By practice (null: all that have no files of their own), then by name: what recognizes a payer or a plan."""

    def chain(self, payer: PayerKey, practice: str | None = None) -> tuple[str, ...]:
        """Names of the profiles that hold for a payer, the program's first."""
        found = self._payer_of(payer, practice)
        if found is None:
            return (payer.program.value,)
        plan = self._plan_of(found.name, payer.plan_id, practice)
        return (payer.program.value, found.name, plan.name) if plan else (payer.program.value, found.name)

    def chains(self, practice: str | None = None) -> Iterator[tuple[str, ...]]:
        """Every chain of names that a visit of a practice can lead to."""
        heads = self.heads[practice].values()
        for program in Program:
            yield (program.value,)
            for head in heads:
                if head.level == "payer" and program in head.programs:
                    yield program.value, head.name
                    for plan in heads:
                        if plan.payer == head.name:
                            yield program.value, head.name, plan.name

    def practices(self) -> tuple[str | None, ...]:
        """Practices with files of their own, and null for all others."""
        return tuple(self.heads)

    def _payer_of(self, payer: PayerKey, practice: str | None) -> Head | None:
        known = self.heads[practice].values()
        heads = [head for head in known if head.level == "payer" and payer.program in head.programs]
        number = spelled(payer.payer_id)
        if number:
            for head in heads:
                if number in map(spelled, head.payer_ids):
                    return head
        name = f"{spelled(payer.payer_name)} "
        matches = [
            (len(begins), head)
            for head in heads
            for begins in map(spelled, head.payer_names)
            if name.startswith(f"{begins} ")
        ]
        return max(matches, key=lambda match: match[0])[1] if matches else None

    def _plan_of(self, payer: str, plan_id: str | None, practice: str | None) -> Head | None:
        number = spelled(plan_id)
        plans = (head for head in self.heads[practice].values() if head.payer == payer)
        return next((head for head in plans if number in map(spelled, head.plan_ids)), None) if number else None

    def rows(self, section: str, chain: tuple[str, ...], practice: str | None) -> Iterator[ProfileRow]:
        """Rows of a section that hold for a chain, those that go before others last."""
        for name, layer in product(chain, (_ours, _own_of_all, _own_of_one)):
            for file in self.files:
                if file.head.name == name and layer(file, practice):
                    yield from (row for row in file.rows if row.section == section)


def _ours(file: ProfileFile, _practice: str | None) -> bool:
    return not file.is_own


def _own_of_all(file: ProfileFile, _practice: str | None) -> bool:
    return file.is_own and file.practice is None


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
        self._changes = days_of_change(row.origin for file in book.files for row in file.rows if row.section == section)
        for practice in book.practices():
            for chain, day in product(book.chains(practice), self._changes):
                self._resolved(chain, practice, day)

    def of(self, payer: PayerKey, practice_id: str, day: date) -> Profile[S]:
        """The profile of a payer on a date of service."""
        practice = practice_id if practice_id in self._practices else None
        return self.named(self._found(payer, practice), practice, day)

    def named(self, chain: tuple[str, ...], practice: str | None, day: date) -> Profile[S]:
        """The profile at the end of a chain of names, the program's first."""
        return self._resolved(chain, practice, last_change(self._changes, day))

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
        where = origins[name].file if name in origins else f"profile {' > '.join(chain)}"
        if first["type"] == "missing":
            since = "on the first day" if day == date.min else f"on {day}"
            return f"{where}: nothing sets {self._section}.{name} {since}; a program's profile sets it for every day"
        if first["type"] == "extra_forbidden":
            known = ", ".join(self._model.model_fields)
            return f"{where}: {self._section}.{name} is no setting; there are {known}"
        return f"{where}: {self._section}.{name}: {first['msg']}"


NOT_PRACTICES = frozenset({"coding", "units", "documentation-check", "claims", "identifiers", "cases"})
"""Folders of an overlay that hold tables or cases, and no practice's profiles."""


def read_profiles(
    ours: Traversable | None = None, overlay: Path | None = None, apart: Iterable[str] = NOT_PRACTICES
) -> ProfileBook:
    """Our profiles with a folder of one's own laid over them; folders in it named in `apart` are no practices.

    Raises `RuleError`, naming the file and what to mend: unreadable or unknown content, a row without
    source or with its dates the wrong way round, two rows of a file that set one thing on one day, days
    between two rows of a setting on which neither holds, a payer that two profiles claim.
    """
    shipped = sorted((ours or files(_OURS)).iterdir(), key=lambda file: file.name)
    paths: list[tuple[Traversable, str | None, bool]] = [
        (file, None, False) for file in shipped if file.name.endswith(".toml")
    ]
    if overlay is not None:
        paths += [(path, practice, True) for path, practice in _own_paths(overlay, frozenset(apart))]
    profile_files: list[ProfileFile] = []
    contents: dict[bool, list[bytes]] = {False: [], True: []}
    for path, practice, is_own in paths:
        try:
            raw = path.read_bytes()
        except OSError as exc:
            raise RuleError(f"{path}: {exc.strerror}") from exc
        contents[is_own].append(f"{practice or ''}/{path.name}\0".encode() + raw)
        profile_files.append(_file(path, raw, practice, is_own))
    version, digest = newest(file.head.version for file in profile_files if not file.is_own), _digest(contents[False])
    if contents[True]:
        of_own = _digest(contents[True])
        version, digest = f"{version}+own.{of_own[:8]}", _digest((digest.encode(), of_own.encode()))
    practices = (None, *sorted({file.practice for file in profile_files if file.practice}))
    heads = {
        practice: _recognizing([file for file in profile_files if file.practice in (None, practice)])
        for practice in practices
    }
    table: Table[Any] = Table(TABLE, version, digest, ())
    return ProfileBook(tuple(profile_files), table, heads)


def _own_paths(overlay: Path, apart: frozenset[str]) -> list[tuple[Path, str | None]]:
    """Files of a folder of one's own, each with the practice that it is for."""
    try:
        found = sorted(filter(_is_in_sight, overlay.iterdir()))
    except OSError as exc:
        raise RuleError(f"{overlay}: {exc.strerror}; payer profiles of one's own are .toml files in a folder") from exc
    paths: list[tuple[Path, str | None]] = [(path, None) for path in found if path.suffix == ".toml"]
    folders = [path for path in found if path.is_dir()]
    for folder in (path for path in folders if path.name not in apart):
        inside = sorted(filter(_is_in_sight, folder.iterdir()))
        if deeper := [path for name in inside if name.is_dir() for path in name.rglob("*.toml")]:
            raise RuleError(
                f"{deeper[0]}: too deep; profiles lie in {overlay} or in a folder of it named as a practice"
            )
        for path in (path for path in inside if path.suffix == ".toml"):
            try:
                paths.append((path, _KEY.validate_python(folder.name)))
            except ValidationError:
                raise RuleError(f"{folder}: no practice's key; 1 to 64 letters, digits, '_' or '-'") from None
    if not paths and not any(folder.name in apart for folder in folders):
        raise RuleError(f"{overlay}: no .toml file in this folder; payer profiles of one's own are such files")
    return paths


def _is_in_sight(path: Path) -> bool:
    """Editors and mounted volumes keep what is theirs under names that begin with a dot."""
    return not path.name.startswith(".")


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in sorted(parts):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def _file(path: Traversable, raw: bytes, practice: str | None, is_own: bool) -> ProfileFile:
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
    if empty := [name for name in (*head.payer_ids, *head.payer_names, *head.plan_ids) if not spelled(name)]:
        raise RuleError(f"{path}: [profile] {empty[0]!r} has no letter and no digit to be known by")
    if unknown := document.keys() - set(SECTIONS):
        raise RuleError(f"{path}: [[{min(unknown)}]] is no section; there are {', '.join(SECTIONS)}")
    rows = tuple(
        _row(path, head, section, dict(row)) for section, listed in document.items() for row in _listed(path, listed)
    )
    _refuse_conflicts(path, rows)
    return ProfileFile(head, rows, practice, is_own)


def _listed(path: Traversable, rows: Any) -> Iterable[Mapping[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RuleError(f"{path}: write a section's rows as [[section]]")
    return rows


def _row(path: Traversable, head: Head, section: str, row: dict[str, Any]) -> ProfileRow:
    start, end = row.pop("effective_from", date.min), row.pop("effective_through", date.max)
    source = str(row.pop("source", head.source)).strip()
    where = f"{path}: [[{section}]] {', '.join(row)}"
    if not row:
        raise RuleError(f"{path}: a row of [[{section}]] sets nothing; name a setting or take the row out")
    if not source:
        raise RuleError(f"{where} has no source; give the row or the profile one")
    # A TOML date and time is a date to Python, and cannot be compared with one.
    if type(start) is not date or type(end) is not date:
        raise RuleError(f"{where}: effective_from and effective_through are dates, as 2026-01-01")
    if end < start:
        raise RuleError(f"{where} ends {end} before it begins {start}")
    return ProfileRow(section, row, Origin(head.name, source, start, end, str(path)))


def _refuse_conflicts(path: Traversable, rows: Iterable[ProfileRow]) -> None:
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
    layers: set[tuple[str, bool, str | None]] = set()
    for file in files:
        head = file.head
        if (head.name, file.is_own, file.practice) in layers:
            raise RuleError(f"profile {head.name}: two files of one folder bear this name; make them one")
        layers.add((head.name, file.is_own, file.practice))
        if head.level == "program":
            _refuse_odd_program(head)
        elif head.name in Program.__members__.values():
            raise RuleError(f"profile {head.name}: a program's name; give `program`, or another name")
        else:
            found[head.name] = _joined(found[head.name], head) if head.name in found else head
    claimed: dict[tuple[str, str], str] = {}
    for head in found.values():
        for space, name in _claims_of(head, found):
            claimant = claimed.setdefault((space, spelled(name)), head.name)
            if claimant != head.name:
                raise RuleError(f"profiles {claimant} and {head.name} both claim {name} ({space}); take it out of one")
    return found


def _refuse_odd_program(head: Head) -> None:
    if head.name != head.program:
        raise RuleError(f"profile {head.name}: the profile of program {head.program} bears its name")
    if head.programs or head.payer or head.payer_ids or head.payer_names or head.plan_ids:
        raise RuleError(f"profile {head.name}: a program's profile names no payer and no plan")


def _joined(known: Head, more: Head) -> Head:
    """A profile and what another file of its name adds to it."""
    if more.payer not in (None, known.payer):
        raise RuleError(f"profile {more.name}: belongs to payer {known.payer or 'none'}, not to {more.payer}")
    names = ("programs", "payer_ids", "payer_names", "plan_ids")
    return known.model_copy(
        update={name: tuple(dict.fromkeys((*getattr(known, name), *getattr(more, name)))) for name in names}
    )


def _claims_of(head: Head, found: Mapping[str, Head]) -> Iterable[tuple[str, str]]:
    """What only this profile may be recognized by, each with where that holds."""
    if head.level == "plan":
        payer = found.get(head.payer or "")
        if payer is None or payer.level != "payer" or not head.plan_ids:
            raise RuleError(f"profile {head.name}: a plan needs plan_ids and a payer that has a profile")
        if head.programs or head.payer_ids or head.payer_names:
            raise RuleError(f"profile {head.name}: a plan is known by plan_ids; its payer has the programs and names")
        return [(f"plan of {head.payer}", name) for name in head.plan_ids]
    if head.plan_ids:
        raise RuleError(f"profile {head.name}: has plan_ids and no payer; a plan names the profile of its payer")
    if not head.programs or not (head.payer_ids or head.payer_names):
        raise RuleError(f"profile {head.name}: a payer needs programs, and payer_ids or payer_names")
    return product(head.programs, (*head.payer_ids, *head.payer_names))


def spelled(text: str | None) -> str:
    """Letters and digits in words, whatever the case and the marks between them."""
    return " ".join(_WORD.findall((text or "").casefold()))
