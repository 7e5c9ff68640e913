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
        program=Program(program), interventions=rows, rule_set=RuleSet(version="1", sha256="s", tables={}), **facts,
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


def test_a_code_that_the_payer_does_not_take_is_counted_as_the_one_that_it_takes() -> None:
    computed = compute(visit(did("97014", 15), did("G0283"), did("97014")))
    (one,) = computed.worksheet.services
    assert (one.code, one.units, one.intervention_ids) == ("G0283", 1, ("1", "2", "3"))
    (why,) = (reason for reason in one.reasons if reason.about == "code")
    assert (why.rule, why.inputs) == ("payer-substitution", {"charted": "97014", "billed": "G0283"})
    assert "97014" in why.citation
    assert unbilled(computed) == {}
    findings = [finding for finding in computed.findings if finding.result is not Result.PASS]
    assert [(each.id, each.severity, each.intervention_id) for each in findings] == [
        ("code.substituted", Severity.INFO, "1"),
        ("code.substituted", Severity.INFO, "3"),
    ]


@pytest.mark.parametrize(
    ("payer", "on", "code"),
    [
        ({"program": "medicare_part_b"}, DAY, "G0283"),
        ({"program": "medicare_part_b"}, date(2003, 3, 1), "G0283"),
        ({"program": "medicare_part_b"}, date(2003, 2, 28), "97014"),  # G0283 was not there yet
        ({"program": "tricare"}, DAY, "G0283"),
        ({"program": "commercial"}, DAY, "97014"),
        ({"program": "workers_compensation"}, DAY, "97014"),
        ({"program": "commercial", "payer_id": "87726"}, DAY, "G0283"),
        ({"program": "commercial", "payer_id": "87726"}, date(2006, 12, 31), "97014"),
        ({"program": "medicare_advantage", "payer_name": "UnitedHealthcare"}, DAY, "G0283"),
    ],
)
def test_97014_is_billed_as_the_payer_takes_it(payer: dict[str, str], on: date, code: str) -> None:
    assert units_of(compute(visit(did("97014", 15), on=on, **payer))) == {code: 1}


def test_codes_that_the_payer_takes_as_charted_pass() -> None:
    assert {"code.substituted", "code.not-valid-for-program"} <= passed(compute(visit(did("G0283"))))
    assert not {"code.substituted", "code.not-valid-for-program"} & passed(
        compute(visit(did("97014"), program="commercial"))
    )


def test_a_code_that_medicare_does_not_take_and_nothing_replaces_blocks() -> None:
    computed = compute(visit(did("97127"), on=date(2019, 6, 1)))
    assert unbilled(computed) == {"1": "pfs-status-i"}
    finding = failed(computed)["code.not-valid-for-program"]
    assert (finding.severity, finding.inputs["use_instead"]) == (Severity.BLOCK, "97129")


def test_the_worksheet_names_the_profile_that_chose_the_rule() -> None:
    computed = compute(visit(did("97110", 10), did("97140", 10), program="commercial", payer_name="UHC"))
    assert (computed.worksheet.profile, computed.worksheet.rule) == ("commercial > unitedhealthcare", "cms-8-minute")
    assert computed.worksheet.timed_units == 1


@pytest.mark.parametrize(("minutes", "result"), [(127, Result.PASS), (128, Result.FAIL)])
def test_units_above_the_payers_limit_of_a_day_block_and_are_not_cut(minutes: int, result: Result) -> None:
    computed = compute(visit(did("97110", minutes), program="medicaid", payer_name="Texas Medicaid"))
    assert computed.worksheet.timed_units == (8 if result is Result.PASS else 9)
    assert ("units.over-daily-limit" in passed(computed)) is (result is Result.PASS)
    if result is Result.FAIL:
        finding = failed(computed)["units.over-daily-limit"]
        assert (finding.severity, finding.carc) == (Severity.BLOCK, "119")
        assert finding.inputs == {"timed_units": 9, "most_timed_units": 8}


def test_without_a_limit_of_a_day_nothing_is_said_of_it() -> None:
    computed = compute(visit(did("97110", 300), program="medicaid"))
    assert "units.over-daily-limit" not in {*failed(computed), *passed(computed)}


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


