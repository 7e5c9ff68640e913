"""What stands on the claim: identifiers, addresses, place, accident, charges, and the flags of the payer's profile."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from claimbus import payers
from claimbus.events import Basis, ClaimDenialRisk, ClaimReady, Finding, Passed, VisitCompleted, decision_adapter
from claimbus.rules import Profiles, RuleError, read_profiles
from claimbus.values import Program, Result
from claims.domain.assemble import Facts, decide_claim
from claims.domain.checks.form import check_form
from claims.domain.tables import ClaimRules, ClaimSettings
from claims.rule_book import ClaimRuleBook
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from documentation_check.domain.check import check_documentation
from documentation_check.rule_book import DocumentationRuleBook
from hypothesis import given, settings
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook

DAY = date(2026, 11, 18)
CODING = CodingRuleBook.load()
DOCUMENTATION = DocumentationRuleBook.load()
RULES = ClaimRuleBook.load()
UNITS = UnitRuleBook.load()
CHECKS = {row.id: row for row in RULES.findings.on(DAY) if row.rule == "claim-checks"}
TEXTS = {row.id: row for row in RULES.texts.on(DAY)}
BASIS = Basis(event_id="e-1", sha256="s")
HOME = {"line1": "1 Main St", "city": "Boston", "state": "MA", "postal_code": "021081234"}
PRACTICE = {
    "npi": "1902000011",
    "name": "Northside PT",
    "tax_id": "123456789",
    "taxonomy": "261QP2000X",
    "address": HOME,
}
THERAPIST = {"npi": "1003000225", "last_name": "Therapist", "credential": "PT", "taxonomy": "225100000X"}
PHYSICIAN = {"npi": "1750548897", "last_name": "Refer"}
VISIT: dict[str, Any] = {
    "practice_id": "p",
    "visit_id": "v",
    "revision": 1,
    "service_date": str(DAY),
    "place_of_service": "11",
    "patient": {"patient_id": "x", "last_name": "Tester", "birth_date": "1950-01-01", "address": HOME},
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
    "diagnoses": [{"code": "M25.561", "rank": 1}],
    "billing_provider": PRACTICE,
    "rendering_provider": THERAPIST,
    "referring_provider": PHYSICIAN,
    "documentation": {"medical_necessity_attested": True},
}


def did(code: str, minutes: int = 15, **facts: Any) -> dict[str, Any]:
    row = {"code": code, "minutes": minutes, "charge": "90.00", "contact": "one_on_one", "assistant_minutes": 0}
    return row | {"description": "as planned"} | facts


def visit(*rows: dict[str, Any], payer: dict[str, Any] | None = None, **facts: Any) -> VisitCompleted:
    coverage = {"coverage": [VISIT["coverage"][0] | (payer or {})]}
    data = VISIT | {"interventions": list(rows or (did("97110"),))} | coverage | facts
    return VisitCompleted.model_validate(data)


def decide(of: VisitCompleted, rules: ClaimRules | None = None) -> ClaimReady | ClaimDenialRisk:
    day = of.service_date
    coded = suggest_codes(of, BASIS, CODING.on(day))
    facts = Facts(
        visit=of,
        coded=coded,
        units=compute_units(coded, UNITS.on(day)),
        documentation=check_documentation(of, BASIS, DOCUMENTATION.on(day)),
        basis=BASIS,
        event_ids={},
        rule_sets=(),
    )
    return decide_claim(facts, rules or RULES.on(day), decided_at=datetime(2026, 11, 19, tzinfo=UTC), trace_id=None)


def found(decision: ClaimReady | ClaimDenialRisk) -> dict[str, Finding]:
    return {one.id: one for one in decision.findings}


def test_a_claim_with_all_its_data_has_no_finding_about_them() -> None:
    assert not {one.id for one in decide(visit()).findings} & {*CHECKS, *TEXTS}


def test_no_message_repeats_an_identifier_of_a_person() -> None:
    wrong = visit(
        payer={"member_id": "1SG4-TE5-MK73"},
        rendering_provider=THERAPIST | {"npi": "1003000226"},
        patient=VISIT["patient"] | {"address": HOME | {"state": "Elbonia", "postal_code": "99"}},
    )
    said = " ".join(one.model_dump_json() for one in decide(wrong).findings)
    for word in ("1SG4-TE5-MK73", "1003000226", "Elbonia"):
        assert word not in said


def test_a_patient_who_pays_alone_needs_no_claim_data() -> None:
    of = visit(payer={"program": "self_pay"}, billing_provider=None, patient={"patient_id": "x"}, place_of_service="88")
    assert not {one.id for one in decide(of).findings} & CHECKS.keys()


# Lines


@pytest.mark.parametrize(("number", "fits"), [(50, True), (51, False)])
def test_fifty_lines_fit_and_the_next_one_is_a_finding(number: int, fits: bool) -> None:
    of, rules = visit(), RULES.on(DAY)
    (line,) = decide(of).lines
    lines = [line.model_copy(update={"number": place}) for place in range(1, number + 1)]
    profile = rules.profiles.of(of.primary.payer, "p", DAY)
    check = next(check for check in check_form(of, lines, profile, rules) if check.id == "claim.too-many-lines")
    assert isinstance(check, Passed) is fits
    assert isinstance(check, Passed) or check.inputs == {"lines": 51, "most": 50}


# The payer's profile


INDICATORS = {
    "medicare_part_b": "MB",
    "medicare_advantage": "16",
    "medicaid": "MC",
    "tricare": "CH",
    "va_community_care": "VA",
    "workers_compensation": "WC",
    "auto": "AM",
    "commercial": "CI",
    "self_pay": "09",
}


@pytest.mark.parametrize("program", Program)
def test_the_claim_says_what_kind_of_payer_it_goes_to(program: Program) -> None:
    claim = decide(visit(payer={"program": program.value})).claim
    assert claim.filing_indicator == INDICATORS[program]
    assert claim.signature_on_file is True
    paid_by_patient = program is Program.SELF_PAY
    flags = (claim.accept_assignment, claim.benefits_assigned, claim.release_of_information)
    assert flags == (("C", "N", None) if paid_by_patient else ("A", "Y", "Y"))


def test_a_payer_may_be_of_another_kind_than_its_program() -> None:
    assert decide(visit(payer={"program": "commercial", "payer_name": "Highmark BCBS"})).claim.filing_indicator == "BL"


def with_settings(tmp_path: Path, *rows: str) -> ClaimRules:
    """The rules of the day with a folder of one's own laid over commercial payers."""
    head = '[profile]\nname = "commercial"\nversion = "1"\nprogram = "commercial"\nsource = "our contract"\n'
    (tmp_path / "commercial.toml").write_text(head + "".join(f"[[claims]]\n{row}\n" for row in rows))
    book = read_profiles(Path(payers.__file__).parent, tmp_path)
    return replace(RULES.on(DAY), profiles=Profiles(book, "claims", ClaimSettings))


