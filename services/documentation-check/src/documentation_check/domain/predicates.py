"""The predicates by the name that `rules/requirements.toml` calls them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

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
from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, TIME_NOT_SENT, Answer
from documentation_check.domain.case_history import Seen
from documentation_check.domain.tables import Terms


class Predicate(NamedTuple):
    """Answers a requirement of one visit."""

    answer: Callable[[VisitCompleted, Terms, Seen | None], Answer | None]
    """Null where the visit has nothing that the requirement is about.

    It is given what other visits of the case show, where that is known.
    """
    variants: frozenset[str]
    """Variants that its answers name: a row must have their texts."""


_SHARED = (DOCUMENTATION_NOT_SENT.variant, TIME_NOT_SENT)
"""Variants that every row has from the table's defaults."""


def _of_case(answer: Callable[[VisitCompleted, Terms, Seen | None], Answer | None], *variants: str) -> Predicate:
    return Predicate(answer, frozenset((*_SHARED, *variants)))


def _of_visit(answer: Callable[[VisitCompleted, Terms], Answer | None], *variants: str) -> Predicate:
    """A predicate that needs no other visit of the case."""
    return _of_case(lambda visit, terms, _seen: answer(visit, terms), *variants)


PREDICATES: Mapping[str, Predicate] = {
    "signature-present": _of_visit(signature.check_signature_present),
    "signature-credential": _of_visit(signature.check_signature_credential),
    "signer-entitled": _of_visit(signature.check_signer_entitled, "evaluation-by-assistant"),
    "signed-after-visit": _of_visit(signature.check_signed_after_visit, "days-before", "end-not-sent"),
    "cosignature": _of_visit(signature.check_cosignature, "time-missing"),
    "plan-present": _of_visit(plan_of_care.check_plan_present),
    "plan-complete": _of_visit(plan_of_care.check_plan_complete),
    "plan-precedes-service": _of_visit(plan_of_care.check_plan_precedes_service),
    "initial-certification": _of_visit(
        certification.check_initial_certification, "before-plan", "not-certified", "verbal-order", "renewal"
    ),
    "certification-delay": _of_visit(certification.check_certification_delay),
    "certifier-entitled": _of_visit(certification.check_certifier_entitled, "kind-not-sent", "limited"),
    "certification-current": _of_visit(
        certification.check_certification_current,
        "ended", "renewed-later", "no-end-stated", "renewal-began-later", "plan-ended",
    ),
    "certification-dates-possible": _of_visit(certification.check_certification_dates),
    "progress-report-current": _of_case(
        progress_report.check_progress_report_current,
        "more-than-treatment-day", "no-report", "dated-after-visit", "none-after-evaluation", "may-be-the-evaluation",
        "days-seen",
    ),
    "progress-report-author": _of_visit(progress_report.check_progress_report_author, "by-assistant"),
    "treatment-days-agree": _of_case(progress_report.check_treatment_days_agree),
    "evaluation-present": _of_case(evaluation.check_evaluation_present),
    "re-evaluation-justified": _of_visit(evaluation.check_re_evaluation_justified),
    "service-date-agrees": _of_visit(time.check_service_date_agrees),
    "timed-minutes-present": _of_visit(time.check_timed_minutes_present),
    "total-minutes-present": _of_visit(time.check_total_minutes_present),
    "timed-within-total": _of_visit(time.check_timed_within_total),
    "interventions-within-total": _of_visit(time.check_interventions_within_total, "total-not-sent"),
    "timed-within-interventions": _of_visit(time.check_timed_within_interventions, "timed-not-sent"),
    "total-within-visit": _of_visit(time.check_total_within_visit, "reversed"),
    "interventions-described": _of_visit(note.check_interventions_described),
    "skilled-need-shown": _of_visit(note.check_skilled_need_shown),
    "note-differs": _of_case(note.check_note_differs),
    "diagnosis-present": _of_visit(note.check_diagnosis_present),
    "necessity-attested": _of_visit(note.check_necessity_attested),
    "modality-area-and-reason": _of_visit(services.check_modality_area_and_reason),
    "group-of-two": _of_visit(services.check_group_of_two),
    "caregiver-training-consented": _of_visit(services.check_caregiver_training_consented),
    "assistant-supervised": _of_visit(supervision.check_assistant_supervised, "none-given"),
    "certification-due": _of_visit(due.certification_due, "awaited", "awaited-today", "awaited-one-day", "one-day"),
    "progress-report-due": _of_case(due.progress_report_due, "today", "one-day"),
}  # fmt: skip