def test_services_in_turns_within_the_same_hour_keep_all_their_minutes() -> None:
    computed = compute(visit(at("97110", 0, 40, 20), at("97530", 0, 40, 20)))
    assert computed.worksheet.timed_minutes == 40
    assert "units.overlapping-minutes" in passed(computed)
    assert not failed(computed)


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


@pytest.mark.parametrize("contact", ["supervised", "unattended", "group", None])
def test_what_needs_no_therapist_may_run_beside_a_timed_service(contact: str | None) -> None:
    computed = compute(visit(at("97012", 0, 30, contact=contact), at("97110", 0, 30)))
    assert units_of(computed) == {"97012": 1, "97110": 2}
    assert not failed(computed)


def test_an_overlap_is_seen_although_another_service_has_no_times() -> None:
    computed = compute(visit(at("97110", 0, 30), at("97140", 20, 35), did("97112", 8)))
    assert credited(computed) == {"1": 30, "2": 5}
    assert service(computed, "97112").minutes == 8


def test_times_that_follow_one_another_pass() -> None:
    computed = compute(visit(at("97110", 0, 30), at("97140", 30, 45)))
    assert {"units.overlapping-minutes", "units.minutes-exceed-interval", "units.times-reversed"} <= passed(computed)
    unknown = compute(visit(did("97110", 30), did("97140", 15)))
    assert not {"units.overlapping-minutes", "units.minutes-exceed-interval"} & {one.id for one in unknown.findings}


def test_times_that_meet_within_a_minute_do_not_overlap() -> None:
    meeting = NINE + timedelta(minutes=15, seconds=20)
    first = did("97110", 15, started_at=NINE + timedelta(seconds=10), ended_at=meeting)
    then = did("97140", 15, started_at=meeting, ended_at=meeting + timedelta(minutes=15))
    assert not failed(compute(visit(first, then)))


def test_more_minutes_than_lie_between_the_times_are_not_counted() -> None:
    computed = compute(visit(at("97110", 0, 22, 25)))
    finding = failed(computed)["units.minutes-exceed-interval"]
    assert (finding.severity, finding.intervention_id) == (Severity.BLOCK, "1")
    assert finding.inputs == {"code": "97110", "minutes": 25, "interval_minutes": 22}
    assert (service(computed, "97110").minutes, service(computed, "97110").units) == (22, 1)


def test_the_report_of_a_test_is_written_outside_its_times() -> None:
    computed = compute(visit(at("96125", 0, 60, 100), at("97110", 60, 75), total_minutes=75))
    assert units_of(computed) == {"96125": 2, "97110": 1}
    assert not failed(computed)


@pytest.mark.parametrize("through", [0, -10])
def test_times_the_wrong_way_round_are_left_out_and_the_minutes_stand(through: int) -> None:
    computed = compute(visit(at("97110", 0, through, 15), at("97140", 0, 15)))
    assert failed(computed).keys() == {"units.times-reversed"}
    assert computed.worksheet.timed_minutes == 30


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


@pytest.mark.parametrize(("total", "result"), [(40, Result.PASS), (39, Result.FAIL), (None, None)])
def test_timed_minutes_are_held_against_the_visits_total_and_not_reduced(
    total: int | None, result: Result | None
) -> None:
    computed = compute(
        visit(did("97110", 25), did("97140", 15), did("97150", 30, contact="group"), total_minutes=total)
    )
    assert ("units.minutes-exceed-total" in passed(computed)) is (result is Result.PASS)
    assert ("units.minutes-exceed-total" in failed(computed)) is (result is Result.FAIL)
    assert computed.worksheet.timed_minutes == 40
    if result is Result.FAIL:
        finding = failed(computed)["units.minutes-exceed-total"]
        assert (finding.severity, finding.inputs) == (Severity.BLOCK, {"credited_minutes": 40, "total_minutes": 39})


