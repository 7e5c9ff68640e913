"""All tables and payer profiles that the services decide by, how a person names one, and what needs a look."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Any, NamedTuple

import click
from claimbus.rules import Origin, PayerRuleBook, Profile, ProfileBook, Table
from claimbus_documents.rules import DocumentRules
from claimbus_engine import Rules

_OLD = timedelta(days=365)
_SOON = timedelta(days=60)

Chain = tuple[str, ...]
"""Names of profiles, the program's first."""


class UnknownNameError(click.ClickException):
    """A profile, practice or table that does not exist; the text gives those that do."""


class Setting(NamedTuple):
    """One setting of a profile on a day, and where it comes from."""

    section: str
    name: str
    value: object
    origin: Origin


@dataclass(frozen=True)
class Catalog:
    """The rules of all services by name."""

    rules: Rules

    @property
    def profiles(self) -> ProfileBook:
        return self.rules.profile_book

    @cached_property
    def tables(self) -> Mapping[str, tuple[Table[Any], tuple[str, ...]]]:
        """By name: a table and the services that read it, or `render`."""
        readers = {book.service(): book.tables for book in self.rules.books}
        # They write documents and decide nothing, so no decision names them.
        readers["render"] = DocumentRules.load().tables
        found: dict[str, tuple[Table[Any], tuple[str, ...]]] = {}
        for service, tables in readers.items():
            for table in tables:
                _, services = found.get(table.name, (table, ()))
                found[table.name] = (table, (*services, service))
        return dict(sorted(found.items()))

    @property
    def payer_books(self) -> tuple[PayerRuleBook[Any, Any], ...]:
        """Of the services whose rules depend on the payer."""
        return tuple(book for book in self.rules.books if isinstance(book, PayerRuleBook))

    def find(self, name: str, practice: str | None) -> Chain | Table[Any]:
        """A profile (`medicare_part_b`, `commercial/unitedhealthcare`, a payer alone) or a table.

        Raises `UnknownNameError`.
        """
        if practice is not None and practice not in self.profiles.practices():
            known = ", ".join(filter(None, self.profiles.practices())) or "no practice has"
            raise UnknownNameError(f"practice {practice} has no files of its own ({known}); leave --practice out")
        given = _spelled(name)
        chains = {"/".join(chain): chain for chain in self.profiles.chains(practice)}
        for full, chain in chains.items():
            if _spelled(full) == given:
                return chain
        for table, _ in self.tables.values():
            if _spelled(table.name) == given:
                return table
        ends = [full for full, chain in chains.items() if _spelled(chain[-1]) == given]
        if len(ends) == 1:
            return chains[ends[0]]
        if ends:
            raise UnknownNameError(f"{name} stands in several programs; name one of {', '.join(ends)}")
        raise UnknownNameError(f"no profile and no table is named {name}; {_nearest(given, [*chains, *self.tables])}")

    def settings(self, chain: Chain, practice: str | None, day: date) -> list[Setting]:
        """All that a profile sets on a day, by section."""
        found: list[Setting] = []
        for book in self.payer_books:
            if book is self.rules.documentation:  # a profile holds only what differs from the program's table
                required = self.rules.documentation.requirements_of(chain, practice, day)
                found += [Setting(book.section, name, weight, origin) for name, (weight, origin) in required.items()]
                continue
            profile: Profile[Any] = book.profiles.named(chain, practice, day)
            values = profile.settings.model_dump(mode="json")
            found += [Setting(book.section, name, value, profile.origins[name]) for name, value in values.items()]
        return found


def _spelled(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _nearest(given: str, known: Iterable[str]) -> str:
    by_spelling = {part: name for name in known for part in (_spelled(name), _spelled(name.rpartition("/")[2]))}
    names = dict.fromkeys(by_spelling[spelling] for spelling in get_close_matches(given, by_spelling, n=3, cutoff=0.5))
    return f"the nearest: {', '.join(names)}" if names else "see: claimbus rules show"


def warnings_of(table: Table[Any], today: date) -> Iterable[str]:
    """What refuses nothing and deserves a look: old data, and a last row that has ended or will soon."""
    since = data_of(table.version)
    if since is not None and today - since > _OLD:
        yield f"{table.name}: its data is of {table.version}, more than a year old: see whether newer exists"
    last = max((row.effective_through for row in table.rows), default=date.max)
    if last < today:
        yield f"{table.name}: its last row ended {last}; visits after that have none"
    elif last != date.max and last - today < _SOON:
        yield f"{table.name}: its last row ends {last}; give it the next one in time"


def data_of(version: str) -> date | None:
    """First day of the period that a version names: 2024q3, 2026.11, 2026. None for one that names none."""
    found = re.match(r"(\d{4})(?:q([1-4])|[.-](\d{1,2}))?", version)
    if found is None:
        return None
    month = 3 * int(found[2]) - 2 if found[2] else int(found[3] or 1)
    return date(int(found[1]), month, 1) if 1 <= month <= 12 else None
