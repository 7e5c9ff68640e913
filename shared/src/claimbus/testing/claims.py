"""What is published about a visit after it: a decision as the claims service makes them, and the payer's answers.

A decision that is built here has the shape of a real one and follows no rule: a unit for each full 15 minutes, GP on
every line, charges as the visit has them. What rules make of a visit, only the services or the engine can tell.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pydantic_core import to_jsonable_python

from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimDocument,
    ClaimReady,
    ClaimSubmitted,
    Decision,
    Keyed,
    VisitCompleted,
    basis_for,
    claim_id_of,
)
from claimbus.testing.visits import changed, keys_of

D = TypeVar("D", ClaimReady, ClaimDenialRisk)


def claim_ready(
    visit: VisitCompleted, changes: Mapping[str, Any] | None = None, *, remove: Iterable[str] = (), **fields: Any
) -> ClaimReady:
    """The claim of a visit may be sent. Changed as `claimbus.testing.visits.visit` is."""
    return _decision(ClaimReady, visit, {**fields, **(changes or {})}, remove)


def claim_denial_risk(
    visit: VisitCompleted,
    changes: Mapping[str, Any] | None = None,
    *,
    finding_id: str = "signature.missing",
    remove: Iterable[str] = (),
    **fields: Any,
) -> ClaimDenialRisk:
    """One finding blocks the claim of a visit."""
    finding = {
        "id": finding_id, "result": "fail", "severity": "block", "message": "Made for a test.",
        "fix": "Nothing: the finding was made for a test.", "fixable_by": "nobody", "mending": "none",
        "rule": "none", "citation": "none",
    }  # fmt: skip
    checks = {"passed": 1, "failed": 1, "unknown": 0}
    given = {"findings": [finding], "checks": checks, **fields, **(changes or {})}
    return _decision(ClaimDenialRisk, visit, given, remove)


def claim_submitted(about: VisitCompleted | Decision, **fields: Any) -> ClaimSubmitted:
    """The payer accepted a claim, two days after the visit."""
    given = {"status": "accepted", "submitted_on": _service_date(about) + timedelta(days=2)}
    return ClaimSubmitted.model_validate({**_claim_of(about), **given, **fields})


def claim_adjudicated(about: VisitCompleted | Decision, **fields: Any) -> ClaimAdjudicated:
    """The payer decided on a claim, two weeks after that; amounts are for `fields` to give."""
    given = {"status": "processed", "adjudicated_on": _service_date(about) + timedelta(days=16)}
    return ClaimAdjudicated.model_validate({**_claim_of(about), **given, **fields})


def _decision(kind: type[D], visit: VisitCompleted, changes: Mapping[str, Any], remove: Iterable[str]) -> D:
    lines: list[dict[str, Any]] = [
        {
            "number": number, "code": row.code, "units": units, "minutes": row.minutes, "modifiers": ["GP"],
            "charge": row.charge and units * row.charge, "diagnosis_pointers": [1] if visit.diagnoses else [],
            "intervention_ids": [row.id], "reasons": [],
        }
        for number, row in enumerate((row for row in visit.interventions if row.code), 1)
        for units in [max(1, (row.minutes or 0) // 15)]
    ]  # fmt: skip
    claim_id = claim_id_of(visit.practice_id, visit.visit_id, visit.revision)
    minutes = sum(row.minutes or 0 for row in visit.interventions)
    document = visit.model_dump(mode="json", include=set(ClaimDocument.model_fields)) | {
        "control_number": claim_id.replace("-", "").upper()[:20],
        "total_charge": sum((line["charge"] or Decimal(0) for line in lines), Decimal(0)),
        "diagnoses": [diagnosis.code for diagnosis in visit.diagnoses if diagnosis.code],
        "prior_authorization": None,
    }
    decision = {
        **keys_of(visit), "claim_id": claim_id, "event_ids": {}, "trace_id": None,
        "basis": basis_for(VisitCompleted, visit.practice_id, visit.visit_id, visit.to_json()),
        "rule_set": {"version": "none", "sha256": "0" * 64, "tables": {}},
        "decided_at": f"{visit.service_date}T23:00:00Z", "lines": lines, "unbilled": [],
        "units": {"rule": "none", "timed_minutes": minutes, "timed_units": sum(line["units"] for line in lines)},
        "findings": [], "checks": {"passed": 1, "failed": 0, "unknown": 0}, "claim": document,
    }  # fmt: skip
    return kind.model_validate(changed(to_jsonable_python(decision), changes, remove))


def _claim_of(about: Keyed) -> dict[str, Any]:
    claim_id = claim_id_of(about.practice_id, about.visit_id, about.revision)
    number = claim_id.replace("-", "").upper()
    numbers = {"control_number": number[:20], "payer_control_number": number[20:]}
    return {**keys_of(about), "claim_id": claim_id, **numbers}


def _service_date(about: VisitCompleted | Decision) -> date:
    return about.service_date if isinstance(about, VisitCompleted) else about.claim.service_date
