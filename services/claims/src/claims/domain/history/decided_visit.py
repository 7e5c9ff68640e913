"""What history keeps of a decision: the few fields that it reads."""

from datetime import date
from typing import Literal

from claimbus.events import Keyed, Record, RunningTotals
from claimbus.values import Money, Program

VisitKey = tuple[str, str]
"""Keys of a practice and of its visit."""


def key_of(visit: Keyed) -> VisitKey:
    return visit.practice_id, visit.visit_id


class DecidedAuthorization(Record):
    number: str | None = None


class DecidedCoverage(Record):
    program: Program
    payer_id: str | None = None
    payer_name: str | None = None
    member_id: str | None = None
    therapy_dollars_used: Money | None = None
    authorization: DecidedAuthorization | None = None


class DecidedPatient(Record):
    patient_id: str
    first_name: str | None = None
    birth_date: date | None = None


class DecidedCase(Record):
    case_id: str | None = None


class DecidedProvider(Record):
    npi: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class DecidedLine(Record):
    code: str = ""
    allowed_amount: Money | None = None


class DecidedUnits(Record):
    rule: str = ""
    timed_minutes: int = 0


class DecidedDocument(Record):
    service_date: date
    discipline: Literal["PT", "OT", "SLP"]
    patient: DecidedPatient
    coverage: tuple[DecidedCoverage, ...]
    case: DecidedCase | None = None
    billing_provider: DecidedProvider | None = None
    rendering_provider: DecidedProvider | None = None


class DecidedVisit(Keyed):
    """A decision as it is read from its stream."""

    lines: tuple[DecidedLine, ...]
    units: DecidedUnits = DecidedUnits()
    totals: RunningTotals | None = None
    claim: DecidedDocument
