"""Visit coded: which CPT code the documentation of each intervention supports, and by which words."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field

from claimbus.events.finding import Finding
from claimbus.events.model import Derived, Record
from claimbus.events.visit_completed import Contact
from claimbus.values import FindingId, Instant, Minutes, PayerKey, PhiText, Program, Rows


class Evidence(Record):
    """Words that a suggestion rests on, and where they stand (offsets in characters of the field)."""

    field: str
    start: int
    end: int
    text: PhiText
    rule: str


class Alternative(Record):
    """Another code that the words speak for; `confidence` is its part of all that they say."""

    code: str
    confidence: float = Field(ge=0, le=1)


class MachineSuggestion(Record):
    """What a suggester other than the rules said. It is shown, and makes no line by itself."""

    suggester: str
    code: str
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()
    supported_by: Literal["clinician", "rules"] | None
    """Who said the same; None where nobody did, and then the code is not the machine's."""


class CodedIntervention(Record):
    """One intervention with its code, and the time facts that units are counted from.

    The time facts travel along so that units are computed from this one event (ADR 0004).
    """

    intervention_id: str
    code: str | None
    """The code to bill: the clinician's where given, else the suggestion where it is sure enough."""
    chosen_by: Literal["clinician", "rules"] | None
    suggested_code: str | None = None
    confidence: float = Field(default=0.0, ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    agreement: Literal["agree", "disagree", "unknown"] = "unknown"
    """Whether the suggestion is the clinician's own code; unknown where either is missing."""
    machine_suggestion: MachineSuggestion | None = None
    """What the practice's own suggester said, where it has one."""
    question: str | None = None
    """What to ask the therapist where the words do not decide."""
    rule: str
    citation: str
    inputs: dict[str, Any] = Field(default_factory=dict)

    minutes: Minutes | None = None
    assistant_minutes: Minutes | None = None
    joint_minutes: Minutes | None = None
    contact: Contact | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    units: int | None = None
    """Units that the EHR computed: compared, never trusted."""
    area_sq_cm: Decimal | None = None
    monitored_days: int | None = None
    month_minutes: int | None = None


class VisitCoded(Derived):
    """What coding says of one visit."""

    type: ClassVar[str] = "org.claimbus.visit.coded.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "coded"
    schema_version: ClassVar[str] = "1.1"
    omits_defaults: ClassVar[bool] = True

    service_date: date
    program: Program
    payer_id: str | None = None
    payer_name: str | None = None
    plan_id: str | None = None
    timed_minutes: Minutes | None = None
    """Minutes under all timed codes together, as documented."""
    total_minutes: Minutes | None = None
    """Treatment minutes of the whole visit, timed and untimed, as documented."""
    assistant_present: bool
    """Whether the visit names an assistant."""
    interventions: tuple[CodedIntervention, ...]
    findings: Rows[Finding] = ()
    """What failed or is unknown; of an event of schema 1.0 what passed too."""
    passed: Rows[FindingId] = ()
    """Ids of the checks that found nothing, one for each check that was made."""

    @property
    def payer(self) -> PayerKey:
        return PayerKey(self.program, self.payer_id, self.payer_name, self.plan_id)
