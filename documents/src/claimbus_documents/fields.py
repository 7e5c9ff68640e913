"""Reads a decision's fields for a document, and keeps what cannot stand there, so that a person sees all at once."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from claimbus.events import Case, Problem
from claimbus.events.visit_completed import Coverage
from claimbus.identifiers import (
    Identifiers,
    RelationshipRow,
    TaxId,
    normalize_npi,
    normalize_postal_code,
    normalize_tax_id,
    normalize_taxonomy,
)

SEND = "send it with the visit's next revision"
SEND_CHARGE = "send interventions.charge with the visit's next revision"
_FULL_ZIP = 9
T = TypeVar("T")


class Fields:
    """Each reader gives the normal form; where there is none, nothing and a problem.

    `fix` ends the text of a problem. What is missing is a problem only where it is `needed`.
    """

    def __init__(self, identifiers: Identifiers, fix: str = SEND) -> None:
        self.identifiers = identifiers
        self.fix = fix
        self.problems: list[Problem] = []

    def refuse(self, field: str, problem: str) -> str:
        """Gives the empty text that stands in the field's place."""
        self.problems.append(Problem(field=field, problem=problem))
        return ""

    def missing(self, field: str, fix: str | None = None) -> str:
        return self.refuse(field, f"is missing: {fix or self.fix}")

    def correct(self, field: str, problem: str) -> str:
        return self.refuse(field, f"{problem}: correct it and {self.fix}")

    def npi(self, field: str, given: str | None, *, needed: bool = False) -> str:
        return self._normal(field, given, normalize_npi, "an NPI of ten digits with its check digit", needed) or ""

    def taxonomy(self, field: str, given: str | None) -> str:
        return self._normal(field, given, normalize_taxonomy, "a taxonomy code of ten characters", needed=False) or ""

    def tax_id(self, field: str, given: str | None, *, needed: bool = False) -> TaxId | None:
        return self._normal(field, given, normalize_tax_id, "an EIN or SSN of nine digits", needed)

    def state(self, field: str, given: str | None, *, needed: bool = False) -> str:
        what = "a state of the USA by its two letters"
        return self._normal(field, given, self.identifiers.normalize_state, what, needed) or ""

    def postal_code(self, field: str, given: str | None, *, needed: bool = False, full: bool = False) -> str:
        """Five or nine digits; `full`: nine."""
        what = f"a ZIP code of {'nine' if full else 'five or nine'} digits"
        code = self._normal(field, given, normalize_postal_code, what, needed)
        return self.correct(field, f"is not {what}") if full and code and len(code) < _FULL_ZIP else code or ""

    def member_id(self, field: str, coverage: Coverage, *, needed: bool = False) -> str:
        def normalize(text: str) -> str | None:
            return self.identifiers.normalize_member_id(text, coverage.program)

        what = "a member id as this payer's cards have it"
        return self._normal(field, coverage.member_id, normalize, what, needed) or ""

    def relationship(self, field: str, given: str | None, *, needed: bool = False) -> RelationshipRow | None:
        what = "a relationship that is known, as self, spouse, child or other"
        return self._normal(field, given, self.identifiers.find_relationship, what, needed)

    def charge(self, field: str, given: Decimal | None, most: Decimal) -> Decimal | None:
        """US dollars in whole cents, from 0 to `most`."""
        if given is None:
            self.missing(field, SEND_CHARGE)
        elif not given.is_finite() or not 0 <= given <= most:
            self.refuse(field, f"is no amount up to {most:,.2f}: {SEND_CHARGE}")
        elif not is_whole_cents(given):
            self.refuse(field, f"has parts of a cent: {SEND_CHARGE}, in whole cents")
        else:
            return given
        return None

    def _normal(
        self, field: str, given: str | None, normalize: Callable[[str], T | None], what: str, needed: bool
    ) -> T | None:
        if not given or not given.strip():
            if needed:
                self.missing(field)
            return None
        normal = normalize(given)
        if normal is None:
            self.correct(field, f"is not {what}")
        return normal


def is_whole_cents(amount: Decimal) -> bool:
    return amount == amount.quantize(Decimal("0.01"))


def with_hyphen(postal_code: str) -> str:
    """ZIP+4 as it is read; the five digits of a ZIP as they are."""
    return f"{postal_code[:5]}-{postal_code[5:]}" if len(postal_code) == _FULL_ZIP else postal_code


def causes_of(case: Case | None) -> tuple[str, ...]:
    """What the condition comes from, as the decision reads it: without case, blanks and empty words."""
    return tuple(cause.strip().casefold() for cause in case.related_to if cause.strip()) if case else ()
