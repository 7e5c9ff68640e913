"""The predicates by the name that `rules/requirements.toml` calls them."""

from collections.abc import Callable, Mapping

from claimbus.events import VisitCompleted

from documentation_check.domain import certification, plan_of_care, progress_report, signature
from documentation_check.domain import treatment_note as note
from documentation_check.domain import treatment_time as time
from documentation_check.domain.answer import Answer
from documentation_check.domain.requirement import Predicate
from documentation_check.domain.terms import Terms
from documentation_check.domain.treatment_days import SeenDays


def _of_the_visit_alone(predicate: Callable[[VisitCompleted, Terms], Answer | None]) -> Predicate:
    def asked(visit: VisitCompleted, terms: Terms, _seen: SeenDays | None) -> Answer | None:
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
    "re-evaluation-justified": note.check_re_evaluation_justified,
}

PREDICATES: Mapping[str, Predicate] = {
    **{name: _of_the_visit_alone(predicate) for name, predicate in _OF_THE_VISIT.items()},
    "progress-report-current": progress_report.check_progress_report_current,
    "treatment-days-agree": progress_report.check_treatment_days_agree,
}
