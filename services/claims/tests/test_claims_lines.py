"""Edits and modifiers of claim lines, on worksheets as units says them."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from claimbus.events import (
    Basis,
    CodedIntervention,
    Finding,
    Line,
    Passed,
    Reason,
    RuleSet,
    RunningTotals,
    Service,
    UnitsComputed,
    UnitShare,
    VisitCoded,
    VisitCompleted,
    Worksheet,
)
from claimbus.rules import sorted_out
from claimbus.values import Result, Severity
from claims.domain.lines.billed import Billed, LineContext, Part
from claims.domain.lines.compose import compose_lines
from claims.domain.lines.edits import check_pairs, check_units
from claims.domain.tables import ClaimRules, MueRow
from claims.rule_book import ClaimRuleBook
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = ClaimRuleBook.load()
DAY = "2026-11-18"
HEAD: dict[str, Any] = {"practice_id": "p", "visit_id": "v", "revision": 1}
FACT: dict[str, Any] = HEAD | {
    "basis": Basis(event_id="e", sha256="s"),
    "rule_set": RuleSet(version="1", sha256="s", tables={}),
}


def did(code: str, units: int = 1, **facts: Any) -> dict[str, Any]:
    """An intervention; `units` and `assistant` of the worksheet stand beside it."""
    return {"code": code, "worked": units, "charge": "50.00"} | facts


def visit(*rows: dict[str, Any], payer: dict[str, Any] | None = None, **facts: Any) -> VisitCompleted:
    coverage = {"program": "medicare_part_b", "therapy_dollars_used": "100.00"} | (payer or {})
    data = HEAD | {
        "service_date": DAY,
        "place_of_service": "11",
        "facility": "practitioner",
        "patient": {"patient_id": "x"},
        "coverage": [coverage],
        "documentation": {"medical_necessity_attested": True},
        "interventions": [{name: fact for name, fact in row.items() if name != "worked"} for row in rows],
    }
    return VisitCompleted.model_validate(data | facts)


def documented(**facts: Any) -> dict[str, Any]:
    return {"documentation": {"medical_necessity_attested": True} | facts}


def share(*, assistant: bool | None) -> UnitShare:
    return UnitShare(therapist_minutes=5, assistant_minutes=10, assistant=assistant, reason="as the record says")


def service(
    code: str, units: int, ids: tuple[str, ...], *shares: bool | None, charted: tuple[str, ...] = ()
) -> Service:
    """`charted`: codes that the payer takes this one for."""
    substitutions = [
        Reason(about="code", rule="payer-substitution", citation="c", inputs={"charted": name, "billed": code})
        for name in charted
    ]
    return Service(
        code=code,
        kind="timed",
        pooled=True,
        minutes=15 * units,
        whole_units=units,
        remainder=0,
        allocated=0,
        units=units,
        shares=tuple(share(assistant=assistant) for assistant in shares),
        intervention_ids=ids,
        charted=charted,
        reasons=(Reason(about="units", rule="cms-8-minute", citation="c"), *substitutions),
    )


def coded(of: VisitCompleted) -> VisitCoded:
    return VisitCoded(
        **FACT,
        service_date=of.service_date,
        program=of.primary.program,
        interventions=tuple(
            CodedIntervention(intervention_id=row.id, code=row.code, chosen_by="clinician", rule="r", citation="c")
            for row in of.interventions
        ),
    )


class Composed(NamedTuple):
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    passed: tuple[str, ...]


def compose(of: VisitCompleted, *services: Service, totals: RunningTotals | None = None) -> Composed:
    sheet = Worksheet(rule="cms-8-minute", citation="c", timed_minutes=0, timed_units=0, services=services)
    units = UnitsComputed(**FACT, worksheet=sheet)
    pointers = {service.code: (1,) for service in services}
    lines, checked = compose_lines(of, coded(of), units, RULES.on(of.service_date), pointers=pointers, totals=totals)
    return Composed(lines, *sorted_out(checked))


def bill(
    *rows: dict[str, Any], totals: RunningTotals | None = None, shares: tuple[bool | None, ...] = (), **facts: Any
) -> Composed:
    """Lines and findings of a visit; each intervention is a service with its units."""
    of = visit(*rows, **facts)
    services = [
        service(row["code"], row["worked"], (intervention.id,), *shares)
        for row, intervention in zip(rows, of.interventions, strict=True)
    ]
    return compose(of, *services, totals=totals)


def modifiers(*rows: dict[str, Any], **facts: Any) -> list[tuple[str, ...]]:
    return [line.modifiers for line in bill(*rows, **facts).lines]


def findings_of(*rows: dict[str, Any], **facts: Any) -> dict[str, Finding]:
    """What failed or is unknown, by id."""
    return {finding.id: finding for finding in bill(*rows, **facts).findings}


def passed(*rows: dict[str, Any], **facts: Any) -> set[str]:
    return set(bill(*rows, **facts).passed)


def context_of(of: VisitCompleted, rules: ClaimRules, **changed: Any) -> LineContext:
    """What lines depend on, with settings of the payer's profile changed."""
    profile = rules.profile_of(of.primary.payer, "p")
    return LineContext(of, replace(profile, settings=profile.settings.model_copy(update=changed)), rules)


