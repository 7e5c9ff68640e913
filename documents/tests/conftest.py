"""A decision made of plain data, for tests of what is written from one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady, decision_adapter

Decide = Callable[..., ClaimReady | ClaimDenialRisk]

_ADDRESS = {"line1": "1 Main St.", "line2": "Apt #4", "city": "Boston", "state": "MA", "postal_code": "021081234"}
_NPI = "1234567893"


def _line(number: int, code: str, units: int, charge: str, modifiers: Sequence[str]) -> dict[str, Any]:
    return {
        "number": number,
        "code": code,
        "units": units,
        "minutes": 15 * units,
        "modifiers": list(modifiers),
        "charge": charge,
        "diagnosis_pointers": [1, 2],
        "intervention_ids": [str(number)],
        "reasons": [],
    }


LINES = (_line(1, "97110", 2, "124.00", ("GP", "KX")), _line(2, "G0283", 1, "25.50", ("GP", "59")))


def _claim() -> dict[str, Any]:
    return {
        "control_number": "36A089CA49DA529CA5B7",
        "service_date": "2026-11-18",
        "discipline": "PT",
        "place_of_service": "11",
        "total_charge": "149.50",
        "patient": {
            "patient_id": "p-1",
            "first_name": "Alex",
            "last_name": "Tester",
            "birth_date": "1950-01-31",
            "sex": "F",
            "address": _ADDRESS,
        },
        "coverage": [
            {
                "rank": 1,
                "payer_id": "60054",
                "payer_name": "Example Health",
                "program": "commercial",
                "member_id": "W123456789",
                "group_number": "G-77",
                "relationship": "self",
            }
        ],
        "case": {"case_id": "c", "onset_date": "2026-10-05", "related_to": []},
        "diagnoses": ["M25.561", "R2689"],
        "billing_provider": {
            "npi": _NPI,
            "name": "Northside PT",
            "tax_id": "12-3456789",
            "taxonomy": "261QP2000X",
            "address": {**_ADDRESS, "line2": None},
        },
        "rendering_provider": {
            "npi": "1003000225",
            "first_name": "Pat",
            "last_name": "Therapist",
            "credential": "PT",
            "taxonomy": "225100000X",
        },
        "referring_provider": {"npi": "1750548897", "first_name": "Ann", "last_name": "Refer"},
        "prior_authorization": "PA-1",
        "accept_assignment": "A",
        "benefits_assigned": "Y",
        "release_of_information": "Y",
        "signature_on_file": True,
    }


@pytest.fixture
def decide() -> Decide:
    """A decision of two lines; `claim` and keywords replace fields, `lines` is how many, or the lines themselves."""

    def make(
        lines: int | Sequence[dict[str, Any]] = LINES, claim: dict[str, Any] | None = None, **changes: Any
    ) -> ClaimReady | ClaimDenialRisk:
        if isinstance(lines, int):
            lines = [_line(number, f"97{number:03}", 1, f"{10 + number}.25", ("GP",)) for number in range(1, lines + 1)]
            total = f"{sum(10 + number for number in range(1, len(lines) + 1)) + len(lines) * 0.25:.2f}"
            claim = {"total_charge": total, **(claim or {})}
        return decision_adapter.validate_python(
            {
                "claim_id": "36a089ca-49da-529c-a5b7-34aeb1a36680",
                "practice_id": "p",
                "visit_id": "v",
                "revision": 1,
                "outcome": "ready",
                "basis": {"event_id": "e", "sha256": "s"},
                "rule_set": {"version": "2026.11", "sha256": "s", "tables": {}},
                "event_ids": {},
                "decided_at": "2026-11-19T08:00:00Z",
                "trace_id": None,
                "lines": lines,
                "unbilled": [],
                "units": {"rule": "cms-8-minute", "timed_minutes": 45, "timed_units": 3},
                "findings": [],
                "checks": {"passed": 0, "failed": 0, "unknown": 0},
                "claim": {**_claim(), **(claim or {})},
                **changes,
            }
        )

    return make
