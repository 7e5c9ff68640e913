"""The unit rules: from the minutes of each service to its units.

A service is all the minutes of one code in a visit; a code of the first unit and its code of the
further units are one service. Each rule is a pure function, registered under its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import NamedTuple

from claimbus.events import TableRow

from units.domain.tables import UNIT, EightMinuteTable, RowSource

RECORDED_ALTERNATIVES = 252
"""All outcomes of ten services that tie; beyond that a person needs to see only that there are many."""


class TimedService(NamedTuple):
    """Minutes of one service and the length of its first and of each further unit, in minutes."""

    code: str
    minutes: int
    first_unit: int = UNIT
    further_unit: int = UNIT
    pooled: bool = True


class Pool(NamedTuple):
    """How the CMS rule arrived at its units."""

    minutes: int
    row: TableRow
    row_source: RowSource
    left_over: int
    """Units that remain for the remainders after each service took its whole ones."""
    ranking: tuple[str, ...]
    """Codes in the order in which they take left-over units."""
    tied: bool
    """Whether the last left-over unit could as well go to another service."""


class Allocation(NamedTuple):
    """Units by service, none left out; every legal alternative without its zeros, the chosen one first."""

    units: Mapping[str, int]
    alternatives: tuple[dict[str, int], ...]
    pool: Pool | None = None


Allocate = Callable[[Sequence[TimedService], EightMinuteTable], Allocation]


@dataclass(frozen=True, slots=True)
class UnitRule:
    name: str
    citation: str
    allocate: Allocate


def midpoint_units(service: TimedService) -> int:
    """Units of one service by itself: one for each unit whose midpoint its minutes pass (CPT, time)."""
    first = 2 * service.minutes > service.first_unit
    beyond = max(0, service.minutes - service.first_unit)
    return first + (2 * beyond + service.further_unit - 1) // (2 * service.further_unit)


def allocate_ama_midpoint(services: Sequence[TimedService], _table: EightMinuteTable) -> Allocation:
    """Each service alone; what stays below a midpoint is lost."""
    units = {service.code: midpoint_units(service) for service in services}
    return Allocation(units, _without_zeros([units]))


def allocate_cms_8_minute(services: Sequence[TimedService], table: EightMinuteTable) -> Allocation:
    """The pool of 15-minute services sets the day's units; whole fifteens go first, then the largest remainders.

    A left-over unit needs no 8 minutes of its own. Among equal remainders CMS lets the clinician choose;
    here the service with more minutes goes first, then the lower code, and every choice is recorded.
    Services in other units stay outside the pool and follow the midpoint of their own unit.
    (Pub 100-04 ch.5 s20.2.)
    """
    pooled = sorted((s for s in services if s.pooled), key=lambda s: (-(s.minutes % UNIT), -s.minutes, s.code))
    alone = {s.code: midpoint_units(s) for s in services if not s.pooled}
    if not pooled:
        return Allocation(alone, _without_zeros([alone]))
    minutes = sum(s.minutes for s in pooled)
    row, row_source = table.row_for(minutes)
    base = {s.code: s.minutes // UNIT for s in pooled} | alone
    left = row.units - sum(s.minutes // UNIT for s in pooled)
    # Remainders are below 15 and the pool rounds up from 8, so `left` never passes the number of
    # services that have a remainder: nobody takes two, and nobody takes one for nothing.
    choices = _choices(pooled, left)
    outcomes = [base | {code: base[code] + 1 for code in chosen} for chosen in choices]
    ranking = tuple(s.code for s in pooled)
    return Allocation(
        units=outcomes[0],
        alternatives=_without_zeros(outcomes),
        pool=Pool(minutes, row, row_source, left, ranking, tied=len(choices) > 1),
    )


def _choices(ranked: Sequence[TimedService], left: int) -> list[tuple[str, ...]]:
    """Who takes a left-over unit: the sure ones, with each way to fill the rest from those tied at the cut."""
    if left == 0:
        return [()]
    cut = ranked[left - 1].minutes % UNIT
    sure = tuple(s.code for s in ranked if s.minutes % UNIT > cut)
    tied = [s.code for s in ranked if s.minutes % UNIT == cut]
    return [sure + some for some in islice(combinations(tied, left - len(sure)), RECORDED_ALTERNATIVES)]


def _without_zeros(outcomes: Sequence[Mapping[str, int]]) -> tuple[dict[str, int], ...]:
    billed = ({code: units for code, units in outcome.items() if units} for outcome in outcomes)
    return tuple(outcome for outcome in billed if outcome)


CMS_8_MINUTE = UnitRule("cms-8-minute", "Pub 100-04 ch.5 s20.2", allocate_cms_8_minute)
AMA_MIDPOINT = UnitRule(
    "ama-midpoint", "CPT introduction, time: a unit counts once its midpoint is passed", allocate_ama_midpoint
)

UNIT_RULES: Mapping[str, UnitRule] = {rule.name: rule for rule in (CMS_8_MINUTE, AMA_MIDPOINT)}