def billed(of: VisitCompleted, *units: tuple[str, tuple[int, ...]]) -> list[Billed]:
    """A service of each intervention: its code, and its units by line."""
    return [
        Billed(
            service(code, sum(by_line), (row.id,)),
            line,
            tuple(Part(count, None, None) for count in by_line),
            (row,),
            (),
            (),
        )
        for line, ((code, by_line), row) in enumerate(zip(units, of.interventions, strict=True), 1)
    ]


def why(line: Line, modifier: str) -> Reason:
    (reason,) = (reason for reason in line.reasons if reason.about == f"modifier:{modifier}")
    return reason


# The tables


def test_all_rows_of_the_reference_are_loaded() -> None:
    sizes = {table.name: (len(table.rows), table.version) for table in RULES.tables}
    assert sizes["ncci-ptp"] == (487, "2024q3")
    assert sizes["mue"] == (80, "2024q3")


def test_the_tables_of_lines_are_part_of_the_rule_set() -> None:
    names = {"ncci-ptp", "mue", "modifiers", "modifier-conflicts", "advance-notices", "notice-effects", "telehealth"}
    assert names <= set(RULES.rule_set.tables)


def test_a_pair_is_forbidden_one_way_round_at_a_time() -> None:
    for day in (date(1995, 1, 1), date(2004, 6, 1), date(2019, 12, 31), date(2020, 1, 1), date(2026, 11, 18)):
        pairs = {(column1, column2) for column1, edits in RULES.on(day).edits.pairs.items() for column2 in edits}
        assert not {(column2, column1) for column1, column2 in pairs} & pairs


def test_a_void_edit_is_kept_and_never_in_force() -> None:
    void = [
        row for table in RULES.tables if table.name == "ncci-ptp" for row in table.rows if row.modifier_indicator == "9"
    ]
    assert len(void) == 84
    for row in void:
        edits = RULES.on(row.effective_from).edits.pairs.get(row.column1, {})
        assert edits.get(row.column2) is not row


# Pairs


@pytest.mark.parametrize(
    ("column1", "column2"),
    [("97140", "97124"), ("97161", "97164"), ("97163", "97162"), ("97750", "97150"), ("97161", "97750")],
)
@pytest.mark.parametrize(
    "helps", [{}, {"distinct_reason": "another session"}, {"modifiers": ["59"]}, {"modifiers": ["XU"]}]
)
def test_a_pair_with_indicator_0_is_never_rescued(column1: str, column2: str, helps: dict[str, Any]) -> None:
    lines, findings, _ = bill(did(column1), did(column2, **helps))
    (finding,) = (finding for finding in findings if finding.id == "ncci.pair-not-allowed")
    assert (finding.result, finding.severity, finding.line, finding.carc) == (Result.FAIL, Severity.BLOCK, 2, "236")
    assert finding.inputs["modifier_indicator"] == "0"
    assert (finding.inputs["column1"], finding.inputs["column2"]) == (column1, column2)
    assert finding.inputs["effective_through"] is None
    assert finding.inputs["version"] == "2024q3"
    assert finding.inputs["set_in_vain"] == helps.get("modifiers", [])
    assert finding.inputs["distinct_reason_given"] is ("distinct_reason" in helps)
    if "modifiers" not in helps:
        assert all(not {"59", "XE", "XP", "XS", "XU"} & set(line.modifiers) for line in lines)


@pytest.mark.parametrize("codes", [("97124", "97140"), ("97140", "97124")])
def test_the_order_of_interventions_changes_no_pair(codes: tuple[str, str]) -> None:
    finding = findings_of(*map(did, codes))["ncci.pair-not-allowed"]
    assert finding.inputs["column2"] == "97124"
    assert finding.line == codes.index("97124") + 1


@pytest.mark.parametrize(("column1", "column2"), [("97530", "97750"), ("97150", "97110"), ("97012", "97140")])
def test_a_pair_with_indicator_1_needs_a_documented_reason(column1: str, column2: str) -> None:
    lines, findings, _ = bill(did(column1), did(column2, distinct_reason="  "))
    (finding,) = (finding for finding in findings if finding.id == "ncci.pair-not-distinct")
    assert (finding.result, finding.severity, finding.line) == (Result.FAIL, Severity.BLOCK, 2)
    assert [line.modifiers for line in lines] == [("GP",), ("GP",)]


