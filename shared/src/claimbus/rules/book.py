"""A service's rules as a value: its dated tables and its section of the payer profiles, loaded once and handed on.

A service declares each table once::

    class UnitRuleBook(PayerRuleBook[UnitRules, UnitSettings]):
        package = "units"
        section, settings = "units", UnitSettings

        codes = TableOf("codes.toml", CodeRow, key=lambda row: row.code)
        findings = TableOf("findings.toml", FindingRow, key=lambda row: row.id)

        def in_force(self, day): ...

    book = UnitRuleBook.load(overlay=Path("my-rules"))
    book.on(date(2026, 11, 18))     # UnitRules

An overlay is a folder of one's own: payer profiles (`*.toml`, in a folder named as a practice for that practice alone),
and in a folder named as a service files that take the place of the service's own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast, overload

from claimbus.events.model import RuleSet
from claimbus.rules.findings import FindingRow
from claimbus.rules.profiles import Profile, ProfileBook, Profiles, ProfileSettings, read_profiles
from claimbus.rules.table import Row, RuleError, Table, days_of_change, last_change, read_table, rule_set_of
from claimbus.values import PayerKey

S = TypeVar("S", bound=ProfileSettings)


@dataclass(frozen=True, kw_only=True)
class DayRules:
    """What is in force on one date of service; a service's own type names its tables."""

    day: date
    rule_set: RuleSet


@dataclass(frozen=True, kw_only=True)
class PayerRules(DayRules, Generic[S]):
    """The same for a service whose rules depend on the payer."""

    profiles: Profiles[S]

    def profile_of(self, payer: PayerKey, practice_id: str) -> Profile[S]:
        """The payer's profile on the day."""
        return self.profiles.of(payer, practice_id, self.day)


R = TypeVar("R", bound=DayRules)
_KEPT_DAYS = 1024
_KEPT_PERIODS = 64


class RuleFolder:
    """Where a service's files are read from: the folder of the overlay that replaces some, else ours."""

    def __init__(self, ours: Traversable, overlay: Path | None = None) -> None:
        self._ours = ours
        self._overlay = overlay
        self._used: set[Path] = set()

    def find(self, file: str) -> Traversable:
        replacement = self._overlay / file if self._overlay is not None else None
        if replacement is not None and replacement.is_file():
            self._used.add(replacement)
            return replacement
        return self._ours.joinpath(file)

    def refuse_unused(self) -> None:
        """Raises `RuleError` for a file of the overlay that takes no file's place."""
        found = sorted(self._overlay.rglob("*")) if self._overlay is not None and self._overlay.is_dir() else []
        for path in found:
            if path.is_file() and not path.name.startswith(".") and path not in self._used:
                raise RuleError(f"{path}: no table has this file name; see: claimbus rules show")


class TableOf(Generic[Row]):
    """Declares a table of a rule book: its file, the type of its rows, and what tells rows of one day apart."""

    def __init__(self, file: str, row_type: type[Row], *, key: Callable[[Row], Hashable]) -> None:
        self.file = file
        self.row_type = row_type
        self._key = key
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, book: None, owner: type) -> Self: ...

    @overload
    def __get__(self, book: "RuleBook[Any]", owner: type) -> Table[Row]: ...

    def __get__(self, book: "RuleBook[Any] | None", owner: type) -> Self | Table[Row]:
        return self if book is None else book.table(self._name)

    def read(self, folder: RuleFolder) -> Table[Row]:
        return read_table(folder.find, self.file, self.row_type, self._key)


class RuleBook(ABC, Generic[R]):
    """The tables of one service. `R` is what is in force on one date of service."""

    package: ClassVar[str]
    """Import package; its tables lie in the folder `rules`."""

    def __init__(self, folder: RuleFolder) -> None:
        self._tables: Mapping[str, Table[Any]] = {name: declared.read(folder) for name, declared in self._declared()}
        folder.refuse_unused()
        self.rule_set: RuleSet = rule_set_of(*self.tables)
        self._changes = days_of_change(row for table in self._tables.values() for row in table.rows)
        self._period = lru_cache(maxsize=_KEPT_PERIODS)(self.in_force)
        self.on = lru_cache(maxsize=_KEPT_DAYS)(self._on)
        """What is in force on a date of service."""
        self.check()

    @classmethod
    def load(cls, folder: Path | None = None, overlay: Path | None = None) -> Self:
        """Read every table, ours from `folder` or where they ship.

        Raises `RuleError`, naming file and row, for anything that must not be used.
        """
        return cls(cls.folder(folder, overlay))

    @classmethod
    def folder(cls, folder: Path | None, overlay: Path | None) -> RuleFolder:
        """Where the service's files are read from."""
        replacements = None if overlay is None else overlay / cls.service()
        return RuleFolder(folder or files(cls.package).joinpath("rules"), replacements)

    @classmethod
    def service(cls) -> str:
        return cls.package.replace("_", "-")

    @classmethod
    def _declared(cls) -> Iterator[tuple[str, TableOf[Any]]]:
        return ((name, declared) for name, declared in vars(cls).items() if isinstance(declared, TableOf))

    def table(self, name: str) -> Table[Any]:
        return self._tables[name]

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        """All that an answer can rest on."""
        return tuple(self._tables.values())

    @property
    def finding_rows(self) -> tuple[FindingRow, ...]:
        """Every finding that the service makes, of every day."""
        return tuple(row for table in self._tables.values() for row in table.rows if isinstance(row, FindingRow))

    @abstractmethod
    def in_force(self, day: date) -> R:
        """The rows of a day, indexed: made once for all days up to the next on which a row begins or has ended."""

    def _on(self, day: date) -> R:
        return replace(self._period(last_change(self._changes, day)), day=day)

    def check(self) -> None:
        """Whether every day's rows fit together. Raises `RuleError`."""
        for day in self._changes:
            self._period(day)


class PayerRuleBook(RuleBook[R], Generic[R, S]):
    """The tables of a service and its section of the payer profiles."""

    section: ClassVar[str]
    settings: ClassVar[type[ProfileSettings]]

    def __init__(self, folder: RuleFolder, profile_book: ProfileBook) -> None:
        self.profile_book = profile_book
        super().__init__(folder)

    @classmethod
    def load(
        cls, folder: Path | None = None, overlay: Path | None = None, profile_book: ProfileBook | None = None
    ) -> Self:
        """The same, with payer profiles; `profile_book` are those that were read already."""
        return cls(cls.folder(folder, overlay), profile_book or read_profiles(overlay=overlay))

    @cached_property
    def profiles(self) -> Profiles[S]:
        """The service's section of every profile. Raises `RuleError`, at the latest when a day's rules are made."""
        return Profiles(self.profile_book, self.section, cast(type[S], self.settings))

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        return (self.profile_book.table, *super().tables)