def test_minutes_that_the_clock_takes_away_are_not_held_against_the_total() -> None:
    computed = compute(visit(at("97110", 0, 30), at("97140", 0, 30), total_minutes=30))
    assert "units.minutes-exceed-total" in passed(computed)


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


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_whose_the_first_unit_is_does_not_hang_on_the_order_of_lines(order: tuple[int, int]) -> None:
    rows = (did("97129", 15, assistant_minutes=0), did("97129", 15, assistant_minutes=15))
    computed = compute(visit(*(rows[n] for n in order)))
    assert [share.assistant for share in service(computed, "97129").shares] == [False]
    assert [share.assistant for share in service(computed, "97130").shares] == [True]


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


MEASURED = "units.quantity-contradicts-code"


@pytest.mark.parametrize(
    ("interventions", "expected"),
    [
        ([("97597", "60")], {"97597": 1, "97598": 2}),
        ([("97597", "20")], {"97597": 1}),
        ([("97597", "20.5")], {"97597": 1, "97598": 1}),
        ([("97597", "40")], {"97597": 1, "97598": 1}),
        ([("97597", "40.1")], {"97597": 1, "97598": 2}),
        ([("97597", "3")], {"97597": 1}),
        ([("97597", "15"), ("97597", "15")], {"97597": 1, "97598": 1}),  # two wounds of one depth: the sum counts
        ([("97598", "40"), ("97597", "20")], {"97597": 1, "97598": 2}),
        ([("97597", "10"), ("97598", "5")], {"97597": 1}),
    ],
)
def test_debridement_counts_by_twenty_square_centimeters_or_a_part(
    interventions: list[tuple[str, str]], expected: dict[str, int]
) -> None:
    computed = compute(visit(*(did(code, 10, area_sq_cm=Decimal(area)) for code, area in interventions)))
    assert units_of(computed) == expected
    assert MEASURED in passed(computed)
    assert not failed(computed)


def test_further_units_of_an_area_come_from_the_intervention_of_the_first() -> None:
    computed = compute(visit(did("97597", 30, area_sq_cm=Decimal(60), assistant_minutes=30)))
    first, further = computed.worksheet.services
    assert (first.intervention_ids, further.intervention_ids) == (("1",), ("1",))
    assert (first.minutes, further.minutes) == (30, None)
    assert [share.assistant for share in (*first.shares, *further.shares)] == [True] * 3
    assert further.reasons[0].inputs["area_sq_cm"] == "60"


def test_an_area_that_makes_no_further_unit_leaves_its_code_off() -> None:
    computed = compute(visit(did("97597", 10, area_sq_cm=Decimal(10)), did("97598", 5, area_sq_cm=Decimal(5))))
    assert unbilled(computed) == {"2": MEASURED}


@pytest.mark.parametrize(
    ("interventions", "units"),
    [
        ([did("97597", 30), did("97598", 10)], {"97597": 1, "97598": 1}),
        ([did("97597", 30, area_sq_cm=Decimal(60)), did("97598", 10)], {"97597": 1, "97598": 1}),
        ([did("97606")], {"97606": 1}),
        ([did("98977")], {"98977": 1}),
        ([did("98980"), did("98981")], {"98980": 1, "98981": 1}),
        ([did("95851", 10)], {"95851": 1}),
    ],
)
def test_an_unknown_quantity_is_one_unit_and_a_question(
    interventions: list[dict[str, Any]], units: dict[str, int]
) -> None:
    computed = compute(visit(*interventions))
    assert units_of(computed) == units
    finding = failed(computed)["units.quantity-unknown"]
    assert (finding.severity, finding.result) == (Severity.REVIEW, Result.UNKNOWN)


