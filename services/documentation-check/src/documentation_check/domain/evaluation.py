"""Evaluation and re-evaluation (Pub 100-02 ch.15 s220.3 C): the case has one, and a further one has its reason."""

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, PASSED, Answer, failed, is_blank, unknown
from documentation_check.domain.case_history import Seen
from documentation_check.domain.tables import Terms


def is_evaluated(visit: VisitCompleted, terms: Terms) -> bool:
    """Whether the visit is, or has, an evaluation or a re-evaluation."""
    return visit.evaluation is not None or any(
        terms.is_of("evaluation", row.code) or terms.is_of("re_evaluation", row.code) for row in visit.interventions
    )


def check_evaluation_present(visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer | None:
    """Treatment day 1 is the evaluation's. Later, the plan that was made from one is proof of it."""
    if is_evaluated(visit, terms):
        return PASSED
    day = visit.case.treatment_day if visit.case else None
    if day == 1:
        return failed(inputs={"treatment_day": day})
    if seen is not None and seen.evaluated_on is not None:
        return PASSED
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None  # the lack of a plan has a check of its own
    if plan.established_on is None:
        return unknown("documentation.plan_of_care.established_on", inputs={"treatment_day": day})
    return PASSED


def check_re_evaluation_justified(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """A re-evaluation needs a new finding, a significant change or no response."""
    evaluation, documentation = visit.evaluation, visit.documentation
    billed = [row.id for row in visit.interventions if terms.is_of("re_evaluation", row.code)]
    if not billed and (evaluation is None or evaluation.kind != "re_evaluation"):
        return None
    if evaluation is not None and not is_blank(evaluation.reason):
        return PASSED
    if documentation is None:
        return DOCUMENTATION_NOT_SENT
    if is_blank(documentation.re_evaluation_reason):
        return failed(interventions=billed, inputs={"billed": bool(billed)})
    return PASSED
