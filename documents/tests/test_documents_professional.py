"""Decisions as 837P: validated by pyx12, read back by x12sdk, and refused by field where they cannot be sent."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from claimbus.identifiers import to_basic_set
from claimbus_documents.rules import DocumentRules
from claimbus_documents.x12.interchange import UnsafeTextError, read_segments, write_segment
from claimbus_documents.x12.professional import Rendered, render_professional
from claimbus_documents.x12.submission import Given, Submission, SubmissionError, complete_submission
from claimbus_documents.x12.tables import X12RuleBook
from good_claim import LINE, RULES, Decision, decision_with, decisions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from x12_validators import complaints, expected, reread, segment_ids

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
TABLES = RULES.on(NOW.date())
GIVEN = Given(
    control_number=1207,
    created_at=NOW,
    receiver_id="CLEAR1",
    receiver_name="Example Clearing",
    sender_id="NORTH1",
    sender_name="Northside PT",
    contact_phone="(617) 555-0100",
    contact_email="billing@example.org",
)
SUBMISSION = complete_submission(GIVEN, [], TABLES)


def render(*given: Decision, submission: Submission = SUBMISSION, rules: DocumentRules = RULES) -> Rendered:
    return render_professional(given, submission, rules)


def written(*given: Decision) -> str:
    rendered = render(*given)
    assert not rendered.refused
    assert rendered.interchange is not None
    return rendered.interchange


def refused(changes: dict[str, Any]) -> dict[str, str]:
    """Problems by field of the good decision with some changes."""
    rendered = render(decision_with(changes))
    assert rendered.interchange is None
    (refusal,) = rendered.refused
    return {problem.field: problem.problem for problem in refusal.problems}


def segments(interchange: str, *starts: str) -> list[str]:
    return [segment.rstrip("~") for segment in read_segments(interchange) if segment.startswith(starts)]


def apart(given: Sequence[Decision]) -> list[Decision]:
    """The same decisions, each of a visit of its own."""
    return [
        decision.model_copy(
            update={
                "visit_id": f"v{place}",
                "claim": decision.claim.model_copy(
                    update={"control_number": f"{place:04d}{decision.claim.control_number[4:]}"}
                ),
            }
        )
        for place, decision in enumerate(given)
    ]


# What is written.


def test_the_good_claim_is_written_as_the_guide_says() -> None:
    assert [segment.rstrip("~") for segment in read_segments(written(decision_with()))] == [
        "ISA*00*          *00*          *ZZ*NORTH1         *ZZ*CLEAR1         *261120*0830*^*00501*000001207*0*T*:",
        "GS*HC*NORTH1*CLEAR1*20261120*0830*1207*X*005010X222A1",
        "ST*837*0001*005010X222A1",
        "BHT*0019*00*1207-1*20261120*0830*CH",
        "NM1*41*2*NORTHSIDE PT*****46*NORTH1",
        "PER*IC**TE*6175550100*EM*BILLING@EXAMPLE.ORG",
        "NM1*40*2*EXAMPLE CLEARING*****46*CLEAR1",
        "HL*1**20*1",
        "PRV*BI*PXC*261QP2000X",
        "NM1*85*2*NORTHSIDE PT*****XX*1902000011",
        "N3*1 MAIN ST",
        "N4*BOSTON*MA*021011234",
        "REF*EI*123456789",
        "HL*2*1*22*0",
        "SBR*P*18*G-17******CI",
        "NM1*IL*1*TESTER*ALEX****MI*XQZ100200300",
        "N3*1 MAIN ST",
        "N4*BOSTON*MA*021011234",
        "DMG*D8*19500101*F",
        "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054",
        "CLM*0A1B2C3D4E5F60718293*190.5***11:B:1*Y*A*Y*Y",
        "DTP*431*D8*20261005",
        "REF*G1*AUTH-17",
        "HI*ABK:M25561*ABF:R2689",
        "NM1*DN*1*REFER*ANN****XX*1750548897",
        "NM1*82*1*THERAPIST*PAT****XX*1003000225",
        "PRV*PE*PXC*225100000X",
        "LX*1",
        "SV1*HC:97110:GP:CQ*190.5*UN*2***2:1",
        "DTP*472*D8*20261118",
        "REF*6R*0A1B2C3D4E5F60718293-1",
        "SE*30*0001",
        "GE*1*1207",
        "IEA*1*000001207",
    ]


DEPENDENT = {
    "claim.coverage.0.relationship": "child",
    "claim.coverage.0.subscriber": {"first_name": "Robin", "last_name": "Holder"},
}
SECOND = {
    "rank": 2, "payer_id": "MCAID", "payer_name": "State Medicaid", "program": "medicaid", "member_id": "M1234",
    "relationship": "self",
}  # fmt: skip
SELF_PAY = {"rank": 3, "program": "self_pay"}
COVERAGE = decision_with().claim.coverage[0].model_dump()
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dependent": DEPENDENT,
    "second payer": {"claim.coverage": [COVERAGE, SECOND, SELF_PAY]},
    "replacement": {"frequency_code": "7", "claim.payer_control_number": "ICN-2026-1"},
    "void": {"frequency_code": "8", "claim.payer_control_number": "ICN-2026-1"},
    "car accident at work": {
        "claim.case.related_to": ["employment", "auto"],
        "claim.case.accident_date": "2026-10-04",
        "claim.case.accident_state": "ny",
    },
    "first day": {"claim.case.treatment_day": 1, "claim.case.onset_date": None},
    "supervised": {"claim.supervising_provider": {"npi": "1234567893", "last_name": "Over", "first_name": "Sue"}},
    "referrer without NPI": {"claim.referring_provider.npi": None},
    "nobody known as referrer": {"claim.referring_provider": {"npi": None}},
    "alone in practice": {"claim.rendering_provider.npi": "1902000011"},
    "denial risk": {"outcome": "denial_risk"},
    "50 lines": {
        "lines": [{**LINE, "number": number, "charge": "1.10"} for number in range(1, 51)],
        "claim.total_charge": "55.00",
    },
    "no charge at all": {"lines.0.charge": "0.00", "claim.total_charge": "0"},
    "early birth": {"claim.patient.birth_date": "1899-02-03"},
    "another provider": {"claim.billing_provider.npi": "1902000029"},
    "small letters": {
        "claim.coverage.0.member_id": "xqz1",
        "claim.patient.sex": "female",
        "claim.diagnoses": ["m545", "R26.89"],
    },
}


def test_each_kind_of_claim_passes_pyx12_in_one_interchange() -> None:
    interchange = written(*apart([decision_with(changes) for changes in KINDS.values()]))
    assert complaints(interchange) == []
    assert segment_ids(interchange).count("CLM") == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "starts", "found"),
    [
        ("dependent", ("HL", "PAT", "NM1*QC", "NM1*IL", "DMG"), [
            "HL*1**20*1", "HL*2*1*22*1", "NM1*IL*1*HOLDER*ROBIN****MI*XQZ100200300", "HL*3*2*23*0", "PAT*19",
            "NM1*QC*1*TESTER*ALEX", "DMG*D8*19500101*F",
        ]),
        ("second payer", ("SBR", "OI", "NM1*IL", "NM1*PR"), [
            "SBR*P*18*G-17******CI", "NM1*IL*1*TESTER*ALEX****MI*XQZ100200300",
            "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*60054",
            "SBR*S*18*******MC", "OI***Y***Y", "NM1*IL*1*TESTER*ALEX****MI*M1234",
            "NM1*PR*2*STATE MEDICAID*****PI*MCAID",
        ]),
        ("replacement", ("CLM", "REF*F8"), ["CLM*0A1B2C3D4E5F60718293*190.5***11:B:7*Y*A*Y*Y", "REF*F8*ICN-2026-1"]),
        ("car accident at work", ("CLM", "DTP*4"), [
            "CLM*0A1B2C3D4E5F60718293*190.5***11:B:1*Y*A*Y*Y**AA:EM::NY", "DTP*431*D8*20261005", "DTP*439*D8*20261004",
            "DTP*472*D8*20261118",
        ]),
        ("first day", ("DTP*4",), ["DTP*454*D8*20261118", "DTP*472*D8*20261118"]),
        ("supervised", ("NM1*DQ",), ["NM1*DQ*1*OVER*SUE****XX*1234567893"]),
        ("referrer without NPI", ("NM1*DN",), ["NM1*DN*1*REFER*ANN"]),
        ("nobody known as referrer", ("NM1*DN", "NM1*82"), ["NM1*82*1*THERAPIST*PAT****XX*1003000225"]),
        ("alone in practice", ("NM1*82", "PRV*PE"), []),
        ("no charge at all", ("SV1",), ["SV1*HC:97110:GP:CQ*0*UN*2***2:1"]),
    ],
)  # fmt: skip
def test_what_is_special_stands_in_its_segments(kind: str, starts: tuple[str, ...], found: list[str]) -> None:
    assert segments(written(decision_with(KINDS[kind])), *starts) == found


def test_the_payers_number_stands_on_a_correction_alone() -> None:
    assert segments(written(decision_with({"claim.payer_control_number": "ICN-1"})), "REF*F8") == []


def test_claims_of_a_provider_stand_together_and_levels_are_numbered_through() -> None:
    kinds = ["plain", "another provider", "dependent", "another provider", "plain"]
    interchange = written(*apart([decision_with(KINDS[kind]) for kind in kinds]))
    assert [segment.split("*")[1:] for segment in segments(interchange, "HL")] == [
        ["1", "", "20", "1"], ["2", "1", "22", "0"], ["3", "1", "22", "1"], ["4", "3", "23", "0"],
        ["5", "1", "22", "0"], ["6", "", "20", "1"], ["7", "6", "22", "0"], ["8", "6", "22", "0"],
    ]  # fmt: skip
    assert [segment.split("*")[1][:4] for segment in segments(interchange, "CLM")] == [
        "0000",
        "0002",
        "0004",
        "0001",
        "0003",
    ]


def test_more_claims_than_a_transaction_set_takes_go_into_several(tmp_path: Path) -> None:
    shutil.copytree(str(files("claimbus_documents.x12") / "rules"), tmp_path, dirs_exist_ok=True)
    limits = tmp_path / "professional_limits.toml"
    limits.write_text(limits.read_text().replace("most = 5000", "most = 2"))
    small = replace(RULES, x12=X12RuleBook.load(folder=tmp_path))
    rendered = render(*apart([decision_with()] * 5), rules=small)
    assert rendered.interchange is not None
    assert segments(rendered.interchange, "GE") == ["GE*3*1207"]
    assert [segment.split("*")[3] for segment in segments(rendered.interchange, "BHT")] == [
        "1207-1",
        "1207-2",
        "1207-3",
    ]
    assert complaints(rendered.interchange) == []


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(decisions(), min_size=10, max_size=40))
def test_any_valid_decisions_pass_pyx12(some: list[Decision]) -> None:
    interchange = written(*apart(some))
    assert complaints(interchange) == []
    assert segment_ids(interchange).count("CLM") == len(some)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(decisions(for_x12sdk=True), min_size=1, max_size=8))
def test_any_valid_decision_is_read_back_as_it_was(some: list[Decision]) -> None:
    decided = apart(some)
    found = {claim.control_number: claim for claim in reread(written(*decided))}
    assert len(found) == len(decided)
    for decision in decided:
        assert found[decision.claim.control_number] == expected(decision)


# The validators can say no.

BREAKS = {
    "a count": ("SE*30*", "SE*31*"),
    "a required segment gone": ("N4*BOSTON*MA*021011234~REF", "REF"),
    "a level's parent": ("HL*2*1*22*0", "HL*2*7*22*0"),
    "an unknown state": ("MA*021011234~DMG", "ZZ*021011234~DMG"),
    "an injected segment": ("TESTER", "TESTER~SE*1*0001"),
    "the envelope of another guide": ("X*005010X222A1", "X*005010X222A2"),
    "an impossible date": ("D8*20261118", "D8*20261318"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_pyx12_sees_a_defect(name: str) -> None:
    before, after = BREAKS[name]
    interchange = written(decision_with())
    assert before in interchange
    assert complaints(interchange.replace(before, after, 1)) != []


def test_the_comparison_sees_a_difference_in_each_part() -> None:
    interchange = written(decision_with())
    for before, after in {
        "TESTER": "TESTED", "190.5*UN*2": "190.5*UN*3", ":GP:CQ": ":GP:KX", "2:1~DTP": "1:2~DTP", "R2689": "R2690",
        "18293*190.5": "18293*190.4", "18293-1": "18293-2", "XQZ100200300": "XQZ100200301", "AUTH-17": "AUTH-18",
        "1003000225": "1003000226", "20261118": "20261117", "19500101": "19500102", "*G-17*": "*G-18*",
    }.items():  # fmt: skip
        assert before in interchange
        try:
            found = reread(interchange.replace(before, after))
        except ValueError:
            continue  # x12sdk refuses what does not add up
        assert found != [expected(decision_with())], before


# Text that does not belong into X12.

JUNK = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("~*:^\r\n\x00\x1c\x1d|>"), max_size=40)
TEXTS = [
    "claim.patient.last_name", "claim.patient.first_name", "claim.patient.address.line1", "claim.patient.address.line2",
    "claim.patient.address.city", "claim.coverage.0.payer_name", "claim.coverage.0.subscriber.last_name",
    "claim.billing_provider.name", "claim.billing_provider.address.line1", "claim.billing_provider.address.city",
    "claim.rendering_provider.last_name", "claim.referring_provider.first_name", "claim.supervising_provider.last_name",
    "claim.coverage.1.payer_name", "claim.coverage.1.subscriber.last_name",
]  # fmt: skip
IDS = [
    "claim.coverage.0.member_id", "claim.coverage.0.payer_id", "claim.coverage.0.group_number",
    "claim.prior_authorization",
    "claim.payer_control_number", "claim.control_number", "claim.billing_provider.npi", "claim.billing_provider.tax_id",
    "claim.billing_provider.taxonomy", "claim.billing_provider.address.postal_code", "claim.patient.address.state",
    "claim.rendering_provider.npi", "claim.place_of_service", "claim.diagnoses.0", "lines.0.code",
    "lines.0.modifiers.0",
    "claim.coverage.0.relationship", "claim.case.related_to.0", "claim.case.accident_state", "claim.filing_indicator",
    "claim.coverage.1.member_id", "claim.coverage.1.payer_id",
]  # fmt: skip
VANISHING = {"claim.prior_authorization", "claim.billing_provider.taxonomy", "claim.case.related_to.0"}
"""Fields that have a segment of their own, which is not there without them."""
CODES_IN_WORDS = {"claim.coverage.0.relationship", "claim.case.related_to.0", "claim.filing_indicator"}
FULL: dict[str, Any] = {
    **DEPENDENT,
    "claim.patient.address.line2": "Apt 2",
    "claim.coverage": [
        COVERAGE | {"relationship": "child", "subscriber": {"first_name": "Robin", "last_name": "Holder"}},
        SECOND | {"relationship": "spouse", "subscriber": {"first_name": "Robin", "last_name": "Holder"}},
    ],
    "frequency_code": "7",
    "claim.payer_control_number": "ICN-1",
    "claim.case.related_to": ["auto"],
    "claim.case.accident_date": "2026-10-04",
    "claim.case.accident_state": "MA",
    "claim.supervising_provider": {"npi": "1234567893", "last_name": "Over", "first_name": "Sue"},
}
CLEAN = written(decision_with(FULL))


def assert_nothing_injected(interchange: str) -> None:
    """The same segments with the same number of delimiters in each, and no sign beyond the character set."""
    assert [(segment[:3], segment.count("*"), segment.count(":")) for segment in interchange.split("~")] == [
        (segment[:3], segment.count("*"), segment.count(":")) for segment in CLEAN.split("~")
    ]
    assert interchange.isascii()
    assert interchange.isprintable()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_text_in_a_name_or_an_address_injects_anything(data: st.DataObject) -> None:
    texts = {path: f"{data.draw(JUNK)}X1{data.draw(JUNK)}" for path in TEXTS}
    assert_nothing_injected(written(decision_with(FULL | texts)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(IDS), JUNK)
def test_no_text_in_an_id_or_a_code_injects_anything_and_none_is_cut(path: str, junk: str) -> None:
    rendered = render(decision_with(FULL | {path: junk}))
    if rendered.interchange is None:
        (refusal,) = rendered.refused
        assert all(problem.field == path for problem in refusal.problems), refusal
        return
    found = rendered.interchange
    assert set(segment_ids(found)) <= set(segment_ids(CLEAN))
    assert len(segment_ids(found)) == len(segment_ids(CLEAN)) - (not junk.strip() and path in VANISHING)
    if path not in CODES_IN_WORDS:
        assert squeezed(junk) in squeezed(found)


def squeezed(text: str) -> str:
    """Without what may stand in an id for reading alone."""
    return "".join(text.upper().split()).replace("-", "").replace(".", "")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_text_of_the_submitter_injects_anything(data: st.DataObject) -> None:
    names = ("sender_id", "sender_name", "receiver_id", "receiver_name", "contact_name", "contact_phone",
             "contact_email", "sender_qualifier")  # fmt: skip
    changes = {name: data.draw(JUNK) for name in data.draw(st.sets(st.sampled_from(names), min_size=1))}
    try:
        submission = complete_submission(GIVEN._replace(**changes), [decision_with(FULL)], TABLES)
    except SubmissionError as refused:
        named = {problem.field for problem in refused.problems}
    else:
        named = set()
    assert named <= changes.keys()
    if named:
        return
    interchange = render(decision_with(FULL), submission=submission).interchange
    assert interchange is not None
    assert segment_ids(interchange) == segment_ids(CLEAN)
    assert len(interchange.partition("~")[0]) == 105


def test_names_with_delimiters_controls_and_accents_pass_pyx12() -> None:
    names = [
        "O~SE*1*0001",
        "a:b^c",
        "Tab\tBell\x07",
        "Müller-Lüdenscheidt",
        "Ñandú",
        "Łukasz Øresund",
        "O’Brien",
        "Straße",
    ]
    some = [decision_with({"claim.patient.last_name": name, "claim.patient.address.line1": name}) for name in names]
    interchange = written(*apart(some))
    assert complaints(interchange) == []
    assert [segment.split("*")[3] for segment in segments(interchange, "NM1*IL")] == [
        "O SE 1 0001", "A B C", "TAB BELL", "MULLER-LUDENSCHEIDT", "NANDU", "LUKASZ ORESUND", "O'BRIEN", "STRASSE",
    ]  # fmt: skip


def test_long_names_are_cut_and_long_ids_are_refused() -> None:
    interchange = written(
        decision_with({"claim.patient.last_name": "N" * 80, "claim.patient.address.line1": "1 " * 60})
    )
    assert segments(interchange, "NM1*IL")[0].split("*")[3] == "N" * 60
    assert len(segments(interchange, "N3")[1].split("*")[1]) == 55
    assert "must have 2 to 80" in refused({"claim.coverage.0.payer_id": "1" * 81})["claim.coverage.0.payer_id"]
    assert "a member id as" in refused({"claim.coverage.0.member_id": "1" * 81})["claim.coverage.0.member_id"]


def test_the_writer_itself_refuses_text_that_nobody_cleaned() -> None:
    for text in ("A~B", "A*B", "A:B", "A^B", "a", "é", "\n"):
        with pytest.raises(UnsafeTextError):
            write_segment(("NM1", "41", ("HC", text)))
    assert write_segment(("N3", "1 MAIN ST", "", ("", ""))) == "N3*1 MAIN ST~"


@given(st.text())
def test_plain_text_is_of_the_character_set_and_stays_as_it_is(text: str) -> None:
    once = to_basic_set(text)
    assert write_segment(("N3", once)).count("~") == 1
    assert to_basic_set(once) == once


# What cannot be written.


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"lines": [{**LINE, "number": number} for number in range(1, 52)]}, "lines", "51 entries, and an 837P takes"),
        ({"lines": []}, "lines", "is empty"),
        ({"lines": [LINE, LINE]}, "lines", "a number twice"),
        ({"lines.0.charge": "95.125"}, "lines.0.charge", "parts of a cent"),
        ({"lines.0.charge": None}, "lines.0.charge", "is missing: send interventions.charge"),
        ({"lines.0.charge": Decimal("1E+999999")}, "lines.0.charge", "no amount up to 99,999,999.99"),
        ({"lines.0.charge": Decimal("1E-999999")}, "lines.0.charge", "parts of a cent"),
        ({"lines.0.charge": "100000000.00", "claim.total_charge": "100000000"}, "lines.0.charge", "no amount"),
        ({"claim.total_charge": "1.00"}, "claim.total_charge", "is not the sum"),
        ({"lines.0.units": 10**9}, "lines.0.units", "is above 99999999"),
        ({"lines.0.code": "97110X"}, "lines.0.code", "five characters"),
        ({"lines.0.modifiers": ["GP", "CQ", "KX", "59", "95"]}, "lines.0.modifiers", "5 entries, and an 837P takes 4"),
        ({"lines.0.modifiers": ["GPX"]}, "lines.0.modifiers.0", "two characters"),
        ({"lines.0.diagnosis_pointers": []}, "lines.0.diagnosis_pointers", "is empty"),
        ({"lines.0.diagnosis_pointers": [3]}, "lines.0.diagnosis_pointers", "points at no diagnosis"),
        ({"lines.0.diagnosis_pointers": [1, 2, 1, 2, 1]}, "lines.0.diagnosis_pointers", "takes 4"),
        ({"claim.diagnoses": []}, "claim.diagnoses", "is empty"),
        ({"claim.diagnoses": [f"M25.5{n}" for n in range(10, 23)]}, "claim.diagnoses", "13 entries"),
        ({"claim.diagnoses": ["M25.561", "knee"]}, "claim.diagnoses.1", "is not an ICD-10-CM code"),
        ({"claim.place_of_service": None}, "claim.place_of_service", "is missing"),
        ({"claim.place_of_service": "office"}, "claim.place_of_service", "two digits"),
        ({"claim.control_number": "0" * 21}, "claim.control_number", "1 to 20 characters"),
        ({"claim.patient.last_name": None}, "claim.patient.last_name", "is missing"),
        ({"claim.patient.last_name": "  "}, "claim.patient.last_name", "is missing"),
        ({"claim.patient.last_name": "李"}, "claim.patient.last_name", "Latin letters"),
        ({"claim.patient.first_name": "~*"}, "claim.patient.first_name", "too few characters"),
        ({"claim.patient.birth_date": None}, "claim.patient.birth_date", "is missing"),
        ({"claim.patient.birth_date": "2026-11-19"}, "claim.patient.birth_date", "after the date of service"),
        ({"claim.patient.address": None}, "claim.patient.address", "is missing"),
        ({"claim.patient.address.state": "ZZ"}, "claim.patient.address.state", "not a state of the USA"),
        ({"claim.patient.address.state": None}, "claim.patient.address.state", "is missing"),
        ({"claim.patient.address.postal_code": "2101"}, "claim.patient.address.postal_code", "five or nine"),
        ({"claim.coverage": []}, "claim.coverage", "is empty"),
        ({"claim.coverage.0.program": "self_pay"}, "claim.coverage.0.program", "no payer to send a claim to"),
        ({"claim.coverage.0.member_id": "1EG4*TE5"}, "claim.coverage.0.member_id", "is not a member id"),
        ({"claim.coverage.0.member_id": "straße"}, "claim.coverage.0.member_id", "is not a member id"),
        ({"claim.coverage.0.member_id": ""}, "claim.coverage.0.member_id", "is missing"),
        ({"claim.coverage.0.relationship": None}, "claim.coverage.0.relationship", "is missing"),
        ({"claim.coverage.0.relationship": "cousin"}, "claim.coverage.0.relationship", "is not a relationship"),
        ({"claim.coverage.0.relationship": "child"}, "claim.coverage.0.subscriber", "is missing"),
        ({"claim.coverage.0.payer_id": None}, "claim.coverage.0.payer_id", "is missing"),
        ({"claim.coverage": [COVERAGE, SECOND | {"member_id": None}]}, "claim.coverage.1.member_id", "is missing"),
        ({"claim.coverage": [COVERAGE] + [SECOND] * 11}, "claim.coverage", "11 entries, and an 837P takes 10"),
        ({"claim.filing_indicator": "QQ"}, "claim.filing_indicator", "is none of"),
        ({"claim.billing_provider": None}, "claim.billing_provider", "is missing"),
        ({"claim.billing_provider.npi": "190200001"}, "claim.billing_provider.npi", "ten digits"),
        ({"claim.billing_provider.tax_id": "1234"}, "claim.billing_provider.tax_id", "nine digits"),
        ({"claim.billing_provider.taxonomy": "PT"}, "claim.billing_provider.taxonomy", "ten characters"),
        ({"claim.billing_provider.address.postal_code": "02101"}, "claim.billing_provider.address.postal_code", "nine"),
        ({"claim.rendering_provider": None}, "claim.rendering_provider", "is missing"),
        ({"claim.rendering_provider.npi": None}, "claim.rendering_provider.npi", "is missing"),
        ({"claim.referring_provider.last_name": None}, "claim.referring_provider.last_name", "is missing"),
        ({"frequency_code": "7"}, "claim.payer_control_number", "send coverage.claim_control_number"),
        ({"claim.case.related_to": ["auto"]}, "claim.case.accident_state", "is missing"),
        ({"claim.case.related_to": ["other"]}, "claim.case.accident_date", "is missing"),
        ({"claim.case.related_to": ["bad luck"]}, "claim.case.related_to.0", "is none of auto, employment, other"),
        ({"claim.case.related_to": ["auto", "other", "employment"]}, "claim.case.related_to", "takes 2"),
        ({"claim.case.onset_date": "2026-12-01"}, "claim.case.onset_date", "after the date of service"),
        ({"claim.signature_on_file": None}, "claim.signature_on_file", "the practice's profile says it"),
        ({"claim.accept_assignment": None}, "claim.accept_assignment", "the practice's profile says it"),
        ({"claim.benefits_assigned": None}, "claim.benefits_assigned", "the practice's profile says it"),
        ({"claim.release_of_information": None}, "claim.release_of_information", "the practice's profile says it"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_named_by_its_field(changes: dict[str, Any], field: str, told: str) -> None:
    assert told in refused(changes)[field]


def test_a_claim_tells_all_its_fields_on_one_line_and_no_value() -> None:
    bad = decision_with(
        {"claim.patient.address.state": "Utopia", "lines.0.charge": "95.125", "claim.place_of_service": "clinic"}
    )
    (refusal,) = render(bad).refused
    line = str(refusal)
    assert line.startswith("p/v revision 1: ")
    assert "\n" not in line
    for field in ("claim.patient.address.state", "lines.0.charge", "claim.place_of_service"):
        assert field in line
    for value in ("Utopia", "95.125", "clinic", "Tester"):
        assert value not in line


def test_one_claim_that_cannot_be_written_does_not_stop_the_others() -> None:
    good, bad = apart([decision_with(), decision_with({"claim.patient.last_name": None})])
    rendered = render(bad, good)
    assert rendered.claims == 1
    assert [refusal.visit_id for refusal in rendered.refused] == ["v1"]
    assert rendered.interchange == render(good).interchange


def test_a_visit_is_billed_once_in_a_call() -> None:
    first = decision_with()
    second = decision_with({"revision": 2, "claim.control_number": "FFFF2C3D4E5F60718293"})
    rendered = render(first, second, second)
    assert rendered.claims == 1
    assert [(problem.revision, problem.problems[0].field) for problem in rendered.refused] == [
        (1, "revision"),
        (2, "claim.control_number"),
    ]
    assert rendered.interchange is not None
    assert "FFFF2C3D4E5F60718293" in rendered.interchange


def test_early_years_keep_their_zeros() -> None:
    assert segments(written(decision_with({"claim.patient.birth_date": "0999-01-02"})), "DMG") == ["DMG*D8*09990102*F"]


# Who sends it.


def test_the_sender_is_the_billing_provider_and_the_receiver_the_payer_where_there_is_one_of_each() -> None:
    bare = Given(control_number=1, created_at=NOW, contact_phone="+1 617 555 0100")
    submission = complete_submission(bare, apart([decision_with(), decision_with()]), TABLES)
    assert (submission.sender_id, submission.sender_name) == ("1902000011", "NORTHSIDE PT")
    assert (submission.receiver_id, submission.receiver_name) == ("60054", "EXAMPLE HEALTH PLAN")
    assert submission.contact_numbers == ("TE", "6175550100")
    assert submission.usage == "T"


def test_what_the_submitter_must_say_is_told_all_at_once() -> None:
    two = [
        decision_with(),
        decision_with(KINDS["another provider"]),
        decision_with({"claim.coverage.0.payer_id": "87726"}),
    ]
    with pytest.raises(SubmissionError) as caught:
        complete_submission(Given(control_number=0, created_at=NOW, usage="P"), two, TABLES)
    assert {problem.field for problem in caught.value.problems} == {
        "control_number", "sender_id", "sender_name", "receiver_id", "receiver_name", "contact_phone",
    }  # fmt: skip


def test_a_test_interchange_has_stand_ins_for_what_nobody_said_and_tells_which() -> None:
    submission = complete_submission(Given(control_number=1, created_at=NOW), [decision_with()], TABLES)
    assert submission.stood_in == {"contact_phone": "0000000000"}
    assert submission.contact_numbers == ("TE", "0000000000")
    two = [decision_with(), decision_with({"claim.coverage.0.payer_id": "87726"})]
    assert set(complete_submission(Given(control_number=1, created_at=NOW), two, TABLES).stood_in) == {
        "receiver_id", "receiver_name", "contact_phone",
    }  # fmt: skip
    assert complete_submission(GIVEN, [decision_with()], TABLES).stood_in == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sender_id", "X" * 16), ("receiver_id", "A*B"), ("sender_qualifier", "Q1"), ("contact_phone", "12345"),
        ("contact_email", "nobody"), ("receiver_name", "李"), ("control_number", 10**9),
    ],
)  # fmt: skip
def test_what_the_submitter_says_wrongly_is_named(name: str, value: object) -> None:
    with pytest.raises(SubmissionError) as caught:
        complete_submission(GIVEN._replace(**{name: value}), [decision_with()], TABLES)
    assert [problem.field for problem in caught.value.problems] == [name]


def test_each_table_of_documents_is_in_force_whenever_a_document_is_made() -> None:
    assert replace(RULES.x12.on(date(2012, 1, 1)), day=NOW.date()) == TABLES.x12
    assert {"lines", "diagnoses", "pointers", "modifiers", "claims", "units"} <= TABLES.x12.most.keys()
