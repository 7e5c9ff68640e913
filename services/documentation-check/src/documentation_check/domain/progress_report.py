"""Progress reports (Pub 100-02 ch.15 s220.3 D): one in every 10 treatment days, written by a therapist.

The first period begins with the first treatment day, which the evaluation is; a report's own day
ends its period, and the next treatment day begins the next. There is no 30-calendar-day leg: it
left the manual, though many lists still carry it.

How many days passed is the visit's to say. Where it does not, the days of other visits are counted; some
may be missing among those, so that they can show a report to be overdue and never that it is not.
"""

from typing import Any

from claimbus.events import Case, Documentation, PlanOfCare, ProgressReport, VisitCompleted

from documentation_check.domain.answer import Answer, failed, iso, passed, unknown, unknown_without_documentation
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
        return unknown_without_documentation()
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
            return unknown(
                f"{since} treatment days since the last report cannot be, on treatment day {day}.",
                _SINCE,
                _DAY,
                **inputs,
            )
        return passed(f"Treatment day {day}: the first report is due by day {limit}.", **inputs)
    if _is_empty(report):
        if day is None:
            question = "How many treatment days passed without a progress report is not known."
            return _judge_seen(_seen_since(seen, report), limit, unknown(question, _DAY, **inputs))
        return failed(
            f"Treatment day {day} without a progress report ({_REPORT}); one is due by day {limit}.", **inputs
        )
    if report.last_on is not None and report.last_on > visit.service_date:
        return unknown(f"The last progress report is dated {report.last_on}, after this visit.", _LAST_ON, **inputs)
    if report.last_on == visit.service_date:
        return passed("A progress report was written today.", **inputs)
    if since is None:
        question = "How many treatment days passed since the last progress report is not known."
        return _judge_seen(_seen_since(seen, report), limit, unknown(question, _SINCE, **inputs))
    return _count(visit.documentation, since, day, limit, inputs)


def _count(documentation: Documentation, since: int, day: int | None, limit: int, inputs: dict[str, Any]) -> Answer:
    # The evaluation's own report does not end the first period: its day is that period's day 1.
    if day is not None and day - since == 1:
        return failed(
            f"Treatment day {day} without a progress report after the evaluation ({_LAST_ON}); "
            f"one is due by day {limit}.",
            **inputs,
        )
    if since > limit:
        return failed(f"{since} treatment days since the last progress report; at most {limit} ({_SINCE}).", **inputs)
    if day is None and since == limit and _may_be_the_evaluation(documentation):
        return unknown(
            f"{since} treatment days since the last report are in time unless that was the evaluation's.",
            _DAY,
            **inputs,
        )
    return passed(f"{since} treatment days since the last progress report; at most {limit}.", **inputs)


def _seen_since(seen: Seen | None, report: ProgressReport) -> int | None:
    """Treatment days since the last report as other visits tell, at least; null where its date is open."""
    if seen is None or (report.last_on is None and not _is_empty(report)):
        return None
    return seen.since(report.last_on)


def _judge_seen(days: int | None, limit: int, otherwise: Answer) -> Answer:
    if days is None:
        return otherwise
    inputs = otherwise.inputs | {"treatment_days_seen": days}
    if days <= limit:
        return otherwise._replace(inputs=inputs)
    return failed(
        f"At least {days} treatment days since the last progress report, as this case's visits show; at most {limit}.",
        **inputs,
    )


def treatment_days_left(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> int | None:
    """Treatment days after today's until the next report must be written; 0 when it is due today, below 0 when overdue.

    Null where the visit does not say how many passed. What other visits show is a least value, so the lesser is taken.
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
    return limit - max(passed_days, _seen_since(seen, report) or 0)


def check_treatment_days_agree(visit: VisitCompleted, _terms: Terms, seen: Seen | None) -> Answer | None:
    """Whether the visit counts at least the treatment days that other visits of its case show."""
    report = visit.documentation.progress_report if visit.documentation else None
    if seen is None or report is None or report.treatment_days_since is None or report.last_on is None:
        return None
    if report.last_on > visit.service_date:
        return None
    since, days = report.treatment_days_since, seen.since(report.last_on)
    inputs = {"treatment_days_since": since, "treatment_days_seen": days, "last_on": iso(report.last_on)}
    if since >= days:
        return passed(f"{since} treatment days since the last progress report; {days} of them were seen.", **inputs)
    return failed(
        f"{since} treatment days since the last progress report ({_SINCE}), though this case's visits show {days}; "
        "the visit's own figure was used.",
        **inputs,
    )


def _may_be_the_evaluation(documentation: Documentation) -> bool:
    established = (documentation.plan_of_care or _NO_PLAN).established_on
    last_on = (documentation.progress_report or _NO_REPORT).last_on
    return established is None or last_on is None or established == last_on


def _is_empty(report: ProgressReport) -> bool:
    return report.last_on is None and report.treatment_days_since is None and report.author_credential is None


def check_progress_report_author(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
    report = visit.documentation.progress_report
    if report is None or _is_empty(report):
        return None
    field = f"{_REPORT}.author_credential"
    role = terms.role_of(report.author_credential, visit.discipline)
    inputs = {"author_role": role, "discipline": visit.discipline}
    if role is None:
        return unknown("Whether a therapist wrote the last progress report is not known.", field, **inputs)
    if role == "therapist":
        return passed("A therapist wrote the last progress report.", **inputs)
    day, limit = (visit.case or _NO_CASE).treatment_day, terms.progress_report_treatment_days
    if day is not None and day <= limit:
        return passed(f"Treatment day {day}: the report that a therapist must write is due by day {limit}.", **inputs)
    if role == "assistant":
        return failed(
            f"An assistant wrote the last progress report; an assistant may only contribute to it ({field}).", **inputs
        )
    return failed(f"The last progress report was not written by a therapist of {visit.discipline} ({field}).", **inputs)
