"""Rows of the tables that claims decides by, and the value that one day's rows make."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from claimbus.events import FixableBy
from claimbus.rules import DatedRow
from claimbus.values import Money, Program


class ProgramRow(DatedRow):
    """Which modifiers a program wants on therapy lines."""

    program: Program
    discipline_modifier: bool
    kx: bool


class ThresholdRow(DatedRow):
    """US dollars of allowed PT and SLP a year above which KX is needed."""

    amount: Money


class RequiredField(DatedRow):
    """A field that a claim cannot be sent without."""

    id: str
    path: str
    programs: tuple[Program, ...] = ()
    fixable_by: FixableBy
    carc: str
    rarc: str


@dataclass(frozen=True)
class ClaimRules:
    """Everything in force on one date of service."""

    day: date
    programs: Mapping[Program, ProgramRow]
    kx_threshold: ThresholdRow | None
    required_fields: tuple[RequiredField, ...]
