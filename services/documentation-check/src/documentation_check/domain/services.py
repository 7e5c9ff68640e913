"""What particular services require of the record: untimed modalities, groups, caregiver training."""

from claimbus.events import Intervention, VisitCompleted

from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, PASSED, Answer, failed, is_blank, unknown
from documentation_check.domain.tables import REASON, Terms


def check_modality_area_and_reason(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """An untimed modality has no minutes that support it: the area and the reason must (Pub 100-02 ch.15 s220.3 E)."""
    modalities = [row for row in visit.interventions if _is_modality(row, terms)]
    if not modalities:
        return None
    without_area = [row.id for row in modalities if is_blank(row.body_region)]
    without_reason = [row.id for row in modalities if not _names_reason(row, terms)]
    inputs = {"without_area": without_area, "without_reason": without_reason}
    if without_reason:
        counts = {"unsupported": len(without_reason), "modalities": len(modalities)}
        return failed(interventions=without_reason, text=counts, inputs=inputs)
    if without_area:
        return unknown(*(f"interventions[{name}].body_region" for name in without_area), inputs=inputs)
    return PASSED


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
    too_small = [row for row in groups if row.group_size is not None and row.group_size < least]
    if too_small:
        return failed(
            interventions=[row.id for row in too_small], inputs={"group_size": too_small[0].group_size, "least": least}
        )
    without_size = [row.id for row in groups if row.group_size is None]
    if without_size:
        return unknown(*(f"interventions[{name}].group_size" for name in without_size), inputs={"least": least})
    return PASSED


def check_caregiver_training_consented(visit: VisitCompleted, terms: Terms) -> Answer | None:
    trained = [row.id for row in visit.interventions if terms.is_of("caregiver_training", row.code)]
    if not trained:
        return None
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    consented = visit.documentation.caregiver_training_consent
    if consented is None:
        return unknown("documentation.caregiver_training_consent")
    return PASSED if consented else failed(interventions=trained, inputs={"consented": False})
