"""Decision and documents read one contract alike: what is ready can be sent, or a finding says why not.

Visits are the examples with some of their fields changed, decided by the very functions that the services call.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from claimbus.events import ClaimReady, Decision, Finding
from claimbus_documents.cms1500.form import Form, fill_form
from claimbus_documents.fhir.claim import Json, claim_of
from claimbus_documents.refusal import Refusal
from claimbus_documents.x12.professional import render_professional
from claimbus_documents.x12.submission import Given, complete_submission
from claimbus_engine import Rules, evaluate, read_visit
from good_claim import RULES, changed, tables_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[2] / "examples" / "visits"
ENGINE_RULES = Rules.load()
NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
GIVEN = Given(1207, NOW, sender_id="NORTH1", sender_name="Northside PT", receiver_id="CLEAR1",
              receiver_name="Example Clearing", contact_phone="6175550100")  # fmt: skip
SUBMISSION = complete_submission(GIVEN, [], RULES.on(NOW.date()))
Visit = dict[str, Any]


@cache
def ready_examples() -> tuple[Visit, ...]:
    """Example visits that are ready, but for those of patients who pay alone: there is nobody to send a claim to."""
    visits = [json.loads(file.read_text()) for file in sorted(EXAMPLES.glob("*.json")) if "invalid" not in file.stem]
    decided = [(visit, decide(visit)) for visit in visits if visit["coverage"][0]["program"] != "self_pay"]
    return tuple(visit for visit, decision in decided if decision.outcome == "ready")


def decide(visit: Visit) -> Decision:
    return evaluate(read_visit(json.dumps(visit).encode())[0], ENGINE_RULES)


# Each document of a decision.


def professional(decision: Decision) -> list[str]:
    """Segments of the 837P, without their ends."""
    rendered = render_professional([decision], SUBMISSION, RULES)
    if rendered.interchange is None:
        raise rendered.refused[0]
    return rendered.interchange.split("~")


def fhir(decision: Decision) -> Json:
    return claim_of(decision, tables_of(decision))


def cms1500(decision: Decision) -> Form:
    return fill_form(decision, tables_of(decision))


DOCUMENTS = {"837p": professional, "fhir": fhir, "cms1500": cms1500}


def refused_fields(decision: Decision) -> dict[str, list[str]]:
    """By document: the fields that it is refused for, as a visit names them."""
    found: dict[str, list[str]] = {}
    for name, write in DOCUMENTS.items():
        try:
            write(decision)
        except Refusal as refusal:
            found[name] = [field_of_visit(problem.field) for problem in refusal.problems]
    return found


FIELDS = {
    "lines.charge": "interventions.charge",
    "total_charge": "interventions.charge",
    "lines.diagnosis_pointers": "diagnoses",
    "lines.modifiers": "interventions.modifiers",
    "prior_authorization": "coverage.authorization.number",
    "payer_control_number": "coverage.claim_control_number",
}
"""Fields of a decision that are named otherwise in a visit."""
SUBJECTS = {"diagnosis": "diagnoses", "modifier": "interventions.modifiers", "charge": "interventions.charge"}
"""What a finding without a field is about, by how its id begins."""


def field_of_visit(field: str) -> str:
    name = re.sub(r"\.\d+", "", field).removeprefix("claim.")
    return FIELDS.get(name, name)


def explains(finding: Finding, field: str) -> bool:
    """Whether a finding is about the field, or about a part or the whole of it."""
    subject = finding.field or finding.inputs.get("field") or SUBJECTS.get(finding.id.partition(".")[0], "")
    return f"{subject}.".startswith(f"{field}.") or f"{field}.".startswith(f"{subject}.")


# Any visit.

ODD = st.sampled_from(
    [None, "", " ", ".", "#", "李", "李 Li", "~*:^", "O’Neil", "X", "N" * 100, "\x00", "@", "1/2", "Zoë"]
)
NPIS = st.sampled_from([None, "", "1234567893", "1234-567-893", " 1003000225", "1234567890", "123456789", "x"])
TAX_IDS = st.sampled_from([None, "12-3456789", "123456789", "123-45-6789", "00-0000000", "000000000", "12345"])
TAXONOMIES = st.sampled_from([None, "225100000X", "225100000x", " 261QP2000X", "PT", "2251"])
ZIPS = st.sampled_from([None, "", "02108", "02108 1234", "02108-1234", "021081234", "0210", "K1A 0B1"])
STATES = st.sampled_from([None, "", "MA", "ma", " ny ", "ZZ", "Massachusetts"])
NUMBERS = ODD | st.sampled_from(["A-1", "a 1", "W" * 29, "W" * 30, "W" * 51, "W" * 81, "G*7"])
MEMBERS = NUMBERS | st.sampled_from(["1EG4TE5MK73", "1eg4-te5-mk73", "1EG4 TE5 MK73", "1SG4TE5MK73"])
RELATIONSHIPS = st.sampled_from(
    [
        None,
        "",
        "self",
        "SELF",
        "18",
        "husband",
        "01",
        "child",
        "life partner",
        "G8",
        "unknown",
        "21",
        "cousin",
        "mother",
    ]
)
DAYS = st.sampled_from([None, "1950-01-01", "2026-10-01", "2027-03-01", "0999-01-02"])
SEXES = st.sampled_from([None, "F", "male", "X", "?"])
CHARGES = st.sampled_from([None, "0", "95.00", "95.125", "99999.99", "100000.00", "9999999999.99"])
ADDRESSES = st.none() | st.fixed_dictionaries(
    {"line1": ODD | st.just("1 Main St"), "city": ODD | st.just("Boston"), "state": STATES, "postal_code": ZIPS},
    optional={"line2": ODD},
)
CLINICIANS = st.none() | st.fixed_dictionaries(
    {}, optional={"npi": NPIS, "first_name": ODD, "last_name": ODD, "taxonomy": TAXONOMIES}
)
SUBSCRIBERS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "first_name": ODD,
        "last_name": ODD | st.just("Holder"),
        "birth_date": DAYS,
        "sex": SEXES,
        "address": ADDRESSES,
    },
)
COVERAGES = st.fixed_dictionaries(
    {"program": st.sampled_from(["commercial", "medicaid", "medicare_part_b", "self_pay"]), "rank": st.integers(2, 4)},
    optional={"payer_id": NUMBERS, "payer_name": ODD | st.just("Second"), "member_id": MEMBERS, "group_number": NUMBERS,
              "relationship": RELATIONSHIPS, "subscriber": SUBSCRIBERS},
)  # fmt: skip
CASES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "onset_date": DAYS,
        "related_to": st.lists(st.sampled_from(["auto", " Auto ", "employment", "other", "", "skiing"]), max_size=4),
        "accident_date": DAYS,
        "accident_state": STATES,
        "treatment_day": st.none() | st.integers(1, 9),
    },
)
DIAGNOSES = st.lists(
    st.sampled_from(["M25.561", "m25561", "R26.89", "M54.50", "M62.81", "knee", "", "M25", " M17.11 "]), max_size=14
).map(lambda codes: [{"code": code, "rank": rank} for rank, code in enumerate(codes, 1)])
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "service_date": st.sampled_from(["2026-11-18", "2019-06-03", "2024-06-03"]),
    "place_of_service": st.sampled_from([None, "11", " 11", "12", "office", "99"]),
    "patient.first_name": ODD,
    "patient.last_name": ODD,
    "patient.birth_date": DAYS,
    "patient.sex": SEXES,
    "patient.address": ADDRESSES,
    "patient.address.line1": ODD,
    "patient.address.line2": ODD,
    "patient.address.city": ODD,
    "patient.address.state": STATES,
    "patient.address.postal_code": ZIPS,
    "coverage.0.payer_id": NUMBERS,
    "coverage.0.payer_name": ODD,
    "coverage.0.member_id": MEMBERS,
    "coverage.0.group_number": NUMBERS,
    "coverage.0.relationship": RELATIONSHIPS,
    "coverage.0.subscriber": SUBSCRIBERS,
    "coverage.0.claim_control_number": NUMBERS,
    "coverage.0.authorization": st.none() | st.fixed_dictionaries({"number": NUMBERS}),
    "coverage.0.program": st.sampled_from(["commercial", "medicaid", "medicare_part_b", "tricare", "auto"]),
    "further coverages": st.lists(COVERAGES, max_size=12),
    "case": CASES,
    "diagnoses": DIAGNOSES,
    "billing_provider.npi": NPIS,
    "billing_provider.name": ODD,
    "billing_provider.tax_id": TAX_IDS,
    "billing_provider.taxonomy": TAXONOMIES,
    "billing_provider.address": ADDRESSES,
    "billing_provider.address.line1": ODD,
    "billing_provider.address.city": ODD,
    "billing_provider.address.state": STATES,
    "billing_provider.address.postal_code": ZIPS,
    "billing_provider": st.none(),
    "rendering_provider": CLINICIANS,
    "rendering_provider.npi": NPIS,
    "rendering_provider.taxonomy": TAXONOMIES,
    "rendering_provider.last_name": ODD,
    "referring_provider": CLINICIANS,
    "supervising_provider": CLINICIANS,
    "interventions.0.charge": CHARGES,
    "interventions.0.modifiers": st.lists(st.sampled_from(["GP", "kx ", "59", "95", "XS", "52", "ZZ"]), max_size=6),
    "interventions.0.supports": st.lists(st.integers(1, 15), max_size=6),
    "how many interventions": st.sampled_from([0, 2, 7, 60]),
}  # fmt: skip


def with_changes(visit: Visit, changes: Mapping[str, Any]) -> Visit:
    for path, value in changes.items():
        if path == "further coverages":
            visit = visit | {"coverage": [*visit["coverage"], *value]}
        elif path == "how many interventions":
            rows = visit["interventions"]
            copies = [rows[place % len(rows)] | {"id": str(place + 1)} for place in range(value)]
            visit = visit | ({"interventions": copies} if copies else {})
        else:
            visit = changed(visit, {path: value})
    return visit


@st.composite
def visits(draw: st.DrawFn) -> Visit:
    visit = draw(st.sampled_from(ready_examples()))
    paths = sorted(draw(st.lists(st.sampled_from(list(CHANGES)), min_size=1, max_size=4, unique=True)))
    return with_changes(visit, {path: draw(CHANGES[path]) for path in paths})


def unexplained(decision: Decision) -> dict[str, list[str]]:
    """By document: fields that it is refused for, and that no finding of the decision is about."""
    return {
        name: missing
        for name, fields in refused_fields(decision).items()
        if (missing := [field for field in fields if not any(explains(found, field) for found in decision.findings)])
    }


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(visits())
def test_every_ready_decision_becomes_each_document_or_says_why_not(visit: Visit) -> None:
    decision = decide(visit)
    assume(isinstance(decision, ClaimReady))
    assert unexplained(decision) == {}


# Each identifier, in a usual spelling and wrong.


BASE = {
    "coverage.0.program": "commercial",
    "coverage.0.member_id": "W123",
    "coverage.0.subscriber": {"first_name": "Kim", "last_name": "Holder"},
}


def decided_with(changes: Mapping[str, Any]) -> Decision:
    return decide(with_changes(ready_examples()[0], BASE | changes))


def contained(claim: Json, name: str) -> Json:
    return next(resource for resource in claim["contained"] if resource["id"] == name)


def shown(form: Form, cell: str) -> str | None:
    return next((placed.text for placed in form.pages[0].placed if placed.cell == cell), None)


class Normal(NamedTuple):
    """How an identifier goes out: the start of a segment of the 837P, a value in the FHIR Claim, a cell of the form."""

    segment: str
    fhir: Callable[[Json], object]
    value: object
    cell: str
    text: str


def tax_id(claim: Json) -> object:
    identifier = contained(claim, "billing-provider")["identifier"][1]
    return identifier["system"].rpartition(":")[2], identifier["value"]


def relationship(claim: Json) -> object:
    return contained(claim, "coverage-1")["relationship"]["coding"][0]["code"]


def member_id(claim: Json) -> object:
    return contained(claim, "coverage-1")["subscriberId"]


def address_of(name: str, part: str) -> Callable[[Json], object]:
    return lambda claim: contained(claim, name)["address"][0][part]


def npi(claim: Json) -> object:
    return contained(claim, "rendering")["identifier"][0]["value"]


def taxonomy(claim: Json) -> object:
    return claim["careTeam"][0]["qualification"]["coding"][0]["code"]


MBI = {"coverage.0.program": "medicare_part_b", "coverage.0.relationship": "self"}
EIN = Normal("REF*EI*123456789", tax_id, ("2.16.840.1.113883.4.4", "123456789"), "25.ein", "X")
SPELLINGS: list[tuple[dict[str, Any], Normal]] = [
    ({"billing_provider.tax_id": "12-3456789"}, EIN),
    ({"billing_provider.tax_id": " 12 3456789"}, EIN),
    (
        {"billing_provider.tax_id": "123-45-6789"},
        Normal("REF*SY*123456789", tax_id, ("//hl7.org/fhir/sid/us-ssn", "123456789"), "25.ssn", "X"),
    ),
    ({"coverage.0.relationship": "18"}, Normal("SBR*P*18", relationship, "self", "6.self", "X")),
    ({"coverage.0.relationship": "SELF "}, Normal("SBR*P*18", relationship, "self", "6.self", "X")),
    ({"coverage.0.relationship": "husband"}, Normal("PAT*01", relationship, "spouse", "6.spouse", "X")),
    ({"coverage.0.relationship": "Daughter"}, Normal("PAT*19", relationship, "child", "6.child", "X")),
    ({"coverage.0.relationship": "Life Partner"}, Normal("PAT*53", relationship, "other", "6.other", "X")),
    ({"coverage.0.relationship": "ward"}, Normal("PAT*G8", relationship, "other", "6.other", "X")),
    (
        {"rendering_provider.npi": " 1003-000-225"},
        Normal("NM1*82*1*THERAPIST*PAT****XX*1003000225", npi, "1003000225", "24J", "1003000225"),
    ),
    (
        {"rendering_provider.taxonomy": "225100000x"},
        Normal("PRV*PE*PXC*225100000X", taxonomy, "225100000X", "10a.no", "X"),
    ),
    (
        {"patient.address.postal_code": "02108 1234"},
        Normal("N4*BOSTON*MA*021081234", address_of("patient", "postalCode"), "02108-1234", "5.zip", "02108-1234"),
    ),
    (
        {"billing_provider.address.postal_code": "02108 1234"},
        Normal(
            "N4*BOSTON*MA*021081234", address_of("billing-provider", "postalCode"), "02108-1234",
            "33.city", "BOSTON MA 02108-1234",
        ),
    ),
    (
        {"patient.address.state": " ma"},
        Normal("N4*BOSTON*MA", address_of("patient", "state"), "MA", "5.state", "MA"),
    ),
    (
        MBI | {"coverage.0.member_id": "1eg4-te5-mk73"},
        Normal("NM1*IL*1*TESTER*ALEX****MI*1EG4TE5MK73", member_id, "1EG4TE5MK73", "1a", "1EG4TE5MK73"),
    ),
    (
        {"coverage.0.member_id": " w-1 2", "coverage.0.relationship": "self"},
        Normal("NM1*IL*1*TESTER*ALEX****MI*W-1 2", member_id, "W-1 2", "1a", "W-1 2"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "normal"), SPELLINGS, ids=[str([*changes.items()][-1]) for changes, _ in SPELLINGS]
)
def test_a_usual_spelling_is_valid_and_goes_out_in_its_normal_form_everywhere(
    changes: dict[str, Any], normal: Normal
) -> None:
    decision = decided_with(changes)
    fields = [re.sub(r"\.\d+", "", path) for path in changes]
    assert [found.id for found in decision.findings if (found.field or found.inputs.get("field")) in fields] == []
    assert any(segment.startswith(normal.segment) for segment in professional(decision))
    assert normal.fhir(fhir(decision)) == normal.value
    assert shown(cms1500(decision), normal.cell) == normal.text


ALL = ("837p", "fhir", "cms1500")
WRONG: list[tuple[dict[str, Any], str, tuple[str, ...]]] = [
    ({"billing_provider.tax_id": "00-0000000"}, "billing-provider.tax-id-invalid", ALL),
    ({"billing_provider.tax_id": "000-12-3456"}, "billing-provider.tax-id-invalid", ALL),
    ({"billing_provider.npi": "1234567890"}, "billing-provider.npi-invalid", ALL),
    ({"rendering_provider.npi": "1234567890"}, "rendering-provider.npi-invalid", ALL),
    ({"referring_provider.npi": "1234567890"}, "referring-provider.npi-invalid", ALL),
    ({"rendering_provider.taxonomy": "PT"}, "rendering-provider.taxonomy-invalid", ("837p", "fhir")),
    ({"patient.address.postal_code": "0210"}, "patient.postal-code-invalid", ALL),
    ({"patient.address.state": "ZZ"}, "patient.state-unknown", ALL),
    ({"coverage.0.relationship": "cousin"}, "coverage.relationship-unknown", ALL),
    ({**MBI, "coverage.0.member_id": "1SG4TE5MK73"}, "member-id.invalid", ALL),
    ({"coverage.0.member_id": "W*1"}, "member-id.invalid", ALL),
    ({"coverage.0.relationship": "child", "coverage.0.subscriber": None}, "coverage.subscriber-missing", ("837p",)),
]


@pytest.mark.parametrize(("changes", "finding", "refusing"), WRONG)
def test_what_is_wrong_is_a_finding_and_each_document_that_names_it_refuses_it(
    changes: dict[str, Any], finding: str, refusing: tuple[str, ...]
) -> None:
    decision = decided_with(changes)
    (found,) = (found for found in decision.findings if found.id == finding)
    refused = refused_fields(decision)
    assert {name: [found.field or found.inputs["field"]] for name in refusing} == refused


def test_a_first_and_a_second_payer_are_asked_alike() -> None:
    second = {"rank": 2, "program": "commercial", "payer_id": "22222", "payer_name": "Second", "member_id": "W-2"}
    for word, outcome in (("husband", "ready"), ("cousin", "denial_risk")):
        relative = second | {"relationship": word, "subscriber": {"last_name": "Holder"}}
        decision = decided_with({"coverage.0.relationship": "self", "further coverages": [relative]})
        assert decision.outcome == outcome
        assert set(refused_fields(decision)) == (set() if outcome == "ready" else {*ALL})
