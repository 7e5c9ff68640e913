"""A finding: one check's answer, with what it means for the claim and what would mend it."""

from datetime import date
from typing import Any, Literal, NamedTuple

from pydantic import Field

from claimbus.events.model import Record
from claimbus.values import FindingId, Money, Result, Severity

FixableBy = Literal["therapist", "biller", "front_desk", "physician", "nobody"]
Mending = Literal["addendum", "document", "correction", "none"]
"""Whether and how a gap may be closed after the visit. `addendum`: a dated, signed addition to the record of what was
done and is known; `document`: a document written or obtained now, under its true date; `correction`: what was sent is
put right from the record; `none`: nothing that is written now makes it billable."""
DUE = "due."
"""How the id of a finding begins that is no check, and says what is due next."""


class Reason(Record):
    """Why a code, a unit count or a modifier is what it is."""

    about: str
    """`code`, `units`, `expected_amount`, `charge`, or `modifier:GP` and the like."""
    rule: str
    citation: str
    inputs: dict[str, Any] = Field(default_factory=dict)


class Finding(Record):
    """`id` is stable, lower-case, `<subject>.<problem>`. CARC and RARC name the denial to expect.

    A finding `due.*` is no check: it says how much is left before one fails, and stands in every decision.
    """

    id: FindingId
    result: Result
    severity: Severity
    line: int | None = None
    """Claim line it endangers, counted from 1; null for the whole claim."""
    lines: tuple[int, ...] = ()
    """Every claim line that goes unpaid if the payer sees what the finding saw."""
    intervention_id: str | None = None
    intervention_ids: tuple[str, ...] = ()
    """Where it is about several interventions of a visit."""
    codes: tuple[str, ...] = ()
    """Codes of services that it is about."""
    field: str | None = None
    """Path of the field of the visit that it is about, as `coverage.member_id`."""
    message: str
    fix: str | None = None
    fixable_by: FixableBy | None = None
    mending: Mending | None = None
    mend_by: date | None = None
    """Last day on which a mend helps: after it the payer takes no claim. Null where no limit is known."""
    carc: str | None = None
    rarc: str | None = None
    amount_at_risk: Money | None = None
    rule: str
    citation: str
    inputs: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        """Whether it says what is due next, and is no check of this visit."""
        return self.id.startswith(DUE)


class Passed(NamedTuple):
    """A check that was made and found nothing; it travels as its id alone."""

    id: FindingId


Checked = Finding | Passed
"""What a check gives."""
