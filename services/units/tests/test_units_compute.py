"""A coded visit in, units computed out."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from claimbus.events import Basis, CodedIntervention, Finding, RuleSet, Service, UnitsComputed, VisitCoded
from claimbus.values import Program, Result, Severity
from hypothesis import given, settings
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.rules import RULES

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
        program=Program(program), interventions=rows, rule_set=RuleSet(version="1", sha256="s", tables={}), **facts,
    )  # fmt: skip


def compute(coded: VisitCoded) -> UnitsComputed:
    return compute_units(coded, RULES.on(coded.service_date), RULES.rule_set)


def units_of(computed: UnitsComputed) -> dict[str, int]:
    return {service.code: service.units for service in computed.worksheet.services}


def service(computed: UnitsComputed, code: str) -> Service:
    (one,) = (each for each in computed.worksheet.services if each.code == code)
    return one


def failed(computed: UnitsComputed) -> dict[str, Finding]:
    return {one.id: one for one in computed.findings if one.result is not Result.PASS}


def unbilled(computed: UnitsComputed) -> dict[str, str]:
    return {one.intervention_id: one.rule for one in computed.unbilled}


def test_the_contract_example() -> None:
    computed = compute(visit(did("97110", 33, assistant_minutes=20), did("97140", 7)))
    sheet = computed.worksheet
    assert (computed.practice_id, computed.visit_id, computed.revision) == ("p", "v", 3)
    assert computed.basis == Basis(event_id="e", sha256="s")
    assert computed.rule_set == RULES.rule_set
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


def test_a_contract_is_not_asked_about_when_every_rule_agrees() -> None:
    assert not failed(compute(visit(did("97110", 30), program="commercial")))


def test_two_interventions_of_one_code_are_one_service() -> None:
    computed = compute(visit(did("97110", 10), did("97140", 15), did("97110", 20)))
    assert units_of(computed) == {"97110": 2, "97140": 1}
    assert service(computed, "97110").intervention_ids == ("1", "3")


def test_a_service_without_a_unit_is_unbilled_and_its_minutes_count() -> None:
    computed = compute(visit(did("97110", 18), did("97140", 13), did("97116", 10), did("97035", 8)))
    assert units_of(computed) == {"97110": 1, "97140": 1, "97116": 1, "97035": 0}
    assert unbilled(computed) == {"4": "cms-8-minute"}
    assert computed.worksheet.timed_minutes == 49
    assert computed.worksheet.alternatives == ({"97110": 1, "97140": 1, "97116": 1},)


def test_an_untimed_service_is_one_unit_however_long_or_often() -> None:
    computed = compute(visit(did("97161", 75), did("97012", 12), did("97012", 12), did("97016")))
    assert units_of(computed) == {"97161": 1, "97012": 1, "97016": 1}
    assert service(computed, "97016").minutes is None
    assert (computed.worksheet.timed_minutes, computed.worksheet.alternatives) == (0, ())


def test_minutes_beyond_the_printed_table_follow_its_formula() -> None:
    computed = compute(visit(did("97110", 130)))
    assert units_of(computed) == {"97110": 9}
    assert service(computed, "97110").reasons[0].inputs["row_from"] == "formula"


@pytest.mark.parametrize("program", ["medicare_part_b", "medicare_advantage", "tricare", "va_community_care"])
def test_federal_programs_bundle_a_hot_pack(program: str) -> None:
    computed = compute(visit(did("97010", 15), did("97110", 15), program=program))
    assert units_of(computed) == {"97110": 1}
    assert unbilled(computed) == {"1": "pfs-status-b"}
    assert not failed(computed)


def test_another_payer_may_pay_a_hot_pack() -> None:
    assert units_of(compute(visit(did("97010", 15), program="workers_compensation"))) == {"97010": 1}


def test_medicare_takes_g0283_in_place_of_97014() -> None:
    computed = compute(visit(did("97014", 15)))
    assert unbilled(computed) == {"1": "pfs-status-i"}
    assert failed(computed)["code.not-valid-for-program"].inputs["use_instead"] == "G0283"
    assert units_of(compute(visit(did("97014", 15), program="commercial"))) == {"97014": 1}
    assert units_of(compute(visit(did("97014", 15), on=date(2003, 2, 28)))) == {"97014": 1}


@pytest.mark.parametrize(
    ("code", "rule"), [("97602", "pfs-status-b"), ("G0282", "pfs-status-n"), ("97037", "pfs-status-n")]
)
def test_what_medicare_does_not_pay_by_itself_is_unbilled(code: str, rule: str) -> None:
    assert unbilled(compute(visit(did(code)))) == {"1": rule}


def test_an_unknown_code_blocks_and_the_rest_is_computed() -> None:
    computed = compute(visit(did("99999", 15), did("97110", 15)))
    assert units_of(computed) == {"97110": 1}
    finding = failed(computed)["code.unknown"]
    assert (finding.severity, finding.result, finding.intervention_id) == (Severity.BLOCK, Result.FAIL, "1")
    assert unbilled(computed) == {"1": "code.unknown"}


def test_what_is_no_code_is_not_repeated_in_the_finding() -> None:
    finding = failed(compute(visit(did("Alex Tester", 15))))["code.unknown"]
    assert "Alex" not in finding.model_dump_json()


def test_an_undecided_code_is_unbilled_without_a_second_finding() -> None:
    computed = compute(visit(did(None, 15)))
    assert unbilled(computed) == {"1": "code.missing"}
    assert computed.findings == ()


@pytest.mark.parametrize(
    ("code", "on", "instead"),
    [("97001", DAY, "97161"), ("97550", date(2023, 12, 31), None), ("97161", date(2016, 12, 31), None)],
)
def test_a_code_counts_only_while_it_is_valid(code: str, on: date, instead: str | None) -> None:
    computed = compute(visit(did(code, 30), on=on))
    finding = failed(computed)["code.not-valid-on-date"]
    assert finding.severity is Severity.BLOCK
    assert instead is None or instead in finding.message
    assert unbilled(computed) == {"1": "code.not-valid-on-date"}


def test_a_timed_service_without_minutes_blocks_and_the_rest_is_computed() -> None:
    computed = compute(visit(did("97110"), did("97110", 20), did("97140")))
    finding = failed(computed)["units.minutes-missing"]
    assert (finding.severity, finding.fixable_by, finding.carc) == (Severity.BLOCK, "therapist", "16")
    assert unbilled(computed) == {"1": "units.minutes-missing", "3": "units.minutes-missing"}
    assert service(computed, "97110").minutes == 20


def test_group_minutes_of_a_timed_code_are_not_counted() -> None:
    alone = compute(visit(did("97110", 30, contact="group"), did("97140", 15)))
    assert units_of(alone) == {"97140": 1}
    assert unbilled(alone) == {"1": "units.contact-not-one-on-one"}
    assert failed(alone)["units.contact-not-one-on-one"].severity is Severity.BLOCK
    beside = compute(visit(did("97110", 30, contact="unattended"), did("97110", 15)))
    assert units_of(beside) == {"97110": 1}
    assert unbilled(beside) == {}
    assert service(beside, "97110").intervention_ids == ("2", "1")
    assert "units.contact-not-one-on-one" in failed(beside)


def test_a_group_code_asks_whether_it_was_a_group() -> None:
    assert failed(compute(visit(did("97150", 30))))["units.contact-not-group"].result is Result.UNKNOWN
    assert (
        failed(compute(visit(did("97150", 30, contact="one_on_one"))))["units.contact-not-group"].result is Result.FAIL
    )
    assert not failed(compute(visit(did("97150", 30, contact="group"))))


def test_more_assistant_than_minutes_blocks_and_no_share_is_guessed() -> None:
    computed = compute(visit(did("97110", 15, assistant_minutes=10, joint_minutes=6)))
    assert failed(computed).keys() == {"units.minutes-inconsistent"}
    assert units_of(computed) == {"97110": 1}
    assert [share.assistant for share in service(computed, "97110").shares] == [None]


def timed(code: str, start: int, length: int) -> dict[str, Any]:
    begin = NINE + timedelta(minutes=start)
    return did(code, length, started_at=begin, ended_at=begin + timedelta(minutes=length))


def test_overlapping_times_block_with_the_minutes_counted_twice() -> None:
    computed = compute(visit(timed("97110", 0, 30), timed("97140", 20, 15), timed("97112", 25, 15)))
    finding = failed(computed)["units.overlapping-minutes"]
    assert finding.severity is Severity.BLOCK
    assert finding.inputs["minutes_counted_twice"] == 20  # 60 minutes in a span of 40
    assert computed.worksheet.timed_minutes == 60


def test_an_overlap_is_seen_although_another_service_has_no_times() -> None:
    assert "units.overlapping-minutes" in failed(
        compute(visit(timed("97110", 0, 30), timed("97140", 20, 15), did("97112", 8)))
    )


def test_times_that_follow_one_another_pass() -> None:
    computed = compute(visit(timed("97110", 0, 30), timed("97140", 30, 15)))
    assert "units.overlapping-minutes" in {one.id for one in computed.findings if one.result is Result.PASS}
    unknown = compute(visit(did("97110", 30), did("97140", 15)))
    assert "units.overlapping-minutes" not in {one.id for one in unknown.findings}


@pytest.mark.parametrize(
    ("interventions", "expected"),
    [
        ([("97129", 40)], {"97129": 1, "97130": 2}),
        ([("97129", 15), ("97130", 30)], {"97129": 1, "97130": 2}),
        ([("97130", 30), ("97129", 15)], {"97129": 1, "97130": 2}),
        ([("97129", 15), ("97130", 5)], {"97129": 1}),
        ([("90912", 30)], {"90912": 1, "90913": 1}),
        ([("97550", 45)], {"97550": 1, "97551": 1}),
        ([("97550", 30), ("97551", 30)], {"97550": 1, "97551": 2}),
        ([("97550", 15)], {"97550": 0}),
        ([("97545", 240)], {"97545": 1, "97546": 2}),
        ([("97545", 120), ("97546", 31)], {"97545": 1, "97546": 1}),
        ([("96125", 91)], {"96125": 2}),
        ([("97110", 7), ("97129", 36)], {"97110": 1, "97129": 1, "97130": 1}),
    ],
)
def test_the_first_unit_is_one_code_and_the_further_ones_another(
    interventions: list[tuple[str, int]], expected: dict[str, int]
) -> None:
    computed = compute(visit(*(did(code, minutes) for code, minutes in interventions)))
    assert units_of(computed) == expected
    for one in computed.worksheet.services:
        assert one.units == 0 or sum(s.therapist_minutes for s in one.shares) == one.minutes


def test_units_of_another_length_say_that_they_stay_out_of_the_pool() -> None:
    computed = compute(visit(did("96125", 60), did("97110", 7)))
    assert units_of(computed) == {"96125": 1, "97110": 0}
    assert (computed.worksheet.timed_minutes, computed.worksheet.timed_units) == (67, 1)
    assert computed.worksheet.table_row is not None
    assert computed.worksheet.table_row.units == 0
    reason = service(computed, "96125").reasons[0]
    assert (reason.rule, "outside_the_pool" in reason.inputs) == ("ama-midpoint", True)


@pytest.mark.parametrize(("add_on", "first"), [("97130", "97129"), ("97546", "97545"), ("97598", "97597")])
def test_further_units_do_not_stand_without_the_first(add_on: str, first: str) -> None:
    computed = compute(visit(did(add_on, 60)))
    assert units_of(computed) == {}
    finding = failed(computed)["code.add-on-without-first"]
    assert (finding.carc, finding.inputs["first_code"]) == ("107", first)


def test_units_of_area_are_asked_for() -> None:
    computed = compute(visit(did("97597", 30), did("97598", 10)))
    assert units_of(computed) == {"97597": 1, "97598": 1}
    assert failed(computed)["units.quantity-unknown"].severity is Severity.REVIEW


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


@pytest.mark.parametrize(
    ("program", "on"), [("medicare_part_b", date(2019, 12, 31)), ("commercial", DAY), ("tricare", date(2020, 4, 15))]
)
def test_where_no_modifier_is_asked_for_no_unit_bears_one(program: str, on: date) -> None:
    computed = compute(visit(did("97110", 30), program=program, on=on, assistant_present=True))
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


@given(st.permutations(range(5)))
def test_the_order_of_interventions_never_changes_the_units(order: list[int]) -> None:
    rows = [did("97110", 20), did("97140", 20), did("97129", 20), did("97012", 10), did("97110", 15)]
    assert units_of(compute(visit(*(rows[n] for n in order)))) == units_of(compute(visit(*rows)))