@pytest.mark.parametrize(
    "text", ["none", "No", "N/A", "-", "?", "0", "same region", "not distinct, same block", "see note"]
)
def test_what_gives_no_reason_documents_nothing(text: str) -> None:
    lines, findings, _ = bill(did("97530"), did("97750", distinct_reason=text))
    assert "ncci.pair-not-distinct" in {finding.id for finding in findings if finding.result is Result.FAIL}
    assert lines[1].modifiers == ("GP",)


@pytest.mark.parametrize("text", ["not overlapping: tested after treatment", "Another region", "nonoverlapping blocks"])
def test_a_reason_in_few_words_is_one(text: str) -> None:
    lines, _, _ = bill(did("97530"), did("97750", distinct_reason=text))
    assert lines[1].modifiers == ("GP", "59")


@pytest.mark.parametrize("on", [0, 1])
def test_a_documented_reason_on_either_code_puts_59_on_column_2(on: int) -> None:
    rows = [did("97530"), did("97750")]
    rows[on]["distinct_reason"] = "test in the hour after"
    lines, findings, passed = bill(*rows)
    assert [line.modifiers for line in lines] == [("GP",), ("GP", "59")]
    assert not findings
    assert {"ncci.pair-not-allowed", "ncci.pair-not-distinct"} <= set(passed)
    reason = why(lines[1], "59")
    assert reason.rule == "ncci-ptp"
    assert reason.inputs["set_by"] == "documentation"
    assert reason.inputs["distinct_reason"] == ["test in the hour after"]
    (pair,) = reason.inputs["pairs"]
    assert (pair["column1"], pair["column2"], pair["modifier_indicator"]) == ("97530", "97750", "1")


@pytest.mark.parametrize("modifier", ["59", "XE", "XS", "XP", "XU"])
@pytest.mark.parametrize("on", [0, 1])
def test_the_ehr_s_own_modifier_stays_where_it_stands(on: int, modifier: str) -> None:
    rows = [did("97530"), did("97750")]
    rows[on]["modifiers"] = [modifier]
    lines, findings, _ = bill(*rows)
    assert lines[on].modifiers == ("GP", modifier)
    assert lines[1 - on].modifiers == ("GP",)
    assert not [finding for finding in findings if finding.id.startswith("ncci.")]
    assert why(lines[on], modifier).inputs["set_by"] == "ehr"


def test_before_july_2019_a_modifier_counts_on_column_2_alone() -> None:
    first, second = did("97012", modifiers=["59"]), did("97140")
    assert "ncci.pair-not-distinct" in findings_of(first, second, service_date="2019-06-30")
    assert "ncci.pair-not-distinct" not in findings_of(first, second, service_date="2019-07-01")
    assert "ncci.pair-not-distinct" not in findings_of(
        did("97012"), did("97140", modifiers=["59"]), service_date="2019-06-30"
    )


def test_an_x_modifier_is_none_before_2015() -> None:
    results = findings_of(did("97012"), did("97140", modifiers=["XS"]), service_date="2014-12-31")
    assert results["modifier.not-valid-on-date"].carc == "182"
    assert results["ncci.pair-not-distinct"].result is Result.FAIL


@pytest.mark.parametrize(
    ("regions", "modifier"),
    [(("neck", "right knee"), "XS"), (("Neck", " neck "), "XU"), (("neck", None), "XU"), ((None, None), "XU")],
)
def test_a_payer_that_wants_x_gets_the_one_that_fits(regions: tuple[str | None, str | None], modifier: str) -> None:
    of = visit(
        did("97012", body_region=regions[0]), did("97140", body_region=regions[1], distinct_reason="another region")
    )
    context = context_of(of, RULES.on(of.service_date), distinct_modifier="x")
    services = billed(of, ("97012", (1,)), ("97140", (1,)))
    assert list(check_pairs(context, services).reasons["97140"]) == [modifier]


def test_one_modifier_tells_a_code_from_all_its_partners() -> None:
    rows = [did("97150"), did("97012"), did("97140", distinct_reason="after the group, other region")]
    lines, _, _ = bill(*rows)
    assert [line.modifiers for line in lines] == [("GP",), ("GP",), ("GP", "59")]
    assert {pair["column1"] for pair in why(lines[2], "59").inputs["pairs"]} == {"97150", "97012"}


def test_times_that_overlap_contradict_a_distinct_service() -> None:
    def at(start: str, end: str) -> dict[str, Any]:
        return {"started_at": f"2026-11-18T{start}:00-05:00", "ended_at": f"2026-11-18T{end}:00-05:00"}

    first = did("97150", **at("09:00", "09:30"))
    overlapping = did("97110", distinct_reason="after", **at("09:29", "09:45"))
    finding = findings_of(first, overlapping)["ncci.distinct-contradicted"]
    assert (finding.result, finding.severity, finding.line) == (Result.FAIL, Severity.REVIEW, 2)
    assert "ncci.distinct-contradicted" in passed(first, did("97110", distinct_reason="after", **at("09:30", "09:45")))
    unknown = bill(first, did("97110", distinct_reason="after"))
    assert "ncci.distinct-contradicted" not in {*unknown.passed, *(finding.id for finding in unknown.findings)}


