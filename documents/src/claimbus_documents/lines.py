"""What must hold of a claim's lines in every document."""

from decimal import Decimal

from claimbus.events import Decision

from claimbus_documents.fields import Fields

MOST_DOLLARS = Decimal("99999999.99")
"""The ten digits that an amount has in X12 (005010X222A1, SV102 and CLM02: general knowledge)."""


def check_lines(fields: Fields, decision: Decision) -> None:
    """Lines are there, each once; their charges (US dollars) add up; each points at diagnoses of the claim.

    A claim that replaces or voids another names it.
    """
    lines, claim = decision.lines, decision.claim
    if not lines:
        fields.refuse("lines", "is empty: nothing of the visit is billed, see unbilled")
    if len({line.number for line in lines}) < len(lines):
        fields.refuse("lines", "has a number twice: decide the visit again")
    charges = [fields.charge(f"lines.{place}.charge", line.charge, MOST_DOLLARS) for place, line in enumerate(lines)]
    known = [charge for charge in charges if charge is not None]
    if lines and len(known) == len(lines):
        total = fields.charge("claim.total_charge", claim.total_charge, MOST_DOLLARS)
        if total is not None and total != sum(known):
            fields.refuse("claim.total_charge", "is not the sum of lines.charge: decide the visit again")
    if not claim.diagnoses:
        fields.refuse("claim.diagnoses", "is empty: send the diagnoses with the visit's next revision")
    for place, line in enumerate(lines):
        if any(not 1 <= pointer <= len(claim.diagnoses) for pointer in line.diagnosis_pointers):
            fields.refuse(f"lines.{place}.diagnosis_pointers", "points at no diagnosis: decide the visit again")
    if decision.frequency_code != "1" and not any(map(str.isalnum, claim.payer_control_number or "")):
        fix = "send coverage.claim_control_number with the visit's next revision"
        fields.refuse("claim.payer_control_number", f"is missing for frequency {decision.frequency_code}: {fix}")
