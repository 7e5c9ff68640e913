"""Identifiers of a claim: one place that normalizes and validates each, for the decision and for every document.

What a person writes in a usual spelling (blanks, hyphens, small letters) is valid and goes out in its normal form; what
is none gives None, and is a finding of the decision and a refusal of the document. Those that need a table of their day
are methods of `Identifiers`.
"""

from claimbus.identifiers.basic_set import in_basic_set, to_basic_set
from claimbus.identifiers.book import IdentifierBook, Identifiers, MemberIdRow, RelationshipRow
from claimbus.identifiers.numbers import (
    TaxId,
    normalize_npi,
    normalize_postal_code,
    normalize_tax_id,
    normalize_taxonomy,
)

__all__ = [
    "IdentifierBook",
    "Identifiers",
    "MemberIdRow",
    "RelationshipRow",
    "TaxId",
    "in_basic_set",
    "normalize_npi",
    "normalize_postal_code",
    "normalize_tax_id",
    "normalize_taxonomy",
    "to_basic_set",
]
