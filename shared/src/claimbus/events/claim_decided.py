"""Claim ready and claim denial-risk: the decision on one visit revision, with every reason."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from claimbus.events.documentation_checked import Completeness
from claimbus.events.envelope import event_id
from claimbus.events.finding import Finding, FixableBy, Mending, Reason
from claimbus.events.model import Derived, Record
from claimbus.events.units_computed import EhrUnits, Service, TableRow, Unbilled
from claimbus.events.visit_completed import BillingProvider, Case, Clinician, Coverage, Patient
from claimbus.values import PHI, FindingId, Instant, Money, PhiText


def claim_id_of(practice_id: str, visit_id: str, revision: int) -> str:
    """The claim of a visit revision; the same wherever it is computed."""
    return event_id("claim", practice_id, visit_id, revision)


class Line(Record):
    """One billable service line: a code, or the assistant's share of it."""

    number: int = Field(ge=1)
    code: str
    units: int = Field(ge=1)
    minutes: int | None
    modifiers: tuple[str, ...]
    charge: Money | None
    allowed_amount: Money | None = None
    """What the payer's fee schedule allows, the patient's share included; counts toward a therapy threshold."""
    expected_amount: Money | None = None
    """Allowed amount less the reduction for an assistant; null where no fee is known."""
    diagnosis_pointers: tuple[int, ...]
    intervention_ids: tuple[str, ...]
    reasons: tuple[Reason, ...]


class UnitsSummary(Record):
    rule: str
    timed_minutes: int
    timed_units: int
    alternatives: tuple[dict[str, int], ...] = ()
    other_rules: dict[str, dict[str, int]] = Field(default_factory=dict)
    table_row: TableRow | None = None
    services: tuple[Service, ...] = ()
    """The worksheet: minutes, whole units, remainders and what was allocated, by code."""
    ehr: EhrUnits | None = None


class CheckCounts(Record):
    passed: int
    failed: int
    unknown: int


class StepToReady(Record):
    """Something that has to be done before the claim is ready, and that no other step does too.

    `mend`: close a gap. `leave_off`: send the claim without `lines`, since nothing mends what endangers them.
    `nothing_helps`: it is the only step, and this visit cannot be billed to this payer; `fix` says what could be
    wrong with that.
    """

    kind: Literal["mend", "leave_off", "nothing_helps"]
    finding_ids: tuple[FindingId, ...]
    """The findings that it settles."""
    fix: str
    fixable_by: FixableBy | None
    mending: Mending | None
    mend_by: date | None = None
    lines: tuple[int, ...] = ()
    """Claim lines that wait for it; of `leave_off`, those that are left off."""
    releases: Money | None = None
    """What those lines are expected to bring. A line that waits for several steps counts in each. Null where it is not
    known, or where no line stands there yet."""
    remains: Money | None = None
    """Of `leave_off`: what the lines that stay are expected to bring."""


class ClaimDocument(Record):
    """What a claim document needs beside the lines; a downstream service needs nothing else."""

    control_number: str
    service_date: date
    discipline: Literal["PT", "OT", "SLP"]
    place_of_service: str | None
    total_charge: Money | None
    total_expected: Money | None = None
    file_by: date | None = None
    """Last day on which the payer takes the claim; null where no limit is known."""
    patient: Patient
    coverage: tuple[Coverage, ...]
    case: Case | None
    diagnoses: tuple[PhiText, ...]
    """In claim order; a line's pointers count into this list from 1."""
    billing_provider: BillingProvider | None
    rendering_provider: Clinician | None
    referring_provider: Clinician | None
    supervising_provider: Clinician | None = None
    prior_authorization: PhiText | None
    payer_control_number: PhiText | None = None
    """The payer's own number of the claim that this one replaces."""
    filing_indicator: str | None = None
    """What kind of payer it is, by X12 code (SBR09): MB, 16, MC, CH, VA, WC, AM, CI."""
    accept_assignment: Literal["A", "B", "C"] | None = None
    """The provider accepts the payer's assignment (A), for clinical laboratory only (B), or not (C) (CLM07)."""
    benefits_assigned: Literal["Y", "N", "W"] | None = None
    """The patient lets the payer pay the provider; W: does not apply (CLM08)."""
    release_of_information: Literal["Y", "I"] | None = None
    """The patient consented to the release of information (Y), or the law allows it (I) (CLM09)."""
    signature_on_file: bool | None = None
    """The provider's signature is on file (CLM06)."""


class RunningTotals(Record):
    """What earlier visits of this patient add up to, as far as this pipeline has seen them.

    Other providers' visits and those from before are not in it, so each figure is a least value: it
    can show that a limit is passed, and never that one is kept.
    """

    therapy_dollars: Money | None = None
    """Expected allowed amounts this calendar year, before this visit; null where one is unknown.

    Of PT and SLP together, or of OT, as the threshold counts them.
    """
    therapy_visits: int = 0
    """Visits that the dollars are of."""
    authorized_visits: int | None = None
    """Earlier visits under this visit's authorization; null where it has no number."""


class Change(Record):
    """One field in which a decision differs from the one that it replaces. Null: not there."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    field: str
    """`outcome`; `lines.97110.units`, of an assistant's share `lines.97110.assistant.units`; `claim.place_of_service`;
    `findings.signature.missing`."""
    before: Annotated[Any, PHI] = Field(alias="from")
    to: Annotated[Any, PHI]


class _Decision(Derived):
    family: ClassVar[str] = "claims"
    schema_version: ClassVar[str] = "1.1"

    claim_id: str
    event_ids: dict[str, str]
    """The events that this decision joined, by fact."""
    frequency_code: Literal["1", "7", "8"] = "1"
    """7 where `claim.payer_control_number` is known: the payer is to replace its claim. 1: a claim that the payer has
    not seen, in the place of the one in `supersedes` where there is one, which must not be sent any more."""
    supersedes: str | None = None
    """`claim_id` of the decision on the revision before, where there is one."""
    changes: tuple[Change, ...] = ()
    """In what it differs from the decision that it supersedes."""
    decided_at: Instant
    trace_id: str | None
    lines: tuple[Line, ...]
    unbilled: tuple[Unbilled, ...]
    units: UnitsSummary
    profile: str = ""
    """The payer profile that the claim was made by, from the program inwards: `commercial > unitedhealthcare`."""
    totals: RunningTotals | None = None
    findings: tuple[Finding, ...]
    """What did not pass, and what is due next (`due.*`)."""
    steps_to_ready: tuple[StepToReady, ...] = ()
    """The fewest legal steps that would make the claim ready; none where it is."""
    checks: CheckCounts
    completeness: Completeness | None = None
    """Of the documentation alone."""
    claim: ClaimDocument


class ClaimReady(_Decision):
    """No blocking finding failed: the claim may be sent."""

    type: ClassVar[str] = "org.claimbus.claim.ready.v1"
    fact: ClassVar[str] = "ready"
    outcome: Literal["ready"] = "ready"


class ClaimDenialRisk(_Decision):
    """At least one blocking finding failed: sending the claim as it stands risks a denial."""

    type: ClassVar[str] = "org.claimbus.claim.denial-risk.v1"
    fact: ClassVar[str] = "denial-risk"
    outcome: Literal["denial_risk"] = "denial_risk"


Decision = ClaimReady | ClaimDenialRisk
decision_adapter: TypeAdapter[Decision] = TypeAdapter(Annotated[Decision, Field(discriminator="outcome")])
