"""What must hold for any day. `UNITS_EXAMPLES=20000` tries more days; `--hypothesis-show-statistics` counts them."""

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from claimbus.events import Basis, CodedIntervention, RuleSet, UnitsComputed, VisitCoded
from claimbus.values import Program
from hypothesis import given, settings
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.domain.schedule import Stint, credit_minutes, overlap
from units.domain.unit_rules import TimedService, allocate_ama_midpoint, allocate_cms_8_minute
from units.rule_book import UnitRuleBook

RULES = UnitRuleBook.load()

many = settings(max_examples=int(os.environ.get("UNITS_EXAMPLES", "200")), deadline=None)

DAY = date(2026, 11, 18)
NINE = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
BOOK = RULES.on(DAY)
TABLE = BOOK.eight_minute
POOLED = sorted(code for code, row in BOOK.codes.items() if row.pooled and row.add_on_to is None)
TIMED = sorted(code for code, row in BOOK.codes.items() if row.kind == "timed")
UNTIMED = ["97012", "97161", "97597", "97598", "97014", "98980"]

DAYS = st.dictionaries(st.sampled_from(POOLED), st.integers(0, 180), min_size=1, max_size=10)
PROGRAMS = st.sampled_from([Program.MEDICARE_PART_B, Program.COMMERCIAL])


@st.composite
def clock(draw: st.DrawFn) -> dict[str, Any]:
    """Times of a service on a morning, or none."""
    if draw(st.booleans()):
        return {}
    start = draw(st.integers(0, 90))
    end = start + draw(st.integers(1, 45))
    return {"started_at": NINE + timedelta(minutes=start), "ended_at": NINE + timedelta(minutes=end)}


@st.composite
def service(draw: st.DrawFn, codes: list[str] = TIMED, *, times: bool = False) -> dict[str, Any]:
    minutes = draw(st.integers(0, 70))
    assistant = draw(st.one_of(st.just(0), st.integers(0, minutes)))
    return {"code": draw(st.sampled_from(codes)), "minutes": minutes, "assistant_minutes": assistant} | (
        draw(clock()) if times else {}
    )


LINES = st.lists(service(), min_size=1, max_size=7)
TIMES = st.lists(
    st.one_of(
        service(times=True),
        service(times=True).map(lambda one: one | {"contact": "one_on_one", "code": "97161"}),
        service(UNTIMED, times=True),
    ),
    min_size=1,
    max_size=7,
)


def compute(lines: list[dict[str, Any]], program: Program = Program.MEDICARE_PART_B) -> UnitsComputed:
    """Lines keep the id that they bear, wherever they stand; without one it is their place."""
    rows = []
    for n, line in enumerate(lines, 1):
        facts = {"intervention_id": str(n)} | line
        rows.append(CodedIntervention(chosen_by="clinician", rule="r", citation="c", **facts))
    coded = VisitCoded(
        practice_id="p", visit_id="v", revision=1, basis=Basis(event_id="e", sha256="s"), service_date=DAY,
        program=program, rule_set=RuleSet(version="1", sha256="s", tables={}), interventions=tuple(rows),
        assistant_present=False,
    )  # fmt: skip
    return compute_units(coded, BOOK)


def units_of(computed: UnitsComputed) -> dict[str, int]:
    return {each.code: each.units for each in computed.worksheet.services}


def services(minutes: dict[str, int]) -> list[TimedService]:
    return [TimedService(code, each) for code, each in minutes.items()]


# The rules by themselves.


@many
@given(DAYS)
def test_cms_units_never_exceed_the_ceiling_of_the_table(minutes: dict[str, int]) -> None:
    allocation = allocate_cms_8_minute(services(minutes), TABLE)
    total = sum(minutes.values())
    ceiling = 0 if total < 8 else (total - 8) // 15 + 1
    assert sum(allocation.units.values()) == ceiling
    assert all(sum(one.values()) == ceiling for one in allocation.alternatives)


@many
@given(DAYS)
def test_each_service_gets_its_whole_units_and_at_most_one_more(minutes: dict[str, int]) -> None:
    allocation = allocate_cms_8_minute(services(minutes), TABLE)
    for outcome in (allocation.units, *allocation.alternatives):
        for code, each in minutes.items():
            whole, remainder = divmod(each, 15)
            assert whole <= outcome.get(code, 0) <= whole + (remainder > 0)