@pytest.mark.parametrize(
    ("codes", "last"),
    [
        (("97530", "97116"), "2019-12-31"),
        (("97140", "97530"), "2019-12-31"),
        (("97530", "97113"), "2019-12-31"),
        (("97530", "97535"), "2021-12-31"),
        (("97530", "97533"), "2021-12-31"),
        (("97110", "97164"), "2019-12-31"),
    ],
)
def test_a_deleted_edit_fires_on_its_last_day_and_not_after(codes: tuple[str, str], last: str) -> None:
    rows = [did(code) for code in codes]
    after = str(date.fromisoformat(last) + timedelta(days=1))
    assert "ncci.pair-not-distinct" in findings_of(*rows, service_date=last)
    for day in (after, "2020-10-01", "2024-07-01", DAY):
        if day >= after:
            assert not {name for name in findings_of(*rows, service_date=day) if name.startswith("ncci.")}


@pytest.mark.parametrize("codes", [("97161", "97140"), ("97530", "97161"), ("97110", "97140"), ("97116", "97010")])
def test_void_edits_never_fire(codes: tuple[str, str]) -> None:
    for day in ("1996-01-01", "1999-04-01", "2020-01-01", "2020-10-01", DAY):
        assert not {name for name in findings_of(*map(did, codes), service_date=day) if name.startswith("ncci.")}


def test_a_visit_without_a_pair_passes_both_checks() -> None:
    assert {"ncci.pair-not-allowed", "ncci.pair-not-distinct"} <= passed(did("97110"), did("97140"))


@pytest.mark.parametrize(("program", "severity"), [("commercial", Severity.REVIEW), ("medicaid", Severity.BLOCK)])
def test_a_payer_says_how_a_pair_weighs(program: str, severity: Severity) -> None:
    assert (
        findings_of(did("97140"), did("97124"), payer={"program": program})["ncci.pair-not-allowed"].severity
        is severity
    )


def test_who_pays_for_himself_has_no_edits() -> None:
    _, findings, passed = bill(did("97140", 9), did("97124"), payer={"program": "self_pay"})
    assert not [name for name in (*passed, *(finding.id for finding in findings)) if name.startswith(("ncci.", "mue."))]


def test_a_modifier_for_a_distinct_service_without_an_edit_is_reported() -> None:
    lines, findings, _ = bill(did("97110", modifiers=["59"]), did("97140"))
    (finding,) = (finding for finding in findings if finding.id == "modifier.distinct-without-edit")
    assert (finding.result, finding.severity, finding.line) == (Result.FAIL, Severity.INFO, 1)
    assert lines[0].modifiers == ("GP", "59")
    assert why(lines[0], "59").rule == "set-by-ehr"


TABLE = next(table for table in RULES.tables if table.name == "ncci-ptp")
CODES = sorted({code for row in TABLE.rows for code in (row.column1, row.column2)})
CHANGES = sorted(
    {day for row in TABLE.rows for day in (row.effective_from, row.effective_through)} - {date.min, date.max}
)
DAYS = st.sampled_from(CHANGES) | st.dates(date(1995, 1, 1), date(2030, 1, 1))


@settings(max_examples=300, deadline=None)
@given(st.data(), DAYS, st.booleans())
def test_on_any_day_pairs_in_force_and_no_others_are_found(data: st.DataObject, day: date, rescue: bool) -> None:
    codes = data.draw(st.lists(st.sampled_from(CODES), min_size=2, max_size=8, unique=True))
    facts: dict[str, Any] = {"distinct_reason": "other region", "modifiers": ["59"]} if rescue else {}
    _, findings, _ = bill(*(did(code, **facts) for code in codes), service_date=str(day))
    expected = {
        (row.column1, row.column2, row.modifier_indicator)
        for row in TABLE.rows
        if row.modifier_indicator != "9" and {row.column1, row.column2} <= set(codes) and row.in_force(day)
    }
    found = {
        (finding.inputs["column1"], finding.inputs["column2"], finding.inputs["modifier_indicator"])
        for finding in findings
        if finding.id in ("ncci.pair-not-allowed", "ncci.pair-not-distinct") and finding.result is Result.FAIL
    }
    if rescue:
        expected = {pair for pair in expected if pair[2] == "0"}
    assert found == expected


# Medically unlikely edits


def test_units_above_the_edit_of_the_setting_deny_all_units_of_the_code() -> None:
    finding = findings_of(did("97110", 7))["mue.exceeded"]
    assert (finding.result, finding.severity, finding.line) == (Result.FAIL, Severity.BLOCK, 1)
    assert (finding.carc, finding.rarc) == ("151", "N362")
    assert "All units" in finding.message
    assert finding.inputs == {
        "code": "97110",
        "units": 7,
        "mue": 6,
        "mai": "3",
        "setting": "practitioner",
        "version": "2024q3",
    }


