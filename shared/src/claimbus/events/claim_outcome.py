"""What became of a claim after it left: submitted (277CA) and adjudicated (835), in a JSON shape of our own.

Whoever sends claims says these, on `outcomes.<practice>.<visit>.<fact>`: a family apart from `claims`, because
whatever lies there closes a visit revision (ADR 3), and a payer's answer closes none.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from claimbus.events.claim_decided import claim_id_of
from claimbus.events.model import Event, Record
from claimbus.values import PhiText, Rows, SignedMoney

ShortCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,5}$")]
"""A code of a standard list (CARC, RARC, claim status), whichever is in force."""
GroupCode = Literal["CO", "PR", "OA", "PI", "CR"]
"""Who bears an adjustment: contract, patient, other, payer's initiative; CR: a correction (835, CAS01)."""


class _Outcome(Event):
    """Names a claim that was decided here, as its decision does."""

    family: ClassVar[str] = "outcomes"

    claim_id: str
    control_number: str | None = None
    """Ours: `claim.control_number` of the decision (CLM01)."""
    payer_control_number: PhiText | None = None
    """The payer's own number of the claim (REF*1K of a 277CA, CLP07 of an 835)."""
    coverage_rank: int | None = Field(default=None, ge=1)
    """Which of the visit's payers says it; null for the one that pays first."""

    @model_validator(mode="after")
    def _of_this_visit(self) -> "_Outcome":
        if self.claim_id != claim_id_of(self.practice_id, self.visit_id, self.revision):
            raise ValueError(
                "claim_id: is not that of this practice, visit and revision; copy all four of the decision"
            )
        return self


class ClaimStatus(Record):
    """Why a claim was taken or sent back, in the words of a 277CA (STC01)."""

    category: ShortCode
    code: ShortCode | None = None


class ClaimSubmitted(_Outcome):
    """A claim was sent, and the payer or its clearing house took it or sent it back."""

    type: ClassVar[str] = "org.claimbus.claim.submitted.v1"
    fact: ClassVar[str] = "submitted"

    status: Literal["sent", "accepted", "rejected"]
    """`sent`: no answer yet. `rejected`: it never reached adjudication, and is sent anew instead of replaced."""
    submitted_on: date
    statuses: Rows[ClaimStatus] = ()


class Adjustment(Record):
    """An amount that the payer did not pay of what was charged, and why (835, CAS)."""

    group: GroupCode
    carc: ShortCode
    amount: SignedMoney


class AdjudicatedLine(Record):
    number: int | None = Field(default=None, ge=1)
    """Number of the decision's line; null where the payer does not say."""
    code: str | None = None
    modifiers: Rows[str] = ()
    units: int | None = Field(default=None, ge=0)
    """Units paid."""
    charge: SignedMoney | None = None
    allowed: SignedMoney | None = None
    paid: SignedMoney | None = None
    patient_responsibility: SignedMoney | None = None
    adjustments: Rows[Adjustment] = ()
    rarcs: Rows[ShortCode] = ()


class ClaimAdjudicated(_Outcome):
    """The payer decided on a claim."""

    type: ClassVar[str] = "org.claimbus.claim.adjudicated.v1"
    fact: ClassVar[str] = "adjudicated"

    status: Literal["processed", "denied", "reversed", "forwarded"]
    """`processed`: paid in whole, in part, or the patient's. `reversed`: an earlier payment is taken back and the claim
    counts no more. `forwarded`: handed to another payer (835, CLP02)."""
    adjudicated_on: date
    paid_on: date | None = None
    charge: SignedMoney | None = None
    paid: SignedMoney | None = None
    patient_responsibility: SignedMoney | None = None
    adjustments: Rows[Adjustment] = ()
    """Of the claim as a whole; those of a line stand there."""
    rarcs: Rows[ShortCode] = ()
    lines: Rows[AdjudicatedLine] = ()
