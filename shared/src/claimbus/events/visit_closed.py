"""Claim events that close or pause a visit revision without a decision of its own."""

from typing import ClassVar, Literal

from claimbus.events.finding import Finding
from claimbus.events.model import Event
from claimbus.values import PhiText, Rows


class VisitHeld(Event):
    """A revision waits for a fact that has not come."""

    type: ClassVar[str] = "org.claimbus.visit.held.v1"
    family: ClassVar[str] = "claims"
    fact: ClassVar[str] = "held"

    reason: str
    waits_for: Rows[str] = ()
    """Facts that are missing."""


class VisitSuperseded(Event):
    """A newer revision took this one's place before it was decided."""

    type: ClassVar[str] = "org.claimbus.visit.superseded.v1"
    family: ClassVar[str] = "claims"
    fact: ClassVar[str] = "superseded"

    reason: str
    replaced_by: int
    """The newer revision."""


class ClaimVoided(Event):
    """The EHR voided the visit: nothing of this revision or an earlier one may be billed."""

    type: ClassVar[str] = "org.claimbus.claim.voided.v1"
    family: ClassVar[str] = "claims"
    fact: ClassVar[str] = "voided"
    schema_version: ClassVar[str] = "1.1"

    reason: PhiText | None = None
    retracts: str | None = None
    """`claim_id` of the decision that it takes back, where there is one."""
    frequency_code: Literal["8"] | None = None
    """8 where the payer is to void its claim; null where it has none to void: what was not sent is not to be."""
    payer_control_number: PhiText | None = None
    """The payer's own number of the claim to void."""
    findings: Rows[Finding] = ()
    """What taking the visit back means for other visits."""
