"""The plan of care: that it exists, is complete, and came before the treatment (Pub 100-02 ch.15 s220.1.2)."""

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import (
    Answer,
    failed,
    is_blank,
    passed,
    unknown,
    unknown_without_documentation,
)
from documentation_check.domain.tables import Terms


def check_plan_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.documentation is None:
        return unknown_without_documentation()
    if visit.documentation.plan_of_care is None:
        field = "documentation.plan_of_care"
        return failed(f"The record holds no plan of care ({field}).", field=field)
    return passed("The record holds a plan of care.")


def check_plan_complete(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
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
        return failed(
            f"The plan of care lacks {', '.join(missing)} (documentation.plan_of_care).", missing_elements=missing
        )
    return passed("The plan of care names diagnoses, long-term goals, type, amount, frequency and duration.")


def check_plan_precedes_service(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None
    field = "documentation.plan_of_care.established_on"
    if plan.established_on is None:
        return unknown("When the plan of care was established is not known.", field)
    established, served = plan.established_on.isoformat(), visit.service_date.isoformat()
    inputs = {"established_on": established, "service_date": served}
    if plan.established_on > visit.service_date:
        return failed(
            f"The plan of care was established on {established}, after the treatment on {served} ({field}).", **inputs
        )
    return passed(f"The plan of care was established on {established}, not after the treatment.", **inputs)
