"""Money, keys and minutes, as they stand in JSON."""

import re
from decimal import Decimal

import pytest
from claimbus.values import GivenMoney, Key, Minutes, Money
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

money = TypeAdapter[Decimal](Money)
given_money = TypeAdapter[Decimal](GivenMoney)
key = TypeAdapter[str](Key)
minutes = TypeAdapter[int](Minutes)


@pytest.mark.parametrize(
    ("sent", "said"),
    [('"120"', "120.00"), ('"120.5"', "120.50"), ('"0"', "0.00"), ('"1.234"', "1.234"), ('"1.230"', "1.230"),
     ('"1E+5"', "100000.00"), ("95", "95.00"), ("95.1", "95.10")],
)  # fmt: skip
def test_money_has_two_decimals_and_keeps_more(sent: str, said: str) -> None:
    assert money.dump_json(money.validate_json(sent)) == f'"{said}"'.encode()


@given(st.decimals(min_value=0, max_value=99_999_999, places=2) | st.decimals(min_value=0, max_value=999, places=4))
def test_money_survives_json(amount: Decimal) -> None:
    said = money.dump_json(amount)
    assert re.fullmatch(rb'"\d+\.\d{2,}"', said)
    assert money.validate_json(said) == amount


@pytest.mark.parametrize("sent", ['"0.0000001"', '"-0"'])
def test_money_is_always_plain_digits(sent: str) -> None:
    assert re.fullmatch(rb'"\d+(\.\d+)?"', money.dump_json(money.validate_json(sent)))


@pytest.mark.parametrize("sent", ['"-0.01"', '"NaN"', '"Infinity"', '"12,00"', '"1234567890.123"', '""', "true"])
def test_what_is_no_amount_is_refused(sent: str) -> None:
    with pytest.raises(ValidationError):
        given_money.validate_json(sent)


@pytest.mark.parametrize("text", ["a", "A-b_9", "x" * 64])
def test_a_key_may_stand_in_a_subject(text: str) -> None:
    assert key.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "a.b", "a b", "*", ">", "é", "a\n", "x" * 65])
def test_what_would_break_a_subject_is_no_key(text: str) -> None:
    with pytest.raises(ValidationError):
        key.validate_python(text)


def test_minutes_lie_within_a_day() -> None:
    assert [minutes.validate_python(value) for value in (0, 1440)] == [0, 1440]
    for value in (-1, 1441, 7.5):
        with pytest.raises(ValidationError):
            minutes.validate_python(value)
