"""All rules that the services decide by, as the services themselves load them, and how a person names one."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from claimbus.events import RuleSet
from claimbus.payers import lay_over
from claimbus.rules import Origin, ProfileBook, Profiles, Table, merge_rule_sets

Chain = tuple[str, ...]
"""Names of profiles, the program's first."""


class UnknownNameError(ValueError):
    """A profile or table that does not exist; the text gives the nearest that do."""


@dataclass(frozen=True)
class Rulebooks:
    """What all services have loaded."""

    tables: Mapping[str, tuple[Table[Any], tuple[str, ...]]]
    """By name: a table and the services that read it, or `render`."""
    sections: Mapping[str, Profiles[Any]]
    """Payer profiles as each service reads them."""
    requirements_of: Callable[[Chain, str | None, date], Mapping[str, tuple[str, Origin]]]
    """What documentation-check requires by a chain of profiles: weight and origin by requirement."""
    book: ProfileBook
    rule_set: RuleSet
    """What a decision carries."""

    def find(self, name: str, practice: str | None) -> Chain | Table[Any]:
        """A profile (`medicare_part_b`, `commercial/unitedhealthcare`, a payer alone) or a table.

        Raises `UnknownNameError`.
        """
        asked = _spelled(name)
        chains = {"/".join(chain): chain for chain in self.book.chains(practice)}
        for full, chain in chains.items():
            if _spelled(full) == asked:
                return chain
        for table, _ in self.tables.values():
            if _spelled(table.name) == asked:
                return table
        ends = [full for full, chain in chains.items() if _spelled(chain[-1]) == asked]
        if len(ends) == 1:
            return chains[ends[0]]
        if ends:
            raise UnknownNameError(f"{name} stands in several programs; name one of {', '.join(ends)}")
        raise UnknownNameError(f"no profile and no table is named {name}; {_nearest(asked, [*chains, *self.tables])}")


def _spelled(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _nearest(asked: str, known: Iterable[str]) -> str:
    by_spelling = {part: name for name in known for part in (_spelled(name), _spelled(name.rpartition("/")[2]))}
    near = get_close_matches(asked, by_spelling, n=3, cutoff=0.5)
    names = dict.fromkeys(by_spelling[one] for one in near)
    return f"the nearest: {', '.join(names)}" if names else "see: claimbus rules show"


def load_rulebooks(folder: Path | None) -> Rulebooks:
    """Load every service's rules, with a folder of one's own profiles if one is given.

    Raises `RuleError` or `SettingsError` for what a service would not start with.
    """
    if folder is not None:
        lay_over(folder)
    # To import them is to load and check them, as a service does when it starts.
    from claimbus.payers import profiles
    from claimbus_documents.rules import DocumentRules
    from claims.rule_book import ClaimRuleBook
    from coding.rule_book import CodingRuleBook
    from documentation_check.rule_book import DocumentationRuleBook
    from units.rule_book import UnitRuleBook

    coding_book = CodingRuleBook.load(overlay=folder)
    unit_book = UnitRuleBook.load(overlay=folder)
    documentation_book = DocumentationRuleBook.load(overlay=folder)
    claim_book = ClaimRuleBook.load(overlay=folder)

    read_by: dict[str, tuple[Table[Any], tuple[str, ...]]] = {}
    services: dict[str, tuple[Table[Any], ...]] = {
        "coding": coding_book.tables,
        "units": unit_book.tables,
        "documentation-check": documentation_book.tables,
        "claims": claim_book.tables,
        # They write documents and decide nothing, so no decision names them.
        "render": DocumentRules.load(claim_book.identifiers).tables,
    }
    for service, tables in services.items():
        for table in tables:
            _, others = read_by.get(table.name, (table, ()))
            read_by[table.name] = (table, (*others, service))
    sets = (coding_book.rule_set, unit_book.rule_set, documentation_book.rule_set, claim_book.rule_set)
    return Rulebooks(
        tables=dict(sorted(read_by.items())),
        sections={
            "units": unit_book.profiles,
            "claims": claim_book.profiles,
            "documentation": documentation_book.profiles,
        },
        requirements_of=documentation_book.requirements_of,
        book=profiles(),
        rule_set=merge_rule_sets(*sets),
    )


def data_of(version: str) -> date | None:
    """First day of the period that a version names: 2024q3, 2026.11, 2026. None for one that names none."""
    found = re.match(r"(\d{4})(?:q([1-4])|[.-](\d{1,2}))?", version)
    if found is None:
        return None
    month = 3 * int(found[2]) - 2 if found[2] else int(found[3] or 1)
    return date(int(found[1]), month, 1) if 1 <= month <= 12 else None