COMMERCIAL = {"program": "commercial", "member_id": "X1"}


def test_the_fee_schedule_fills_a_charge_that_the_visit_lacks_and_says_so(tmp_path: Path) -> None:
    rules = with_settings(tmp_path, 'charges = { 97110 = "62.00" }')
    rows = (did("97110", 30, charge=None), did("97140", charge=None), did("97112", charge="70.00"))
    decision = decide(visit(*rows, payer=COMMERCIAL), rules)
    by_code = {line.code: line for line in decision.lines}
    assert by_code["97110"].charge == Decimal("124.00")
    assert by_code["97140"].charge is None
    assert by_code["97112"].charge == Decimal("70.00")
    reason = next(one for one in by_code["97110"].reasons if one.about == "charge")
    assert reason.citation == "our contract"
    assert (reason.rule, reason.inputs) == ("practice-fee-schedule", {"code": "97110", "charge_of_unit": "62.00"})
    assert found(decision)["charge.missing"].inputs["code"] == "97140"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('filing_indicator = "XX"', "claims.filing_indicator: Input should be "),
        ('accept_assignment = "Y"', "claims.accept_assignment: Input should be 'A', 'B' or 'C'"),
        ('charges = { 97110 = "62.005" }', "claims.charges: Decimal input should have no more than 2 decimal places"),
        ('charges = { 97110 = "-1" }', "claims.charges: Input should be greater than or equal to 0"),
    ],
)
def test_a_profile_that_a_claim_could_not_use_is_refused(row: str, says: str, tmp_path: Path) -> None:
    head = '[profile]\nname = "acme"\nversion = "1"\nprograms = ["auto"]\npayer_ids = ["1"]\nsource = "s"\n'
    (tmp_path / "acme.toml").write_text(f"{head}[[claims]]\n{row}\n")
    with pytest.raises(RuleError, match=re.escape(f"acme.toml: {says}")):
        Profiles(read_profiles(Path(payers.__file__).parent, tmp_path), "claims", ClaimSettings)