@pytest.mark.parametrize(
    ("code", "facility", "units", "result"),
    [
        ("97110", "practitioner", 6, Result.PASS),
        ("97110", "outpatient_hospital", 8, Result.PASS),
        ("97110", "outpatient_hospital", 9, Result.FAIL),
        ("97110", None, 6, Result.PASS),
        ("97110", None, 7, Result.UNKNOWN),
        ("97110", None, 9, Result.FAIL),
        ("97140", None, 7, Result.FAIL),
        ("98984", "practitioner", 2, Result.FAIL),
        ("98984", None, 2, Result.UNKNOWN),
    ],
)
def test_the_edit_is_that_of_the_setting(code: str, facility: str | None, units: int, result: Result) -> None:
    _, findings, passed = bill(did(code, units), facility=facility)
    results = {finding.id: finding.result for finding in findings} | dict.fromkeys(passed, Result.PASS)
    assert results["mue.exceeded"] is result


@pytest.mark.parametrize(
    ("code", "facility"),
    [("99999", None), ("98986", None), ("98984", "outpatient_hospital"), ("97010", "practitioner"), ("97014", None)],
)
def test_without_a_figure_nothing_is_said_of_units(code: str, facility: str | None) -> None:
    _, findings, passed = bill(did(code, 50), facility=facility)
    assert "mue.exceeded" not in {*passed, *(finding.id for finding in findings)}


def test_both_lines_of_a_code_count_to_an_edit_of_the_day() -> None:
    of = visit(did("97110"))
    lines, findings, _ = compose(of, service("97110", 7, ("1",), *[False] * 4, *[True] * 3))
    assert [line.units for line in lines] == [4, 3]
    assert [finding.result for finding in findings if finding.id == "mue.exceeded"] == [Result.FAIL]


def test_an_edit_by_line_is_held_against_each_line() -> None:
    rules = RULES.on(date(2026, 11, 18))
    row = MueRow(code="97110", practitioner=4, adjudication="1", source="s")
    by_line = replace(rules, edits=replace(rules.edits, most_units={"97110": row}))
    of = visit(did("97110"))
    for units, result in (((4, 3), Result.PASS), ((5, 2), Result.FAIL)):
        (checked,) = check_units(context_of(of, by_line), billed(of, ("97110", units)))
        assert (Result.PASS if isinstance(checked, Passed) else checked.result) is result
        assert isinstance(checked, Passed) or checked.message.endswith("Its line is denied.")


# Codes that a payer takes instead, and add-on codes


def test_a_payer_s_own_code_is_charged_as_what_was_charted() -> None:
    of = visit(did("97014", charge="31.00"))
    (line,), findings, _ = compose(of, service("G0283", 1, ("1",), charted=("97014",)))
    assert (line.code, str(line.charge)) == ("G0283", "31.00")
    assert not {finding.id for finding in findings if finding.id.startswith("charge.")}
    assert [reason.rule for reason in line.reasons if reason.about == "code"] == ["r", "payer-substitution"]


def test_the_charge_of_a_first_code_is_not_that_of_its_add_on() -> None:
    of = visit(did("97597", charge="120.00"))
    lines, findings, _ = compose(of, service("97597", 1, ("1",)), service("97598", 2, ("1",)))
    assert [line.charge for line in lines] == [of.interventions[0].charge, None]
    assert [finding.inputs["code"] for finding in findings if finding.id == "charge.missing"] == ["97598"]


# What the EHR set


@pytest.mark.parametrize("text", ["Q@", "Jane Doe", "12345", "59 XS", "é9"])
def test_a_text_that_is_no_modifier_is_left_off_and_never_repeated(text: str) -> None:
    lines, findings, _ = bill(did("97110", modifiers=[text]), did("97140"))
    assert [line.modifiers for line in lines] == [("GP",), ("GP",)]
    (finding,) = (finding for finding in findings if finding.id == "modifier.unknown")
    assert (finding.result, finding.severity, finding.line) == (Result.FAIL, Severity.BLOCK, 1)
    assert text.upper() not in finding.model_dump_json().upper()


@pytest.mark.parametrize("name", ["ZZ", "00", "9z"])
def test_a_modifier_that_does_not_exist_is_named(name: str) -> None:
    finding = findings_of(did("97110", modifiers=[name]))["modifier.unknown"]
    assert finding.inputs["modifier"] == name.upper()
    assert name.upper() in finding.message


@pytest.mark.parametrize(
    ("name", "first"),
    [("XE", "2015-01-01"), ("95", "2017-01-01"), ("96", "2018-01-01"), ("CQ", "2020-01-01"), ("93", "2022-01-01")],
)
def test_a_modifier_begins_on_its_day(name: str, first: str) -> None:
    before = str(date.fromisoformat(first) - timedelta(days=1))
    row = did("97110", modifiers=[name])
    assert "modifier.not-valid-on-date" in findings_of(row, service_date=before)
    assert name not in modifiers(row, service_date=before)[0]
    assert "modifier.not-valid-on-date" not in findings_of(row, service_date=first)


