"""The rules of all services as one value."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple, Self

from claimbus.events import RuleSet
from claimbus.rules import ProfileBook, merge_rule_sets, read_profiles
from claims.domain.tables import ClaimRules
from claims.rule_book import ClaimRuleBook
from coding.domain.tables import CodingRules
from coding.rule_book import CodingRuleBook
from documentation_check.domain.tables import DocumentationRules
from documentation_check.rule_book import DocumentationRuleBook
from units.domain.tables import UnitRules
from units.rule_book import UnitRuleBook

Book = CodingRuleBook | UnitRuleBook | DocumentationRuleBook | ClaimRuleBook


class RulesOfDay(NamedTuple):
    """What each service goes by on one date of service."""

    coding: CodingRules
    units: UnitRules
    documentation: DocumentationRules
    claims: ClaimRules


@dataclass(frozen=True)
class Rules:
    """Every service's tables and the payer profiles. Two of them can stand side by side in one process."""

    coding: CodingRuleBook
    units: UnitRuleBook
    documentation: DocumentationRuleBook
    claims: ClaimRuleBook
    profile_book: ProfileBook
    pinned_to: date | None = None
    """Decide by the rules of this day, whatever the date of service is; null: by those of the date of service."""

    @classmethod
    def load(cls, overlay: Path | None = None) -> Self:
        """`overlay`: a folder whose profiles and tables go before ours.

        Raises `claimbus.rules.RuleError`, naming file and row, for anything that must not be used.
        """
        profiles = read_profiles(overlay=overlay)
        return cls(
            coding=CodingRuleBook.load(overlay=overlay),
            units=UnitRuleBook.load(overlay=overlay, profile_book=profiles),
            documentation=DocumentationRuleBook.load(overlay=overlay, profile_book=profiles),
            claims=ClaimRuleBook.load(overlay=overlay, profile_book=profiles),
            profile_book=profiles,
        )

    def as_of(self, day: date) -> Self:
        """The same rules, those of one day for visits of any day."""
        return replace(self, pinned_to=day)

    def on(self, service_date: date) -> RulesOfDay:
        day = self.pinned_to or service_date
        return RulesOfDay(self.coding.on(day), self.units.on(day), self.documentation.on(day), self.claims.on(day))

    @property
    def books(self) -> tuple[Book, ...]:
        """In the order of the services."""
        return self.coding, self.units, self.documentation, self.claims

    @property
    def rule_set(self) -> RuleSet:
        """What a decision by these rules carries."""
        return merge_rule_sets(*(book.rule_set for book in self.books))
