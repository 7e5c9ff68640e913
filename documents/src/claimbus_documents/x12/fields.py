"""Reads a claim's fields as X12 elements, and keeps what cannot be one, so that a person hears of all at once."""

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal

from claimbus.events import Problem
from claimbus.events.visit_completed import Address

from claimbus_documents.amounts import is_whole_cents
from claimbus_documents.rules import CodeList, X12Book
from claimbus_documents.x12.interchange import Segment, exact, plain

_NPI = re.compile(r"[12]\d{9}")
_TAXONOMY = re.compile(r"[A-Z0-9]{10}")
_TAX_ID = re.compile(r"\d{2}-?\d{7}")
_POSTAL_CODE = re.compile(r"\d{5}([ -]?\d{4})?")
_BETWEEN = re.compile(r"[ -]")
_FULL_POSTAL_CODE = re.compile(r"\d{5}[ -]?\d{4}")


class Fields:
    """Each reader gives the element's text; where there can be none, an empty text and a problem.

    Names and addresses are folded and cut to the element's length. Ids are taken as they are or not at
    all: an id of which a part is missing is the id of somebody else.
    """

    def __init__(self, book: X12Book, again: str = "send it with the visit's next revision") -> None:
        self._book = book
        self._again = again
        self.problems: list[Problem] = []

    def refuse(self, field: str, problem: str) -> str:
        self.problems.append(Problem(field=field, problem=problem))
        return ""

    def name(self, field: str, given: str | None, element: str, *, needed: bool = True) -> str:
        if not given or not given.strip():
            return self.refuse(field, f"is missing: {self._again}") if needed else ""
        text = plain(given)
        limits = self._book.elements[element]
        if len(text) < limits.shortest or not any(sign.isalnum() for sign in text):
            return self.refuse(field, f"has too few characters that X12 can carry: {self._again}, in Latin letters")
        return text[: limits.longest].strip()

    def key(self, field: str, given: str | None, element: str, *, needed: bool = True) -> str:
        if not given or not given.strip():
            return self.refuse(field, f"is missing: {self._again}") if needed else ""
        text = exact(given)
        if text is None:
            return self.refuse(field, f"has a character that X12 cannot carry: correct it and {self._again}")
        limits = self._book.elements[element]
        if not limits.shortest <= len(text) <= limits.longest:
            size = f"{limits.shortest} to {limits.longest} characters"
            return self.refuse(field, f"must have {size}: correct it and {self._again}")
        return text

    def shaped(self, field: str, given: str | None, shape: re.Pattern[str], what: str, *, needed: bool = True) -> str:
        if not given or not given.strip():
            return self.refuse(field, f"is missing: {self._again}") if needed else ""
        text = given.strip().upper()
        if not text.isascii() or shape.fullmatch(text) is None:
            return self.refuse(field, f"is not {what}: correct it and {self._again}")
        return text

    def npi(self, field: str, given: str | None) -> str:
        return self.shaped(field, given, _NPI, "an NPI of ten digits")

    def taxonomy(self, field: str, given: str | None) -> str:
        return self.shaped(field, given, _TAXONOMY, "a taxonomy code of ten characters", needed=False)

    def tax_id(self, field: str, given: str | None) -> str:
        return self.shaped(field, given, _TAX_ID, "an employer's number of nine digits").replace("-", "")

    def state(self, field: str, given: str | None) -> str:
        if not given or not given.strip():
            return self.refuse(field, f"is missing: {self._again}")
        text = given.strip().upper()
        if text not in self._book.states:
            return self.refuse(field, f"is no state of the USA by its two letters: correct it and {self._again}")
        return text

    def address(self, field: str, given: Address | None, *, full: bool = False) -> tuple[Segment, ...]:
        """N3 and N4; `full`: the postal code must have nine digits."""
        if given is None:
            self.refuse(field, f"is missing: {self._again}")
            return ()
        shape, size = (_FULL_POSTAL_CODE, "nine") if full else (_POSTAL_CODE, "five or nine")
        street = self.name(f"{field}.line1", given.line1, "166")
        further = self.name(f"{field}.line2", given.line2, "166", needed=False)
        city = self.name(f"{field}.city", given.city, "19")
        state = self.state(f"{field}.state", given.state)
        postal = self.shaped(f"{field}.postal_code", given.postal_code, shape, f"a ZIP code of {size} digits")
        return (("N3", street, further), ("N4", city, state, _BETWEEN.sub("", postal)))

    def code(self, field: str, given: str | None, about: CodeList) -> str:
        if not given:
            return self.refuse(field, f"is missing: {self._again}")
        known = self._book.codes[about]
        if given.strip().lower() not in known:
            return self.refuse(field, f"is none of {', '.join(known)}: correct it and {self._again}")
        return known[given.strip().lower()]

    def demographics(self, field: str, birth_date: date | None, sex: str | None, service_date: date) -> Segment:
        """DMG. What sex is not known, or not F or M, goes out as U: unknown."""
        if birth_date is None:
            self.refuse(f"{field}.birth_date", f"is missing: {self._again}")
        elif birth_date > service_date:
            self.refuse(f"{field}.birth_date", f"lies after the date of service: correct it and {self._again}")
        known = self._book.codes["sex"].get((sex or "").strip().lower(), "U")
        return ("DMG", "D8", day(birth_date) if birth_date else "", known)

    def amount(self, field: str, given: Decimal | None, fix: str) -> str:
        """Dollars without needless zeros; at most two decimals and ten digits."""
        if given is None:
            return self.refuse(field, f"is missing: {fix}")
        most = Decimal(self._book.most["cents"]) / 100
        if not given.is_finite() or not 0 <= given <= most:
            return self.refuse(field, f"is no amount up to {most}: {fix}")
        if not is_whole_cents(given):
            return self.refuse(field, f"has parts of a cent: {fix}, in whole cents")
        return f"{given.normalize():f}"

    def count(self, field: str, given: int, limit: str, fix: str) -> str:
        most = self._book.most[limit]
        return str(given) if given <= most else self.refuse(field, f"is above {most}: {fix}")

    @property
    def own_relationship(self) -> str:
        """The code of a patient who holds the policy."""
        return self._book.codes["relationship"]["self"]

    def responsibility(self, place: int) -> str:
        """SBR01 of the coverage that pays in this place, counted from 0."""
        return self._book.codes["responsibility"][str(place + 1)]

    def in_order(self, about: CodeList, codes: Collection[str]) -> list[str]:
        """Codes in the order of the table."""
        return [code for code in dict.fromkeys(self._book.codes[about].values()) if code in codes]

    def at_most(self, field: str, count: int, limit: str, fix: str) -> None:
        most = self._book.most[limit]
        if count > most:
            self.refuse(field, f"has {count} entries, and an 837P takes {most}: {fix}")


def day(given: date) -> str:
    """CCYYMMDD; strftime leaves the zeros of early years out."""
    return given.isoformat().replace("-", "")
