"""The decision on a visit, from facts that the other services' own functions computed."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import (
    Basis,
    ClaimDenialRisk,
    ClaimReady,
    CodedIntervention,
    Finding,
    Line,
    RuleSet,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitVoided,
    claim_id_of,
    decision_adapter,
)
from claimbus.rules import merge_rule_sets
from claimbus.values import Program, Result, Severity
from claims.domain.assemble import Facts, decide_claim, retract_claim
from claims.domain.history.claim_history import History
from claims.rule_book import ClaimRuleBook
from documentation_check.domain.check import check_documentation
from documentation_check.rule_book import DocumentationRuleBook
from hypothesis import given, settings
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook

BASIS = Basis(event_id="e-1", sha256="s")
DOCUMENTATION = DocumentationRuleBook.load()
CODING = RuleSet(version="2026.01", sha256="coding", tables={"lexicon": "2026.01"})
NOW = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
RULES = ClaimRuleBook.load()
UNITS = UnitRuleBook.load()

HOME = {"line1": "1 Main St", "city": "Boston", "state": "MA", "postal_code": "021081234"}
VISIT: dict[str, Any] = {
    "practice_id": "p",
    "visit_id": "v",
    "revision": 1,
    "service_date": "2026-11-18",
    "started_at": "2026-11-18T09:00:00-05:00",
    "ended_at": "2026-11-18T10:30:00-05:00",
    "place_of_service": "11",
    "patient": {
        "patient_id": "x",
        "first_name": "Alex",
        "last_name": "Tester",
        "birth_date": "1950-01-01",
        "address": HOME,
    },
    "coverage": [
        {
            "program": "medicare_part_b",
            "payer_id": "MEDB",
            "payer_name": "Medicare",
            "member_id": "1EG4TE5MK73",
            "relationship": "self",
            "therapy_dollars_used": "100.00",
        }
    ],
    "case": {"treatment_day": 9},
    "diagnoses": [{"code": "M25.561", "rank": 1}],
    "billing_provider": {
        "npi": "1234567893",
        "name": "Northside PT",
        "tax_id": "123456789",
        "taxonomy": "261QP2000X",
        "address": HOME,
    },
    "rendering_provider": {"npi": "1234567893", "credential": "PT"},
    "referring_provider": {"npi": "1234567893", "last_name": "Refer"},
    "documentation": {
        "note": {"subjective": "s", "objective": "o", "assessment": "tolerated well", "plan": "p"},
        "signature": {"signed_at": "2026-11-18T11:10:00-05:00", "name": "Pat Therapist", "credential": "PT"},
        "cosign_required": False,
        "plan_of_care": {
            "established_on": "2026-10-20",
            "diagnoses": ["M25.561"],
            "long_term_goals": ["climb 12 stairs without rail"],
            "type": "physical therapy",
            "amount": "1 a day",
            "frequency": "2 a week",
            "duration": "8 weeks",
            "certification": {
                "method": "signature",
                "certified_on": "2026-10-25",
                "certified_through": "2027-01-17",
                "certifier_npi": "1234567893",
                "certifier_kind": "physician",
            },
        },
        "progress_report": {"last_on": "2026-10-20", "author_credential": "PT", "treatment_days_since": 8},
        "medical_necessity_attested": True,
    },
}


def did(code: str | None, minutes: int | None = None, **facts: Any) -> dict[str, Any]:
    charge = facts.pop("charge", "50.00")
    return {
        "code": code,
        "minutes": minutes,
        "charge": charge,
        "contact": "one_on_one",
        "description": "as planned",
        "assistant_minutes": 0,
    } | facts


def visit(*interventions: dict[str, Any], payer: dict[str, Any] | None = None, **facts: Any) -> VisitCompleted:
    rows = interventions or (did("97110", 30),)
    minutes = sum(row["minutes"] or 0 for row in rows)
    data = VISIT | {"interventions": list(rows), "time": {"timed_minutes": minutes, "total_minutes": minutes}}
    return VisitCompleted.model_validate(data | {"coverage": [VISIT["coverage"][0] | (payer or {})]} | facts)


def code(of: VisitCompleted, *findings: Finding) -> VisitCoded:
    """What coding says where the clinician chose every code."""
    return VisitCoded(
        practice_id=of.practice_id,
        visit_id=of.visit_id,
        revision=of.revision,
        basis=BASIS,
        service_date=of.service_date,
        program=of.primary.program,
        assistant_present=of.assistant is not None,
        interventions=tuple(
            CodedIntervention(
                intervention_id=row.id,
                code=row.code,
                chosen_by="clinician" if row.code else None,
                rule="clinician-code",
                citation="visit completed, interventions.code",
                minutes=row.minutes,
                assistant_minutes=row.assistant_minutes,
                joint_minutes=row.joint_minutes,
                contact=row.contact,
                started_at=row.started_at,
                ended_at=row.ended_at,
            )
            for row in of.interventions
        ),
        findings=findings,
        rule_set=CODING,
    )


def count(coded: VisitCoded) -> UnitsComputed:
    return compute_units(coded, UNITS.on(coded.service_date))


def decide(
    of: VisitCompleted,
    *from_coding: Finding,
    decided_at: datetime = NOW,
    trace_id: str | None = None,
    **history: Any,
) -> ClaimReady | ClaimDenialRisk:
    coded = code(of, *from_coding)
    facts = Facts(
        visit=of,
        coded=coded,
        units=count(coded),
        documentation=check_documentation(of, BASIS, DOCUMENTATION.on(of.service_date)),
        basis=BASIS,
        event_ids={"completed": "e-1"},
        rule_sets=(CODING, UNITS.rule_set, DOCUMENTATION.rule_set),
    )
    rules = RULES.on(of.service_date)
    return decide_claim(facts, rules, History(**history), decided_at=decided_at, trace_id=trace_id)


def finding(result: Result, severity: Severity, **facts: Any) -> Finding:
    return Finding(id="test.problem", result=result, severity=severity, message="m", rule="r", citation="c", **facts)


def found(decision: ClaimReady | ClaimDenialRisk) -> dict[str, Finding]:
    return {one.id: one for one in decision.findings}


def shown(line: Line) -> tuple[str, int, int | None, tuple[str, ...], str]:
    return line.code, line.units, line.minutes, line.modifiers, str(line.charge)


# Outcome


def test_a_sound_visit_is_ready() -> None:
    decision = decide(visit())
    assert isinstance(decision, ClaimReady)
    assert decision.outcome == "ready"
    assert {one.id for one in decision.findings} == {"due.certification", "due.progress-report"}


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("result", Result)
def test_denial_risk_exactly_when_a_blocking_finding_failed(result: Result, severity: Severity) -> None:
    decision = decide(visit(), finding(result, severity))
    blocked = result is Result.FAIL and severity is Severity.BLOCK
    assert decision.outcome == ("denial_risk" if blocked else "ready")
    assert isinstance(decision, ClaimDenialRisk if blocked else ClaimReady)


def test_an_unknown_on_a_blocking_check_asks_a_person() -> None:
    decision = decide(visit(), finding(Result.UNKNOWN, Severity.BLOCK))
    assert found(decision)["test.problem"].severity is Severity.REVIEW
    assert decision.outcome == "ready"


def test_a_failed_check_of_any_service_blocks() -> None:
    assert decide(visit(did("99999", 15), did("97110", 15))).outcome == "denial_risk"
    assert decide(visit(diagnoses=[])).outcome == "denial_risk"
    assert decide(visit(place_of_service=None)).outcome == "denial_risk"


def test_a_finding_about_an_intervention_names_its_line() -> None:
    of = visit(did("97110", 15), did("97140", 15))
    assert found(decide(of, finding(Result.FAIL, Severity.INFO, intervention_id="2")))["test.problem"].line == 2
    assert found(decide(of, finding(Result.FAIL, Severity.INFO, intervention_id="9")))["test.problem"].line is None
    assert found(decide(of, finding(Result.FAIL, Severity.INFO)))["test.problem"].line is None


# Lines


def test_lines_are_numbered_and_hold_billed_units_only() -> None:
    decision = decide(visit(did("97110", 33), did("97140", 7), did("97010", 10), did(None, 8)))
    assert [shown(line) for line in decision.lines] == [
        ("97110", 2, 33, ("GP",), "100.00"),
        ("97140", 1, 7, ("GP",), "50.00"),
    ]
    assert [line.number for line in decision.lines] == [1, 2]
    assert {one.intervention_id for one in decision.unbilled} == {"3", "4"}
    assert all(one.reason and one.rule for one in decision.unbilled)


def test_each_code_unit_count_and_modifier_has_a_reason() -> None:
    of = visit(
        did("97110", 38, assistant_minutes=20, modifiers=["59"]),
        did("97140", 15),
        payer={"therapy_dollars_used": "3000"},
    )
    decision = decide(of)
    assert len(decision.lines) == 3
    for line in decision.lines:
        about = [reason.about for reason in line.reasons]
        assert set(about) == {"code", "units", "expected_amount"} | {
            f"modifier:{modifier}" for modifier in line.modifiers
        }
        assert len(about) == len(set(about))
        assert all(reason.rule and reason.citation for reason in line.reasons)


def test_an_evaluation_without_interventions_is_decided() -> None:
    decision = decide(visit(interventions=[], evaluation={"kind": "evaluation"}))
    assert "claim.nothing-billable" in found(decision)


# Modifiers


def test_units_of_an_assistant_stand_on_a_line_of_their_own() -> None:
    decision = decide(visit(did("97110", 38, assistant_minutes=20, charge="95.00"), did("97140", 15)))
    first, second, other = decision.lines
    assert (first.modifiers, second.modifiers, other.modifiers) == (("GP",), ("GP", "CQ"), ("GP",))
    assert first.code == second.code == "97110"
    assert first.minutes is not None
    assert second.minutes is not None
    assert first.minutes + second.minutes == 38
    assert (first.units, second.units) == (1, 2)
    assert first.charge == Decimal(95) * first.units
    assert second.charge == Decimal(95) * second.units
    assert decision.claim.total_charge == Decimal(95) * (first.units + second.units) + 50
    assert first.intervention_ids == second.intervention_ids == ("1",)


def test_a_discipline_that_the_ehr_set_is_kept_where_the_program_does_not_ask() -> None:
    (line,) = decide(visit(did("97110", 30, modifiers=["GP", "GO", "59"]), payer={"program": "commercial"})).lines
    assert line.modifiers == ("GP", "59")
    assert [reason.rule for reason in line.reasons if reason.about == "modifier:GP"] == ["set-by-ehr"]


def test_where_no_modifier_tells_an_assistant_apart_the_code_stands_on_one_line() -> None:
    lines = decide(visit(did("97110", 30, assistant_minutes=15), discipline="SLP")).lines
    assert len({(line.code, line.modifiers) for line in lines}) == len(lines)


# KX


def test_kx_stands_on_every_line_with_what_it_rests_on() -> None:
    of = visit(did("97110", 30, assistant_minutes=15), did("97140", 15), payer={"therapy_dollars_used": "2480.01"})
    lines = decide(of).lines
    assert [line.modifiers for line in lines] == [("GP", "KX"), ("GP", "CQ", "KX"), ("GP", "KX")]
    (why,) = (reason for reason in lines[0].reasons if reason.about == "modifier:KX")
    assert why.inputs == {"threshold": "2480.00", "used": "2480.01", "attested": True}


# Charges


def test_a_charge_is_for_one_unit() -> None:
    decision = decide(visit(did("97110", 38, charge="95.125"), did("97161", 40, charge="150.00")))
    assert [line.charge for line in decision.lines] == [Decimal("285.375"), Decimal("150.00")]
    assert decision.claim.total_charge == Decimal("435.375")


def test_a_charge_of_nothing_is_a_charge() -> None:
    decision = decide(visit(did("97110", 15, charge="0.00")))
    assert decision.lines[0].charge == 0
    assert decision.claim.total_charge == 0


def test_an_add_on_code_says_why_it_is_that_code() -> None:
    first, further = decide(visit(did("97129", 40))).lines
    why = [[reason for reason in line.reasons if reason.about == "code"] for line in (first, further)]
    assert why[0] != why[1]


@pytest.mark.parametrize("minutes", [15, 30])
def test_the_highest_charges_that_validate_are_decided(minutes: int) -> None:
    rows = [did(code, minutes, charge="9999999999.99") for code in ("97110", "97140")]
    assert decide(visit(*rows)).claim.total_charge == Decimal("9999999999.99") * 2 * (minutes // 15)


# The document


@pytest.mark.parametrize(
    ("diagnoses", "pointers"), [(0, ()), (1, (1,)), (4, (1, 2, 3, 4)), (5, (1, 2, 3, 4)), (12, (1, 2, 3, 4))]
)
def test_a_line_points_to_at_most_four_diagnoses(diagnoses: int, pointers: tuple[int, ...]) -> None:
    decision = decide(visit(diagnoses=[{"code": f"M{place}"} for place in range(diagnoses)]))
    assert decision.lines[0].diagnosis_pointers == pointers
    assert len(decision.claim.diagnoses) == diagnoses


def test_the_document_has_its_coverage_by_rank_and_the_authorization_of_the_first() -> None:
    second = {"rank": 2, "program": "commercial", "authorization": {"number": "SECOND"}}
    first = VISIT["coverage"][0] | {"authorization": {"number": "FIRST"}}
    claim = decide(visit(coverage=[second, first])).claim
    assert [payer.program.value for payer in claim.coverage] == ["medicare_part_b", "commercial"]
    assert claim.prior_authorization == "FIRST"
    assert decide(visit()).claim.prior_authorization is None


# What the decision says of itself


def test_the_counts_are_of_all_checks_and_findings_are_those_that_did_not_pass() -> None:
    of = visit(did("97110", 15, charge=None), did("99999", 15), diagnoses=[])
    decision = decide(of)
    by_result = Counter(one.result for one in decision.findings if not one.is_due)
    assert (decision.checks.failed, decision.checks.unknown) == (by_result[Result.FAIL], by_result[Result.UNKNOWN])
    assert by_result[Result.PASS] == 0
    coded = code(of)
    documentation = check_documentation(of, BASIS, DOCUMENTATION.on(of.service_date))
    checked = [*documentation.passed, *(check for check in documentation.checks if not check.is_due)]
    of_claims = 1 + 1 + 7 + 1  # charge, KX, required fields, something billable
    of_claims += 2 + 1 + 1  # two kinds of pairs, units of one code, modifiers that stand together
    of_claims += 2 + 2 * 3 + 3 + 2 + 2  # lines and charges, addresses, NPIs, taxonomy and tax id, member id and place
    of_claims += 3  # diagnoses: repeated, too many, without room
    of_claims += 1 + 1 + 3  # birth date, relationship, what a claim holds
    of_claims += 1 + 2 + 4 + 1 + 3  # texts: practice, its address, patient, referring provider, payer and member id
    total = decision.checks.passed + decision.checks.failed + decision.checks.unknown
    units = count(coded)
    assert total == len(checked) + len(units.findings) + len(units.passed) + of_claims


def test_the_rule_set_merges_those_of_all_four_services() -> None:
    merged = decide(visit()).rule_set
    assert merged == merge_rule_sets(RULES.rule_set, DOCUMENTATION.rule_set, UNITS.rule_set, CODING)
    assert set(merged.tables) == {
        *RULES.rule_set.tables, *DOCUMENTATION.rule_set.tables, *UNITS.rule_set.tables, *CODING.tables
    }  # fmt: skip
    sizes = [len(one.tables) for one in (RULES.rule_set, DOCUMENTATION.rule_set, UNITS.rule_set, CODING)]
    read_profiles = RULES.rule_set, UNITS.rule_set, DOCUMENTATION.rule_set
    readers_of_profiles = sum("payer-profiles" in one.tables for one in read_profiles)
    assert len(merged.tables) == sum(sizes) - (readers_of_profiles - 1), "two services name a table alike"


def test_the_units_are_summed_up_from_the_worksheet() -> None:
    of = visit(did("97110", 33), did("97140", 7))
    sheet, summary = count(code(of)).worksheet, decide(of).units
    assert (summary.rule, summary.timed_minutes, summary.timed_units) == ("cms-8-minute", 40, 3)
    assert (summary.alternatives, summary.other_rules) == (sheet.alternatives, sheet.other_rules)


def test_a_claim_id_is_the_same_wherever_it_is_computed() -> None:
    assert claim_id_of("p", "v", 1) == claim_id_of("p", "v", 1) == decide(visit()).claim_id
    assert len({claim_id_of(*one) for one in (("p", "v", 1), ("p", "v", 2), ("p", "w", 1), ("q", "v", 1))}) == 4


def test_the_control_number_is_that_of_the_claim_and_short_enough() -> None:
    decision = decide(visit())
    assert decision.claim_id.replace("-", "").upper().startswith(decision.claim.control_number)
    assert len(decision.claim.control_number) == 20


def test_a_decision_is_the_same_each_time() -> None:
    assert decide(visit()) == decide(visit())


def test_what_is_superseded_is_named_and_changes_nothing_else() -> None:
    of = visit(revision=3)
    first, again = (
        decide(of),
        decide(of, supersedes_revision=1, decided_at=datetime(2027, 1, 1, tzinfo=UTC), trace_id="t"),
    )
    assert first.supersedes is None
    assert again.supersedes == claim_id_of("p", "v", 1)
    apart = {"supersedes", "decided_at", "trace_id"}
    assert first.model_dump(exclude=apart) == again.model_dump(exclude=apart)
    assert again.trace_id == "t"


@pytest.mark.parametrize("revision", [1, None])
def test_a_voided_visit_takes_back_the_decision_that_stands(revision: int | None) -> None:
    void = VisitVoided(practice_id="p", visit_id="v", revision=2, reason="wrong patient")
    voided = retract_claim(void, RULES.on(date.max), History(supersedes_revision=revision))
    assert (voided.practice_id, voided.visit_id, voided.revision) == ("p", "v", 2)
    assert voided.reason == "wrong patient"
    assert voided.retracts == (claim_id_of("p", "v", 1) if revision else None)


@pytest.mark.parametrize("facts", [{}, {"place_of_service": None}, {"documentation": None}, {"diagnoses": []}])
def test_a_decision_survives_json(facts: dict[str, Any]) -> None:
    decision = decide(visit(did("97110", 38, assistant_minutes=20), did("97140", 15, charge=None), **facts))
    said = decision.model_dump_json()
    received = decision_adapter.validate_json(said)
    assert type(received) is type(decision)
    assert received == decision
    assert received.model_dump_json() == said


# Any visit

CODES = ["97110", "97140", "97112", "97035", "97129", "97130", "97161", "97150", "97010", "97014", "97545", "97546",
         "97597", "97598", "97550", "97551", "99999", "nonsense", ""]  # fmt: skip


def record(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})


minutes = st.integers(0, 90) | st.just(1440)
dollars = st.decimals(0, 10_000, places=2).map(str)
rows = record(
    code=st.sampled_from(CODES),
    minutes=minutes,
    assistant_minutes=minutes,
    joint_minutes=minutes,
    contact=st.sampled_from(["one_on_one", "group", "supervised", "unattended"]),
    modifiers=st.lists(st.sampled_from(["GP", "GO", "KX", "CQ", "59", "xs"]), max_size=4),
    charge=dollars,
)
visits = st.fixed_dictionaries(
    {
        "practice_id": st.just("p"),
        "visit_id": st.just("v"),
        "revision": st.integers(1, 9),
        "service_date": st.sampled_from([date(2017, 6, 1), date(2026, 11, 18), date.max]) | st.dates(),
        "patient": st.just({"patient_id": "x"}),
        "coverage": st.lists(
            st.fixed_dictionaries(
                {"program": st.sampled_from(list(Program))},
                optional={"rank": st.none() | st.integers(1, 3), "therapy_dollars_used": st.none() | dollars},
            ),
            min_size=1,
            max_size=2,
        ),
        "interventions": st.lists(rows, min_size=1, max_size=5),
    },
    optional={
        "discipline": st.sampled_from([None, "PT", "OT", "SLP"]),
        "assistant": st.none() | st.just({}),
        "diagnoses": st.none()
        | st.lists(st.fixed_dictionaries({"code": st.text(max_size=3), "rank": st.none() | st.integers(1, 9)})),
        "documentation": record(medical_necessity_attested=st.booleans()),
        "evaluation": record(kind=st.sampled_from(["evaluation", "re_evaluation"])),
    },
)


@settings(max_examples=500, deadline=None)
@given(visits)
def test_any_visit_is_decided(data: dict[str, Any]) -> None:
    of = VisitCompleted.model_validate(data)
    decision = decide(of)
    failed = [one for one in decision.findings if one.result is Result.FAIL and one.severity is Severity.BLOCK]
    assert (decision.outcome == "denial_risk") is bool(failed)
    assert [line.number for line in decision.lines] == list(range(1, len(decision.lines) + 1))
    assert all(line.units >= 1 for line in decision.lines)

    charges = [line.charge for line in decision.lines]
    known = [charge for charge in charges if charge is not None]
    total = decision.claim.total_charge
    assert total == (sum(known) if known and len(known) == len(charges) else None)

    sheet = count(code(of)).worksheet
    for service in sheet.services:
        lines = [line for line in decision.lines if line.code == service.code]
        assert sum(line.units for line in lines) == service.units
        if lines and service.minutes is not None:
            assert sum(line.minutes or 0 for line in lines) == service.minutes

    billed = {name for line in decision.lines for name in line.intervention_ids}
    left_off = {one.intervention_id for one in decision.unbilled}
    assert billed | left_off == {row.id for row in of.interventions}
    assert not billed & left_off

    for line in decision.lines:
        about = {reason.about for reason in line.reasons}
        assert about == {"code", "units", "expected_amount"} | {f"modifier:{modifier}" for modifier in line.modifiers}
    for one in decision.findings:
        assert one.line is None or 1 <= one.line <= len(decision.lines)
        assert not (one.result is Result.UNKNOWN and one.severity is Severity.BLOCK)
    assert decision_adapter.validate_json(decision.model_dump_json()) == decision


@pytest.mark.parametrize("day", [date.min, date(1926, 11, 18), date(1997, 12, 31)])
def test_a_visit_of_any_day_is_decided(day: date) -> None:
    assert decide(visit(service_date=day)).lines is not None
