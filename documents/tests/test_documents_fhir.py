"""A decision as a FHIR R4 Claim: what two validators say, what they do not know, and what it tells."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus_documents.fhir.claim import claim_of
from claimbus_documents.fhir.exact_json import to_json
from claimbus_documents.refusal import Refusal
from fhir_validators import faults_by_rules, faults_by_validators
from good_claim import tables_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Decide = Callable[..., ClaimReady | ClaimDenialRisk]
Claim = dict[str, Any]


def document(decision: ClaimReady | ClaimDenialRisk) -> Claim:
    return claim_of(decision, tables_of(decision))


def written(decision: ClaimReady | ClaimDenialRisk) -> str:
    return to_json(document(decision))


def faults(text: str) -> list[str]:
    return faults_by_validators(text) + faults_by_rules(text)


def codes(concept: Claim) -> list[tuple[str, str]]:
    return [(coding["system"], coding["code"]) for coding in concept["coding"]]


def contained(claim: Claim, name: str) -> Claim:
    return next(resource for resource in claim["contained"] if resource["id"] == name)


# --- The validators themselves


def drop(name: str) -> Callable[[Claim], None]:
    return lambda claim: claim.pop(name)


PLANTED: list[tuple[Callable[[Claim], Any], str]] = [
    (drop("provider"), "provider"),
    (drop("insurance"), "insurance"),
    (drop("use"), "use"),
    (lambda claim: claim.update(status="submitted"), "status"),
    (lambda claim: claim["item"][0].update(servicedDate="11/18/2026"), "serviced"),
    (lambda claim: claim["contained"][0].update(gender="woman"), "gender"),
    (lambda claim: claim.update(total={"value": 149.0, "currency": "USD"}), "total is not the sum"),
    (lambda claim: claim["item"][0]["net"].update(value=124.1), "not spelled in cents"),
    (lambda claim: claim["item"][0]["net"].update(currency="DOLLARS"), "currency DOLLARS"),
    (lambda claim: claim["item"][0].update(diagnosisSequence=[3]), "diagnosisSequence 3 dangles"),
    (lambda claim: claim["item"][0].update(careTeamSequence=[9]), "careTeamSequence 9 dangles"),
    (lambda claim: claim["item"][1].update(sequence=1), "item: sequences are [1, 1]"),
    (lambda claim: claim["item"][0]["quantity"].update(value=3), "quantity times unit price"),
    (lambda claim: claim["insurance"][0].update(focal=False), "exactly one is focal"),
    (lambda claim: claim["patient"].update(reference="#nobody"), "#nobody leads nowhere"),
    (lambda claim: claim["contained"].append({"resourceType": "Patient", "id": "idle"}), "#idle is referred to by"),
]


@pytest.mark.parametrize(("spoil", "complaint"), PLANTED, ids=[complaint for _, complaint in PLANTED])
def test_the_validators_see_a_planted_fault(decide: Decide, spoil: Callable[[Claim], Any], complaint: str) -> None:
    claim = json.loads(written(decide()), parse_float=Decimal)
    spoil(claim)
    spoiled = json.dumps(claim, default=float)
    assert any(complaint in fault for fault in faults(spoiled)), faults(spoiled)


# --- What is written

TWO_COVERAGES = [
    {"rank": 2, "payer_name": "Second", "program": "commercial", "member_id": "S2", "relationship": "spouse"},
    {
        "rank": 1,
        "payer_id": "1",
        "program": "medicare_part_b",
        "member_id": "1EG4TE5MK73",
        "relationship": "child",
        "plan_id": "A",
        "subscriber": {"first_name": "Kim", "last_name": "Holder", "birth_date": "1930-02-01", "sex": "m"},
    },
]
ACCIDENT = {"related_to": ["auto", "employment"], "accident_date": "2026-10-01", "accident_state": "MA"}
CLAIMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two coverages": {"claim": {"coverage": TWO_COVERAGES}},
    "accident": {"claim": {"case": ACCIDENT}},
    "accident of unknown date": {"claim": {"case": {"related_to": ["other"]}}},
    "replacement": {"frequency_code": "7", "claim": {"payer_control_number": "ICN1"}},
    "void": {"frequency_code": "8", "claim": {"payer_control_number": "ICN1"}},
    "supervised": {"claim": {"supervising_provider": {"npi": "1003000225", "last_name": "Super"}}},
    "self pay": {"claim": {"coverage": [{"program": "self_pay"}]}},
    "little known": {
        "claim": {
            "patient": {"patient_id": "x"},
            "case": None,
            "rendering_provider": None,
            "referring_provider": {},
            "place_of_service": None,
            "prior_authorization": "",
            "benefits_assigned": None,
        }
    },
    "fifty lines": {"lines": 50},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS.keys())
def test_no_validator_finds_a_fault(decide: Decide, changes: dict[str, Any]) -> None:
    assert faults(written(decide(**changes))) == []


def test_money_is_spelled_in_cents_and_never_as_a_binary_float(decide: Decide) -> None:
    text = written(decide())
    assert '"total": {"value": 149.50, "currency": "USD"}' in text
    assert '"unitPrice": {"value": 62.00, "currency": "USD"}' in text


def test_json_of_a_float_or_of_no_number_is_refused() -> None:
    assert to_json({"a": [Decimal("335.00"), Decimal("1E+2"), 1, True, None, 'é"\n']}) == (
        '{"a": [335.00, 100, 1, true, null, "é\\"\\n"]}'
    )
    for value in (0.1, Decimal("NaN"), Decimal("Infinity"), object()):
        with pytest.raises(TypeError):
            to_json([value])


def test_a_line_says_code_modifiers_day_place_units_and_price_in_published_systems(decide: Decide) -> None:
    first, second = document(decide())["item"]
    assert codes(first["productOrService"]) == [("http://www.ama-assn.org/go/cpt", "97110")]
    hcpcs = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
    assert codes(second["productOrService"]) == [(hcpcs, "G0283")]
    assert [codes(modifier) for modifier in second["modifier"]] == [
        [(hcpcs, "GP")],
        [("http://www.ama-assn.org/go/cpt", "59")],
    ]
    assert first["servicedDate"] == "2026-11-18"
    assert first["locationCodeableConcept"]["coding"][0]["code"] == "11"
    assert (first["quantity"]["value"], first["unitPrice"]["value"], first["net"]["value"]) == (
        2,
        Decimal("62.00"),
        Decimal("124.00"),
    )
    assert first["diagnosisSequence"] == [1, 2]


def test_a_price_of_a_unit_that_is_no_amount_in_cents_is_left_out(decide: Decide) -> None:
    line = {**decide().lines[0].model_dump(), "units": 3, "charge": "100.00"}
    claim = document(decide([line], {"total_charge": "100.00"}))
    assert "unitPrice" not in claim["item"][0]
    assert claim["item"][0]["net"]["value"] == Decimal("100.00")


def test_diagnoses_bear_the_dot_however_they_were_sent_and_the_first_is_principal(decide: Decide) -> None:
    first, second = document(decide())["diagnosis"]
    assert codes(first["diagnosisCodeableConcept"]) == [("http://hl7.org/fhir/sid/icd-10-cm", "M25.561")]
    assert codes(second["diagnosisCodeableConcept"]) == [("http://hl7.org/fhir/sid/icd-10-cm", "R26.89")]
    assert "type" in first
    assert "type" not in second


def test_no_descriptor_of_a_code_is_written(decide: Decide) -> None:
    assert '"display"' not in written(decide())


def test_who_cared_stands_with_role_and_number_and_the_referring_provider_did_not_furnish_a_line(
    decide: Decide,
) -> None:
    claim = document(decide(claim={"supervising_provider": {"npi": "1679576722", "last_name": "Super"}}))
    roles = {codes(member["role"])[-1][1]: member["provider"]["reference"] for member in claim["careTeam"]}
    assert roles == {"rendering": "#rendering", "referring": "#referring", "supervisor": "#supervising"}
    assert claim["item"][0]["careTeamSequence"] == [1, 3]
    npi = contained(claim, "referring")["identifier"][0]
    assert (npi["system"], npi["value"]) == ("http://hl7.org/fhir/sid/us-npi", "1750548897")


def test_the_coverage_that_pays_first_is_focal_and_a_subscriber_who_is_not_the_patient_is_told(decide: Decide) -> None:
    claim = document(decide(claim={"coverage": TWO_COVERAGES}))
    assert [(row["coverage"]["reference"], row["focal"]) for row in claim["insurance"]] == [
        ("#coverage-1", True),
        ("#coverage-2", False),
    ]
    first = contained(claim, "coverage-1")
    assert first["subscriber"] == {"reference": "#subscriber-1"}
    assert contained(claim, "subscriber-1")["gender"] == "male"
    assert first["identifier"][0]["system"] == "http://hl7.org/fhir/sid/us-mbi"
    assert claim["insurance"][0]["preAuthRef"] == ["PA-1"]
    assert "preAuthRef" not in claim["insurance"][1]
    assert "subscriber" not in contained(claim, "coverage-2")


def test_a_member_id_is_named_as_an_mbi_where_every_id_of_the_program_is_one(decide: Decide) -> None:
    def identifier(program: str, member_id: str, day: str = "2026-11-18") -> Claim:
        coverage = [{"program": program, "payer_name": "M", "member_id": member_id}]
        claim = document(decide(claim={"coverage": coverage, "service_date": day}))
        return contained(claim, "coverage-1")["identifier"][0]

    mbi = identifier("medicare_part_b", "1eg4-te5-mk73")
    assert (mbi["system"], mbi["value"]) == ("http://hl7.org/fhir/sid/us-mbi", "1EG4TE5MK73")
    assert "system" not in identifier("commercial", "1EG4TE5MK73")
    assert "system" not in identifier("medicare_part_b", "123456789A", "2019-12-31")


def test_a_replacement_names_the_payers_number_of_the_claim_before(decide: Decide) -> None:
    related = document(decide(**CLAIMS["replacement"]))["related"][0]
    assert related["reference"]["value"] == "ICN1"
    assert related["relationship"]["text"] == "replaces"
    assert "related" not in document(decide())


def test_an_accident_whose_date_nobody_told_says_that_it_is_unknown(decide: Decide) -> None:
    accident = document(decide(**CLAIMS["accident of unknown date"]))["accident"]
    assert "date" not in accident
    assert accident["_date"]["extension"][0]["valueCode"] == "unknown"
    told = document(decide(**CLAIMS["accident"]))["accident"]
    assert told["date"] == "2026-10-01"
    assert [code for _, code in codes(told["type"])] == ["MVA", "WPA"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lines": []}, "lines is empty: nothing of the visit is billed"),
        ({"claim": {"diagnoses": []}}, "claim.diagnoses is empty"),
        ({"claim": {"diagnoses": [" ", "M25.561"]}}, "claim.diagnoses.0 is missing"),
        ({"claim": {"billing_provider": None}}, "claim.billing_provider.name is missing"),
        ({"claim": {"coverage": [{"program": "commercial"}]}}, "claim.coverage.0.payer_name is missing"),
        ({"claim": {"diagnoses": ["M25.561"]}}, "lines.0.diagnosis_pointers points at no diagnosis"),
        ({"claim": {"total_charge": "1.00"}}, "claim.total_charge is not the sum of lines.charge"),
        ({"frequency_code": "7"}, "claim.payer_control_number is missing"),
        ({"claim": {"payer_control_number": "\x00"}, "frequency_code": "8"}, "claim.payer_control_number is missing"),
    ],
)
def test_what_no_payer_could_use_is_refused_by_its_field(decide: Decide, changes: Claim, problem: str) -> None:
    with pytest.raises(Refusal) as refused:
        document(decide(**changes))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("charge", "problem"),
    [
        (None, "lines.0.charge is missing"),
        ("62.125", "lines.0.charge has parts of a cent"),
        ("9" * 40, "lines.0.charge is no amount up to 99,999,999.99"),
    ],
)
def test_a_charge_that_cannot_be_printed_is_refused(decide: Decide, charge: str | None, problem: str) -> None:
    line = {**decide().lines[0].model_dump(), "charge": charge}
    with pytest.raises(Refusal, match=problem):
        document(decide([line], {"total_charge": charge}))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_in_names_and_numbers_gives_a_valid_claim(decide: Decide, first: str, second: str) -> None:
    patient = {
        "patient_id": first or "x",
        "first_name": first,
        "last_name": second,
        "sex": second,
        "address": {"city": first},
    }
    coverage = [{"program": "commercial", "payer_name": "P" + first, "payer_id": second, "group_number": first}]
    billing = {"name": "N" + first, "address": {"line1": second, "city": first}}
    claim = {
        "patient": patient,
        "coverage": coverage,
        "prior_authorization": second,
        "control_number": first,
        "place_of_service": second,
        "billing_provider": billing,
        "rendering_provider": {"first_name": first, "last_name": second, "credential": first},
        "case": {"related_to": [first]},
        "diagnoses": ["A" + first, "B" + second],
    }
    lines = [{**line.model_dump(), "code": "9" + first, "modifiers": [second, first]} for line in decide().lines]
    assert faults(written(decide(lines, claim))) == []
