"""Rows of the tables that units are counted by, and what is in force on one day."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from claimbus.events import TableRow
from claimbus.rules import DatedRow, FindingRow, PayerRules, ProfileSettings
from claimbus.values import Count

from units.domain.findings import UnitFinding

Status = Literal["A", "B", "C", "I", "N", "R"]
Measure = Literal["area_sq_cm", "monitored_days", "month_minutes"]
"""Field of an intervention that some codes go by, in place of the minutes of the visit."""


class CodeRow(DatedRow):
    """One CPT or HCPCS code: what makes a unit of it."""

    code: str
    what: str
    kind: Literal["timed", "untimed"]
    unit_minutes: int = 0
    """Minutes of one unit; 0 where units are not made of minutes."""
    pooled: bool = False
    """Whether its minutes enter the day's pool of the CMS rule."""
    report_counts: bool = False
    """Whether its minutes hold the writing of its report, which needs no patient and no interval."""
    add_on_to: str | None = None
    """Code of the first unit, where this one is for further units only."""
    measure: Measure | None = None
    """What the code goes by, where that is neither minutes of the visit nor the day."""
    measure_unit: int = 0
    """How much of the measure makes one unit; 0 where the code is one unit within its range."""
    measure_part: bool = False
    """Whether a part of a unit counts as one."""
    measure_from: int | None = None
    """Least of the measure that the code is for."""
    measure_above: int | None = None
    """The code is for more than this."""
    measure_through: int | None = None
    """Most of the measure that the code is for."""
    twin: str | None = None
    """Code of the same service in the other range."""
    unit_is: str | None = None
    """What a unit counts, where no field of a visit says how many there were."""
    group: bool = False
    status: Status | None = None
    """Medicare physician fee schedule status."""
    use_instead: str | None = None


class UnitSettings(ProfileSettings):
    """How a payer counts units: the section `units` of its profile."""

    unit_rule: Literal["cms-8-minute", "ama-midpoint"]
    contract_decides: bool
    """A state, a contract or a policy may say otherwise: the other rules' answers are worth a look."""
    medicare_statuses: bool
    """Pays by the Medicare fee schedule's statuses: bundled, not valid, not covered."""
    substitutions: Mapping[str, str]
    """By code that the payer does not take: the code that it takes for the same service."""
    assistant_modifiers: bool
    """Wants CQ or CO on a unit that an assistant furnished."""
    most_timed_units: Count
    """Timed units that it pays in a day; 0 for no such limit."""


class EightMinuteRow(DatedRow):
    """One row of the CMS table: minutes in all, both ends inclusive, and their units."""

    minutes_from: int
    minutes_through: int
    units: int


class AssistantRow(DatedRow):
    """When a unit bears the assistant's modifier."""

    tolerance_percent: int
    midpoint_minutes: int | None = None


UNIT = 15
"""Minutes of the unit that the CMS rule pools."""
LEAST = 8
"""Minutes from which the CMS rule gives the first unit."""

RowSource = Literal["table", "formula"]


@dataclass(frozen=True)
class EightMinuteTable:
    """The CMS table, minute by minute as far as it goes."""

    by_minute: tuple[TableRow, ...]

    def row_for(self, minutes: int) -> tuple[TableRow, RowSource]:
        """The row that `minutes` fall into, and whether it is printed or follows from the formula."""
        if minutes < len(self.by_minute):
            return self.by_minute[minutes], "table"
        units = 0 if minutes < LEAST else (minutes - LEAST) // UNIT + 1
        start = LEAST + UNIT * (units - 1) if units else 0
        through = LEAST + UNIT * units - 1
        return TableRow(minutes_from=start, minutes_through=through, units=units), "formula"


@dataclass(frozen=True, kw_only=True)
class UnitRules(PayerRules[UnitSettings]):
    """All that units are counted by on one date of service."""

    codes: Mapping[str, CodeRow]
    """Codes valid on that day."""
    known: Mapping[str, CodeRow]
    """Every code that the table has a row for, whatever the day; the newest row."""
    further: Mapping[str, CodeRow]
    """By code of a first unit: the code of the further ones."""
    eight_minute: EightMinuteTable
    assistant: AssistantRow | None
    """None before the assistant modifiers began."""
    findings: Mapping[UnitFinding, FindingRow]
