"""A finding: one check's answer, with what it means for the claim and what would mend it."""

from typing import Any, Literal

from pydantic import Field

from claimbus.events.model import Record
from claimbus.values import FindingId, Money, Result, Severity

FixableBy = Literal["therapist", "biller", "front_desk", "physician", "nobody"]


class Reason(Record):
    """Why a code, a unit count or a modifier is what it is."""

    about: str
    """`code`, `units`, `expected_amount`, or `modifier:GP` and the like."""
    rule: str
    citation: str
    inputs: dict[str, Any] = Field(default_factory=dict)


class Finding(Record):
    """`id` is stable, lower-case, `<subject>.<problem>`. CARC and RARC name the denial to expect."""

    id: FindingId
    result: Result
    severity: Severity
    line: int | None = None
    """Claim line it endangers, counted from 1; null for the whole claim."""
    intervention_id: str | None = None
    message: str
    fix: str | None = None
    fixable_by: FixableBy | None = None
    carc: str | None = None
    rarc: str | None = None
    amount_at_risk: Money | None = None
    rule: str
    citation: str
    inputs: dict[str, Any] = Field(default_factory=dict)
