"""The predicates by the name that `rules/requirements.toml` calls them."""

from collections.abc import Callable, Mapping

from claimbus.events import VisitCompleted

from documentation_check.domain import (
    certification,
    due,
    evaluation,
    plan_of_care,
    progress_report,
    services,
    signature,
    supervision,
)
from documentation_check.domain import treatment_note as note
from documentation_check.domain import treatment_time as time
from documentation_check.domain.answer import Answer
from documentation_check.domain.case_history import Seen
from documentation_check.domain.requirement import Predicate
from documentation_check.domain.tables import Terms


def _of_the_visit_alone(predicate: Callable[[VisitCompleted, Terms], Answer | None]) -> Predicate:
    def asked(visit: VisitCompleted, terms: Terms, _seen: Seen | None) -> Answer | None:
        return predicate(visit, terms)

    return asked


_OF_THE_VISIT: Mapping[str, Callable[[VisitCompleted, Terms], Answer | None]] = {
    "signature-present": signature.check_signature_present,
    "signature-credential": signature.check_signature_credential,
    "signer-entitled": signature.check_signer_entitled,
    "signed-after-visit": signature.check_signed_after_visit,
    "cosignature": signature.check_cosignature,
    "plan-present": plan_of_care.check_plan_present,
    "plan-complete": plan_of_care.check_plan_complete,
    "plan-precedes-service": plan_of_care.check_plan_precedes_service,
    "initial-certification": certification.check_initial_certification,
    "certification-delay": certification.check_certification_delay,
    "certifier-entitled": certification.check_certifier_entitled,
    "certification-current": certification.check_certification_current,
    "progress-report-author": progress_report.check_progress_report_author,
    "timed-minutes-present": time.check_timed_minutes_present,
    "total-minutes-present": time.check_total_minutes_present,
    "timed-within-total": time.check_timed_within_total,
    "interventions-within-total": time.check_interventions_within_total,
    "timed-within-interventions": time.check_timed_within_interventions,
    "total-within-visit": time.check_total_within_visit,
    "interventions-described": note.check_interventions_described,
    "diagnosis-present": note.check_diagnosis_present,
    "necessity-attested": note.check_necessity_attested,
    "re-evaluation-justified": evaluation.check_re_evaluation_justified,
    "service-date-agrees": time.check_service_date_agrees,
    "certification-dates-possible": certification.check_certification_dates,
    "skilled-need-shown": note.check_skilled_need_shown,
    "modality-area-and-reason": services.check_modality_area_and_reason,
    "group-of-two": services.check_group_of_two,
    "caregiver-training-consented": services.check_caregiver_training_consented,
    "assistant-supervised": supervision.check_assistant_supervised,
    "certification-due": due.tell_certification_due,
}

PREDICATES: Mapping[str, Predicate] = {
    **{name: _of_the_visit_alone(predicate) for name, predicate in _OF_THE_VISIT.items()},
    "progress-report-current": progress_report.check_progress_report_current,
    "treatment-days-agree": progress_report.check_treatment_days_agree,
    "evaluation-present": evaluation.check_evaluation_present,
    "note-differs": note.check_note_differs,
    "progress-report-due": due.tell_progress_report_due,
}
