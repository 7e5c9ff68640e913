"""The plan of care: that it exists, is complete, and came before the treatment (Pub 100-02 ch.15 s220.1.2)."""

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, PASSED, Answer, failed, is_blank, unknown
from documentation_check.domain.tables import Terms


def check_plan_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    if visit.documentation.plan_of_care is None:
        return failed(field="documentation.plan_of_care")
    return PASSED


def check_plan_complete(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None
    missing = [
        name
        for name, is_there in (
            ("diagnoses", any(not is_blank(code) for code in plan.diagnoses)),
            ("long_term_goals", any(not is_blank(goal) for goal in plan.long_term_goals)),
            ("type", not is_blank(plan.type)),
            ("amount", not is_blank(plan.amount)),
            ("frequency", not is_blank(plan.frequency)),
            ("duration", not is_blank(plan.duration)),
        )
        if not is_there
    ]
    if missing:
        return failed(text={"elements": ", ".join(missing)}, inputs={"missing_elements": missing})
    return PASSED


def check_plan_precedes_service(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None
    if plan.established_on is None:
        return unknown("documentation.plan_of_care.established_on")
    if plan.established_on > visit.service_date:
        return failed(
            inputs={"established_on": plan.established_on.isoformat(), "service_date": visit.service_date.isoformat()}
        )
    return PASSED
