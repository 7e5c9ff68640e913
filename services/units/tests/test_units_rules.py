"""The unit rules by themselves: CMS and CPT examples, every row of the table, and what must hold for any day."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from units.domain.rulebook import EightMinuteTable
from units.domain.unit_rules import (
    RECORDED_ALTERNATIVES,
    TimedService,
    allocate_ama_midpoint,
    allocate_cms_8_minute,
    midpoint_units,
)
from units.rules import RULES

TABLE = RULES.on(date(2026, 11, 18)).eight_minute
CODES = ["97110", "97112", "97113", "97116", "97124", "97140", "97530", "97535", "97542", "97750"]
MINUTES = st.integers(min_value=0, max_value=180)
DAYS = st.dictionaries(st.sampled_from(CODES), MINUTES, min_size=1)


def day(*minutes: int) -> list[TimedService]:
    return [TimedService(code, each) for code, each in zip(CODES, minutes, strict=False)]


def services(minutes_by_code: dict[str, int]) -> list[TimedService]:
    return [TimedService(code, minutes) for code, minutes in minutes_by_code.items()]


def cms(*minutes: int) -> list[int]:
    units = allocate_cms_8_minute(day(*minutes), TABLE).units
    return [units[code] for code, _ in zip(CODES, minutes, strict=False)]


def ama(*minutes: int) -> list[int]:
    units = allocate_ama_midpoint(day(*minutes), TABLE).units
    return [units[code] for code, _ in zip(CODES, minutes, strict=False)]


@pytest.mark.parametrize(
    ("minutes", "by_cms", "by_ama"),
    [
        ((10, 10), 1, 2),
        ((8, 8, 8), 2, 3),
        ((20, 20), 3, 2),
        ((7, 7), 1, 0),
        ((20, 18, 15), 4, 3),
        ((25, 15, 10), 3, 4),
    ],
)
def test_the_two_rules_differ_in_both_directions(minutes: tuple[int, ...], by_cms: int, by_ama: int) -> None:
    assert (sum(cms(*minutes)), sum(ama(*minutes))) == (by_cms, by_ama)


@pytest.mark.parametrize(
    ("minutes", "units"),
    [
        ((24, 23), [2, 1]),  # example 1: the longer one takes the third unit
        ((33, 7), [2, 1]),  # example 3: 7 minutes beat a remainder of 3
        ((7, 33), [1, 2]),
        ((18, 13, 10, 8), [1, 1, 1, 0]),  # example 4: four services, 49 minutes, three units
        ((7,), [0]),
        ((8,), [1]),
        ((22,), [1]),
        ((23,), [2]),
        ((15, 15), [1, 1]),
        ((30, 8), [2, 1]),
        ((5, 2), [0, 0]),
        ((6, 2), [1, 0]),  # both short, together 8: the longer one
        ((38, 14), [2, 1]),
        ((16,) * 8, [2] + [1] * 7),  # a remainder of one minute may earn a unit
    ],
)
def test_cms_examples(minutes: tuple[int, ...], units: list[int]) -> None:
    assert cms(*minutes) == units


def test_equal_remainders_leave_a_choice_and_each_is_recorded() -> None:
    assert allocate_cms_8_minute(day(20, 20), TABLE).alternatives == (
        {"97110": 2, "97112": 1},
        {"97110": 1, "97112": 2},
    )
    assert allocate_cms_8_minute(day(7, 7, 7), TABLE).alternatives == ({"97110": 1}, {"97112": 1}, {"97113": 1})
    assert len(allocate_cms_8_minute(day(7, 7, 7, 7, 7), TABLE).alternatives) == 10


def test_among_equal_remainders_the_longer_service_goes_first() -> None:
    allocation = allocate_cms_8_minute(day(20, 35), TABLE)
    assert allocation.alternatives == ({"97110": 1, "97112": 3}, {"97110": 2, "97112": 2})


def test_a_service_above_the_cut_is_never_traded_away() -> None:
    allocation = allocate_cms_8_minute(day(9, 7, 7), TABLE)
    assert allocation.alternatives == ({"97110": 1, "97112": 1}, {"97110": 1, "97113": 1})


def test_thousands_of_ties_are_cut_to_what_a_person_can_read() -> None:
    allocation = allocate_cms_8_minute(day(*[7] * 10), TABLE)
    assert len(allocation.alternatives) == RECORDED_ALTERNATIVES
    assert allocation.alternatives[0] == {code: units for code, units in allocation.units.items() if units}


def test_a_day_without_a_unit_has_no_alternative() -> None:
    assert allocate_cms_8_minute(day(7), TABLE).alternatives == ()
    assert allocate_ama_midpoint(day(7), TABLE).alternatives == ()


@pytest.mark.parametrize("units", range(20))
def test_the_table_and_the_formula_agree_at_both_ends_of_each_row(units: int) -> None:
    start, through = (0, 7) if units == 0 else (15 * units - 7, 15 * units + 7)
    formula_only = EightMinuteTable(())
    for minutes in (start, through):
        row, source = TABLE.row_for(minutes)
        assert (row.minutes_from, row.minutes_through, row.units) == (start, through, units)
        assert source == ("table" if units <= 8 else "formula")
        assert formula_only.row_for(minutes) == (row, "formula")


@pytest.mark.parametrize(
    ("first", "further", "minutes", "units"),
    [
        (15, 15, 7, 0),
        (15, 15, 8, 1),
        (15, 15, 22, 1),
        (15, 15, 23, 2),
        (15, 15, 37, 2),
        (15, 15, 38, 3),
        (60, 60, 30, 0),
        (60, 60, 31, 1),
        (60, 60, 90, 1),
        (60, 60, 91, 2),
        (30, 15, 15, 0),
        (30, 15, 16, 1),
        (30, 15, 37, 1),
        (30, 15, 38, 2),
        (120, 60, 60, 0),
        (120, 60, 61, 1),
        (120, 60, 150, 1),
        (120, 60, 151, 2),
        (120, 60, 240, 3),
    ],
)
def test_a_unit_counts_once_its_midpoint_is_passed(first: int, further: int, minutes: int, units: int) -> None:
    assert midpoint_units(TimedService("x", minutes, first, further)) == units


def test_an_hour_code_stays_outside_the_pool() -> None:
    hour = TimedService("96125", 55, 60, 60, pooled=False)
    allocation = allocate_cms_8_minute([*day(20), hour], TABLE)
    assert allocation.units == {"97110": 1, "96125": 1}
    assert allocation.pool is not None
    assert allocation.pool.minutes == 20


@given(DAYS)
def test_allocated_units_are_exactly_those_of_the_pool(minutes: dict[str, int]) -> None:
    allocation = allocate_cms_8_minute(services(minutes), TABLE)
    expected = (sum(minutes.values()) + 7) // 15
    assert sum(allocation.units.values()) == expected
    assert all(sum(one.values()) == expected for one in allocation.alternatives)


@given(DAYS)
def test_each_service_gets_its_whole_units_and_at_most_one_more(minutes: dict[str, int]) -> None:
    allocation = allocate_cms_8_minute(services(minutes), TABLE)
    for outcome in (allocation.units, *allocation.alternatives):
        for code, each in minutes.items():
            whole, remainder = divmod(each, 15)
            assert whole <= outcome.get(code, 0) <= whole + (remainder > 0)


@given(DAYS)
def test_no_larger_remainder_goes_without_while_a_smaller_one_is_served(minutes: dict[str, int]) -> None:
    units = allocate_cms_8_minute(services(minutes), TABLE).units
    served = [each % 15 for code, each in minutes.items() if units[code] > each // 15]
    refused = [each % 15 for code, each in minutes.items() if units[code] == each // 15]
    assert not served or not refused or min(served) >= max(refused)


@given(DAYS.flatmap(lambda minutes: st.tuples(st.just(minutes), st.permutations(list(minutes)))))
def test_the_order_of_lines_never_matters(case: tuple[dict[str, int], list[str]]) -> None:
    minutes, order = case
    here = allocate_cms_8_minute(services(minutes), TABLE)
    there = allocate_cms_8_minute(services({code: minutes[code] for code in order}), TABLE)
    assert here == there


@given(DAYS, st.sampled_from(CODES), st.integers(min_value=1, max_value=60))
def test_more_minutes_never_mean_fewer_units(minutes: dict[str, int], code: str, more: int) -> None:
    longer = minutes | {code: minutes.get(code, 0) + more}
    for rule in (allocate_cms_8_minute, allocate_ama_midpoint):
        before, after = rule(services(minutes), TABLE), rule(services(longer), TABLE)
        assert sum(after.units.values()) >= sum(before.units.values())


@given(DAYS)
def test_the_midpoint_rule_never_pools(minutes: dict[str, int]) -> None:
    together = allocate_ama_midpoint(services(minutes), TABLE).units
    alone = {code: allocate_ama_midpoint(services({code: each}), TABLE).units[code] for code, each in minutes.items()}
    assert together == alone
