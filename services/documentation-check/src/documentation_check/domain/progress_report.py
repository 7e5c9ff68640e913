"""Progress reports (Pub 100-02 ch.15 s220.3 D): one in every 10 treatment days, written by a therapist.

The first period begins with the first treatment day, which the evaluation is; a report's own day
ends its period, and the next treatment day begins the next. There is no 30-calendar-day leg: it
left the manual, though many lists still carry it.

The visit gives how many days passed. Where it does not, the days of other visits are counted; some may be
missing among those, so that they can show a report to be overdue and never that it is not.
"""

from typing import Any

from claimbus.events import Case, Documentation, PlanOfCare, ProgressReport, VisitCompleted

from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, PASSED, Answer, failed, iso, unknown
from documentation_check.domain.case_history import Seen
from documentation_check.domain.tables import Terms

_REPORT = "documentation.progress_report"
_SINCE = f"{_REPORT}.treatment_days_since"
_LAST_ON = f"{_REPORT}.last_on"
_DAY = "case.treatment_day"
_NO_REPORT = ProgressReport()
_NO_CASE = Case()
_NO_PLAN = PlanOfCare()


def check_progress_report_current(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    report = visit.documentation.progress_report or _NO_REPORT
    limit = terms.progress_report_treatment_days
    day, since = (visit.case or _NO_CASE).treatment_day, report.treatment_days_since
    inputs = {
        "treatment_day": day,
        "treatment_days_since": since,
        "last_on": iso(report.last_on),
        "limit": limit,
    }
    if day is not None and day <= limit:
        if since is not None and since > limit:
            return unknown(_SINCE, _DAY, variant="more-than-treatment-day", inputs=inputs)
        return PASSED
    if _is_empty(report):
        if day is None:
            return _check_days_seen(seen, report, limit, unknown(_DAY, variant="no-report", inputs=inputs))
        return failed("no-report", inputs=inputs)
    if report.last_on is not None and report.last_on > visit.service_date:
        return unknown(_LAST_ON, variant="dated-after-visit", inputs=inputs)
    if report.last_on == visit.service_date:
        return PASSED
    if since is None:
        return _check_days_seen(seen, report, limit, unknown(_SINCE, inputs=inputs))
    return _check_days_since(visit.documentation, since, day, limit, inputs)


def _check_days_since(
    documentation: Documentation, since: int, day: int | None, limit: int, inputs: dict[str, Any]
) -> Answer:
    # The evaluation's own report does not end the first period: its day is that period's day 1.
    if day is not None and day - since == 1:
        return failed("none-after-evaluation", inputs=inputs)
    if since > limit:
        return failed(inputs=inputs)
    if day is None and since == limit and _may_be_the_evaluation(documentation):
        return unknown(_DAY, variant="may-be-the-evaluation", inputs=inputs)
    return PASSED


def _days_seen(seen: Seen | None, report: ProgressReport) -> int | None:
    """Treatment days since the last report that other visits show, at least; null where its date is open."""
    if seen is None or (report.last_on is None and not _is_empty(report)):
        return None
    return seen.since(report.last_on)


def _check_days_seen(seen: Seen | None, report: ProgressReport, limit: int, answer: Answer) -> Answer:
    """`answer` is the one where other visits do not show that the report is overdue."""
    days = _days_seen(seen, report)
    if days is None:
        return answer
    inputs = {**answer.inputs, "treatment_days_seen": days}
    return answer._replace(inputs=inputs) if days <= limit else failed("days-seen", inputs=inputs)


def treatment_days_left(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> int | None:
    """Treatment days after today's until the next report must be written; 0 when it is due today, below 0 when overdue.

    Null where the visit does not give how many passed. What other visits show is a least value, so the lesser is taken.
    """
    report = (visit.documentation.progress_report if visit.documentation else None) or _NO_REPORT
    limit, day = terms.progress_report_treatment_days, (visit.case or _NO_CASE).treatment_day
    if report.last_on == visit.service_date:
        return limit
    if day is not None and day <= limit:
        passed_days: int | None = day
    elif day is not None and _is_empty(report):
        passed_days = day
    else:
        passed_days = report.treatment_days_since
    if passed_days is None:
        return None
    return limit - max(passed_days, _days_seen(seen, report) or 0)


def check_treatment_days_agree(visit: VisitCompleted, _terms: Terms, seen: Seen | None) -> Answer | None:
    """Whether the visit counts at least the treatment days that other visits of its case show."""
    report = visit.documentation.progress_report if visit.documentation else None
    if seen is None or report is None or report.treatment_days_since is None or report.last_on is None:
        return None
    if report.last_on > visit.service_date:
        return None
    since, days = report.treatment_days_since, seen.since(report.last_on)
    if since >= days:
        return PASSED
    return failed(inputs={"treatment_days_since": since, "treatment_days_seen": days, "last_on": iso(report.last_on)})


def _may_be_the_evaluation(documentation: Documentation) -> bool:
    established = (documentation.plan_of_care or _NO_PLAN).established_on
    last_on = (documentation.progress_report or _NO_REPORT).last_on
    return established is None or last_on is None or established == last_on


def _is_empty(report: ProgressReport) -> bool:
    return report.last_on is None and report.treatment_days_since is None and report.author_credential is None


def check_progress_report_author(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    report = visit.documentation.progress_report
    if report is None or _is_empty(report):
        return None
    role = terms.role_of(report.author_credential, visit.discipline)
    inputs = {"author_role": role, "discipline": visit.discipline}
    if role is None:
        return unknown(f"{_REPORT}.author_credential", inputs=inputs)
    day, limit = (visit.case or _NO_CASE).treatment_day, terms.progress_report_treatment_days
    if role == "therapist" or (day is not None and day <= limit):
        return PASSED
    return failed("by-assistant" if role == "assistant" else "", inputs=inputs)
