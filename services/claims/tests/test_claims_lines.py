"""Edits and modifiers of claim lines, on worksheets as units says them."""

from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import pytest
from claimbus.events import (
    Basis,
    CodedIntervention,
    Finding,
    Line,
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
from claimbus.values import Result
from claims.domain.lines.billed import Billed, LineContext, Part
from claims.domain.lines.compose import compose_lines
from claims.domain.lines.edits import check_pairs
from claims.domain.tables import ClaimRules
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
        assistant_present=False,
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


@pytest.mark.parametrize(
    ("code", "facility", "units", "result"),
    [
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


# Codes that a payer takes instead, and add-on codes


def test_a_payer_s_own_code_is_charged_as_what_was_charted() -> None:
    of = visit(did("97014", charge="31.00"))
    (line,), findings, _ = compose(of, service("G0283", 1, ("1",), charted=("97014",)))
    assert (line.code, str(line.charge)) == ("G0283", "31.00")
    assert not {finding.id for finding in findings if finding.id.startswith("charge.")}
    assert [reason.rule for reason in line.reasons if reason.about == "code"] == ["r", "payer-substitution"]


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
