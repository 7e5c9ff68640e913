"""A decision of which a claim document can be made, to be changed field by field, and random ones like it."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from claimbus.events import ClaimDenialRisk, ClaimReady, decision_adapter
from claimbus.identifiers import normalize_npi
from claimbus_documents.rules import DocumentRules, DocumentTables
from hypothesis import strategies as st

Decision = ClaimReady | ClaimDenialRisk
RULES = DocumentRules.load()

ADDRESS = {"line1": "1 Main St", "line2": None, "city": "Boston", "state": "MA", "postal_code": "02101-1234"}
CLAIM: dict[str, Any] = {
    "control_number": "0A1B2C3D4E5F60718293",
    "service_date": "2026-11-18",
    "discipline": "PT",
    "place_of_service": "11",
    "total_charge": "190.50",
    "patient": {
        "patient_id": "p-1", "first_name": "Alex", "last_name": "Tester", "birth_date": "1950-01-01", "sex": "F",
        "address": ADDRESS,
    },
    "coverage": [
        {
            "rank": 1, "payer_id": "60054", "payer_name": "Example Health Plan", "program": "commercial",
            "member_id": "XQZ100200300", "group_number": "G-17", "relationship": "self",
        }
    ],
    "case": {"case_id": "c-1", "onset_date": "2026-10-05", "treatment_day": 9, "related_to": []},
    "diagnoses": ["M25.561", "R26.89"],
    "billing_provider": {
        "npi": "1902000011", "name": "Northside PT", "tax_id": "12-3456789", "taxonomy": "261QP2000X",
        "address": ADDRESS,
    },
    "rendering_provider": {
        "npi": "1003000225", "first_name": "Pat", "last_name": "Therapist", "credential": "PT",
        "taxonomy": "225100000X",
    },
    "referring_provider": {"npi": "1750548897", "first_name": "Ann", "last_name": "Refer"},
    "prior_authorization": "AUTH-17",
    "filing_indicator": "CI",
    "accept_assignment": "A",
    "benefits_assigned": "Y",
    "release_of_information": "Y",
    "signature_on_file": True,
}  # fmt: skip
LINE: dict[str, Any] = {
    "number": 1, "code": "97110", "units": 2, "minutes": 33, "modifiers": ["GP", "CQ"], "charge": "190.50",
    "diagnosis_pointers": [2, 1], "intervention_ids": ["1"], "reasons": [],
}  # fmt: skip
DECISION: dict[str, Any] = {
    "practice_id": "p", "visit_id": "v", "revision": 1, "outcome": "ready", "claim_id": "claim-1",
    "basis": {"event_id": "e-1", "sha256": "s"}, "event_ids": {},
    "rule_set": {"version": "2026.11", "sha256": "r", "tables": {}},
    "decided_at": "2026-11-19T08:00:00Z", "trace_id": None, "lines": [LINE], "unbilled": [],
    "units": {"rule": "cms-8-minute", "timed_minutes": 33, "timed_units": 2},
    "findings": [], "checks": {"passed": 1, "failed": 0, "unknown": 0}, "claim": CLAIM,
}  # fmt: skip


def decision_with(changes: Mapping[str, Any] | None = None) -> Decision:
    """The good decision with some fields changed, each named by its path: `claim.coverage.0.member_id`."""
    return decision_adapter.validate_python(changed(DECISION, changes or {}))


def tables_of(decision: Decision) -> DocumentTables:
    return RULES.on(decision.claim.service_date)


def changed(given: Any, changes: Mapping[str, Any]) -> Any:
    for path, value in changes.items():
        given = _set(given, path.split("."), value)
    return given


def _set(given: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    if isinstance(given, list):
        return [_set(part, rest, value) if str(place) == head else part for place, part in enumerate(given)]
    record = given or {}  # null, as far as it is not known
    return {**record, head: _set(record.get(head), rest, value)}


# Random decisions that are fit to be sent.

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_names = st.text(_LETTERS, min_size=2, max_size=30)
_several = st.lists(st.text(_LETTERS, min_size=2, max_size=27), min_size=1, max_size=2).map(" ".join)
"""Short enough for an address line, which takes 55 characters; what is longer is cut, and has a test of its own."""
_ids = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-", min_size=2, max_size=30)
_npis = st.integers(100_000_000, 299_999_999).map(
    lambda nine: next(npi for digit in range(10) if (npi := normalize_npi(f"{nine}{digit}")))
)
_mbis = st.from_regex(r"[1-9][AC][0-9AC][0-9][DE][0-9DE][0-9][FG]{2}[0-9]{2}", fullmatch=True)
_states = st.sampled_from(["MA", "NY", "CA", "PR", "DC", "TX", "AP"])
_service_dates = st.dates(date(2024, 1, 1), date(2026, 11, 20))
_places = st.sampled_from(["10", "11", "12", "19", "22", "49", "62"])
_codes = st.sampled_from(["97110", "97112", "97140", "97161", "97530", "G0283", "97750"])
_modifiers = st.lists(st.sampled_from(["GP", "CQ", "KX", "59", "95", "XS"]), unique=True, max_size=4)
_diagnoses = st.lists(
    st.sampled_from(
        ["M25.561", "M25.562", "R26.89", "M54.50", "S83.511A", "Z96.651", "M62.81", "G81.91", "R29.6", "M17.11",
         "M75.101", "I69.351"]
    ),
    unique=True, min_size=1, max_size=12,
)  # fmt: skip


@st.composite
def _addresses(draw: st.DrawFn, *, full: bool = False) -> dict[str, Any]:
    short = st.integers(501, 99950).map("{:05d}".format)
    long = st.tuples(short, st.integers(1, 9999)).map(lambda parts: f"{parts[0]}-{parts[1]:04d}")
    return {
        "line1": draw(_several),
        "line2": draw(st.none() | _names),
        "city": draw(_names),
        "state": draw(_states),
        "postal_code": draw(long if full else short | long),
    }


def _clinicians(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"npi": _npis, "first_name": _names, "last_name": _several, **more})


@st.composite
def _coverages(draw: st.DrawFn, rank: int) -> dict[str, Any]:
    relationship = draw(st.sampled_from(["self", "self", "spouse", "child"]))
    subscriber = {"first_name": draw(_names), "last_name": draw(_several)} if relationship != "self" else None
    program = draw(st.sampled_from(["commercial", "medicare_part_b", "medicaid", "workers_compensation"]))
    return {
        "rank": rank,
        "payer_id": draw(_ids),
        "payer_name": draw(_several),
        "program": program,
        "member_id": draw(_mbis if program == "medicare_part_b" else _ids),
        "group_number": draw(st.none() | _ids),
        "relationship": relationship,
        "subscriber": subscriber,
    }


@st.composite
def _lines(draw: st.DrawFn, diagnoses: int) -> list[dict[str, Any]]:
    charges = st.decimals(0, 9999, places=2)
    pointers = st.lists(st.integers(1, diagnoses), unique=True, min_size=1, max_size=4)
    return [
        {
            **LINE,
            "number": number,
            "code": draw(_codes),
            "units": draw(st.integers(1, 12)),
            "modifiers": draw(_modifiers),
            "charge": draw(charges),
            "diagnosis_pointers": draw(pointers),
        }
        for number in range(1, draw(st.integers(1, 6)) + 1)
    ]


@st.composite
def decisions(draw: st.DrawFn, *, for_x12sdk: bool = False) -> Decision:
    """Any decision with everything that a claim needs; x12sdk knows sex U and benefits W not everywhere."""
    sexes = ("F", "M") if for_x12sdk else ("F", "M", "X", None)
    day = draw(_service_dates)
    diagnoses = draw(_diagnoses)
    lines = draw(_lines(len(diagnoses)))
    frequency = draw(st.sampled_from(["1", "1", "7", "8"]))
    accident = draw(st.booleans())
    before = st.integers(1, 400).map(lambda days: day - timedelta(days=days))
    return decision_with(
        {
            "frequency_code": frequency,
            "lines": lines,
            "claim.control_number": draw(st.text("ABCDEF0123456789", min_size=20, max_size=20)),
            "claim.service_date": day,
            "claim.place_of_service": draw(_places),
            "claim.total_charge": sum((line["charge"] for line in lines), Decimal(0)),
            "claim.patient.first_name": draw(st.none() | _names),
            "claim.patient.last_name": draw(_several),
            "claim.patient.birth_date": draw(st.dates(date(1915, 1, 1), day)),
            "claim.patient.sex": draw(st.sampled_from(sexes)),
            "claim.patient.address": draw(_addresses()),
            "claim.coverage": [draw(_coverages(rank)) for rank in range(1, draw(st.integers(1, 3)) + 1)],
            "claim.case.onset_date": draw(st.none() | before),
            "claim.case.related_to": draw(st.sampled_from([["auto"], ["employment", "other"]])) if accident else [],
            "claim.case.accident_date": draw(before) if accident else None,
            "claim.case.accident_state": draw(_states),
            "claim.diagnoses": diagnoses,
            "claim.billing_provider": {
                "npi": draw(st.sampled_from(["1902000011", "1902000029"])),
                "name": draw(st.sampled_from(["Northside PT", "Harbor Rehab"])),
                "tax_id": draw(st.sampled_from(["12-3456789", "987654321"])),
                "taxonomy": draw(st.none() | st.just("261QP2000X")),
                "address": draw(_addresses(full=True)),
            },
            "claim.rendering_provider": draw(_clinicians(taxonomy=st.none() | st.just("225100000X"))),
            "claim.referring_provider": draw(st.none() | _clinicians()),
            "claim.supervising_provider": draw(st.none() | _clinicians()),
            "claim.prior_authorization": draw(st.none() | _ids),
            "claim.payer_control_number": draw(_ids) if frequency != "1" else None,
            "claim.filing_indicator": None,
            "claim.signature_on_file": draw(st.booleans()),
            "claim.accept_assignment": draw(st.sampled_from("ABC")),
            "claim.benefits_assigned": draw(st.sampled_from("YN" if for_x12sdk else "YNW")),
            "claim.release_of_information": draw(st.sampled_from("YI")),
        }
    )
