"""Reads a claim's fields as X12 elements."""

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal

from claimbus.events.visit_completed import Address
from claimbus.identifiers import Identifiers, in_basic_set, to_basic_set

from claimbus_documents.fields import SEND, Fields
from claimbus_documents.x12.interchange import Segment
from claimbus_documents.x12.tables import CodeList, X12Tables


class Elements(Fields):
    """Each reader gives the element's text; where there can be none, an empty text and a problem.

    Names and addresses are folded and cut to the element's length. Ids are taken as they are or not at
    all: an id of which a part is missing is the id of somebody else.
    """

    def __init__(self, tables: X12Tables, identifiers: Identifiers, fix: str = SEND) -> None:
        super().__init__(identifiers, fix)
        self._tables = tables

    def name(self, field: str, given: str | None, element: str, *, needed: bool = True) -> str:
        if not given or not given.strip():
            return self.missing(field) if needed else ""
        text = to_basic_set(given)
        limits = self._tables.elements[element]
        if len(text) < limits.shortest or not any(character.isalnum() for character in text):
            return self.refuse(field, f"has too few characters that X12 can carry: {self.fix}, in Latin letters")
        return text[: limits.longest].strip()

    def key(self, field: str, given: str | None, element: str, *, needed: bool = True) -> str:
        if not given or not given.strip():
            return self.missing(field) if needed else ""
        text = in_basic_set(given)
        if text is None:
            return self.correct(field, "has a character that X12 cannot carry")
        limits = self._tables.elements[element]
        if not limits.shortest <= len(text) <= limits.longest:
            return self.correct(field, f"must have {limits.shortest} to {limits.longest} characters")
        return text

    def shaped(self, field: str, given: str | None, shape: re.Pattern[str], what: str) -> str:
        if not given or not given.strip():
            return self.missing(field)
        text = given.strip().upper()
        return text if text.isascii() and shape.fullmatch(text) else self.correct(field, f"is not {what}")

    def address(self, field: str, given: Address | None, *, full: bool = False) -> tuple[Segment, ...]:
        """N3 and N4; `full`: the postal code must have nine digits."""
        if given is None:
            self.missing(field)
            return ()
        street = self.name(f"{field}.line1", given.line1, "166")
        further = self.name(f"{field}.line2", given.line2, "166", needed=False)
        city = self.name(f"{field}.city", given.city, "19")
        state = self.state(f"{field}.state", given.state, needed=True)
        postal_code = self.postal_code(f"{field}.postal_code", given.postal_code, needed=True, full=full)
        return (("N3", street, further), ("N4", city, state, postal_code))

    def code(self, field: str, given: str | None, about: CodeList) -> str:
        if not given:
            return self.missing(field)
        known = self._tables.codes[about]
        return known.get(given.strip().lower()) or self.correct(field, f"is none of {', '.join(known)}")

    def demographics(self, field: str, birth_date: date | None, sex: str | None, service_date: date) -> Segment:
        """DMG. What sex is not known, or not F or M, goes out as U: unknown."""
        if birth_date is None:
            self.missing(f"{field}.birth_date")
        elif birth_date > service_date:
            self.correct(f"{field}.birth_date", "lies after the date of service")
        known = self._tables.codes["sex"].get((sex or "").strip().lower(), "U")
        return ("DMG", "D8", day(birth_date) if birth_date else "", known)

    def count(self, field: str, given: int, limit: str, fix: str) -> str:
        most = self._tables.most[limit]
        return str(given) if given <= most else self.refuse(field, f"is above {most}: {fix}")

    def responsibility(self, place: int) -> str:
        """SBR01 of the coverage that pays in this place, counted from 0."""
        return self._tables.codes["responsibility"][str(place + 1)]

    def in_order(self, about: CodeList, codes: Collection[str]) -> list[str]:
        """Codes in the order of the table."""
        return [code for code in dict.fromkeys(self._tables.codes[about].values()) if code in codes]

    def at_most(self, field: str, count: int, limit: str, fix: str) -> None:
        most = self._tables.most[limit]
        if count > most:
            self.refuse(field, f"has {count} entries, and an 837P takes {most}: {fix}")


def day(given: date) -> str:
    """CCYYMMDD; strftime leaves the zeros of early years out."""
    return given.isoformat().replace("-", "")


def dollars(given: Decimal | None) -> str:
    """An amount without needless zeros; none, of which there is a problem, is empty."""
    return "" if given is None else f"{given.normalize():f}"
