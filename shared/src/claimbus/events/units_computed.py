"""Units computed: the worksheet from minutes to billable units, under the payer's rule and the others."""

from typing import ClassVar, Literal

from pydantic import Field

from claimbus.events.finding import Finding, Reason
from claimbus.events.model import Derived, Record
from claimbus.values import FindingId, Rows


class UnitShare(Record):
    """Who furnished one billed unit, and whether it bears the assistant modifier (CQ or CO)."""

    therapist_minutes: int
    assistant_minutes: int
    assistant: bool | None
    """Null where the minutes do not tell."""
    reason: str


class Service(Record):
    """All minutes of one code in a visit, pooled, and the units they make."""

    code: str
    kind: Literal["timed", "untimed"]
    pooled: bool
    """Whether its minutes enter the day's pool of the CMS rule."""
    minutes: int | None
    """Minutes credited to it; null where an untimed service has none documented, or none of its own."""
    whole_units: int
    remainder: int
    """Minutes left after whole units; competes for what the pool still gives."""
    allocated: int
    """Units beyond the whole ones."""
    units: int
    shares: tuple[UnitShare, ...] = ()
    intervention_ids: tuple[str, ...]
    charted: tuple[str, ...] = ()
    """Codes that it was charted as, where the payer takes this one for them."""
    reasons: tuple[Reason, ...]


class TableRow(Record):
    """The row of the CMS table that the pooled minutes fall into."""

    minutes_from: int
    minutes_through: int
    units: int


class Unbilled(Record):
    """Something done that is not billed, with the reason."""

    intervention_id: str
    code: str | None
    reason: str
    rule: str


class EhrUnits(Record):
    """Units that the EHR sent, against what each rule gives."""

    units: dict[str, int]
    """By code, for codes whose every intervention came with units."""
    over: dict[str, dict[str, int]] = Field(default_factory=dict)
    """By rule, by code: units that the EHR has above what the rule gives."""
    under: dict[str, dict[str, int]] = Field(default_factory=dict)
    """By rule, by code: units that the rule gives above what the EHR has."""


class Worksheet(Record):
    profile: str = ""
    """The payer profile that chose the rule, from the program inwards: `commercial > unitedhealthcare`."""
    rule: str
    citation: str
    timed_minutes: int
    timed_units: int
    table_row: TableRow | None = None
    services: tuple[Service, ...]
    alternatives: tuple[dict[str, int], ...] = ()
    """Every legal allocation of the timed units, the chosen one first."""
    other_rules: dict[str, dict[str, int]] = Field(default_factory=dict)
    """What the other unit rules would have given, by code."""
    ehr: EhrUnits | None = None
    """Null where the EHR sent no units."""


class UnitsComputed(Derived):
    """What units says of one visit."""

    type: ClassVar[str] = "org.claimbus.visit.units-computed.v1"
    family: ClassVar[str] = "visits"
    fact: ClassVar[str] = "units-computed"
    schema_version: ClassVar[str] = "1.1"
    omits_defaults: ClassVar[bool] = True

    worksheet: Worksheet
    unbilled: Rows[Unbilled] = ()
    findings: Rows[Finding] = ()
    """What failed or is unknown; of an event of schema 1.0 what passed too."""
    passed: Rows[FindingId] = ()
    """Ids of the checks that found nothing, one for each check that was made."""
