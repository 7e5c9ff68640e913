"""The tables that ship with the service."""

from datetime import date

import pytest
from claimbus.values import Program
from units.domain.rulebook import CodeRow
from units.domain.unit_rules import UNIT_RULES
from units.rules import RULES

EVERY_CODE = RULES.on(date(2026, 11, 18)).known
ON_A_DAY = RULES.on(date(2026, 11, 18)).codes


@pytest.mark.parametrize("on", [date.min, date(1999, 5, 1), date(2019, 12, 31), date(2020, 1, 1), date.max])
def test_every_program_has_a_rule_on_every_day(on: date) -> None:
    programs = RULES.on(on).programs
    assert programs.keys() == set(Program)
    assert all(row.unit_rule in UNIT_RULES for row in programs.values())


@pytest.mark.parametrize("row", EVERY_CODE.values(), ids=lambda row: row.code)
def test_a_timed_code_and_no_other_has_the_minutes_of_its_unit(row: CodeRow) -> None:
    assert (row.kind == "timed") == (row.unit_minutes > 0)
    assert not row.pooled or row.unit_minutes == 15


@pytest.mark.parametrize("row", [row for row in ON_A_DAY.values() if row.add_on_to], ids=lambda row: row.code)
def test_further_units_agree_with_their_first_code(row: CodeRow) -> None:
    first = ON_A_DAY[row.add_on_to or ""]
    assert first.kind == row.kind
    assert first.pooled == row.pooled
    assert first.effective_from <= row.effective_from


@pytest.mark.parametrize("code", ["97033", "97035"])
def test_what_the_web_calls_untimed_is_timed(code: str) -> None:
    assert (ON_A_DAY[code].kind, ON_A_DAY[code].unit_minutes) == ("timed", 15)


def test_a_day_is_looked_up_once() -> None:
    assert RULES.on(date(2026, 1, 2)) is RULES.on(date(2026, 1, 2))


def test_the_rule_set_names_every_table() -> None:
    assert RULES.rule_set.tables.keys() == {
        "unit-codes",
        "unit-rule-by-program",
        "cms-8-minute",
        "assistant-de-minimis",
    }