@pytest.mark.parametrize(
    ("code", "fact", "on", "fitting"),
    [
        ("97605", {"area_sq_cm": Decimal("50.1")}, DAY, "97606"),
        ("97606", {"area_sq_cm": Decimal(50)}, DAY, "97605"),
        ("97607", {"area_sq_cm": Decimal(60)}, DAY, "97608"),
        ("97608", {"area_sq_cm": Decimal(1)}, DAY, "97607"),
        ("97597", {"area_sq_cm": Decimal(0)}, DAY, None),
        ("98976", {"monitored_days": 15}, DAY, "98984"),
        ("98977", {"monitored_days": 15}, DAY, "98985"),
        ("98978", {"monitored_days": 2}, DAY, "98986"),
        ("98977", {"monitored_days": 15}, date(2025, 12, 31), None),  # the short codes begin in 2026
        ("98977", {"monitored_days": 1}, DAY, None),
        ("98985", {"monitored_days": 16}, DAY, "98977"),
        ("98979", {"month_minutes": 20}, DAY, "98980"),
        ("98979", {"month_minutes": 9}, DAY, None),
    ],
)
def test_a_quantity_that_contradicts_the_code_blocks_and_names_the_code_that_fits(
    code: str, fact: dict[str, Any], on: date, fitting: str | None
) -> None:
    computed = compute(visit(did(code, **fact), on=on))
    assert units_of(computed) == {code: 0}
    assert unbilled(computed) == {"1": MEASURED}
    finding = failed(computed)[MEASURED]
    assert (finding.severity, finding.inputs["fitting_code"]) == (Severity.BLOCK, fitting)
    if fitting:
        assert not failed(compute(visit(did(fitting, **fact), on=on)))


@pytest.mark.parametrize(
    ("minutes", "units"),
    [(20, {"98980": 1}), (39, {"98980": 1}), (40, {"98980": 1, "98981": 1}), (79, {"98980": 1, "98981": 2})],
)
def test_a_months_management_counts_full_twenties_only(minutes: int, units: dict[str, int]) -> None:
    computed = compute(visit(did("98980", month_minutes=minutes)))
    assert units_of(computed) == units
    assert not failed(computed)


@pytest.mark.parametrize(("on", "fitting"), [(DAY, "98979"), (date(2025, 12, 31), None)])
def test_a_month_with_too_few_minutes_yet_is_left_off_and_asks(on: date, fitting: str | None) -> None:
    computed = compute(visit(did("98980", month_minutes=19), on=on))
    assert (units_of(computed), unbilled(computed)) == ({"98980": 0}, {"1": MEASURED})
    finding = failed(computed)[MEASURED]
    assert (finding.severity, finding.inputs["fitting_code"]) == (Severity.REVIEW, fitting)


def test_days_and_months_minutes_are_the_periods_and_do_not_add_up() -> None:
    assert units_of(compute(visit(did("98980", month_minutes=25), did("98980", month_minutes=30)))) == {"98980": 1}
    assert units_of(compute(visit(did("98977", monitored_days=9), did("98977", monitored_days=9)))) == {"98977": 0}


@pytest.mark.parametrize(
    "intervention",
    [
        did("97597", area_sq_cm=Decimal("1E+30")),
        did("97597", area_sq_cm=Decimal(-1)),
        did("98980", month_minutes=10**9),
        did("98977", monitored_days=400),
    ],
)
def test_a_quantity_that_cannot_be_is_one_unit_and_a_finding(intervention: dict[str, Any]) -> None:
    computed = compute(visit(intervention, did("97110", 15)))
    assert failed(computed).keys() == {"units.quantity-implausible"}
    assert units_of(computed) == {intervention["code"]: 1, "97110": 1}


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


def test_a_code_is_compared_only_where_each_of_its_interventions_came_with_units() -> None:
    computed = compute(visit(did("97110", 15, units=1), did("97110", 15), did("97140", 15, units=1)))
    assert computed.worksheet.ehr is not None
    assert computed.worksheet.ehr.units == {"97140": 1}
    assert {OVER, UNDER} <= passed(computed)


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


@pytest.mark.parametrize(("documented", "result"), [(40, Result.PASS), (23, Result.FAIL), (None, None)])
def test_timed_minutes_are_held_against_the_timed_total_of_the_note(
    documented: int | None, result: Result | None
) -> None:
    computed = compute(visit(did("97110", 25), did("97140", 15), timed_minutes=documented))
    assert ("units.minutes-exceed-timed" in passed(computed)) is (result is Result.PASS)
    assert ("units.minutes-exceed-timed" in failed(computed)) is (result is Result.FAIL)


def test_a_minute_in_a_group_is_not_credited_to_a_timed_code_as_well() -> None:
    computed = compute(visit(at("97150", 0, 30, contact="group"), at("97035", 0, 15)))
    assert sum(failed(computed)["units.overlapping-minutes"].inputs["credited"].values()) == 30
