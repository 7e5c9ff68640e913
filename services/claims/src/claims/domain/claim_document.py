"""What a claim document needs beside the lines."""

from collections.abc import Sequence
from datetime import date

from claimbus.events import ClaimDocument, Line, VisitCompleted

from claims.domain.lines.fees import total_of
from claims.domain.tables import ClaimSettings

_CONTROL_NUMBER = 20
"""Most characters of a patient control number (005010X222A1, CLM01 as payers return it)."""


def make_document(
    visit: VisitCompleted,
    claim_id: str,
    lines: Sequence[Line],
    diagnoses: tuple[str, ...],
    settings: ClaimSettings,
    *,
    file_by: date | None,
    payer_control_number: str | None,
) -> ClaimDocument:
    """Flags and the kind of payer are the profile's; all else is the visit's and stays unknown where it is missing.

    `payer_control_number`: the payer's own number of the claim that this one replaces.
    """
    authorization = visit.primary.authorization
    released = settings.release_of_information
    return ClaimDocument(
        control_number=claim_id.replace("-", "").upper()[:_CONTROL_NUMBER],
        service_date=visit.service_date,
        discipline=visit.discipline,
        place_of_service=visit.place_of_service,
        total_charge=total_of(line.charge for line in lines) if lines else None,
        total_expected=total_of(line.expected_amount for line in lines) if lines else None,
        file_by=file_by,
        patient=visit.patient,
        coverage=tuple(sorted(visit.coverage, key=lambda payer: payer.rank)),
        case=visit.case,
        diagnoses=diagnoses,
        billing_provider=visit.billing_provider,
        rendering_provider=visit.rendering_provider,
        referring_provider=visit.referring_provider,
        supervising_provider=visit.supervising_provider,
        prior_authorization=authorization.number if authorization else None,
        filing_indicator=settings.filing_indicator,
        accept_assignment=settings.accept_assignment,
        benefits_assigned=settings.benefits_assigned,
        release_of_information=None if released == "none" else released,
        signature_on_file=settings.signature_on_file,
        payer_control_number=payer_control_number,
    )
