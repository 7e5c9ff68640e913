"""A coded visit in, units computed out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import Basis, CodedIntervention, Finding, RuleSet, Service, UnitsComputed, VisitCoded
from claimbus.values import Program, Result, Severity
from hypothesis import given, settings
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook

RULES = UnitRuleBook.load()

DAY = date(2026, 11, 18)
NINE = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)


def did(code: str | None, minutes: int | None = None, **facts: Any) -> dict[str, Any]:
    return {"code": code, "minutes": minutes, **facts}


def visit(*interventions: dict[str, Any], program: str = "medicare_part_b", on: date = DAY, **facts: Any) -> VisitCoded:
    rows = tuple(
        CodedIntervention(intervention_id=str(n), chosen_by="clinician", rule="r", citation="c", **one)
        for n, one in enumerate(interventions, 1)
    )
    return VisitCoded(
        practice_id="p", visit_id="v", revision=3, basis=Basis(event_id="e", sha256="s"), service_date=on,
        program=Program(program), interventions=rows, rule_set=RuleSet(version="1", sha256="s", tables={}),
        **{"assistant_present": False, **facts},
    )  # fmt: skip


def compute(coded: VisitCoded) -> UnitsComputed:
    return compute_units(coded, RULES.on(coded.service_date))


def units_of(computed: UnitsComputed) -> dict[str, int]:
    return {service.code: service.units for service in computed.worksheet.services}


def service(computed: UnitsComputed, code: str) -> Service:
    (one,) = (each for each in computed.worksheet.services if each.code == code)
    return one


def failed(computed: UnitsComputed) -> dict[str, Finding]:
    return {finding.id: finding for finding in computed.findings}


def passed(computed: UnitsComputed) -> set[str]:
    return set(computed.passed)


def unbilled(computed: UnitsComputed) -> dict[str, str]:
    return {one.intervention_id: one.rule for one in computed.unbilled}


def test_the_contract_example() -> None:
    computed = compute(visit(did("97110", 33, assistant_minutes=20), did("97140", 7)))
    sheet = computed.worksheet
    assert (computed.practice_id, computed.visit_id, computed.revision) == ("p", "v", 3)
    assert computed.basis == Basis(event_id="e", sha256="s")
    assert computed.rule_set == RULES.rule_set.reference
    assert (sheet.rule, sheet.timed_minutes, sheet.timed_units) == ("cms-8-minute", 40, 3)
    assert sheet.table_row is not None
    assert (sheet.table_row.minutes_from, sheet.table_row.minutes_through) == (38, 52)
    assert sheet.alternatives == ({"97110": 2, "97140": 1},)
    assert sheet.other_rules == {"ama-midpoint": {"97110": 2, "97140": 0}}
    exercise = service(computed, "97110")
    assert (exercise.whole_units, exercise.remainder, exercise.allocated, exercise.units) == (2, 3, 0, 2)
    assert [share.assistant for share in exercise.shares] == [True, False]
    assert exercise.reasons[0].inputs == {
        "minutes": 33, "units": 2, "pooled_minutes": 40, "pooled_units": 3, "table_row": "38-52", "row_from": "table",
        "whole_units": 2, "remainder": 3, "rank": 2, "left_over_units": 1, "tied": False,
    }  # fmt: skip
    assert not failed(computed)


def test_a_commercial_plan_counts_each_code_alone() -> None:
    computed = compute(visit(did("97110", 33), did("97140", 7), program="commercial"))
    assert units_of(computed) == {"97110": 2, "97140": 0}
    assert computed.worksheet.table_row is None
    assert computed.worksheet.other_rules == {"cms-8-minute": {"97110": 2, "97140": 1}}
    assert unbilled(computed) == {"2": "ama-midpoint"}
    assert failed(computed)["units.rule-by-contract"].severity is Severity.INFO


def test_a_service_without_a_unit_is_unbilled_and_its_minutes_count() -> None:
    computed = compute(visit(did("97110", 18), did("97140", 13), did("97116", 10), did("97035", 8)))
    assert units_of(computed) == {"97110": 1, "97140": 1, "97116": 1, "97035": 0}
    assert unbilled(computed) == {"4": "cms-8-minute"}
    assert computed.worksheet.timed_minutes == 49
    assert computed.worksheet.alternatives == ({"97110": 1, "97140": 1, "97116": 1},)


def test_minutes_beyond_the_printed_table_follow_its_formula() -> None:
    computed = compute(visit(did("97110", 130)))
    assert units_of(computed) == {"97110": 9}
    assert service(computed, "97110").reasons[0].inputs["row_from"] == "formula"


def test_a_code_that_the_payer_does_not_take_says_why_another_is_billed() -> None:
    (billed,) = compute(visit(did("97014", 15), did("G0283"))).worksheet.services
    (why,) = (reason for reason in billed.reasons if reason.about == "code")
    assert (why.rule, why.inputs) == ("payer-substitution", {"charted": "97014", "billed": "G0283"})
    assert "97014" in why.citation


def test_the_worksheet_names_the_profile_that_chose_the_rule() -> None:
    computed = compute(visit(did("97110", 10), did("97140", 10), program="commercial", payer_name="UHC"))
    assert (computed.worksheet.profile, computed.worksheet.rule) == ("commercial > unitedhealthcare", "cms-8-minute")
    assert computed.worksheet.timed_units == 1


def test_an_undecided_code_is_unbilled_without_a_second_finding() -> None:
    computed = compute(visit(did(None, 15)))
    assert unbilled(computed) == {"1": "code.missing"}
    assert computed.findings == ()


def at(code: str, start: int, through: int, minutes: int | None = None, **facts: Any) -> dict[str, Any]:
    """A service between two minutes after nine, with all of them where `minutes` does not say otherwise."""
    begin, end = NINE + timedelta(minutes=start), NINE + timedelta(minutes=through)
    return did(code, through - start if minutes is None else minutes, started_at=begin, ended_at=end, **facts)


def credited(computed: UnitsComputed) -> Any:
    return failed(computed)["units.overlapping-minutes"].inputs["credited"]


def test_a_minute_under_two_services_is_credited_to_the_one_that_ends_first() -> None:
    computed = compute(visit(at("97110", 0, 30), at("97140", 20, 35), at("97112", 25, 40)))
    finding = failed(computed)["units.overlapping-minutes"]
    assert finding.severity is Severity.BLOCK
    assert finding.inputs["minutes_counted_twice"] == 20  # 60 minutes in a span of 40
    assert finding.inputs["documented"] == {"1": 30, "2": 15, "3": 15}
    assert finding.inputs["credited"] == {"1": 30, "2": 5, "3": 5}
    assert computed.worksheet.timed_minutes == 40
    assert units_of(computed) == {"97110": 2, "97140": 0, "97112": 1}
    reason = service(computed, "97140").reasons[0]
    assert (reason.inputs["minutes"], reason.inputs["documented_minutes"]) == (5, 15)


def test_two_services_at_the_very_same_time_are_one_time() -> None:
    computed = compute(visit(at("97140", 0, 30), at("97110", 0, 30)))
    assert credited(computed) == {"1": 0, "2": 30}
    assert units_of(computed) == {"97140": 0, "97110": 2}


def test_the_time_of_an_untimed_service_given_one_on_one_is_credited_to_no_timed_code() -> None:
    both = (at("97161", 0, 40, contact="one_on_one"), at("97110", 30, 45))
    computed = compute(visit(*both))
    assert credited(computed) == {"1": 40, "2": 5}
    assert service(computed, "97161").minutes == 40
    assert units_of(computed) == {"97161": 1, "97110": 0}
    without_minutes = compute(visit(both[0] | {"minutes": None}, both[1]))
    assert credited(without_minutes) == {"1": 40, "2": 5}


def test_an_overlap_is_seen_although_another_service_has_no_times() -> None:
    computed = compute(visit(at("97110", 0, 30), at("97140", 20, 35), did("97112", 8)))
    assert credited(computed) == {"1": 30, "2": 5}
    assert service(computed, "97112").minutes == 8


@pytest.mark.parametrize(
    ("assistant", "marks"), [(0, [False]), (30, [True]), (12, [None])], ids=["therapist", "assistant", "both"]
)
def test_whose_minutes_fell_away_is_known_only_where_one_person_furnished_all(
    assistant: int, marks: list[bool | None]
) -> None:
    computed = compute(
        visit(at("97140", 0, 22), at("97110", 10, 40, assistant_minutes=assistant), assistant_present=False)
    )
    exercise = service(computed, "97110")
    assert exercise.minutes == 18
    assert [share.assistant for share in exercise.shares] == marks
    assert failed(computed).keys() == {"units.overlapping-minutes"}


def test_minutes_that_the_clock_takes_away_are_not_held_against_the_total() -> None:
    computed = compute(visit(at("97110", 0, 30), at("97140", 0, 30), total_minutes=30))
    assert "units.minutes-exceed-total" in passed(computed)


def test_units_of_another_length_say_that_they_stay_out_of_the_pool() -> None:
    computed = compute(visit(did("96125", 60), did("97110", 7)))
    assert units_of(computed) == {"96125": 1, "97110": 0}
    assert (computed.worksheet.timed_minutes, computed.worksheet.timed_units) == (67, 1)
    assert computed.worksheet.table_row is not None
    assert computed.worksheet.table_row.units == 0
    reason = service(computed, "96125").reasons[0]
    assert (reason.rule, "outside_the_pool" in reason.inputs) == ("ama-midpoint", True)


def test_further_units_of_an_area_come_from_the_intervention_of_the_first() -> None:
    computed = compute(visit(did("97597", 30, area_sq_cm=Decimal(60), assistant_minutes=30)))
    first, further = computed.worksheet.services
    assert (first.intervention_ids, further.intervention_ids) == (("1",), ("1",))
    assert (first.minutes, further.minutes) == (30, None)
    assert [share.assistant for share in (*first.shares, *further.shares)] == [True] * 3
    assert further.reasons[0].inputs["area_sq_cm"] == "60"


OVER, UNDER = "units.over-billed-by-ehr", "units.under-billed-by-ehr"


def test_units_that_the_ehr_has_beyond_the_rule_are_shown_beside_each_rule() -> None:
    computed = compute(visit(did("97110", 33, units=2), did("97140", 7, units=1), did("97161", 45, units=3)))
    ehr = computed.worksheet.ehr
    assert ehr is not None
    assert ehr.units == {"97110": 2, "97140": 1, "97161": 3}
    assert ehr.over == {"cms-8-minute": {"97161": 2}, "ama-midpoint": {"97140": 1, "97161": 2}}
    assert ehr.under == {}
    finding = failed(computed)[OVER]
    assert (finding.severity, finding.result, finding.intervention_id) == (Severity.REVIEW, Result.FAIL, "3")
    assert finding.inputs == {
        "code": "97161", "rule": "cms-8-minute", "ehr_units": 3, "units": 1, "other_rules": {"ama-midpoint": 1},
    }  # fmt: skip
    assert UNDER in passed(computed)
    assert units_of(computed) == {"97110": 2, "97140": 1, "97161": 1}


def test_units_that_the_ehr_leaves_unbilled_are_found() -> None:
    computed = compute(visit(did("97110", 33, units=2), did("97140", 7, units=0)))
    ehr = computed.worksheet.ehr
    assert ehr is not None
    assert (ehr.over, ehr.under) == ({}, {"cms-8-minute": {"97140": 1}})
    finding = failed(computed)[UNDER]
    assert (finding.severity, finding.inputs["ehr_units"], finding.inputs["units"]) == (Severity.REVIEW, 0, 1)
    assert OVER in passed(computed)
    assert list((compute(visit(did("97110", 10, units=0), did("97140", 10, units=0))).worksheet.ehr or ehr).under) == [
        "cms-8-minute",
        "ama-midpoint",
    ]


def test_units_that_agree_pass_and_none_sent_say_nothing() -> None:
    assert {OVER, UNDER} <= passed(compute(visit(did("97110", 15, units=1))))
    silent = compute(visit(did("97110", 15)))
    assert silent.worksheet.ehr is None
    assert not {OVER, UNDER} & {one.id for one in silent.findings}


@pytest.mark.parametrize("intervention", [did("95851", 10, units=3), did("97597", 30, units=3)])
def test_where_the_quantity_is_unknown_the_ehrs_units_are_not_called_wrong(intervention: dict[str, Any]) -> None:
    computed = compute(visit(intervention))
    assert computed.worksheet.ehr is not None
    assert (computed.worksheet.ehr.units, computed.worksheet.ehr.over) == ({intervention["code"]: 3}, {})
    assert not {OVER, UNDER} & {one.id for one in computed.findings}
    assert "units.quantity-unknown" in failed(computed)


@pytest.mark.parametrize("units", [(2, 1), (1, 2)])
def test_among_equal_remainders_the_ehrs_choice_is_as_right_as_ours(units: tuple[int, int]) -> None:
    computed = compute(visit(did("97112", 20, units=units[0]), did("97110", 20, units=units[1])))
    assert {OVER, UNDER} <= passed(computed)
    assert computed.worksheet.ehr is not None
    assert "cms-8-minute" not in computed.worksheet.ehr.over
    both = compute(visit(did("97112", 20, units=3), did("97110", 20, units=0)))
    assert {OVER, UNDER} <= failed(both).keys()


def test_units_under_the_first_code_alone_are_held_against_both_codes() -> None:
    computed = compute(visit(did("97129", 45, units=3)))
    assert computed.worksheet.ehr is not None
    assert computed.worksheet.ehr.units == {"97129": 3}
    assert computed.worksheet.ehr.over["cms-8-minute"] == {"97129": 2}
    assert computed.worksheet.ehr.under["cms-8-minute"] == {"97130": 2}
    assert {OVER, UNDER} <= failed(computed).keys()


def test_the_ehrs_units_of_a_substituted_code_stand_under_the_one_that_is_billed() -> None:
    computed = compute(visit(did("97014", units=1)))
    assert computed.worksheet.ehr is not None
    assert computed.worksheet.ehr.units == {"G0283": 1}


def test_an_assistant_without_minutes_leaves_the_share_unknown() -> None:
    computed = compute(visit(did("97110", 30), did("97140", 15, assistant_minutes=0), assistant_present=True))
    finding = failed(computed)["units.assistant-minutes-missing"]
    assert (finding.severity, finding.result, finding.intervention_id) == (Severity.REVIEW, Result.UNKNOWN, "1")
    assert [share.assistant for share in service(computed, "97110").shares] == [None, None]
    assert [share.assistant for share in service(computed, "97140").shares] == [False]


def test_minutes_all_spent_together_are_the_therapists() -> None:
    computed = compute(visit(did("97110", 30, joint_minutes=30), assistant_present=True))
    assert [share.assistant for share in service(computed, "97110").shares] == [False, False]
    assert not failed(computed)


def test_the_modifier_begins_in_2020() -> None:
    computed = compute(visit(did("97110", 30, assistant_minutes=30), on=date(2020, 1, 1)))
    assert [share.assistant for share in service(computed, "97110").shares] == [True, True]


def test_an_untimed_service_of_unknown_length_leaves_the_assistants_tenth_unknown() -> None:
    computed = compute(visit(did("97012", None, assistant_minutes=5), assistant_present=True))
    assert service(computed, "97012").shares[0].assistant is None
    assert failed(computed)["units.assistant-minutes-missing"].inputs["missing"] == ["minutes"]


ANYTHING = st.builds(
    did,
    st.one_of(st.none(), st.sampled_from(sorted(RULES.on(DAY).known)), st.text(max_size=6)),
    st.one_of(st.none(), st.integers(0, 1440), st.integers(0, 40)),
    assistant_minutes=st.one_of(st.none(), st.integers(0, 40)),
    joint_minutes=st.one_of(st.none(), st.integers(0, 40)),
    contact=st.sampled_from([None, "one_on_one", "one_on_one", "group", "supervised", "unattended"]),
    started_at=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    ended_at=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    units=st.one_of(st.none(), st.integers(-3, 9)),
    area_sq_cm=st.one_of(st.none(), st.decimals(allow_nan=False, allow_infinity=False), st.decimals(0, 90, places=1)),
    monitored_days=st.one_of(st.none(), st.integers(-1, 40)),
    month_minutes=st.one_of(st.none(), st.integers(), st.integers(0, 90)),
)


@settings(max_examples=400)
@given(
    st.lists(ANYTHING, max_size=7),
    st.sampled_from(sorted(Program)),
    st.one_of(st.dates(), st.dates(date(1999, 1, 1), date(2027, 1, 1))),
    st.booleans(),
)
def test_any_visit_is_accounted_for_whole(
    interventions: list[dict[str, Any]], program: Program, on: date, assistant: bool
) -> None:
    coded = visit(*interventions, program=program, on=on, assistant_present=assistant)
    computed = compute(coded)
    sheet = computed.worksheet
    billed = {id_ for each in sheet.services if each.units for id_ in each.intervention_ids}
    left = [one.intervention_id for one in computed.unbilled]
    assert sorted([*billed, *left], key=int) == [one.intervention_id for one in coded.interventions]
    assert sheet.timed_units == sum(each.units for each in sheet.services if each.kind == "timed")
    chosen = {each.code: each.units for each in sheet.services if each.kind == "timed" and each.units}
    assert sheet.alternatives[:1] == ((chosen,) if chosen else ())
    for each in sheet.services:
        assert each.units == each.whole_units + each.allocated == len(each.shares)
        if each.shares and each.minutes is not None:
            assert sum(s.therapist_minutes + s.assistant_minutes for s in each.shares) == each.minutes
    assert UnitsComputed.model_validate_json(computed.model_dump_json()) == computed


def test_a_minute_in_a_group_is_not_credited_to_a_timed_code_as_well() -> None:
    computed = compute(visit(at("97150", 0, 30, contact="group"), at("97035", 0, 15)))
    assert sum(failed(computed)["units.overlapping-minutes"].inputs["credited"].values()) == 30
