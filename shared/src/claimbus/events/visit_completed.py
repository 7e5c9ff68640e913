"""Visit completed: what the EHR says was done, for how long, by whom, and what was documented."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from claimbus.events.model import Event, Record
from claimbus.values import GivenMoney, Instant, Minutes, PayerKey, PhiDate, PhiText, Program, Rows, or_else

Text = Annotated[str, StringConstraints(max_length=20_000)]
Contact = Literal["one_on_one", "group", "supervised", "unattended"]


class Address(Record):
    line1: PhiText | None = None
    line2: PhiText | None = None
    city: PhiText | None = None
    state: str | None = None
    postal_code: PhiText | None = None


class Patient(Record):
    patient_id: PhiText = Field(min_length=1)
    first_name: PhiText | None = None
    last_name: PhiText | None = None
    birth_date: PhiDate | None = None
    sex: str | None = None
    address: Address | None = None


class Subscriber(Record):
    """Who holds the policy, where that is not the patient."""

    first_name: PhiText | None = None
    last_name: PhiText | None = None
    birth_date: PhiDate | None = None
    sex: str | None = None
    address: Address | None = None


class Authorization(Record):
    required: bool | None = None
    number: PhiText | None = None
    visits_allowed: int | None = Field(default=None, ge=0)
    visits_used: int | None = Field(default=None, ge=0)
    valid_from: date | None = None
    valid_through: date | None = None


class Coverage(Record):
    """One payer of the visit; rank 1 pays first."""

    rank: Annotated[int, or_else(1)] = Field(default=1, ge=1)
    payer_id: str | None = None
    payer_name: str | None = None
    plan_id: str | None = None
    """The payer's own key of the plan, where its plans differ."""
    program: Program
    member_id: PhiText | None = None
    group_number: PhiText | None = None
    relationship: str | None = None
    subscriber: Subscriber | None = None
    claim_control_number: PhiText | None = None
    """The payer's own number of the claim that this visit was billed by before; a replacement needs it."""
    therapy_dollars_used: GivenMoney | None = None
    """Allowed amounts of PT and SLP this calendar year, before this visit."""
    authorization: Authorization | None = None

    @property
    def payer(self) -> PayerKey:
        return PayerKey(self.program, self.payer_id, self.payer_name, self.plan_id)


class Case(Record):
    case_id: PhiText | None = None
    onset_date: PhiDate | None = None
    treatment_day: int | None = Field(default=None, ge=1)
    """Ordinal of this treatment day in the episode; the evaluation is day 1."""
    related_to: Rows[str] = ()
    """`employment`, `auto`, `other`: what the condition comes from, where that is an accident or work."""
    accident_date: PhiDate | None = None
    accident_state: str | None = None


class Diagnosis(Record):
    code: PhiText | None = None
    """ICD-10-CM, with or without the dot."""
    rank: int | None = Field(default=None, ge=1)


class BillingProvider(Record):
    npi: str | None = None
    name: str | None = None
    tax_id: str | None = None
    taxonomy: str | None = None
    address: Address | None = None


class Clinician(Record):
    npi: str | None = None
    first_name: PhiText | None = None
    last_name: PhiText | None = None
    credential: str | None = None
    taxonomy: str | None = None


class Intervention(Record):
    """One thing done. `minutes` are one-on-one clinician minutes in all.

    Of these, `assistant_minutes` are the assistant's alone and `joint_minutes` those of both
    together, which count as the therapist's.
    """

    id: Annotated[str, StringConstraints(max_length=64), or_else("")] = ""
    """Unique in the visit; its place, counted from 1, where the sender gave none."""
    description: Annotated[Text, Field(json_schema_extra={"x-phi": True})] | None = None
    narrative: Annotated[Text, Field(json_schema_extra={"x-phi": True})] | None = None
    code: str | None = None
    minutes: Minutes | None = None
    assistant_minutes: Minutes | None = None
    joint_minutes: Minutes | None = None
    contact: Contact | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    body_region: PhiText | None = None
    distinct_reason: PhiText | None = None
    modifiers: Rows[str] = ()
    supports: Rows[Annotated[int, Field(ge=1)]] = ()
    """Ranks of the diagnoses that it treats, the main one first."""
    charge: GivenMoney | None = None
    """For one unit."""
    units: int | None = Field(default=None, ge=0)
    """Units that the EHR computed, where it did: compared, never trusted."""
    area_sq_cm: Annotated[Decimal, Field(ge=0, max_digits=8)] | None = None
    """Wound surface treated, for codes that are counted by it."""
    monitored_days: int | None = Field(default=None, ge=0)
    """Days with data in the monitoring period, for remote monitoring supply codes."""
    month_minutes: int | None = Field(default=None, ge=0)
    """Minutes of management in the calendar month so far, for remote monitoring management codes."""
    group_size: int | None = Field(default=None, ge=0)
    """Patients treated together, this one included, for group codes."""


