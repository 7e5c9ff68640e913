"""What particular services ask of the record: untimed modalities, groups, caregiver training."""

from claimbus.events import Intervention, VisitCompleted

from documentation_check.domain.answer import (
    Answer,
    failed_for,
    is_blank,
    passed,
    unknown,
    unknown_without_documentation,
)
from documentation_check.domain.tables import REASON, Terms

_CONSENT = "documentation.caregiver_training_consent"


def check_modality_area_and_reason(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """An untimed modality has no minutes to speak for it: the area and the reason must (Pub 100-02 ch.15 s220.3 E)."""
    modalities = [row for row in visit.interventions if _is_modality(row, terms)]
    if not modalities:
        return None
    without_area = [row.id for row in modalities if is_blank(row.body_region)]
    without_reason = [row.id for row in modalities if not _names_reason(row, terms)]
    inputs = {"without_area": without_area, "without_reason": without_reason}
    if without_reason:
        return failed_for(
            without_reason,
            f"{len(without_reason)} of {len(modalities)} untimed modalities have no reason "
            "(interventions[].narrative).",
            **inputs,
        )
    if without_area:
        return unknown(
            "Where an untimed modality was given is not known; its words may say.",
            *(f"interventions[{name}].body_region" for name in without_area),
            **inputs,
        )
    return passed("Each untimed modality names its area and its reason.", modalities=len(modalities))


def _is_modality(row: Intervention, terms: Terms) -> bool:
    return terms.is_of("modality", row.code) or (is_blank(row.code) and row.contact in ("supervised", "unattended"))


def _names_reason(row: Intervention, terms: Terms) -> bool:
    return terms.shows(REASON, (row.description, row.narrative))


def check_group_of_two(visit: VisitCompleted, terms: Terms) -> Answer | None:
    groups = [
        row
        for row in visit.interventions
        if terms.is_of("group", row.code) or (is_blank(row.code) and row.contact == "group")
    ]
    if not groups:
        return None
    least = terms.group_patients
    alone = [row for row in groups if row.group_size is not None and row.group_size < least]
    if alone:
        return failed_for(
            [row.id for row in alone],
            f"A group of {alone[0].group_size} is none: it takes {least} patients (interventions[].group_size).",
            group_size=alone[0].group_size,
            least=least,
        )
    unsaid = [row.id for row in groups if row.group_size is None]
    if unsaid:
        return unknown(
            "How many patients the group had is not known.",
            *(f"interventions[{name}].group_size" for name in unsaid),
            least=least,
        )
    return passed(f"The group had at least {least} patients.", least=least)


def check_caregiver_training_consented(visit: VisitCompleted, terms: Terms) -> Answer | None:
    trained = [row.id for row in visit.interventions if terms.is_of("caregiver_training", row.code)]
    if not trained:
        return None
    if visit.documentation is None:
        return unknown_without_documentation()
    consented = visit.documentation.caregiver_training_consent
    if consented is None:
        return unknown("Whether the patient agreed to the caregiver's training is not known.", _CONSENT)
    if not consented:
        return failed_for(
            trained, f"The patient did not agree to the caregiver's training ({_CONSENT}).", consented=False
        )
    return passed("The patient agreed to the caregiver's training.", consented=True)
