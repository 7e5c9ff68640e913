"""The dated tables that documents are written by, as one value; none of a document's own changes a decision."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from claimbus.identifiers import IdentifierBook, Identifiers
from claimbus.rules import Table

from claimbus_documents.cms1500.tables import Cms1500RuleBook, Cms1500Tables
from claimbus_documents.fhir.tables import FhirRuleBook, FhirTables
from claimbus_documents.x12.tables import X12RuleBook, X12Tables


@dataclass(frozen=True)
class DocumentTables:
    """What is in force on one day; a document is written by its own part and by the identifiers that all share."""

    identifiers: Identifiers
    x12: X12Tables
    fhir: FhirTables
    cms1500: Cms1500Tables


@dataclass(frozen=True)
class DocumentRules:
    """All tables of all documents."""

    identifiers: IdentifierBook
    x12: X12RuleBook
    fhir: FhirRuleBook
    cms1500: Cms1500RuleBook

    @classmethod
    def load(cls, identifiers: IdentifierBook | None = None) -> Self:
        """`identifiers` are those that decisions are made by, where they are at hand. Raises `RuleError`."""
        return cls(
            identifiers or IdentifierBook.load(), X12RuleBook.load(), FhirRuleBook.load(), Cms1500RuleBook.load()
        )

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        return (*self.identifiers.tables, *self.x12.tables, *self.fhir.tables, *self.cms1500.tables)

    def on(self, day: date) -> DocumentTables:
        return DocumentTables(self.identifiers.on(day), self.x12.on(day), self.fhir.on(day), self.cms1500.on(day))
