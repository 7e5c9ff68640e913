"""Who furnished each billed unit."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from units.domain.assistant import Worked, share_units
from units.domain.rulebook import AssistantRow
from units.rules import RULES

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
        (1, 17, 3, [False]),  # 15 % of the line, and yet the unit is the therapist's
        (1, 18, 2, [False]),
        (2, 15, 15, [False, True]),
        (2, 0, 30, [True, True]),
        (2, 10, 14, [False, True]),  # two left, 9 to 14 minutes each
        (2, 12, 12, [False, True]),
        (3, 22, 23, [False, True, True]),  # 7 against 8 of the last unit
        (3, 23, 22, [False, True, False]),
        (2, 13, 23, [True, False]),
        (1, 5, 10, [True]),
        (1, 10, 5, [False]),
        (1, 8, 14, [False]),
        (1, 5, 6, [True]),  # nobody reaches 8: more than a tenth
        (3, 33, 0, [False, False, False]),
        (2, 13, 20, [True, False]),
        (1, 3, 17, [True]),
    ],
)
def test_each_billed_unit_is_judged_by_itself(units: int, therapist: int, assistant: int, expected: list[bool]) -> None:
    assert marks(units, therapist, assistant) == expected


def test_before_2022_eight_minutes_of_the_therapist_did_not_save_the_last_unit() -> None:
    assert marks(1, 10, 5, rule=BEFORE_MIDPOINT) == [True]
    assert marks(1, 10, 1, rule=BEFORE_MIDPOINT) == [False]


@pytest.mark.parametrize(("therapist", "assistant", "expected"), [(27, 3, False), (26, 4, True), (0, 0, False)])
def test_an_untimed_service_bears_the_modifier_above_a_tenth(therapist: int, assistant: int, expected: bool) -> None:
    assert marks(1, therapist, assistant, unit=0) == [expected]


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
