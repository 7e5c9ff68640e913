"""The tables that ship with the service."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from claimbus.events import CodedIntervention
from claimbus.values import PayerKey, Program
from units.domain.quantities import tally_units
from units.domain.tables import CodeRow, UnitSettings
from units.domain.unit_rules import UNIT_RULES
from units.rule_book import UnitRuleBook

RULES = UnitRuleBook.load()

EVERY_CODE = RULES.on(date(2026, 11, 18)).known
ON_A_DAY = RULES.on(date(2026, 11, 18)).codes


NOW = date(2026, 11, 18)
CHAINS = sorted(RULES.profile_book.chains())
DAYS = [date.min, date(1999, 5, 1), date(2015, 12, 31), date(2019, 12, 31), date(2020, 1, 1), NOW, date.max]


def settings_of(
    program: str, on: date = NOW, payer_id: str | None = None, payer_name: str | None = None
) -> tuple[str, UnitSettings]:
    """Name and settings of the profile that a visit with this payer leads to."""
    profile = RULES.profiles.of(PayerKey(Program(program), payer_id, payer_name), "p", on)
    return profile.name, profile.settings


@pytest.mark.parametrize("on", DAYS, ids=str)
@pytest.mark.parametrize("chain", CHAINS, ids=" > ".join)
def test_every_program_and_payer_has_all_settings_on_every_day_each_with_its_source(
    chain: tuple[str, ...], on: date
) -> None:
    profile = RULES.profiles.named(chain, None, on)
    assert profile.settings.unit_rule in UNIT_RULES
    assert profile.settings.most_timed_units >= 0
    assert all(profile.cite(setting) for setting in UnitSettings.model_fields)


def test_every_program_has_a_profile() -> None:
    assert {chain[0] for chain in CHAINS if len(chain) == 1} == set(Program)


@pytest.mark.parametrize("chain", CHAINS, ids=" > ".join)
def test_what_takes_a_codes_place_is_a_code_that_the_table_knows(chain: tuple[str, ...]) -> None:
    for on in DAYS:
        substitutions = RULES.profiles.named(chain, None, on).settings.substitutions
        assert substitutions.keys() | set(substitutions.values()) <= EVERY_CODE.keys()


@pytest.mark.parametrize(
    ("program", "payer_id", "payer_name", "on", "name", "rule"),
    [
        ("medicare_part_b", None, None, NOW, "medicare_part_b", "cms-8-minute"),
        ("medicare_advantage", None, None, NOW, "medicare_advantage", "cms-8-minute"),
        ("medicaid", None, None, NOW, "medicaid", "cms-8-minute"),
        ("tricare", None, None, NOW, "tricare", "cms-8-minute"),
        ("va_community_care", None, None, NOW, "va_community_care", "cms-8-minute"),
        ("workers_compensation", None, None, NOW, "workers_compensation", "ama-midpoint"),
        ("auto", None, None, NOW, "auto", "ama-midpoint"),
        ("self_pay", None, None, NOW, "self_pay", "ama-midpoint"),
        ("commercial", None, "Somebody Mutual", NOW, "commercial", "ama-midpoint"),
        ("commercial", "87726", None, NOW, "commercial > unitedhealthcare", "cms-8-minute"),
        ("commercial", None, "UnitedHealthcare of Texas", NOW, "commercial > unitedhealthcare", "cms-8-minute"),
        ("commercial", None, "Highmark", date(2015, 12, 31), "commercial > highmark", "ama-midpoint"),
        ("commercial", None, "Highmark", date(2016, 1, 1), "commercial > highmark", "cms-8-minute"),
        ("commercial", None, "Blue Cross of Idaho", NOW, "commercial > blue_cross_of_idaho", "ama-midpoint"),
        ("medicaid", None, "Texas Medicaid", NOW, "medicaid > texas_medicaid", "ama-midpoint"),
    ],
)
def test_the_payer_chooses_the_unit_rule(
    program: str, payer_id: str | None, payer_name: str | None, on: date, name: str, rule: str
) -> None:
    found, settings = settings_of(program, on, payer_id, payer_name)
    assert (found, settings.unit_rule) == (name, rule)


def test_texas_medicaid_alone_pays_eight_timed_units_a_day() -> None:
    assert settings_of("medicaid", payer_name="Texas Medicaid")[1].most_timed_units == 8
    assert settings_of("medicaid")[1].most_timed_units == 0


@pytest.mark.parametrize(
    ("program", "payer_name", "last_without"),
    [
        ("medicare_part_b", None, date(2019, 12, 31)),
        ("medicare_advantage", None, date(2019, 12, 31)),
        ("medicare_advantage", "Humana", date(2019, 12, 31)),
        ("commercial", "UnitedHealthcare", date(2019, 12, 31)),
        ("tricare", None, date(2020, 4, 15)),
    ],
)
def test_the_assistant_modifiers_begin_on_the_payers_day(
    program: str, payer_name: str | None, last_without: date
) -> None:
    assert not settings_of(program, last_without, None, payer_name)[1].assistant_modifiers
    assert settings_of(program, last_without + timedelta(days=1), None, payer_name)[1].assistant_modifiers


@pytest.mark.parametrize("row", EVERY_CODE.values(), ids=lambda row: row.code)
def test_a_timed_code_and_no_other_has_the_minutes_of_its_unit(row: CodeRow) -> None:
    assert (row.kind == "timed") == (row.unit_minutes > 0)
    assert not row.pooled or row.unit_minutes == 15


@pytest.mark.parametrize("row", [row for row in ON_A_DAY.values() if row.add_on_to], ids=lambda row: row.code)
def test_further_units_agree_with_their_first_code(row: CodeRow) -> None:
    first = ON_A_DAY[row.add_on_to or ""]
    assert (first.kind, first.pooled, first.measure) == (row.kind, row.pooled, row.measure)
    assert row.measure is None or (first.measure_unit > 0 and row.measure_unit > 0)
    assert first.effective_from <= row.effective_from


@pytest.mark.parametrize("row", EVERY_CODE.values(), ids=lambda row: row.code)
def test_only_an_untimed_code_goes_by_a_measure_as_a_unit_or_as_a_range(row: CodeRow) -> None:
    bounds = (row.measure_from, row.measure_above, row.measure_through)
    ranged = any(bound is not None for bound in bounds)
    if row.measure is None:
        assert (ranged, row.measure_unit, row.measure_part, row.twin) == (False, 0, False, None)
    else:
        assert row.kind == "untimed"
        assert ranged != (row.measure_unit > 0)
        assert row.unit_is is None


@pytest.mark.parametrize("row", [row for row in ON_A_DAY.values() if row.twin], ids=lambda row: row.code)
def test_a_code_and_its_twin_name_each_other_and_share_no_quantity(row: CodeRow) -> None:
    twin = ON_A_DAY[row.twin or ""]
    assert (twin.twin, twin.measure) == (row.code, row.measure)
    assert not any(
        units(row, each) and units(twin, each) for each in range(32 if row.measure == "monitored_days" else 200)
    )


def units(row: CodeRow, quantity: int) -> int:
    facts = {row.measure or "": Decimal(quantity) if row.measure == "area_sq_cm" else quantity}
    one = CodedIntervention(
        intervention_id="1", code=row.code, chosen_by="clinician", rule="r", citation="c"
    ).model_copy(update=facts)
    return tally_units(row, None, [(one, row)], ON_A_DAY, RULES.on(NOW).findings).units[row.code]


@pytest.mark.parametrize("code", ["97033", "97035"])
def test_what_the_web_calls_untimed_is_timed(code: str) -> None:
    assert (ON_A_DAY[code].kind, ON_A_DAY[code].unit_minutes) == ("timed", 15)


def test_a_day_is_looked_up_once() -> None:
    assert RULES.on(date(2026, 1, 2)) is RULES.on(date(2026, 1, 2))


def test_the_rule_set_names_every_table() -> None:
    assert RULES.rule_set.tables.keys() == {
        "unit-codes",
        "payer-profiles",
        "cms-8-minute",
        "assistant-de-minimis",
        "units-findings",
    }
