"""Dollars and dates of a decision: what each line is expected to bring, what a finding puts at risk, when to file."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import (
    Basis,
    ClaimDenialRisk,
    ClaimReady,
    Finding,
    RunningTotals,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    decision_adapter,
)
from claimbus.values import PayerKey, Program, Result, Severity
from claims.domain.assemble import Facts, decide_claim
from claims.domain.checks.filing import last_filing_day
from claims.domain.history.claim_history import History
from claims.rule_book import ClaimRuleBook
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from documentation_check.domain.check import check_documentation
from documentation_check.rule_book import DocumentationRuleBook
from hypothesis import given
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook

DOCUMENTATION = DocumentationRuleBook.load()
RULES = ClaimRuleBook.load()
UNITS = UnitRuleBook.load()
BASIS = Basis(event_id="e-1", sha256="s")
CODING = CodingRuleBook.load()


def did(code: str, minutes: int | None, **facts: Any) -> dict[str, Any]:
    row = {"code": code, "minutes": minutes, "charge": "90.00", "contact": "one_on_one", "assistant_minutes": 0}
    return row | {"description": "as planned"} | facts


def visit(*interventions: dict[str, Any], payer: dict[str, Any] | None = None, **facts: Any) -> VisitCompleted:
    coverage = {"program": "medicare_part_b", "member_id": "1EG4TE5MK73", "therapy_dollars_used": "100.00"}
    data = {
        "practice_id": "p",
        "visit_id": "v",
        "revision": 1,
        "service_date": "2024-06-03",
        "patient": {"patient_id": "x"},
        "coverage": [coverage | (payer or {})],
        "interventions": list(interventions),
    }
    return VisitCompleted.model_validate(data | facts)


def joined(of: VisitCompleted) -> tuple[VisitCoded, UnitsComputed]:
    coded = suggest_codes(of, BASIS, CODING.on(of.service_date))
    return coded, compute_units(coded, UNITS.on(of.service_date))


def decide(of: VisitCompleted, *more: Finding, totals: RunningTotals | None = None) -> ClaimReady | ClaimDenialRisk:
    """The decision, with findings beside those that the services make."""
    coded, units = joined(of)
    facts = Facts(
        visit=of,
        coded=coded.model_copy(update={"findings": (*coded.findings, *more)}),
        units=units,
        documentation=check_documentation(of, BASIS, DOCUMENTATION.on(of.service_date)),
        basis=BASIS,
        event_ids={},
        rule_sets=(),
    )
    now = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
    return decide_claim(facts, RULES.on(of.service_date), History(totals=totals), decided_at=now, trace_id=None)


def finding(
    result: Result = Result.FAIL, severity: Severity = Severity.BLOCK, name: str = "test.problem", **facts: Any
) -> Finding:
    return Finding(id=name, result=result, severity=severity, message="m", rule="r", citation="c", **facts)


def expected(decision: ClaimReady | ClaimDenialRisk) -> list[tuple[str, str | None]]:
    return [(one.code, None if one.expected_amount is None else str(one.expected_amount)) for one in decision.lines]


def at_risk(of: VisitCompleted, one: Finding) -> str | None:
    """The amount that the decision gives a finding."""
    (found,) = (each for each in decide(of, one).findings if each.id == one.id)
    return None if found.amount_at_risk is None else str(found.amount_at_risk)


# 97110 in full 29.29, reduced 22.30; 97140 in full 26.96, reduced 20.80 (worked out in test_claims_fees.py).
TWO_AND_ONE = visit(did("97110", 33), did("97140", 7))
SPLIT = visit(did("97110", 30, assistant_minutes=15), did("97140", 15))


# Lines and the whole


def test_each_line_has_its_expected_amount_and_the_claim_their_sum() -> None:
    decision = decide(TWO_AND_ONE)
    assert expected(decision) == [("97110", "51.59"), ("97140", "20.80")]
    assert decision.claim.total_expected == Decimal("72.39")


def test_an_assistants_line_is_expected_to_bring_less() -> None:
    decision = decide(SPLIT)
    # 97110: the therapist's in full 29.29, the assistant's 22.30 less 12 % = 19.62
    assert expected(decision) == [("97110", "29.29"), ("97110", "19.62"), ("97140", "20.80")]
    assert decision.claim.total_expected == Decimal("69.71")
    # what counts toward the threshold is not cut
    assert [str(line.allowed_amount) for line in decision.lines] == ["29.29", "22.30", "20.80"]


def test_every_line_says_why_it_brings_what() -> None:
    for of in (TWO_AND_ONE, SPLIT, visit(did("97110", 30), payer={"program": "commercial"})):
        for line in decide(of).lines:
            (why,) = (reason for reason in line.reasons if reason.about == "expected_amount")
            assert why.rule
            assert why.citation
            assert ("unknown" in why.inputs) is (line.expected_amount is None)


def test_the_sum_is_unknown_where_a_line_is() -> None:
    decision = decide(visit(did("97110", 30), did("97545", 120)))
    assert dict(expected(decision)) == {"97110": "51.59", "97545": None}
    assert decision.claim.total_expected is None


def test_where_the_payers_fees_are_unknown_every_amount_is() -> None:
    decision = decide(visit(did("97110", 30), payer={"program": "commercial"}), finding())
    assert expected(decision) == [("97110", None)]
    assert decision.claim.total_expected is None
    assert all(one.amount_at_risk is None for one in decision.findings)


def test_a_claim_without_lines_has_no_sum() -> None:
    assert decide(visit(did("99999", 30))).claim.total_expected is None


# Amounts at risk


def test_a_finding_about_the_whole_claim_puts_all_of_it_at_risk() -> None:
    assert at_risk(TWO_AND_ONE, finding()) == "72.39"
    assert at_risk(TWO_AND_ONE, finding(severity=Severity.REVIEW)) == "72.39"


@pytest.mark.parametrize("severity", [Severity.BLOCK, Severity.REVIEW])
def test_what_is_unknown_puts_as_much_at_risk_as_what_failed(severity: Severity) -> None:
    assert at_risk(TWO_AND_ONE, finding(Result.UNKNOWN, severity)) == "72.39"


def test_what_only_informs_puts_nothing_at_risk() -> None:
    assert at_risk(TWO_AND_ONE, finding(severity=Severity.INFO)) is None


def test_a_finding_about_a_line_puts_that_line_at_risk() -> None:
    assert at_risk(TWO_AND_ONE, finding(line=2)) == "20.80"
    assert at_risk(SPLIT, finding(line=2)) == "19.62"


def test_a_finding_about_an_intervention_puts_all_of_its_lines_at_risk() -> None:
    assert at_risk(TWO_AND_ONE, finding(intervention_id="2")) == "20.80"
    assert at_risk(SPLIT, finding(intervention_id="1")) == "48.91"  # 29.29 + 19.62


def test_a_finding_about_a_code_puts_its_lines_at_risk() -> None:
    assert at_risk(SPLIT, finding(codes=("97110",))) == "48.91"
    without_charge = visit(did("97110", 30), did("97140", 15, charge=None))
    (missing,) = (one for one in decide(without_charge).findings if one.id == "charge.missing")
    assert missing.amount_at_risk == Decimal("20.80")


@pytest.mark.parametrize("name", ["mue.exceeded", "ncci.pair-not-distinct"])
def test_an_edit_that_denies_a_code_puts_every_line_of_it_at_risk(name: str) -> None:
    assert at_risk(SPLIT, finding(name=name, line=2)) == "48.91"
    assert at_risk(SPLIT, finding(name=name, line=3)) == "20.80"


def test_a_finding_names_every_line_that_it_endangers() -> None:
    def lines(of: VisitCompleted, one: Finding) -> tuple[int, ...]:
        return next(found.lines for found in decide(of, one).findings if found.rule == one.rule)

    assert lines(TWO_AND_ONE, finding()) == (1, 2)
    assert lines(TWO_AND_ONE, finding(intervention_id="2")) == (2,)
    assert lines(SPLIT, finding(intervention_id="1")) == (1, 2)
    assert lines(SPLIT, finding(intervention_ids=("1", "2"))) == (1, 2, 3)
    assert lines(SPLIT, finding(severity=Severity.INFO)) == ()


def test_several_interventions_put_their_lines_at_risk_and_no_others() -> None:
    assert at_risk(TWO_AND_ONE, finding(intervention_ids=("2", "9"))) == "20.80"


def test_a_mend_helps_until_the_payer_takes_no_claim_and_never_where_nothing_can_be_mended() -> None:
    def until(**facts: Any) -> date | None:
        return next(found.mend_by for found in decide(TWO_AND_ONE, finding(**facts)).findings if found.rule == "r")

    assert until(fix="Sign.", mending="document") == decide(TWO_AND_ONE).claim.file_by == date(2025, 6, 3)
    assert until(fix="Do not bill it.", mending="none") is None
    assert until() is None


def test_what_is_due_next_endangers_nothing_and_stands_in_the_decision_though_it_passed() -> None:
    due = finding(Result.PASS, Severity.INFO, name="due.something")
    decision = decide(TWO_AND_ONE, due)
    assert due in decision.findings
    assert decision.checks == decide(TWO_AND_ONE).checks


def test_what_is_not_on_the_claim_puts_nothing_at_risk() -> None:
    of = visit(did("97110", 30), did("97010", 10))
    assert at_risk(of, finding(intervention_id="2")) is None
    assert at_risk(of, finding(codes=("97010",))) is None
    assert at_risk(of, finding(name="units.under-billed-by-ehr", codes=("97110",))) is None


def test_an_unknown_amount_at_risk_stays_unknown() -> None:
    of = visit(did("97110", 30), did("97545", 120))
    assert at_risk(of, finding()) is None
    assert at_risk(of, finding(intervention_id="1")) == "51.59"
    assert at_risk(of, finding(intervention_id="2")) is None


def test_a_finding_that_brings_its_amount_keeps_it() -> None:
    assert at_risk(TWO_AND_ONE, finding(amount_at_risk=Decimal("5.00"))) == "5.00"


def test_no_finding_puts_more_at_risk_than_the_claim_is_expected_to_bring() -> None:
    decision = decide(SPLIT, finding(), finding(intervention_id="1"), finding(name="mue.exceeded", line=1))
    assert decision.claim.total_expected is not None
    assert all(0 <= (one.amount_at_risk or 0) <= decision.claim.total_expected for one in decision.findings)


# Filing


def filed(day: date, program: str, **payer: Any) -> date | None:
    settings = RULES.profiles.of(PayerKey(Program(program), **payer), "p", day).settings
    return last_filing_day(day, settings)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2025, 2, 28), date(2026, 2, 28)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2023, 2, 28), date(2024, 2, 28)),
        (date(2026, 12, 31), date(2027, 12, 31)),
        (date(2026, 11, 18), date(2027, 11, 18)),
    ],
)
def test_medicare_takes_a_claim_for_twelve_months_of_the_calendar(day: date, last: date) -> None:
    assert filed(day, "medicare_part_b") == last


def test_a_limit_may_count_days_or_be_unknown() -> None:
    assert filed(date(2026, 11, 18), "commercial", payer_id="87726") == date(2027, 2, 16)
    assert filed(date(2026, 11, 18), "commercial") is None
    assert filed(date(2026, 11, 18), "auto") is None


def test_months_end_on_the_last_day_of_a_short_one_and_the_earlier_of_two_limits_holds() -> None:
    settings = RULES.profiles.of(PayerKey(Program("medicare_part_b")), "p", date(2026, 1, 31)).settings
    one_month = settings.model_copy(update={"filing_months": 1})
    assert last_filing_day(date(2026, 1, 31), one_month) == date(2026, 2, 28)
    assert last_filing_day(date(2028, 1, 31), one_month) == date(2028, 2, 29)
    assert last_filing_day(date(2026, 12, 31), one_month) == date(2027, 1, 31)
    both = settings.model_copy(update={"filing_months": 1, "filing_days": 20})
    assert last_filing_day(date(2026, 1, 31), both) == date(2026, 2, 20)


@given(st.dates())
def test_every_day_has_a_limit_or_lies_at_the_end_of_the_calendar(day: date) -> None:
    last = filed(day, "medicare_part_b")
    assert (last is None) is (day.year == date.max.year)
    assert last is None or 365 <= (last - day).days <= 366


def test_the_claim_says_until_when_it_can_be_filed() -> None:
    assert decide(TWO_AND_ONE).claim.file_by == date(2025, 6, 3)


# What else the decision says


def test_the_decision_names_its_profile_and_hands_on_the_totals() -> None:
    assert decide(TWO_AND_ONE).profile == "medicare_part_b"
    assert decide(TWO_AND_ONE).totals is None
    uhc = visit(did("97110", 30), payer={"program": "commercial", "payer_id": "87726"})
    assert decide(uhc).profile == "commercial > unitedhealthcare"
    totals = RunningTotals(therapy_dollars=Decimal("1234.56"), therapy_visits=12, authorized_visits=None)
    assert decide(TWO_AND_ONE, totals=totals).totals == totals


def test_the_worksheet_is_on_the_decision() -> None:
    sheet, summary = joined(TWO_AND_ONE)[1].worksheet, decide(TWO_AND_ONE).units
    assert summary.services == sheet.services
    assert [service.units for service in summary.services] == [2, 1]
    assert (summary.table_row, summary.ehr) == (sheet.table_row, sheet.ehr)


def test_a_finding_about_other_visits_puts_nothing_of_this_claim_at_risk() -> None:
    assert at_risk(TWO_AND_ONE, finding(name="totals.later-visits-affected")) is None


def test_amounts_survive_json() -> None:
    decision = decide(SPLIT, finding(), totals=RunningTotals())
    assert decision_adapter.validate_json(decision.model_dump_json()) == decision
