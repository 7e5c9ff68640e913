"""What stands on the claim: identifiers, addresses, place, accident, charges, and the flags of the payer's profile."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from claimbus import payers
from claimbus.events import Basis, ClaimDenialRisk, ClaimReady, Finding, Passed, VisitCompleted, decision_adapter
from claimbus.rules import Profiles, RuleError, read_profiles
from claimbus.values import Program, Result, Severity
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
HOLDER = {"last_name": "Holder", "address": HOME}
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


def said_of(check: str, **facts: Any) -> Finding | None:
    """What a decision on a visit with these facts says of a check; null where it passed or was not asked."""
    payer = facts.pop("payer", None)
    rows = facts.pop("rows", ())
    return found(decide(visit(*rows, payer=payer, **facts))).get(check)


def further(**facts: Any) -> dict[str, Any]:
    """With a second payer, complete but for these facts."""
    second = {"rank": 2, "program": "commercial", "payer_id": "60054", "payer_name": "Second", "member_id": "W-2"}
    return {"coverage": [VISIT["coverage"][0], second | {"relationship": "self"} | facts]}


def insured(**subscriber: Any) -> dict[str, Any]:
    """Of a patient who is a spouse."""
    return {"payer": {"relationship": "spouse", "subscriber": HOLDER | subscriber}}


def at(address: dict[str, Any]) -> dict[str, Any]:
    return {"billing_provider": PRACTICE | {"address": HOME | address}}


def living(address: dict[str, Any]) -> dict[str, Any]:
    return {"patient": VISIT["patient"] | {"address": HOME | address}}


AUTO = {"program": "auto", "member_id": "A-1"}
CODES = ("97110", "97112", "97116", "97140", "97530", "97535", "97750", "97032", "97033", "97035", "97124")
CRASH = {"related_to": ["auto"], "accident_date": "2026-10-01", "accident_state": "MA"}

FAILS: dict[str, list[dict[str, Any]]] = {
    "billing-provider.npi-invalid": [
        {"billing_provider": PRACTICE | {"npi": npi}} for npi in ("1902000012", "190200001", "x", "١٩٠٢٠٠٠٠١١")
    ],
    "rendering-provider.npi-invalid": [{"rendering_provider": THERAPIST | {"npi": "1003000226"}}],
    "referring-provider.npi-invalid": [{"referring_provider": {"npi": "1750548879"}}],
    "supervising-provider.npi-invalid": [{"supervising_provider": {"npi": "1234567890"}}],
    "billing-provider.taxonomy-invalid": [
        {"billing_provider": PRACTICE | {"taxonomy": one}} for one in ("261QP2000", "261QP20000X")
    ],
    "rendering-provider.taxonomy-invalid": [{"rendering_provider": THERAPIST | {"taxonomy": "PT"}}],
    "referring-provider.taxonomy-invalid": [{"referring_provider": PHYSICIAN | {"taxonomy": "MD"}}],
    "supervising-provider.taxonomy-invalid": [{"supervising_provider": THERAPIST | {"taxonomy": "PT"}}],
    "billing-provider.tax-id-invalid": [
        {"billing_provider": PRACTICE | {"tax_id": one}}
        for one in ("00-0000000", "000000000", "00-1234567", "000-12-3456", "12345678", "1234567890")
    ],
    "billing-provider.state-unknown": [at({"state": one}) for one in ("Massachusetts", "XX")],
    "billing-provider.postal-code-not-zip-plus-4": [at({"postal_code": one}) for one in ("02108", "0210812345", "K1A")],
    "patient.state-unknown": [living({"state": "ZZ"})],
    "patient.postal-code-invalid": [living({"postal_code": one}) for one in ("0210", "021081", "02108-12")],
    "member-id.invalid": [
        {"payer": {"member_id": one}}
        for one in ("0EG4TE5MK73", "1SG4TE5MK73", "1EG4TE5MK7", "123456789A")
    ]
    + [further(member_id=one) for one in ("W*2", "2", "W" * 81, "straße")],
    "patient.birth-date-after-visit": [{"patient": VISIT["patient"] | {"birth_date": str(DAY + timedelta(1))}}],
    "coverage.relationship-unknown": [{"payer": {"relationship": "cousin"}}, further(relationship="mother")],
    "subscriber.state-unknown": [insured(address=HOME | {"state": "ZZ"})],
    "subscriber.postal-code-invalid": [insured(address=HOME | {"postal_code": "0210"})],
    "claim.too-many-coverages": [{"coverage": VISIT["coverage"] + further()["coverage"][1:] * 11}],
    "case.too-many-causes": [{"case": CRASH | {"related_to": ["auto", "employment", "other"]}}],
    "charge.too-large": [
        {"rows": (did("97110", charge="100000.00"),)},
        {"rows": tuple(did(code, charge="99999.00") for code in CODES)},
    ],
    "place-of-service.invalid": [{"place_of_service": one} for one in ("1", "011", "88", "office")],
    "claim.too-many-lines": [],
    "charge.fraction-of-a-cent": [{"rows": (did("97110", charge="33.333"),)}],
    "case.cause-unknown": [{"case": {"related_to": ["skiing"]}}],
    "accident.date-missing": [
        {"payer": AUTO, "case": CRASH | {"accident_date": None}},
        {"case": {"related_to": ["other"]}},
    ],
    "accident.state-missing": [{"payer": AUTO, "case": CRASH | {"accident_state": None}}],
    "accident.state-unknown": [{"payer": AUTO, "case": CRASH | {"accident_state": "Mass."}}],
    "accident.date-after-visit": [{"payer": AUTO, "case": CRASH | {"accident_date": str(DAY + timedelta(1))}}],
    "onset.date-after-visit": [{"case": {"onset_date": str(DAY + timedelta(1))}}],
}  # fmt: skip
UNKNOWN: dict[str, list[dict[str, Any]]] = {
    "billing-provider.taxonomy-invalid": [{"billing_provider": PRACTICE | {"taxonomy": None}}],
    "billing-provider.tax-id-invalid": [{"billing_provider": PRACTICE | {"tax_id": " "}}],
    "billing-provider.address-incomplete": [at({"line1": None}), {"billing_provider": PRACTICE | {"address": None}}],
    "patient.address-incomplete": [living({"city": ""}), living({"state": None})],
    "case.cause-missing": [{"payer": AUTO}, {"payer": AUTO, "case": {"related_to": ["employment"]}}],
    "accident.date-missing": [{"case": {"related_to": ["employment"]}}],
    "coverage.relationship-unknown": [{"payer": {"relationship": " "}}, further(relationship=None)],
    "coverage.subscriber-missing": [{"payer": {"relationship": "child"}}, further(relationship="spouse")],
    "member-id.invalid": [further(member_id=None)],
}
PASSES: dict[str, list[dict[str, Any]]] = {
    "supervising-provider.npi-invalid": [
        {"supervising_provider": THERAPIST | {"npi": one}} for one in (" 1003000225", "1003-000-225")
    ],
    "billing-provider.taxonomy-invalid": [{"billing_provider": PRACTICE | {"taxonomy": "261qp2000x"}}],
    "rendering-provider.taxonomy-invalid": [{"rendering_provider": THERAPIST | {"taxonomy": "225100000x"}}],
    "billing-provider.tax-id-invalid": [
        {"billing_provider": PRACTICE | {"tax_id": one}} for one in ("12-3456789", "12 3456789", "123-45-6789")
    ],
    "billing-provider.state-unknown": [at({"state": " ma"})],
    "billing-provider.postal-code-not-zip-plus-4": [at({"postal_code": one}) for one in ("02108-1234", "02108 1234")],
    "patient.postal-code-invalid": [living({"postal_code": one}) for one in ("02108", "02108 1234")],
    "member-id.invalid": [
        {"payer": {"program": "medicare_advantage", "member_id": "any-1"}},
        *({"payer": {"member_id": one}} for one in ("1EG4-TE5-MK73", "1eg4te5mk73", "1EG4 TE5 MK73")),
        further(member_id="w 2"),
    ],
    "coverage.relationship-unknown": [
        insured() | {"payer": insured()["payer"] | {"relationship": one}}
        for one in ("husband", "Life Partner", "01", "G8", "unknown")
    ]
    + [{"payer": {"relationship": "18"}}],
    "coverage.subscriber-missing": [insured(), {"payer": {"relationship": "18"}}],
    "subscriber.state-unknown": [insured(), insured(address=None)],
    "claim.too-many-coverages": [{"coverage": VISIT["coverage"] + further()["coverage"][1:] * 10}],
    "case.too-many-causes": [{"case": CRASH | {"related_to": ["auto", " Auto ", "employment"]}}],
    "charge.too-large": [{"rows": (did("97110", charge="99999.99"),)}],
    "patient.birth-date-after-visit": [{"patient": VISIT["patient"] | {"birth_date": str(DAY)}}],
    "place-of-service.invalid": [{"place_of_service": one} for one in ("10", "12", "22", "31")],
    "charge.fraction-of-a-cent": [{"rows": (did("97110", charge="33.3300"),)}],
    "case.cause-unknown": [{"case": CRASH | {"related_to": [" Auto "]}}],
    "case.cause-missing": [{"payer": AUTO, "case": CRASH}],
    "accident.date-missing": [{"payer": AUTO, "case": CRASH}],
    "accident.state-missing": [{"payer": AUTO, "case": CRASH}],
    "accident.state-unknown": [{"payer": AUTO, "case": CRASH}],
    "accident.date-after-visit": [{"payer": AUTO, "case": CRASH | {"accident_date": str(DAY)}}],
    "onset.date-after-visit": [{"case": {"onset_date": str(DAY)}}],
}  # fmt: skip


def cases(table: dict[str, list[dict[str, Any]]]) -> list[Any]:
    return [
        pytest.param(check, facts, id=f"{check}-{number}")
        for check, listed in table.items()
        for number, facts in enumerate(listed, 1)
    ]


def test_a_claim_with_all_its_data_has_no_finding_about_them() -> None:
    assert not {one.id for one in decide(visit()).findings} & {*CHECKS, *TEXTS}


@pytest.mark.parametrize(("check", "facts"), cases(FAILS))
def test_what_is_wrong_on_a_claim_names_its_mend(check: str, facts: dict[str, Any]) -> None:
    finding = said_of(check, **facts)
    assert finding is not None
    row = CHECKS[check]
    assert finding.result is Result.FAIL
    assert (finding.severity, finding.carc, finding.rarc) == (row.severity, row.carc, row.rarc)
    assert (finding.fix, finding.fixable_by, finding.mending) == (row.fix, row.fixable_by, "correction")
    assert finding.citation.endswith(row.source)


@pytest.mark.parametrize(("check", "facts"), cases(UNKNOWN))
def test_what_is_missing_asks_a_person_and_blocks_nothing(check: str, facts: dict[str, Any]) -> None:
    finding = said_of(check, **facts)
    assert finding is not None
    assert (finding.result, finding.severity) == (Result.UNKNOWN, Severity.REVIEW)


@pytest.mark.parametrize(("check", "facts"), cases(PASSES))
def test_what_is_right_passes(check: str, facts: dict[str, Any]) -> None:
    assert said_of(check, **facts) is None


def test_every_check_of_the_table_is_tried_here_or_with_the_diagnoses() -> None:
    tried = FAILS.keys() | UNKNOWN.keys() | {"supervising-provider.missing"}
    assert {check for check in CHECKS if not check.startswith("diagnosis.")} == tried


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


# Dates


@pytest.mark.parametrize(
    ("place", "day", "known"),
    [("10", "2021-12-31", False), ("10", "2022-01-01", True), ("27", "2023-09-30", False), ("27", "2023-10-01", True)],
)
def test_a_place_of_service_counts_from_its_first_day(place: str, day: str, known: bool) -> None:
    assert (said_of("place-of-service.invalid", place_of_service=place, service_date=day) is None) is known


@pytest.mark.parametrize(("day", "asked"), [("2019-12-31", False), ("2020-01-01", True)])
def test_the_older_medicare_number_was_taken_through_2019(day: str, asked: bool) -> None:
    finding = said_of("member-id.invalid", payer={"member_id": "123456789A"}, service_date=day)
    assert (finding is not None) is asked


# Texts


ODD_TEXTS: dict[str, list[dict[str, Any]]] = {
    "billing-provider.name-invalid": [{"billing_provider": PRACTICE | {"name": "李"}}],
    "billing-provider.address-invalid": [at({"city": "B"}), at({"line2": "#"})],
    "rendering-provider.name-invalid": [{"rendering_provider": THERAPIST | {"last_name": "~"}}],
    "referring-provider.name-invalid": [{"referring_provider": PHYSICIAN | {"first_name": "李"}}],
    "supervising-provider.name-invalid": [{"supervising_provider": THERAPIST | {"last_name": "*"}}],
    "patient.name-invalid": [{"patient": VISIT["patient"] | {"last_name": "李"}}],
    "patient.address-invalid": [living({"line1": "."})],
    "subscriber.name-invalid": [insured(last_name="李")],
    "payer.name-invalid": [{"payer": {"payer_name": "-"}}, further(payer_name="*")],
    "payer.id-invalid": [{"payer": {"payer_id": "A*B"}}, further(payer_id="2")],
    "member-id.too-long": [further(member_id="W" * 29)],
    "coverage.group-number-invalid": [{"payer": {"group_number": "G:7"}}, further(group_number="G" * 29)],
    "authorization.number-invalid": [{"payer": {"authorization": {"number": "A" * 30}}}],
    "coverage.claim-number-invalid": [{"payer": {"claim_control_number": "1" * 18}}],
}
MISSING_TEXTS: dict[str, list[dict[str, Any]]] = {
    "billing-provider.name-invalid": [{"billing_provider": PRACTICE | {"name": " "}}],
    "rendering-provider.name-invalid": [{"rendering_provider": THERAPIST | {"last_name": None}}],
    "referring-provider.name-invalid": [{"referring_provider": {"npi": "1750548897"}}],
    "supervising-provider.name-invalid": [{"supervising_provider": {"first_name": "Sue"}}],
    "subscriber.name-invalid": [insured(last_name=None)],
    "payer.name-invalid": [{"payer": {"payer_name": None}}, further(payer_name="")],
    "payer.id-invalid": [{"payer": {"payer_id": None}}, further(payer_id=None)],
}
NO_TEXTS: dict[str, list[dict[str, Any]]] = {
    "referring-provider.name-invalid": [{"referring_provider": {}}],
    "rendering-provider.name-invalid": [{"rendering_provider": {"npi": PRACTICE["npi"]}}],
    "subscriber.name-invalid": [{"payer": {"relationship": "self", "subscriber": {}}}],
    "patient.name-invalid": [{"patient": VISIT["patient"] | {"last_name": "Müller~O’Neil", "first_name": None}}],
    "authorization.number-invalid": [further(authorization={"number": "A" * 30})],
    "payer.id-invalid": [{"coverage": [*VISIT["coverage"], {"rank": 2, "program": "self_pay"}]}],
}


@pytest.mark.parametrize(("check", "facts"), cases(ODD_TEXTS))
def test_a_text_that_a_claim_cannot_carry_asks_a_person(check: str, facts: dict[str, Any]) -> None:
    finding = said_of(check, **facts)
    assert finding is not None
    assert (finding.result, finding.severity, finding.field) == (Result.FAIL, Severity.REVIEW, finding.inputs["field"])


@pytest.mark.parametrize(("check", "facts"), cases(MISSING_TEXTS))
def test_a_text_that_a_claim_needs_and_nobody_sent_is_unknown(check: str, facts: dict[str, Any]) -> None:
    finding = said_of(check, **facts)
    assert finding is not None
    assert (finding.result, finding.severity) == (Result.UNKNOWN, Severity.REVIEW)


@pytest.mark.parametrize(("check", "facts"), cases(NO_TEXTS))
def test_a_text_that_no_document_needs_is_not_asked_for(check: str, facts: dict[str, Any]) -> None:
    assert said_of(check, **facts) is None


def test_each_row_of_texts_is_tried() -> None:
    assert TEXTS.keys() == ODD_TEXTS.keys()


def test_a_blank_is_as_good_as_nothing() -> None:
    finding = said_of("claim.patient-name-missing", patient=VISIT["patient"] | {"last_name": "  "})
    assert finding is not None
    assert finding.result is Result.FAIL


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


def test_no_line_is_lost_above_the_limit() -> None:
    rules = RULES.on(DAY)
    limit = rules.form.most_lines.model_copy(update={"most": 1})
    decision = decide(visit(did("97110"), did("97140")), replace(rules, form=replace(rules.form, most_lines=limit)))
    assert len(decision.lines) == 2
    assert decision.outcome == "denial_risk"
    assert found(decision)["claim.too-many-lines"].fix == "Bill what is above the limit on a second claim."


def test_a_charge_is_rounded_nowhere_and_its_line_is_named() -> None:
    decision = decide(visit(did("97140"), did("97110", 30, charge="33.333")))
    line = next(line for line in decision.lines if line.code == "97110")
    finding = found(decision)["charge.fraction-of-a-cent"]
    assert line.charge == Decimal("66.666")
    assert (finding.line, finding.intervention_id) == (line.number, "2")


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


def test_the_visits_own_charge_goes_before_the_fee_schedule(tmp_path: Path) -> None:
    decision = decide(visit(payer=COMMERCIAL), with_settings(tmp_path, 'charges = { 97110 = "62.00" }'))
    assert [line.charge for line in decision.lines] == [Decimal("90.00")]
    assert not [one for one in decision.lines[0].reasons if one.about == "charge"]


@pytest.mark.parametrize(
    ("wanted", "assistant_minutes", "supervisor", "result"),
    [
        ("as-sent", 15, None, None),
        ("assistant", 0, None, None),
        ("assistant", 15, None, Result.FAIL),
        ("assistant", 15, {"first_name": "Pat"}, Result.FAIL),
        ("assistant", 15, THERAPIST, None),
        ("always", 0, None, Result.FAIL),
        ("always", 0, THERAPIST, None),
    ],
)
def test_the_supervising_provider_is_asked_for_as_the_payer_has_it(
    wanted: str, assistant_minutes: int, supervisor: dict[str, Any] | None, result: Result | None, tmp_path: Path
) -> None:
    of = visit(
        did("97110", assistant_minutes=assistant_minutes),
        payer=COMMERCIAL,
        assistant={"credential": "PTA"},
        supervising_provider=supervisor,
    )
    decision = decide(of, with_settings(tmp_path, f'supervising_provider = "{wanted}"'))
    finding = found(decision).get("supervising-provider.missing")
    assert (finding and finding.result) == result
    assert decision.claim.supervising_provider == of.supervising_provider


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