class TreatmentTime(Record):
    timed_minutes: Minutes | None = None
    """All minutes under timed codes."""
    total_minutes: Minutes | None = None
    """Timed and untimed treatment, without rests and set-up."""


class Evaluation(Record):
    kind: Annotated[Literal["evaluation", "re_evaluation"], or_else("evaluation")] = "evaluation"
    personal_factors: int | None = Field(default=None, ge=0)
    examined_elements: int | None = Field(default=None, ge=0)
    presentation: Literal["stable", "evolving", "unstable"] | None = None
    decision_making: Literal["low", "moderate", "high"] | None = None
    reason: PhiText | None = None


class Note(Record):
    text: PhiText | None = None
    subjective: PhiText | None = None
    objective: PhiText | None = None
    assessment: PhiText | None = None
    plan: PhiText | None = None


class Signature(Record):
    signed_at: Instant | None = None
    name: PhiText | None = None
    credential: str | None = None


class Certification(Record):
    method: str | None = None
    certified_on: date | None = None
    certified_through: date | None = None
    certifier_npi: str | None = None
    certifier_kind: str | None = None
    order_signed_on: date | None = None
    plan_sent_on: date | None = None
    delay_reason: PhiText | None = None


class PlanOfCare(Record):
    established_on: date | None = None
    diagnoses: Rows[PhiText] = ()
    long_term_goals: Rows[PhiText] = ()
    type: PhiText | None = None
    amount: PhiText | None = None
    frequency: PhiText | None = None
    duration: PhiText | None = None
    habilitative: bool | None = None
    """Keeps or teaches a skill for the first time (true), or brings one back (false)."""
    certification: Certification | None = None


class ProgressReport(Record):
    last_on: date | None = None
    author_credential: str | None = None
    treatment_days_since: int | None = Field(default=None, ge=0)
    """Treatment days after that report, today's included."""


class Documentation(Record):
    note: Note | None = None
    signature: Signature | None = None
    cosignature: Signature | None = None
    cosign_required: bool | None = None
    plan_of_care: PlanOfCare | None = None
    progress_report: ProgressReport | None = None
    medical_necessity_attested: bool | None = None
    advance_beneficiary_notice: str | None = None
    re_evaluation_reason: PhiText | None = None
    assistant_supervision: Literal["direct", "general", "none"] | None = None
    """How the therapist supervised the assistant: in the office suite, available from elsewhere, not at all."""
    caregiver_training_consent: bool | None = None
    """The patient agreed that a caregiver is trained without the patient."""


class VisitCompleted(Event):
    """One finished visit, whole. A correction is the whole visit again with the next revision."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["interventions"], "properties": {"interventions": {"type": "array", "minItems": 1}}},
                {"required": ["evaluation"], "properties": {"evaluation": {"type": "object"}}},
            ]
        }
    )

    type: ClassVar[str] = "org.claimbus.visit.completed.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "completed"

    service_date: date
    """Local to the clinic."""
    time_zone: str | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    place_of_service: str | None = None
    facility: Literal["practitioner", "outpatient_hospital"] | None = None
    telehealth: Literal["audio_video", "audio_only"] | None = None
    discipline: Annotated[Literal["PT", "OT", "SLP"], or_else("PT")] = "PT"
    patient: Patient
    coverage: tuple[Coverage, ...] = Field(min_length=1)
    case: Case | None = None
    diagnoses: Rows[Diagnosis] = ()
    billing_provider: BillingProvider | None = None
    rendering_provider: Clinician | None = None
    assistant: Clinician | None = None
    referring_provider: Clinician | None = None
    supervising_provider: Clinician | None = None
    interventions: Rows[Intervention] = ()
    time: TreatmentTime | None = None
    evaluation: Evaluation | None = None
    documentation: Documentation | None = None

    @field_validator("interventions", mode="before")
    @classmethod
    def _number_what_has_no_id(cls, rows: Any) -> Any:
        if not isinstance(rows, list):
            return rows
        given = {row.get("id") for row in rows if isinstance(row, dict)}
        free = (str(number) for number in count(1) if str(number) not in given)
        return [
            {**row, "id": str(place) if str(place) not in given else next(free)}
            if isinstance(row, dict) and not row.get("id")
            else row
            for place, row in enumerate(rows, 1)
        ]

    @model_validator(mode="after")
    def _something_was_done_once(self) -> "VisitCompleted":
        if not self.interventions and self.evaluation is None:
            raise ValueError("interventions: give at least one intervention, or an evaluation")
        if len({row.id for row in self.interventions}) < len(self.interventions):
            raise ValueError("interventions: each id may stand once in a visit")
        return self

    @property
    def primary(self) -> Coverage:
        """The coverage that pays first."""
        return min(self.coverage, key=lambda coverage: coverage.rank)


class VisitVoided(Event):
    """The EHR takes a visit back: nothing of this revision or an earlier one may be billed."""

    type: ClassVar[str] = "org.claimbus.visit.voided.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "voided"

    reason: PhiText | None = None
