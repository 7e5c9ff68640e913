"""What is due next: how much is left before a check fails. Nothing is said of what has failed already."""

from datetime import date

from claimbus.events import VisitCompleted
from claimbus.values import Result

from documentation_check.domain.answer import Answer, iso, passed, unknown
from documentation_check.domain.case_history import Seen
from documentation_check.domain.certification import covered_through, initial_certification_due
from documentation_check.domain.progress_report import check_progress_report_author, treatment_days_left
from documentation_check.domain.tables import Terms


def tell_certification_due(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """Days until the first certification must be there, or until the one that is there ends."""
    plan = visit.documentation.plan_of_care if visit.documentation else None
    if plan is None:
        return None  # without a plan there is nothing to certify; the plan's own check says so
    if plan.established_on is None:
        return unknown(
            "Until when the certification reaches is not known.", "documentation.plan_of_care.established_on"
        )
    awaited = initial_certification_due(plan, terms)
    if awaited is not None:
        if visit.service_date > awaited:
            return None
        days = _days(visit.service_date, awaited)
        return passed(f"The plan is to be certified by {awaited}, {_in(days)}.", days_left=days, due=iso(awaited))
    through = covered_through(plan, plan.established_on, terms)
    if visit.service_date > through:
        return None
    days = _days(visit.service_date, through)
    return passed(
        f"The certification covers visits through {through}: {_more(days, 'day')}. Recertification is due by then.",
        days_left=days,
        through=iso(through),
    )


def tell_progress_report_due(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer | None:
    """Treatment days until the next progress report must be written."""
    if visit.documentation is None:
        return None
    author = check_progress_report_author(visit, terms)
    if author is not None and author.result is Result.FAIL:
        return None
    left = treatment_days_left(visit, terms, seen)
    if left is None:
        return unknown(
            "How many treatment days are left until the next progress report is not known.",
            "documentation.progress_report.treatment_days_since",
            "case.treatment_day",
        )
    if left < 0:
        return None
    when = "today" if left == 0 else f"within {_more(left, 'treatment day')}"
    return passed(f"The next progress report is due {when}.", treatment_days_left=left)


def _days(start: date, end: date) -> int:
    return (end - start).days


def _in(days: int) -> str:
    return "today" if days == 0 else f"in {days} day{'s' if days != 1 else ''}"


def _more(number: int, noun: str) -> str:
    return f"{number} more {noun}{'s' if number != 1 else ''}"