# Odd values


text = st.text(max_size=12) | st.sampled_from(["", " ", "~*:^", "\x00\x1d", "Ünal", "𝟙234567893", "1234567893", "MA"])
word = st.none() | text
address = st.none() | st.fixed_dictionaries(
    {}, optional={"line1": word, "city": word, "state": word, "postal_code": word}
)
clinician = st.none() | st.fixed_dictionaries({}, optional={"npi": word, "taxonomy": word, "credential": word})
days = st.none() | st.dates()
odd_visits = st.fixed_dictionaries(
    {
        "practice_id": st.just("p"),
        "visit_id": st.just("v"),
        "revision": st.just(1),
        "service_date": st.sampled_from([DAY, date.min, date.max]) | st.dates(),
        "patient": st.fixed_dictionaries({"patient_id": st.just("x")}, optional={"address": address}),
        "coverage": st.fixed_dictionaries(
            {"program": st.sampled_from(list(Program))}, optional={"member_id": word, "payer_name": word}
        ).map(lambda one: [one]),
        "interventions": st.lists(
            st.fixed_dictionaries(
                {"code": st.sampled_from(["97110", "97140", "97161", "junk"]), "minutes": st.integers(0, 60)},
                optional={
                    "supports": st.none() | st.lists(st.integers(1, 20), max_size=6),
                    "charge": st.decimals(0, 999, places=4).map(str),
                },
            ),
            min_size=1,
            max_size=4,
        ),
    },
    optional={
        "place_of_service": word,
        "case": st.fixed_dictionaries(
            {},
            optional={
                "related_to": st.lists(text | st.sampled_from(["auto", "employment", "other"]), max_size=3),
                "onset_date": days,
                "accident_date": days,
                "accident_state": word,
            },
        ),
        "diagnoses": st.lists(
            st.fixed_dictionaries({"code": word | st.just("M54.5")}, optional={"rank": st.none() | st.integers(1, 20)}),
            max_size=16,
        ),
        "billing_provider": st.fixed_dictionaries(
            {}, optional={"npi": word, "taxonomy": word, "tax_id": word, "address": address}
        ),
        "rendering_provider": clinician,
        "referring_provider": clinician,
        "supervising_provider": clinician,
    },
)


@settings(max_examples=300, deadline=None)
@given(odd_visits)
def test_whatever_stands_on_a_visit_it_is_decided_and_survives_json(data: dict[str, Any]) -> None:
    decision = decide(VisitCompleted.model_validate(data))
    most = RULES.on(DAY).form
    assert len(decision.claim.diagnoses) <= most.most_diagnoses.most
    for line in decision.lines:
        pointers = line.diagnosis_pointers
        assert len(pointers) == len({*pointers}) <= most.most_pointers.most
        assert all(1 <= one <= len(decision.claim.diagnoses) for one in pointers)
        assert bool(pointers) is bool(decision.claim.diagnoses)
    for one in decision.findings:
        assert one.result is Result.PASS or (one.fix and one.fixable_by and one.citation)
    assert decision_adapter.validate_json(decision.model_dump_json()) == decision