@pytest.mark.parametrize("name", ["GO", "GN", "CO", "CQ"])
def test_a_modifier_that_the_visit_does_not_bear_out_is_left_off(name: str) -> None:
    lines, findings, _ = bill(did("97110", modifiers=[name]), shares=(False,))
    assert lines[0].modifiers == ("GP",)
    (finding,) = (finding for finding in findings if finding.id == "modifier.differs-from-visit")
    assert (finding.result, finding.severity, finding.inputs["modifiers"]) == (Result.FAIL, Severity.REVIEW, [name])


def test_where_the_minutes_do_not_tell_the_ehr_s_assistant_modifier_is_taken() -> None:
    lines, findings, _ = bill(did("97110", modifiers=["CQ"]), shares=(None,))
    assert lines[0].modifiers == ("GP", "CQ")
    assert why(lines[0], "CQ").rule == "set-by-ehr"
    assert not [
        finding for finding in findings if finding.id == "modifier.differs-from-visit" and finding.result is Result.FAIL
    ]
    assert modifiers(did("97110"), shares=(None,)) == [("GP",)]
    assert modifiers(did("97110", modifiers=["CO"]), shares=(None,)) == [("GP",)]


def test_modifiers_stand_in_one_order_whatever_the_ehr_s() -> None:
    row = did("97750", modifiers=["76", "97", "95", "59"])
    above = {"therapy_dollars_used": "9000.00"}
    (first, *_) = modifiers(row, did("97530"), payer=above, shares=(True,), telehealth="audio_video")
    assert first == ("GP", "CQ", "KX", "59", "95", "97", "76")


@pytest.mark.parametrize("names", [("GA", "GZ"), ("GY", "GZ"), ("GX", "GZ"), ("59", "XS"), ("95", "93"), ("96", "97")])
def test_modifiers_that_contradict_one_another_are_found(names: tuple[str, str]) -> None:
    finding = findings_of(did("97110", modifiers=list(names)))["modifier.conflict"]
    assert (finding.result, finding.severity, finding.carc, finding.rarc) == (Result.FAIL, Severity.BLOCK, "4", "N519")
    assert set(finding.inputs["modifiers"]) == set(names)


def test_modifiers_that_go_together_pass() -> None:
    assert "modifier.conflict" in passed(did("97110", modifiers=["GX", "GY"]))


# KX


def kx(used: str | None, seen: str | None = None, **facts: Any) -> tuple[bool, str, set[str]]:
    """Whether the line bears KX, how the check ended, and what else is to be looked at; one unit of 50 dollars."""
    totals = RunningTotals.model_validate({"therapy_dollars": seen, "therapy_visits": 1}) if seen else None
    row = did("97110", modifiers=facts.pop("modifiers", []))
    lines, findings, passed = bill(row, payer={"therapy_dollars_used": used}, totals=totals, **facts)
    results = {finding.id: finding.result for finding in findings}
    assert ("kx.not-supported" in passed) is ("kx.not-supported" not in results)
    failed = {name for name, result in results.items() if result is Result.FAIL}
    return "KX" in lines[0].modifiers, results.get("kx.not-supported", Result.PASS).value, failed


def test_a_visit_that_crosses_the_threshold_takes_the_ehr_s_kx_when_necessity_is_attested() -> None:
    assert kx("2470.00") == (False, "unknown", set())
    assert kx("2470.00", modifiers=["KX"]) == (True, "pass", set())
    assert kx("2470.00", modifiers=["KX"], **documented(medical_necessity_attested=False))[:2] == (False, "unknown")


def test_with_the_dollars_unknown_the_ehr_s_kx_is_kept_when_necessity_is_attested_and_a_person_is_asked() -> None:
    assert kx(None, modifiers=["KX"]) == (True, "unknown", set())
    assert kx(None, modifiers=["KX"], **documented(medical_necessity_attested=False))[:2] == (False, "unknown")


def test_below_the_threshold_the_ehr_s_kx_is_left_off() -> None:
    assert kx("100.00", modifiers=["KX"]) == (False, "pass", {"kx.not-needed"})
    assert "kx.not-needed" in findings_of(did("97110", modifiers=["KX"]), payer={"program": "commercial"})


def test_what_earlier_visits_add_up_to_stands_in_where_the_visit_does_not_say() -> None:
    assert kx(None, "2480.01") == (True, "pass", set())
    assert kx(None, "2480.00")[:2] == (False, "unknown")
    assert kx(None, "2480.01", **documented(medical_necessity_attested=False))[:2] == (False, "fail")