@many
@given(DAYS)
def test_no_larger_remainder_goes_without_while_a_smaller_one_is_served(minutes: dict[str, int]) -> None:
    allocation = allocate_cms_8_minute(services(minutes), TABLE)
    for outcome in (allocation.units, *allocation.alternatives):
        served = [each % 15 for code, each in minutes.items() if outcome.get(code, 0) > each // 15]
        refused = [each % 15 for code, each in minutes.items() if outcome.get(code, 0) == each // 15]
        assert not served or not refused or min(served) >= max(refused)


@many
@given(DAYS)
def test_the_midpoint_rule_never_pools(minutes: dict[str, int]) -> None:
    together = allocate_ama_midpoint(services(minutes), TABLE).units
    assert together == {code: 0 if each < 8 else (each - 8) // 15 + 1 for code, each in minutes.items()}


# Whole visits.


@many
@given(TIMES, PROGRAMS)
def test_pooled_units_of_a_visit_never_exceed_what_its_credited_minutes_give(
    lines: list[dict[str, Any]], program: Program
) -> None:
    sheet = compute(lines, program).worksheet
    pooled = [each for each in sheet.services if each.pooled]
    minutes = sum(each.minutes or 0 for each in pooled)
    if sheet.rule == "cms-8-minute":
        assert sum(each.units for each in pooled) == (minutes + 7) // 15
    else:
        assert sum(each.units for each in pooled) <= sum(((each.minutes or 0) + 7) // 15 + 1 for each in pooled)


@many
@given(st.data(), TIMES, PROGRAMS)
def test_the_order_of_lines_never_matters(data: st.DataObject, lines: list[dict[str, Any]], program: Program) -> None:
    named = [line | {"intervention_id": f"i{n}"} for n, line in enumerate(lines)]
    here, there = compute(named, program), compute(data.draw(st.permutations(named)), program)
    assert units_of(here) == units_of(there)
    assert here.worksheet.other_rules == there.worksheet.other_rules
    assert marks(here) == marks(there)
    assert {one.id: one.inputs.get("credited") for one in here.findings} == {
        one.id: one.inputs.get("credited") for one in there.findings
    }
    assert {one.intervention_id for one in here.unbilled} == {one.intervention_id for one in there.unbilled}


def marks(computed: UnitsComputed) -> dict[str, list[tuple[int, int, bool | None]]]:
    return {
        each.code: [(one.therapist_minutes, one.assistant_minutes, one.assistant) for one in each.shares]
        for each in computed.worksheet.services
    }


@many
@given(LINES, st.data(), st.integers(1, 60), PROGRAMS)
def test_adding_minutes_never_lowers_the_days_units(
    lines: list[dict[str, Any]], data: st.DataObject, more: int, program: Program
) -> None:
    place = data.draw(st.integers(0, len(lines) - 1))
    longer = [line | {"minutes": line["minutes"] + more} if n == place else line for n, line in enumerate(lines)]
    assert compute(longer, program).worksheet.timed_units >= compute(lines, program).worksheet.timed_units


@many
@given(LINES, LINES)
def test_under_the_midpoint_rule_units_of_a_code_do_not_depend_on_the_others(
    lines: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    family = {code for line in lines for code in (line["code"], BOOK.codes[line["code"]].add_on_to) if code}
    family |= {row.code for first, row in BOOK.further.items() if first in family}
    company = [
        line for line in others if line["code"] not in family and BOOK.codes[line["code"]].add_on_to not in family
    ]
    alone = units_of(compute(lines, Program.COMMERCIAL))
    together = units_of(compute([*lines, *company], Program.COMMERCIAL))
    assert {code: together[code] for code in alone} == alone


@many
@given(TIMES, PROGRAMS)
def test_the_minutes_of_all_shares_add_up_to_the_service(lines: list[dict[str, Any]], program: Program) -> None:
    for each in compute(lines, program).worksheet.services:
        assert len(each.shares) == each.units == each.whole_units + each.allocated
        if each.shares and each.minutes is not None:
            assert sum(one.therapist_minutes + one.assistant_minutes for one in each.shares) == each.minutes


@many
@given(TIMES)
def test_each_other_rule_says_what_it_would_say_as_the_payers_own(lines: list[dict[str, Any]]) -> None:
    cms, ama = (compute(lines, program) for program in (Program.MEDICARE_PART_B, Program.COMMERCIAL))
    for own, other in ((cms, ama), (ama, cms)):
        timed = {each.code: each.units for each in own.worksheet.services if each.kind == "timed" and each.units}
        seen = other.worksheet.other_rules[own.worksheet.rule]
        assert {code: units for code, units in seen.items() if units} == timed


@many
@given(LINES, st.data(), PROGRAMS)
def test_the_ehrs_units_differ_from_a_rule_by_what_is_over_and_under(
    lines: list[dict[str, Any]], data: st.DataObject, program: Program
) -> None:
    sent = [line | {"units": data.draw(st.integers(0, 6))} for line in lines]
    sheet = compute(sent, program).worksheet
    ehr = sheet.ehr
    if ehr is None:
        assert not sheet.services
        return
    own = {each.code: each.units for each in sheet.services}
    for rule, allocated in (*sheet.other_rules.items(), (sheet.rule, own)):
        over, under = ehr.over.get(rule, {}), ehr.under.get(rule, {})
        assert not over.keys() & under.keys()
        assert all(units > 0 for units in (*over.values(), *under.values()))
        # Whatever legal allocation it is held against, the day's sum is the rule's.
        assert sum(ehr.units.values()) - sum(over.values()) + sum(under.values()) == sum(allocated.values())


@many
@given(LINES, PROGRAMS)
def test_units_as_the_rule_gives_them_are_neither_over_nor_under(lines: list[dict[str, Any]], program: Program) -> None:
    one_each = list({line["code"]: line for line in lines}.values())
    own = units_of(compute(one_each, program))
    ehr = compute([line | {"units": own.get(line["code"], 0)} for line in one_each], program).worksheet.ehr
    rule = "cms-8-minute" if program is Program.MEDICARE_PART_B else "ama-midpoint"
    # What is under a first code's further units was not charted by those who charted the first code alone.
    uncharted = own.keys() - {line["code"] for line in one_each}
    assert ehr is None or (rule not in ehr.over and ehr.under.get(rule, {}).keys() <= uncharted)


# Clock minutes.


@st.composite
def stints(draw: st.DrawFn, most: int = 6, span: int = 60) -> list[Stint]:
    made = []
    for n in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, span - 1))
        through = draw(st.integers(start + 1, span))
        wanted = draw(st.integers(0, span))
        made.append(Stint(through, start, draw(st.sampled_from(["97110", "97140"])), str(n), through - start, wanted))
    return made


@many
@given(stints())
def test_each_clock_minute_is_credited_at_most_once(day: list[Stint]) -> None:
    credited = credit_minutes(day)
    union = {minute for each in day for minute in range(each.start, each.through)}
    assert sum(credited) <= len(union)
    for each, minutes in zip(day, credited, strict=True):
        assert 0 <= minutes <= min(each.wanted, each.through - each.start)
    for start in {each.start for each in day}:
        for through in {each.through for each in day}:
            inside = [place for place, each in enumerate(day) if start <= each.start and each.through <= through]
            assert sum(credited[place] for place in inside) <= max(0, through - start)


@many
@given(stints(most=5, span=14))
def test_no_other_way_credits_more_minutes(day: list[Stint]) -> None:
    assert sum(credit_minutes(day)) == most_minutes(day)


def most_minutes(day: list[Stint]) -> int:
    """By augmenting paths: each wanted minute is matched with a clock minute of its own."""
    holder: dict[int, tuple[int, int]] = {}

    def place(job: tuple[int, int], seen: set[int]) -> bool:
        each = day[job[0]]
        for minute in range(each.start, each.through):
            if minute not in seen:
                seen.add(minute)
                if minute not in holder or place(holder[minute], seen):
                    holder[minute] = job
                    return True
        return False

    return sum(place((n, nth), set()) for n, each in enumerate(day) for nth in range(each.wanted))


@many
@given(stints(), st.data())
def test_the_order_of_stints_never_matters(day: list[Stint], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(day))))
    here, there = credit_minutes(day), credit_minutes([day[place] for place in order])
    assert [here[place] for place in order] == there


@many
@given(stints())
def test_stints_that_do_not_overlap_get_all_that_they_can(day: list[Stint]) -> None:
    if not overlap(day):
        assert credit_minutes(day) == [each.possible for each in day]


@many
@given(TIMES)
def test_a_visits_credited_minutes_fit_on_the_clock(lines: list[dict[str, Any]]) -> None:
    timed = [
        line
        for line in lines
        if BOOK.codes[line["code"]].kind == "timed" and line["code"] != "96125" and "started_at" in line
    ]
    computed = compute(timed)
    union = {
        line["started_at"] + timedelta(minutes=minute)
        for line in timed
        for minute in range((line["ended_at"] - line["started_at"]) // timedelta(minutes=1))
    }
    assert computed.worksheet.timed_minutes <= min(len(union), sum(line["minutes"] for line in timed))


@pytest.mark.parametrize("program", Program)
def test_every_program_computes_an_empty_visit(program: Program) -> None:
    assert compute([], program).worksheet.services == ()
