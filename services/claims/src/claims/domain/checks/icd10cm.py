"""Whether an ICD-10-CM code may stand on a claim of a day, as far as the lists at hand can tell (ADR 11)."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import islice

from claimbus.rules import DatedRow

_SHAPE = re.compile(r"[A-Z][0-9A-Z]{2}(?:\.?[0-9A-Z]{1,4})?")


class CodeListRow(DatedRow):
    """A published list of billable codes, and the days for which it answers."""

    list: str


class CodeSpanRow(DatedRow):
    """Days on which a code was billable, where the lists at hand lie too far apart to tell. Without its dot."""

    code: str


class CodeStatus(StrEnum):
    """What is known of a code on a day."""

    BILLABLE = "billable"
    CATEGORY = "category"
    """Never a code by itself: it needs further characters."""
    ENDED = "ended"
    NOT_BEGUN = "not begun"
    NEVER = "never"
    """In no list."""
    UNKNOWN = "unknown"


def spelled_code(text: str) -> str:
    """As a claim writes it, without blanks around it and in capital letters; the dot stays where it stood."""
    return text.strip().upper()


def bare_code(text: str) -> str | None:
    """The code without its dot; null for what has not the shape of one."""
    code = spelled_code(text)
    return code.replace(".", "") if _SHAPE.fullmatch(code) else None


def dotted_code(code: str) -> str:
    """The code with its dot."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


@dataclass(frozen=True)
class DiagnosisBook:
    """Billable codes, without their dots, by the lists that hold them."""

    lists: tuple[CodeListRow, ...]
    codes: Mapping[str, frozenset[str]]
    """Names of the lists that hold a code."""
    spans: Mapping[str, tuple[CodeSpanRow, ...]]
    """Exact days, for the few codes of which they are known."""

    @cached_property
    def _in_order(self) -> tuple[str, ...]:
        return tuple(sorted(self.codes))

    @cached_property
    def _by_day(self) -> tuple[CodeListRow, ...]:
        return tuple(sorted(self.lists, key=lambda row: row.effective_from))

    @property
    def newest(self) -> CodeListRow:
        """The list that answers for the latest days."""
        return self._by_day[-1]

    def status(self, code: str, day: date) -> CodeStatus:
        """Of a code without its dot. Unknown where a day lies between two lists that differ, or outside of all."""
        if spans := self.spans.get(code):
            if any(span.in_force(day) for span in spans):
                return CodeStatus.BILLABLE
            return CodeStatus.ENDED if day > spans[-1].effective_through else CodeStatus.NOT_BEGUN
        before = [row for row in self._by_day if row.effective_from <= day]
        after = [row for row in self._by_day if row.effective_from > day]
        if not before:
            return CodeStatus.UNKNOWN
        held = self.codes.get(code)
        if held is None:
            return self._status_of_unlisted(code, day)
        began = any(row.list in held for row in before)
        # After the newest list its codes are taken to go on: of 74,000 about 30 end in a year.
        answers = before[-1].in_force(day) or not after
        if answers or (before[-1].list in held) is (after[0].list in held):
            if before[-1].list in held:
                return CodeStatus.BILLABLE
            return CodeStatus.ENDED if began else CodeStatus.NOT_BEGUN
        return CodeStatus.UNKNOWN

    def _status_of_unlisted(self, code: str, day: date) -> CodeStatus:
        if next(self._below(code), None) is not None:
            return CodeStatus.CATEGORY
        answered = any(row.in_force(day) for row in self.lists)
        return CodeStatus.NEVER if answered else CodeStatus.UNKNOWN

    def billable_below(self, code: str, day: date, most: int) -> tuple[str, ...]:
        """Up to `most` billable codes that begin with a code, with their dots."""
        billable = (longer for longer in self._below(code) if self.status(longer, day) is CodeStatus.BILLABLE)
        return tuple(map(dotted_code, islice(billable, most)))

    def _below(self, code: str) -> Iterator[str]:
        for place in range(bisect_left(self._in_order, code), len(self._in_order)):
            found = self._in_order[place]
            if not found.startswith(code):
                return
            if found != code:
                yield found