def test_dollars_below_what_was_seen_are_looked_at_and_used() -> None:
    assert kx("100.00", "100.01") == (False, "pass", {"totals.therapy-dollars-differ"})
    assert kx("100.00", "100.00") == (False, "pass", set())
    assert kx("100.00", "3000.00")[0] is False
    assert kx("100.00", "3000.00")[1] == "unknown"
    assert kx("100.00", "3000.00", modifiers=["KX"]) == (True, "unknown", {"totals.therapy-dollars-differ"})


def test_a_required_notice_stands_for_kx_where_necessity_is_not_attested() -> None:
    notice = {"advance_beneficiary_notice": "GA", "medical_necessity_attested": False}
    lines, findings, _ = bill(did("97110"), payer={"therapy_dollars_used": "2480.01"}, **documented(**notice))
    assert lines[0].modifiers == ("GP", "GA")
    assert not [finding for finding in findings if (finding.result, finding.severity) == (Result.FAIL, Severity.BLOCK)]


def test_the_ehr_s_own_notice_stands_for_kx_where_every_line_bears_it() -> None:
    facts = {"payer": {"therapy_dollars_used": "2480.01"}} | documented(medical_necessity_attested=False)
    noticed, plain = did("97110", modifiers=["GA"]), did("97112")
    assert "kx.not-supported" not in findings_of(noticed, **facts)
    assert "kx.not-supported" in findings_of(noticed, plain, **facts)


def test_kx_with_a_notice_of_expected_denial_contradicts_itself() -> None:
    notice = documented(advance_beneficiary_notice="required")
    assert "modifier.conflict" in findings_of(did("97110"), payer={"therapy_dollars_used": "2480.01"}, **notice)


# Advance notices


@pytest.mark.parametrize(
    ("said", "modifier"),
    [("GA", "GA"), ("required", "GA"), ("Mandatory", "GA"), ("voluntary", "GX"), ("statutory_exclusion", "GY"),
     ("none_expected_denial", "GZ"), ("not-given", "GZ")],
)  # fmt: skip
def test_a_notice_is_marked(said: str, modifier: str) -> None:
    (line,), _, _ = bill(did("97110"), **documented(advance_beneficiary_notice=said))
    assert line.modifiers == ("GP", modifier)
    assert why(line, modifier).rule == "advance-notice"


@pytest.mark.parametrize("said", ["none", "N/A", "  ", None])
def test_no_notice_at_issue_marks_nothing(said: str | None) -> None:
    assert modifiers(did("97110"), **documented(advance_beneficiary_notice=said)) == [("GP",)]
    assert not findings_of(did("97110"), **documented(advance_beneficiary_notice=said))


def test_an_unknown_notice_asks_a_person_and_is_not_repeated() -> None:
    results = findings_of(did("97110"), **documented(advance_beneficiary_notice="Jane signed it"))
    unknown = results["modifier.advance-notice-unknown"]
    assert (unknown.result, unknown.severity) == (Result.UNKNOWN, Severity.REVIEW)
    assert "jane" not in unknown.model_dump_json().lower()


@pytest.mark.parametrize(
    ("said", "problem", "severity"),
    [
        ("GA", "advance-notice.denial-expected", Severity.INFO),
        ("GX", "advance-notice.covered-charges", Severity.REVIEW),
        ("GY", "advance-notice.excluded", Severity.INFO),
        ("GZ", "advance-notice.denied-automatically", Severity.BLOCK),
    ],
)
def test_what_a_notice_brings_about_is_reported(said: str, problem: str, severity: Severity) -> None:
    results = findings_of(did("97110"), **documented(advance_beneficiary_notice=said))
    assert (results[problem].severity, results[problem].line) == (severity, 1)


def test_a_payer_without_notices_gets_none() -> None:
    commercial = {"program": "commercial"}
    assert modifiers(did("97110"), payer=commercial, **documented(advance_beneficiary_notice="GZ")) == [()]


# Telehealth


@pytest.mark.parametrize(("medium", "modifier"), [("audio_video", "95"), ("audio_only", "93")])
@pytest.mark.parametrize("place", ["02", "10"])
def test_telehealth_is_marked_by_its_medium(medium: str, modifier: str, place: str) -> None:
    assert modifiers(did("97110"), telehealth=medium, place_of_service=place) == [("GP", modifier)]
    assert not findings_of(did("97110"), telehealth=medium, place_of_service=place)


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"telehealth": "audio_video"}, "telehealth.place-of-service"),
        (
            {"telehealth": "audio_video", "place_of_service": "10", "service_date": "2021-12-31"},
            "telehealth.place-of-service",
        ),
        ({"place_of_service": "10"}, "telehealth.medium-missing"),
        ({"place_of_service": "02"}, "telehealth.medium-missing"),
        (
            {"telehealth": "audio_only", "place_of_service": "02", "service_date": "2021-12-31"},
            "telehealth.medium-missing",
        ),
    ],
)
def test_telehealth_that_does_not_fit_is_looked_at(facts: dict[str, Any], problem: str) -> None:
    (finding,) = bill(did("97110"), **facts).findings
    assert (finding.id, finding.severity) == (problem, Severity.REVIEW)


