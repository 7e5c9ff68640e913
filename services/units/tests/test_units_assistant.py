"""Who furnished each billed unit."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from units.domain.assistant import Worked, share_units
from units.domain.tables import AssistantRow
from units.rule_book import UnitRuleBook

RULES = UnitRuleBook.load()

NOW = RULES.on(date(2026, 11, 18)).assistant
BEFORE_MIDPOINT = RULES.on(date(2021, 6, 1)).assistant


def marks(
    units: int, therapist: int, assistant: int, unit: int = 15, rule: AssistantRow | None = NOW
) -> list[bool | None]:
    shares = share_units(units, Worked(therapist, assistant), unit, rule, "exempt")
    assert sum(share.therapist_minutes for share in shares) == therapist
    assert sum(share.assistant_minutes for share in shares) == assistant
    return [share.assistant for share in shares]


@pytest.mark.parametrize(
    ("units", "therapist", "assistant", "expected"),
    [
        # One unit with fifteen minutes of one person is that person's, whatever the other adds.
        (1, 17, 3, [False]),  # 15 % of the line, and yet the unit is the therapist's
        (1, 18, 2, [False]),  # 2 of 20
        (1, 15, 7, [False]),
        (1, 7, 15, [True]),
        (1, 3, 17, [True]),
        (2, 30, 0, [False, False]),
        (2, 30, 5, [False, False]),
        (2, 5, 30, [True, True]),
        (2, 0, 30, [True, True]),  # 30 minutes are two units of that person, 45 are three
        (3, 0, 45, [True, True, True]),
        (3, 33, 0, [False, False, False]),
        (2, 15, 15, [False, True]),
        (3, 30, 15, [False, False, True]),
        # Two left, 9 to 14 minutes each, 23 to 28 together: one with, one without.
        (2, 9, 14, [False, True]),
        (2, 14, 9, [False, True]),
        (2, 10, 14, [False, True]),
        (2, 12, 12, [False, True]),
        (2, 12, 14, [False, True]),
        (2, 14, 14, [False, True]),
        # The midpoint exception: eight minutes of the therapist make the last unit his.
        (1, 8, 14, [False]),
        (1, 8, 5, [False]),
        (1, 10, 5, [False]),
        (2, 13, 20, [True, False]),
        (2, 13, 23, [True, False]),
        (3, 23, 22, [False, True, False]),
        # Eight of the assistant and fewer of the therapist make it the assistant's.
        (1, 7, 8, [True]),
        (1, 5, 10, [True]),
        (1, 7, 14, [True]),
        (2, 20, 10, [False, True]),
        (3, 22, 23, [False, True, True]),
        # Nobody reaches eight: more than a tenth.
        (1, 5, 6, [True]),
        (1, 6, 2, [True]),
        # A unit that the pool gives for a remainder of its own.
        (1, 7, 0, [False]),
        (1, 0, 7, [True]),
        (2, 15, 3, [False, True]),
        (2, 18, 0, [False, False]),
    ],
)
def test_each_billed_unit_is_judged_by_itself(units: int, therapist: int, assistant: int, expected: list[bool]) -> None:
    assert marks(units, therapist, assistant) == expected


def test_before_2022_eight_minutes_of_the_therapist_did_not_save_the_last_unit() -> None:
    assert marks(1, 10, 5, rule=BEFORE_MIDPOINT) == [True]
    assert marks(1, 9, 1, rule=BEFORE_MIDPOINT) == [False]  # exactly a tenth
    assert marks(1, 10, 2, rule=BEFORE_MIDPOINT) == [True]
    assert marks(1, 15, 5, rule=BEFORE_MIDPOINT) == [False]


@pytest.mark.parametrize(
    ("therapist", "assistant", "expected"),
    [(27, 3, False), (26, 4, True), (0, 0, False), (0, 30, True), (18, 2, False)],
)
def test_an_untimed_service_bears_the_modifier_above_a_tenth(therapist: int, assistant: int, expected: bool) -> None:
    assert marks(1, therapist, assistant, unit=0) == [expected]


def test_units_that_are_not_made_of_minutes_are_judged_by_the_whole_service() -> None:
    assert marks(3, 27, 3, unit=0) == [False] * 3
    assert marks(3, 26, 4, unit=0) == [True] * 3
    assert marks(3, 1, 0, unit=0) == [False] * 3


def test_an_hour_knows_the_tenth_and_no_midpoint() -> None:
    assert marks(1, 50, 8, unit=60) == [True]
    assert marks(1, 45, 5, unit=60) == [False]


def test_without_a_rule_no_unit_bears_a_modifier_and_says_why() -> None:
    (share,) = share_units(1, Worked(0, 15), 15, None, "the program does not ask")
    assert share.assistant is False
    assert share.reason == "the program does not ask"


def test_unknown_minutes_make_an_unknown_share() -> None:
    shares = share_units(2, Worked(30, 0, known=False), 15, NOW, "")
    assert [share.assistant for share in shares] == [None, None]


@given(
    st.integers(min_value=0, max_value=120),
    st.integers(min_value=0, max_value=120),
    st.booleans(),
    st.sampled_from([15, 60]),
)
def test_shares_add_up_to_the_service(therapist: int, assistant: int, extra: bool, unit: int) -> None:
    whole, remainder = divmod(therapist + assistant, unit)
    units = whole + (extra and remainder > 0)
    shares = share_units(units, Worked(therapist, assistant), unit, NOW, "")
    assert len(shares) == units
    if units:
        assert sum(share.therapist_minutes for share in shares) == therapist
        assert sum(share.assistant_minutes for share in shares) == assistant
        assert all(share.assistant is not None for share in shares)
        assert any(share.assistant for share in shares) <= (assistant > 0)
        assert all(share.assistant for share in shares) or therapist > 0
