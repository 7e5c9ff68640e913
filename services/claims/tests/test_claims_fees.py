"""What a fee schedule allows, worked out by hand from RVUs and conversion factors."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from claimbus.rules import Profile
from claimbus.values import PayerKey, Program
from claims.domain.lines.fees import Amount, PricedItem, price_services
from claims.domain.tables import ClaimRules, ClaimSettings
from claims.rule_book import ClaimRuleBook
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = ClaimRuleBook.load()
JUNE = date(2024, 6, 3)
"""Conversion factor 33.2875; the RVUs at hand are of this year."""


def profile(day: date, program: str = "medicare_part_b", **payer: Any) -> Profile[ClaimSettings]:
    return RULES.profiles.of(PayerKey(Program(program), **payer), "p", day)


def with_settings(day: date, **changed: Any) -> Profile[ClaimSettings]:
    of = profile(day)
    return replace(of, settings=of.settings.model_copy(update=changed))


def item(code: str, units: int = 1, assistant_units: int = 0, charge: str | None = None) -> PricedItem:
    return PricedItem(code, units, assistant_units, None if charge is None else Decimal(charge))


def price(
    *items: PricedItem, day: date = JUNE, by: Profile[ClaimSettings] | None = None, rules: ClaimRules | None = None
) -> tuple[Amount, ...]:
    return price_services(items, by or profile(day), rules or RULES.on(day))


def allowed(*items: PricedItem, **how: Any) -> list[str | None]:
    return [None if priced.allowed is None else str(priced.allowed) for priced in price(*items, **how)]


def expected(*items: PricedItem, **how: Any) -> list[str | None]:
    return [None if priced.expected is None else str(priced.expected) for priced in price(*items, **how)]


def total(items: Sequence[PricedItem], **how: Any) -> Decimal:
    """Expected dollars of all that is known."""
    return sum((priced.expected for priced in price(*items, **how) if priced.expected is not None), Decimal(0))


def total_allowed(items: Sequence[PricedItem], **how: Any) -> Decimal:
    return sum((priced.allowed for priced in price(*items, **how) if priced.allowed is not None), Decimal(0))


# One unit


def test_a_unit_is_paid_by_its_three_values_times_the_factor() -> None:
    # 97110: 0.45 + 0.42 + 0.01 = 0.88; 0.88 x 33.2875 = 29.293
    assert allowed(item("97110")) == ["29.29"]
    # 97161: 1.54 + 1.43 + 0.04 = 3.01; 3.01 x 33.2875 = 100.195375
    assert allowed(item("97161")) == ["100.20"]


def test_half_a_cent_is_rounded_up() -> None:
    # 97012: 0.25 + 0.16 + 0.01 = 0.42; 0.42 x 33.2875 = 13.98075. 97535: 0.98 x 33.2875 = 32.62175.
    assert allowed(item("97012")) == ["13.98"]
    # 97750: 0.45 + 0.56 + 0.01 = 1.02; 1.02 x 50 % of 33.2875 = 33.95 x 0.5 = 16.975, half a cent
    assert allowed(item("97750"), by=with_settings(JUNE, fee_percent=Decimal(50))) == ["16.98"]


@pytest.mark.parametrize(
    ("day", "amount", "estimate"),
    [
        (date(2024, 1, 1), "28.81", False),  # 0.88 x 32.7442 = 28.814896
        (date(2024, 3, 8), "28.81", False),
        (date(2024, 3, 9), "29.29", False),  # 0.88 x 33.2875 = 29.293
        (date(2024, 12, 31), "29.29", False),
        (date(2025, 1, 1), "28.46", True),  # 0.88 x 32.3465 = 28.46492
        (date(2026, 11, 18), "29.39", True),  # 0.88 x 33.4009 = 29.392792, not the 33.5675 of an APM: 29.5394
    ],
)
def test_the_factor_is_that_of_the_date_and_values_of_another_year_make_an_estimate(
    day: date, amount: str, estimate: bool
) -> None:
    (priced,) = price(item("97110"), day=day)
    assert str(priced.allowed) == amount
    assert priced.reason.inputs["estimate"] is estimate
    assert priced.reason.inputs["rvu_year"] == 2024
    assert priced.reason.inputs["gpci"] == "national"


# The multiple-procedure reduction


def test_the_unit_in_full_is_that_of_the_highest_practice_expense_not_of_the_highest_fee() -> None:
    # 97032 0.25 + 0.17 + 0.01, 97036 0.28 + 0.76 + 0.01, 97750 0.45 + 0.56 + 0.01: the last has the most work,
    # the second the most practice expense.
    # 97032 reduced 0.345 x 33.2875 = 11.484; 97036 in full 1.05 x 33.2875 = 34.951875; 97750 reduced 0.74 x = 24.63275
    assert allowed(item("97032"), item("97036"), item("97750")) == ["11.48", "34.95", "24.63"]
    # 97022 0.17 + 0.33 + 0.01 = 0.51 has less of a fee than 97033 0.26 + 0.31 + 0.01 = 0.58, and goes before it:
    # 0.51 x 33.2875 = 16.976625; (0.26 + 0.155 + 0.01) x 33.2875 = 14.1471875
    assert allowed(item("97033"), item("97022")) == ["14.15", "16.98"]


def test_the_charge_does_not_rank() -> None:
    assert allowed(item("97140", charge="900"), item("97110", charge="90")) == ["20.80", "29.29"]


def test_equal_practice_expenses_rank_by_the_whole_fee() -> None:
    # 97012 and 97016 have 0.16 both; 97012 has more work. 97012 in full 0.42 x 33.2875 = 13.98075;
    # 97016 reduced (0.18 + 0.08 + 0.01) x 33.2875 = 8.987625
    assert allowed(item("97016"), item("97012")) == ["8.99", "13.98"]


def test_a_code_outside_the_scope_is_paid_in_full_and_takes_nothing_from_the_others() -> None:
    # 97597 has 2.20 of practice expense and is not reduced: (0.77 + 2.20 + 0.06) x 33.2875 = 100.861125
    assert allowed(item("97597"), item("97110")) == ["100.86", "29.29"]
    # 97598: (0.50 + 0.79 + 0.06) x 33.2875 = 44.938125, twice
    assert allowed(item("97598", 2)) == ["89.88"]


def test_the_reason_says_which_units_are_paid_how() -> None:
    first, second = price(item("97110", 2), item("97140"))
    shown = {"units_in_full": 1, "unit_in_full": "29.29", "units_reduced": 1, "unit_reduced": "22.30", "pe_cut": "50"}
    assert first.reason.inputs.items() >= shown.items()
    assert second.reason.inputs.items() >= {"units_in_full": 0, "units_reduced": 1, "unit_reduced": "20.80"}.items()
    assert first.reason.about == "expected_amount"
    assert "ch.5 s10.7" in first.reason.citation


def test_every_always_therapy_code_at_hand_is_reduced_and_nothing_else() -> None:
    for code, row in RULES.on(JUNE).rvus.items():
        first, *_ = price(item(code, 2))
        if row.payable:
            assert (first.reason.inputs.get("units_reduced") == 1) is (row.mult_proc == "5"), code


# The assistant


def test_an_assistants_unit_loses_fifteen_percent_of_the_programs_eighty() -> None:
    # 29.29 x 80 % x 15 % = 3.5148
    (priced,) = price(item("97110", 1, 1))
    assert (str(priced.allowed), str(priced.expected)) == ("29.29", "25.78")
    assert priced.reason.inputs["assistant_reduction"] == "3.51"
    assert "42 USC 1395m(v)" in priced.reason.citation


def test_only_units_of_the_assistant_are_cut_and_the_therapists_is_the_one_in_full() -> None:
    # in full 29.29 (therapist), reduced 22.30 (assistant): 22.30 x 12 % = 2.676
    (priced,) = price(item("97110", 2, 1))
    assert (str(priced.allowed), str(priced.expected)) == ("51.59", "48.91")
    # the same on two lines, in either order
    assert expected(item("97110"), item("97110", 1, 1)) == ["29.29", "19.62"]
    assert expected(item("97110", 1, 1), item("97110")) == ["19.62", "29.29"]


def test_what_counts_toward_the_threshold_is_not_cut_for_the_assistant() -> None:
    assert allowed(item("97110", 2, 2), item("97140", 1, 1)) == allowed(item("97110", 2), item("97140"))


def test_a_payer_that_does_not_cut_pays_an_assistant_in_full() -> None:
    va = profile(JUNE, "va_community_care")
    assert expected(item("97110", 1, 1), by=va) == ["29.29"]
    assert "assistant_reduction" not in price(item("97110", 1, 1), by=va)[0].reason.inputs


def test_no_assistant_is_cut_before_2022() -> None:
    rules = replace(RULES.on(JUNE), assistant_reduction=RULES.on(date(2021, 12, 31)).assistant_reduction)
    assert expected(item("97110", 1, 1), rules=rules) == ["29.29"]
    assert RULES.on(date(2022, 1, 1)).assistant_reduction is not None


# Contracts and charges


def test_a_contract_pays_a_percent_of_the_schedules_cents() -> None:
    # 29.29 x 110 % = 32.219, 22.30 x 110 % = 24.53
    (priced,) = price(item("97110", 2), by=with_settings(JUNE, fee_percent=Decimal(110)))
    assert str(priced.allowed) == "56.75"
    assert priced.reason.inputs["percent"] == "110"


def test_never_more_is_allowed_than_was_charged() -> None:
    assert allowed(item("97110", 2, charge="51.59")) == ["51.59"]
    (priced,) = price(item("97110", 2, charge="40.00"))
    assert str(priced.allowed) == "40.00"
    assert priced.reason.inputs["charge"] == "40.00"
    assert "414.21" in priced.reason.citation
    # 40.00 x 12 % = 4.80
    assert expected(item("97110", 2, 2, charge="40.00")) == ["35.20"]
    assert expected(item("97110", 2, 2, charge="0.00")) == ["0.00"]


def test_a_percent_of_nothing_is_nothing() -> None:
    assert expected(item("97110", 1, 1), by=with_settings(JUNE, fee_percent=Decimal(0))) == ["0.00"]


# Unknown stays unknown


@pytest.mark.parametrize("program", ["commercial", "medicaid", "workers_compensation", "auto", "self_pay"])
def test_where_no_schedule_is_known_no_amount_is(program: str) -> None:
    (priced,) = price(item("97110"), by=profile(JUNE, program))
    assert (priced.allowed, priced.expected) == (None, None)
    assert priced.reason.inputs == {"unknown": "fee schedule"}


def test_what_unitedhealthcare_pays_for_a_commercial_plan_is_unknown() -> None:
    uhc = profile(JUNE, "commercial", payer_id="87726")
    assert uhc.name == "commercial > unitedhealthcare"
    assert allowed(item("97110"), by=uhc) == [None]


@pytest.mark.parametrize("day", [date(2021, 6, 1), date(2027, 1, 1), date.min, date.max])
def test_without_a_factor_no_amount_is_known(day: date) -> None:
    (priced,) = price(item("97110"), day=day)
    assert priced.allowed is None
    assert priced.reason.inputs == {"unknown": "conversion factor"}


@pytest.mark.parametrize("day", [date(2022, 6, 1), date(2023, 12, 31)])
def test_without_values_of_the_year_or_an_earlier_one_no_amount_is_known(day: date) -> None:
    assert allowed(item("97110"), day=day) == [None]


@pytest.mark.parametrize(
    ("code", "status"),
    [("97010", "B"), ("97014", "I"), ("97037", "N"), ("97039", "C"), ("97545", "R"), ("98985", None), ("", None)],
)
def test_a_code_that_the_schedule_does_not_price_is_unknown_and_the_rest_is_not(code: str, status: str | None) -> None:
    bad, good = price(item(code), item("97110"))
    assert (bad.allowed, bad.expected) == (None, None)
    assert bad.reason.inputs == {"unknown": "RVUs", "status": status}
    assert str(good.allowed) == "29.29"


def test_a_code_that_is_not_in_the_table_leaves_open_which_unit_is_paid_in_full() -> None:
    # 92507 is speech therapy, always-therapy, and might outrank 97110
    _, priced = price(item("92507"), item("97110"))
    assert (priced.reason.inputs["estimate"], priced.reason.inputs["unranked"]) == (True, ["92507"])
    # what the reduction does not touch is as sure as before
    _, priced = price(item("92507"), item("97597"))
    assert priced.reason.inputs["estimate"] is False


def test_no_services_have_no_amounts() -> None:
    assert price() == ()


# The tables


def test_the_tables_say_what_they_are() -> None:
    tables = RULES.rule_set.tables
    assert tables["pfs-rvus"] == "2024q3"
    assert {"pfs-conversion-factor", "therapy-mppr", "assistant-reduction"} <= set(tables)
    assert len(RULES.on(JUNE).rvus) == 76


def test_a_code_is_priced_exactly_when_its_status_and_its_values_say_so() -> None:
    for row in RULES.on(JUNE).rvus.values():
        assert row.payable is (row.status in {"A", "R"} and row.work + row.pe + row.mp > 0), row.code


@pytest.mark.parametrize(
    ("day", "cut"),
    [(date(2010, 12, 31), None), (date(2011, 1, 1), 20), (date(2013, 3, 31), 20), (date(2013, 4, 1), 50)],
)
def test_the_reduction_has_its_dates(day: date, cut: int | None) -> None:
    row = RULES.on(day).mppr.get("5")
    assert (None if row is None else row.pe_cut) == cut


# Any services

PRICED = sorted(code for code, row in RULES.on(JUNE).rvus.items() if row.payable)
DAYS = st.sampled_from([JUNE, date(2024, 2, 1), date(2025, 7, 1), date(2026, 11, 18)])


@st.composite
def any_item(draw: st.DrawFn, codes: Sequence[str] = PRICED) -> PricedItem:
    units = draw(st.integers(1, 6))
    return PricedItem(draw(st.sampled_from(codes)), units, draw(st.integers(0, units)))


def services(codes: Sequence[str] = PRICED) -> st.SearchStrategy[list[PricedItem]]:
    return st.lists(any_item(codes), min_size=1, max_size=4, unique_by=lambda service: service.code)


@settings(max_examples=300, deadline=None)
@given(services([*PRICED, "97010", "99999"]), DAYS)
def test_the_order_of_services_changes_no_amount(items: list[PricedItem], day: date) -> None:
    in_order = dict(zip(items, price(*items, day=day), strict=True))
    for order in permutations(items):
        assert dict(zip(order, price(*order, day=day), strict=True)) == in_order


@settings(max_examples=300, deadline=None)
@given(services(), DAYS)
def test_the_reduction_never_raises_an_amount_and_spares_one_unit(items: list[PricedItem], day: date) -> None:
    rules = RULES.on(day)
    without = price(*items, day=day, rules=replace(rules, mppr={}))
    reduced = price(*items, day=day)
    for priced, in_full in zip(reduced, without, strict=True):
        assert priced.allowed is not None
        assert priced.expected is not None
        assert in_full.allowed is not None
        assert priced.expected <= priced.allowed <= in_full.allowed
    scoped = [priced.reason.inputs["units_in_full"] for priced in reduced if "pe_cut" in priced.reason.inputs]
    assert sum(scoped) == (1 if scoped else 0)


@settings(max_examples=300, deadline=None)
@given(services(), any_item(), DAYS)
def test_one_more_service_never_lowers_the_day(items: list[PricedItem], more: PricedItem, day: date) -> None:
    assert total([*items, more], day=day) >= total(items, day=day)


@settings(max_examples=300, deadline=None)
@given(services(), DAYS)
def test_one_more_unit_never_lowers_the_day_and_one_more_of_the_assistant_never_raises_it(
    items: list[PricedItem], day: date
) -> None:
    first, *rest = items
    assert total([first._replace(units=first.units + 1), *rest], day=day) > total(items, day=day)
    if first.assistant_units < first.units:
        assisted = first._replace(assistant_units=first.assistant_units + 1)
        # Which of two equal units is paid in full may turn on who furnished it; that moves a cent at most.
        assert total([assisted, *rest], day=day) <= total(items, day=day) + Decimal("0.01")


@settings(max_examples=300, deadline=None)
@given(services(), DAYS)
def test_a_service_split_over_lines_is_allowed_the_same(items: list[PricedItem], day: date) -> None:
    lines = [
        PricedItem(service.code, units, assistant)
        for service in items
        for units, assistant in (
            (service.units - service.assistant_units, 0),
            (service.assistant_units, service.assistant_units),
        )
        if units
    ]
    assert total_allowed(lines, day=day) == total_allowed(items, day=day)
    assert abs(total(lines, day=day) - total(items, day=day)) <= Decimal("0.01")
