"""What is due next: how much is left before a check fails. What has failed already is due no more."""

from claimbus.events import VisitCompleted
from claimbus.values import Result

from documentation_check.domain.answer import Answer, due, iso, unknown
from documentation_check.domain.case_history import Seen
from documentation_check.domain.certification import covered_through, initial_certification_due
from documentation_check.domain.progress_report import check_progress_report_author, treatment_days_left
from documentation_check.domain.tables import Terms


def certification_due(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """Days until the first certification must be there, or until the present one ends."""
    plan = visit.documentation.plan_of_care if visit.documentation else None
    if plan is None:
        return None  # without a plan there is nothing to certify; the plan has a check of its own
    if plan.established_on is None:
        return unknown("documentation.plan_of_care.established_on")
    awaited = initial_certification_due(plan, terms)
    if awaited is not None:
        days = (awaited - visit.service_date).days
        variant = {0: "awaited-today", 1: "awaited-one-day"}.get(days, "awaited")
        return due(variant, inputs={"days_left": days, "due": iso(awaited)}) if days >= 0 else None
    through = covered_through(plan, plan.established_on, terms)
    days = (through - visit.service_date).days
    return (
        due("one-day" if days == 1 else "", inputs={"days_left": days, "through": iso(through)}) if days >= 0 else None
    )


def progress_report_due(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer | None:
    """Treatment days until the next progress report must be written."""
    if visit.documentation is None:
        return None
    author = check_progress_report_author(visit, terms)
    if author is not None and author.result is Result.FAIL:
        return None
    left = treatment_days_left(visit, terms, seen)
    if left is None:
        return unknown("documentation.progress_report.treatment_days_since", "case.treatment_day")
    return due({0: "today", 1: "one-day"}.get(left, ""), inputs={"treatment_days_left": left}) if left >= 0 else None
