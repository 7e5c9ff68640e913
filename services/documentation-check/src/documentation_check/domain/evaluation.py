"""Evaluation and re-evaluation (Pub 100-02 ch.15 s220.3 C): the case has one, and a further one has its reason."""

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import (
    Answer,
    failed,
    failed_for,
    is_blank,
    iso,
    passed,
    unknown,
    unknown_without_documentation,
)
from documentation_check.domain.case_history import Seen
from documentation_check.domain.tables import Terms

_DAY = "case.treatment_day"


def is_evaluated(visit: VisitCompleted, terms: Terms) -> bool:
    """Whether the visit is, or has, an evaluation or a re-evaluation."""
    return visit.evaluation is not None or any(
        terms.is_of("evaluation", row.code) or terms.is_of("re_evaluation", row.code) for row in visit.interventions
    )


def check_evaluation_present(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer | None:
    """Treatment day 1 is the evaluation's. Later, the plan that was made from one stands for it."""
    if is_evaluated(visit, terms):
        return passed("The visit has an evaluation.")
    day = visit.case.treatment_day if visit.case else None
    if day == 1:
        return failed(
            f"Treatment day 1 has no evaluation (evaluation), and treatment rests on one ({_DAY}).", treatment_day=day
        )
    if seen is not None and seen.evaluated_on is not None:
        return passed("The case has an evaluation.", evaluated_on=iso(seen.evaluated_on))
    if visit.documentation is None:
        return unknown_without_documentation()
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None  # what the lack of a plan means, its own check says
    if plan.established_on is None:
        return unknown(
            "Whether the case has an evaluation is not known: neither one nor the day of the plan was sent.",
            "documentation.plan_of_care.established_on",
            treatment_day=day,
        )
    return passed(
        "The case has a plan of care, which is made from an evaluation.", established_on=iso(plan.established_on)
    )


def check_re_evaluation_justified(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """A re-evaluation needs a new finding, a significant change or no response."""
    evaluation, documentation = visit.evaluation, visit.documentation
    billed = [row.id for row in visit.interventions if terms.is_of("re_evaluation", row.code)]
    if not billed and (evaluation is None or evaluation.kind != "re_evaluation"):
        return None
    if evaluation is not None and not is_blank(evaluation.reason):
        return passed("The re-evaluation has its reason.", field="evaluation.reason")
    if documentation is None:
        return unknown_without_documentation()
    if is_blank(documentation.re_evaluation_reason):
        text = "The re-evaluation has no reason (evaluation.reason or documentation.re_evaluation_reason)."
        return failed_for(billed, text, billed=bool(billed))
    return passed("The re-evaluation has its reason.", field="documentation.re_evaluation_reason")
