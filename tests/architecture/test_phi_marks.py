"""Every field of an event is either marked as PHI or known not to be."""

import json
from pathlib import Path

import pytest
from phi import SCHEMAS, fields_of

_FREE = {
    # Who and what a claim is about on the provider's and the payer's side, not the patient's.
    "BillingProvider.name", "BillingProvider.npi", "BillingProvider.tax_id", "BillingProvider.taxonomy",
    "Clinician.npi", "Clinician.taxonomy", "Clinician.credential", "Signature.credential",
    "Certification.certifier_npi", "Certification.certifier_kind", "ProgressReport.author_credential",
    "Coverage.payer_id", "Coverage.payer_name", "Coverage.plan_id",
    # Codes of closed lists, which the model takes as text so that a wrong one becomes a finding.
    "VisitCompleted.place_of_service", "VisitCompleted.time_zone", "Certification.method", "Coverage.relationship",
    "Documentation.advance_beneficiary_notice", "Intervention.code", "Intervention.modifiers", "Case.related_to",
    "Address.state", "Case.accident_state", "Patient.sex", "Subscriber.sex",
    # Numbers as text, and the row's own key.
    "Intervention.id", "Intervention.charge", "Intervention.area_sq_cm", "Coverage.therapy_dollars_used",
    # The payer's codes and our own number of the claim.
    "AdjudicatedLine.code", "AdjudicatedLine.modifiers",
    "ClaimSubmitted.claim_id", "ClaimSubmitted.control_number",
    "ClaimAdjudicated.claim_id", "ClaimAdjudicated.control_number",
}  # fmt: skip
"""Text that is not PHI by itself, with why."""


def from_outside() -> list[Path]:
    """Schemas of what others than the services say; what the services say repeats of it and computes."""
    return [SCHEMAS / "visits/completed/1.0.json", SCHEMAS / "visits/voided/1.0.json",
            *sorted((SCHEMAS / "outcomes").glob("*/1.0.json"))]  # fmt: skip


@pytest.mark.parametrize("file", from_outside(), ids=lambda file: file.parent.name)
def test_text_from_outside_is_marked_or_known_not_to_be_phi(file: Path) -> None:
    loose = {
        where
        for where, leaf, marked in fields_of(json.loads(file.read_text()))
        if leaf.get("type") == "string" and not marked and not {"enum", "const", "pattern", "format"} & set(leaf)
    }
    assert loose <= _FREE


def test_no_field_is_both_marked_and_known_not_to_be_phi() -> None:
    fields = [one for file in from_outside() for one in fields_of(json.loads(file.read_text()))]
    assert not {where for where, _, marked in fields if marked} & _FREE
    assert {where for where, *_ in fields} >= _FREE, "a field that is gone leaves the list"
