"""The predicates by the name that `rules/requirements.toml` calls them."""

from collections.abc import Mapping

from documentation_check.domain import certification, plan_of_care, progress_report, signature
from documentation_check.domain import treatment_note as note
from documentation_check.domain import treatment_time as time
from documentation_check.domain.requirement import Predicate

PREDICATES: Mapping[str, Predicate] = {
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
    "progress-report-current": progress_report.check_progress_report_current,
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
}