def test_the_ehr_s_telehealth_modifier_asks_for_the_medium() -> None:
    assert "telehealth.medium-missing" in findings_of(did("97110", modifiers=["95"]))


@pytest.mark.parametrize(
    ("day", "allowed"),
    [
        ("2020-02-29", False),
        ("2020-03-01", True),
        ("2025-09-30", True),
        ("2025-10-01", True),
        ("2026-01-30", True),
        ("2026-01-31", True),
        ("2027-12-31", True),
        ("2028-01-01", False),
    ],
)
def test_medicare_s_authority_goes_by_date(day: str, allowed: bool) -> None:
    facts = {"telehealth": "audio_video", "place_of_service": "02", "service_date": day}
    findings = findings_of(did("97110"), **facts)
    assert ("telehealth.not-authorized" in passed(did("97110"), **facts)) is allowed
    assert ("telehealth.not-authorized" in findings) is not allowed
    assert allowed or findings["telehealth.not-authorized"].severity is Severity.BLOCK
    assert "telehealth.not-authorized" not in findings_of(did("97110"), payer={"program": "commercial"}, **facts)


def test_a_visit_in_person_says_nothing_of_telehealth() -> None:
    _, findings, passed = bill(did("97110"))
    assert not [name for name in (*passed, *(finding.id for finding in findings)) if name.startswith("telehealth.")]


# Habilitative services

UHC = {"program": "commercial", "payer_id": "87726"}
AMBETTER = {"program": "commercial", "payer_id": "68069"}


@pytest.mark.parametrize(
    ("payer", "habilitative", "modifier"),
    [(UHC, True, "96"), (UHC, False, "97"), (AMBETTER, True, "96"), (AMBETTER, False, None)],
)
def test_a_payer_that_asks_learns_whether_services_are_habilitative(
    payer: dict[str, Any], habilitative: bool, modifier: str | None
) -> None:
    plan = documented(plan_of_care={"habilitative": habilitative})
    (carried,) = modifiers(did("97110"), payer=payer, **plan)
    assert set(carried) & {"96", "97"} == ({modifier} if modifier else set())


def test_where_the_plan_does_not_say_the_ehr_s_modifier_stands() -> None:
    assert modifiers(did("97110", modifiers=["97"]), payer=UHC) == [("GP", "97")]
    assert "modifier.habilitative-unknown" not in findings_of(did("97110", modifiers=["97"]), payer=UHC)
    assert findings_of(did("97110"), payer=UHC).keys() == {"modifier.habilitative-unknown"}


def test_the_plan_goes_before_the_ehr_s_modifier() -> None:
    plan = documented(plan_of_care={"habilitative": True})
    assert modifiers(did("97110", modifiers=["97"]), payer=UHC, **plan) == [("GP", "96")]
    assert findings_of(did("97110", modifiers=["97"]), payer=UHC, **plan).keys() == {"modifier.differs-from-visit"}


# Every line

NAMES = ["GP", "GO", "CQ", "KX", "59", "XS", "GA", "GZ", "95", "96", "97", "76", "ZZ", "no modifier", ""]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(NAMES), max_size=5), min_size=1, max_size=3),
    st.sampled_from(["medicare_part_b", "commercial", "tricare"]),
    st.sampled_from([None, "audio_video", "audio_only"]),
    st.sampled_from([None, "GA", "voluntary", "?"]),
    st.sampled_from([None, "100.00", "2480.00", "9000.00"]),
    st.sampled_from([(True,), (False,), (None,), ()]),
)
def test_every_modifier_exists_stands_once_and_has_its_reason(
    names: list[list[str]],
    program: str,
    telehealth: str | None,
    notice: str | None,
    used: str | None,
    shares: tuple[bool | None, ...],
) -> None:
    codes = ["97530", "97750", "97140"]
    rows = [did(code, modifiers=of, distinct_reason="apart") for code, of in zip(codes, names, strict=False)]
    payer = {"program": program, "therapy_dollars_used": used}
    lines, findings, _ = bill(
        *rows, payer=payer, telehealth=telehealth, shares=shares, **documented(advance_beneficiary_notice=notice)
    )
    for line in lines:
        about = [reason.about for reason in line.reasons if reason.about.startswith("modifier:")]
        assert about == [f"modifier:{name}" for name in line.modifiers]
        assert len(set(about)) == len(about)
        assert not {"ZZ", "NO MODIFIER", "GO"} & set(line.modifiers)
        assert all(reason.rule and reason.citation for reason in line.reasons)
    assert all(finding.line is None or 1 <= finding.line <= len(lines) for finding in findings)
    assert all(finding.fix and finding.fixable_by for finding in findings)
