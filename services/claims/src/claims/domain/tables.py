"""Rows of the tables that claims decides by, and the value that one day's rows make."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from claimbus.events import FixableBy
from claimbus.rules import DatedRow, Profiles, ProfileSettings
from claimbus.values import Money, Program


class ClaimSettings(ProfileSettings):
    """What a payer wants on a claim: the section `claims` of its profile."""

    discipline_modifier: bool
    """GP, GO or GN on therapy lines."""
    kx: bool
    """The therapy threshold and its modifier."""
    ptp_edits: Literal["block", "review", "none"]
    """How a pair of the NCCI table that is not rescued weighs."""
    mue: Literal["block", "review", "none"]
    """How units above the medically unlikely edit weigh."""
    distinct_modifier: Literal["59", "x"]
    """What tells a distinct service: 59, or the X modifier that fits."""
    habilitative_modifier: Literal["none", "habilitative", "both"]
    """Whether it wants 96 for habilitative services, 96 and 97 for both kinds, or neither."""
    advance_notice: bool
    """Takes GA, GX, GY and GZ."""
    telehealth: Literal["by-date", "as-sent"]
    """Whether therapists may furnish telehealth by Medicare's dated authority, or as the payer has it."""
    fees: Literal["medicare-pfs", "none"]
    """The fee schedule that its allowed amounts follow; none: not known."""
    fee_percent: Decimal
    """Of that schedule, as the contract pays."""
    assistant_reduction: bool
    """Pays less for what an assistant furnished."""
    filing_months: int
    """Months from the date of service in which it takes a claim; 0 where days count instead, or nothing is known."""
    filing_days: int
    authorization: Literal["required", "as-stated"]
    """Whether every visit needs an authorization, or those of which the visit says so."""


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
    profiles: Profiles[ClaimSettings]
    kx_threshold: ThresholdRow | None
    required_fields: tuple[RequiredField, ...]
