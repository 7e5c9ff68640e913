"""Codes that a FHIR Claim is written with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from claimbus.rules import DatedRow, DayRules, RuleBook, TableOf


class FhirCodeRow(DatedRow):
    """A code, with its system, for something that the contract names; the system alone where `about` is `system`."""

    about: str
    given: str
    system: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class FhirTables(DayRules):
    """What is in force on one day."""

    codes: Mapping[tuple[str, str], tuple[FhirCodeRow, ...]]
    """By what it is about, and what the contract has."""


class FhirRuleBook(RuleBook[FhirTables]):
    """All tables of the FHIR Claim."""

    package = "claimbus_documents.fhir"

    codes = TableOf("fhir_codes.toml", FhirCodeRow, key=lambda row: (row.about, row.given, row.system))

    def in_force(self, day: date) -> FhirTables:
        codes: dict[tuple[str, str], tuple[FhirCodeRow, ...]] = {}
        for row in self.codes.on(day):
            codes[row.about, row.given] = (*codes.get((row.about, row.given), ()), row)
        return FhirTables(day=day, rule_set=self.rule_set, codes=codes)
