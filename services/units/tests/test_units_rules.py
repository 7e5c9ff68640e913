"""The unit rules by themselves: CMS and CPT examples, and every row of the table."""

from datetime import date
from itertools import permutations

import pytest
from units.domain.tables import EightMinuteTable
from units.domain.unit_rules import (
    RECORDED_ALTERNATIVES,
    TimedService,
    allocate_ama_midpoint,
    allocate_cms_8_minute,
    midpoint_units,
)
from units.rule_book import UnitRuleBook

RULES = UnitRuleBook.load()

TABLE = RULES.on(date(2026, 11, 18)).eight_minute
CODES = ["97110", "97112", "97113", "97116", "97124", "97140", "97530", "97535", "97542", "97750"]


def day(*minutes: int) -> list[TimedService]:
    return [TimedService(code, each) for code, each in zip(CODES, minutes, strict=False)]


def cms(*minutes: int) -> list[int]:
    units = allocate_cms_8_minute(day(*minutes), TABLE).units
    return [units[code] for code, _ in zip(CODES, minutes, strict=False)]


@pytest.mark.parametrize(
    ("minutes", "legal"),
    [
        ({"97112": 24, "97110": 23}, [{"97112": 2, "97110": 1}]),
        ({"97112": 20, "97110": 20}, [{"97112": 2, "97110": 1}, {"97112": 1, "97110": 2}]),
        ({"97110": 33, "97140": 7}, [{"97110": 2, "97140": 1}]),
        ({"97110": 18, "97140": 13, "97116": 10, "97035": 8}, [{"97110": 1, "97140": 1, "97116": 1}]),
        ({"97112": 7, "97110": 7, "97140": 7}, [{"97112": 1}, {"97110": 1}, {"97140": 1}]),
    ],
    ids=["1: 24+23", "2: 20+20, choose either", "3: 33+7", "4: 18+13+10+8", "5: 7+7+7, select one"],
)
def test_the_five_examples_of_the_manual(minutes: dict[str, int], legal: list[dict[str, int]]) -> None:
    for order in permutations(minutes):
        allocation = allocate_cms_8_minute([TimedService(code, minutes[code]) for code in order], TABLE)
        assert sorted(map(sorted, map(dict.items, allocation.alternatives))) == sorted(
            map(sorted, map(dict.items, legal))
        )
        assert allocation.alternatives[0] == {code: units for code, units in allocation.units.items() if units}


@pytest.mark.parametrize(
    ("minutes", "units"),
    [
        ((7, 33), [1, 2]),
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
def test_leftovers_go_to_the_largest_remainders(minutes: tuple[int, ...], units: list[int]) -> None:
    assert cms(*minutes) == units


def test_equal_remainders_leave_a_choice_and_each_is_recorded() -> None:
    assert allocate_cms_8_minute(day(20, 20), TABLE).alternatives == (
        {"97110": 2, "97112": 1},
        {"97110": 1, "97112": 2},
    )
    assert allocate_cms_8_minute(day(7, 7, 7), TABLE).alternatives == ({"97110": 1}, {"97112": 1}, {"97113": 1})
    assert len(allocate_cms_8_minute(day(7, 7, 7, 7, 7), TABLE).alternatives) == 10
    assert len(allocate_cms_8_minute(day(*[7] * 10), TABLE).alternatives) == 252


def test_among_equal_remainders_the_longer_service_goes_first() -> None:
    allocation = allocate_cms_8_minute(day(20, 35), TABLE)
    assert allocation.alternatives == ({"97110": 1, "97112": 3}, {"97110": 2, "97112": 2})


def test_a_service_above_the_cut_is_never_traded_away() -> None:
    allocation = allocate_cms_8_minute(day(9, 7, 7), TABLE)
    assert allocation.alternatives == ({"97110": 1, "97112": 1}, {"97110": 1, "97113": 1})


def test_thousands_of_ties_are_cut_to_what_a_person_can_read() -> None:
    allocation = allocate_cms_8_minute([TimedService(f"9{n:04}", 7) for n in range(14)], TABLE)
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
