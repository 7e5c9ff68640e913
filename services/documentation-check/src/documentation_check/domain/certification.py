"""Certification of the plan of care by a physician or NPP (42 CFR 424.24(c), Pub 100-02 ch.15 s220.1.3).

How days are counted. The manual accepts a signature dated in the 30 days *following* the first
treatment day, and gives a certification 90 calendar days *from* that day: both leave the first day
out, so `established_on + 30` and `established_on + 90` are the last good days. (A certification
that states a nearer end, as one that counts the first day in does, is held to that end.)
`plan_of_care.established_on` is taken for the first treatment day: the evaluation counts as one.

A visit carries one certification: the latest. One that was signed after the 30 days and runs past
the first interval cannot be the initial one (that never reaches beyond 90 days from the first
treatment), so it is read as a recertification; the initial one is then not on record here, and
only a visit of the first interval still needs it.
"""

import re
from datetime import date
from typing import NamedTuple

from claimbus.events import Certification, PlanOfCare, VisitCompleted

from documentation_check.domain.answer import (
    DOCUMENTATION_NOT_SENT,
    PASSED,
    Answer,
    days_after,
    failed,
    is_blank,
    iso,
    unknown,
)
from documentation_check.domain.tables import Terms

_UNSIGNED = Certification()
_DURATION = re.compile(
    r"([1-9]\d{0,3})\s*-?\s*(day|week|wk|month|mo)s?\b(?!\s*(?:/|per\b|an?\b|each\b))", re.IGNORECASE
)
"""A length of time; `3 days/week` and `2 days per week` are frequencies."""
_DAYS_IN = {"day": 1, "week": 7, "wk": 7, "month": 30, "mo": 30}

_PLAN = "documentation.plan_of_care"
_ESTABLISHED_ON = f"{_PLAN}.established_on"
_CERTIFIED_ON = f"{_PLAN}.certification.certified_on"
_CERTIFIED_THROUGH = f"{_PLAN}.certification.certified_through"
_CERTIFIER_KIND = f"{_PLAN}.certification.certifier_kind"


def check_initial_certification(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None
    certification = plan.certification or _UNSIGNED
    established, certified_on = plan.established_on, certification.certified_on
    if established is None:
        return unknown(_ESTABLISHED_ON)
    due = days_after(established, terms.initial_certification_days)
    inputs = {"established_on": iso(established), "due": iso(due), "certified_on": iso(certified_on)}
    if certified_on is not None and certified_on < established:
        return unknown(_CERTIFIED_ON, _ESTABLISHED_ON, variant="before-plan", inputs=inputs)
    if certified_on is not None and certified_on <= due and not _is_verbal(certification):
        return PASSED
    if _is_certified_by_order(plan, terms):
        return PASSED
    if certified_on is None:
        if visit.service_date <= due:
            return PASSED
        return failed("not-certified", inputs={**inputs, "service_date": iso(visit.service_date)})
    if certified_on <= due:
        return _check_verbal_order(visit.service_date, certified_on, terms)
    if _is_recertification(plan, terms):
        if visit.service_date > days_after(established, terms.certification_interval_days):
            return PASSED
        through = iso(certification.certified_through)
        return unknown(_CERTIFIED_ON, variant="renewal", inputs={**inputs, "certified_through": through})
    return failed(inputs=inputs) if is_blank(certification.delay_reason) else PASSED


def check_certification_delay(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """A delayed certification is accepted; a reviewer will want the evidence of the delay."""
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None or plan.certification is None or plan.certification.certified_on is None:
        return None
    certified_on = plan.certification.certified_on
    if plan.established_on is None:
        return unknown(_ESTABLISHED_ON)
    due = days_after(plan.established_on, terms.initial_certification_days)
    if certified_on <= due or _is_certified_by_order(plan, terms):
        return PASSED
    if _is_recertification(plan, terms) or is_blank(plan.certification.delay_reason):
        return None  # the check of the initial certification finds what is wrong
    return failed(inputs={"certified_on": iso(certified_on), "due": iso(due)})


def check_certifier_entitled(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None or plan.certification is None:
        return None
    kind = plan.certification.certifier_kind
    if kind is None or is_blank(kind):
        if plan.certification.certified_on is None:
            return None
        return unknown(_CERTIFIER_KIND, variant="kind-not-sent")
    match terms.may_certify(kind):
        case "yes":
            return PASSED
        case "no":
            return failed(field=_CERTIFIER_KIND)
        case "limited":
            return unknown(variant="limited")
        case None:
            return unknown(_CERTIFIER_KIND)


def check_certification_current(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None
    certification = plan.certification or _UNSIGNED
    served, through = visit.service_date, certification.certified_through
    inputs = {
        "service_date": iso(served),
        "established_on": iso(plan.established_on),
        "certified_on": iso(certification.certified_on),
        "certified_through": iso(through),
    }
    if through is not None and served > through:
        return failed("ended", inputs=inputs)
    if plan.established_on is None:
        return unknown(_ESTABLISHED_ON, inputs=inputs)
    if _is_recertification_after(served, plan, terms):
        return unknown(_CERTIFIED_ON, variant="renewed-later", inputs=inputs)
    span = _span(plan, plan.established_on, certification, terms)
    inputs["covered_through"] = iso(span.surely_through)
    if served > span.at_most_through:
        return failed(text={"at_most_through": span.at_most_through}, inputs=inputs)
    if served <= span.surely_through:
        return PASSED
    return unknown(*span.needs, variant=span.doubt, inputs=inputs)


def check_certification_dates(visit: VisitCompleted, _: Terms) -> Answer | None:
    """Whether the certification's end can be true beside its own date and the plan's."""
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    plan = visit.documentation.plan_of_care
    if plan is None or plan.certification is None:
        return None
    certification = plan.certification
    through = certification.certified_through
    inputs = {
        "established_on": iso(plan.established_on),
        "certified_on": iso(certification.certified_on),
        "certified_through": iso(through),
    }
    later = [
        name
        for name, day in (("certified_on", certification.certified_on), ("established_on", plan.established_on))
        if day is not None and through is not None and day > through
    ]
    if later:
        return failed(text={"dates": " and ".join(later)}, inputs=inputs)
    return unknown(_ESTABLISHED_ON, inputs=inputs) if plan.established_on is None else PASSED


def initial_certification_due(plan: PlanOfCare, terms: Terms) -> date | None:
    """Last day for the initial certification, where it is still awaited."""
    certification = plan.certification or _UNSIGNED
    if plan.established_on is None or _is_certified_by_order(plan, terms):
        return None
    if certification.certified_on is None:
        return days_after(plan.established_on, terms.initial_certification_days)
    if _is_verbal(certification) and certification.certified_through is None:
        return days_after(certification.certified_on, terms.verbal_order_signature_days)
    return None


def covered_through(plan: PlanOfCare, established: date, terms: Terms) -> date:
    """Last day that the certification surely covers."""
    return _span(plan, established, plan.certification or _UNSIGNED, terms).surely_through


def _is_verbal(certification: Certification) -> bool:
    return "verbal" in (certification.method or "").lower()


class _Span(NamedTuple):
    """Days after `surely_through` and not after `at_most_through` are covered or not: the record does not say."""

    surely_through: date
    at_most_through: date
    doubt: str
    """Variant of the answer for those days."""
    needs: tuple[str, ...]


def _span(plan: PlanOfCare, established: date, certification: Certification, terms: Terms) -> _Span:
    interval = terms.certification_interval_days
    first_end = days_after(established, interval)
    certified_on, through = certification.certified_on, certification.certified_through
    is_late = certified_on is not None and certified_on > days_after(established, terms.initial_certification_days)
    if certified_on is not None and is_late and through is None:
        return _Span(first_end, days_after(certified_on, interval), "no-end-stated", (_CERTIFIED_THROUGH,))
    if certified_on is not None and through is not None and _is_recertification(plan, terms):
        # Signed in good time, it begins only when the interval before it ends: at most 90 days later.
        return _Span(
            min(through, days_after(certified_on, interval)),
            min(through, days_after(certified_on, 2 * interval)),
            "renewal-began-later",
            (_CERTIFIED_ON, _CERTIFIED_THROUGH),
        )
    planned_end = _planned_end(established, plan.duration) or first_end
    if through is None:
        end = min(first_end, planned_end)
        return _Span(end, end, "", ())
    end = min(first_end, through)
    return _Span(min(end, planned_end), end, "plan-ended", (f"{_PLAN}.duration", _CERTIFIED_THROUGH))


def _is_recertification(plan: PlanOfCare, terms: Terms) -> bool:
    certification = plan.certification or _UNSIGNED
    established, certified_on, through = (
        plan.established_on,
        certification.certified_on,
        certification.certified_through,
    )
    return (
        established is not None
        and certified_on is not None
        and through is not None
        and certified_on > days_after(established, terms.initial_certification_days)
        and through > days_after(established, terms.certification_interval_days)
    )


def _is_recertification_after(served: date, plan: PlanOfCare, terms: Terms) -> bool:
    """A recertification signed later than this visit may or may not reach back to it."""
    certified_on = (plan.certification or _UNSIGNED).certified_on
    return (
        certified_on is not None
        and plan.established_on is not None
        and days_after(plan.established_on, terms.certification_interval_days) < served < certified_on
        and _is_recertification(plan, terms)
    )


def _is_certified_by_order(plan: PlanOfCare, terms: Terms) -> bool:
    """From 2025: an order signed before the plan went out, and the plan sent to the referrer within the days given."""
    certification = plan.certification or _UNSIGNED
    ordered, sent, established = certification.order_signed_on, certification.plan_sent_on, plan.established_on
    return (
        terms.order_exception_days is not None
        and ordered is not None
        and sent is not None
        and established is not None
        and ordered <= sent
        and established <= sent <= days_after(established, terms.order_exception_days)
    )


def _check_verbal_order(served: date, ordered_on: date, terms: Terms) -> Answer:
    """A verbal order is timely only when a signature follows within 14 days; the visit does not carry its date."""
    sign_by = days_after(ordered_on, terms.verbal_order_signature_days)
    if served <= sign_by:
        return PASSED
    inputs = {"certified_on": iso(ordered_on), "sign_by": iso(sign_by)}
    return unknown(f"{_PLAN}.certification.method", variant="verbal-order", inputs=inputs)


def _planned_end(established: date, duration: str | None) -> date | None:
    """Last day of a duration such as `8 weeks` or `8-12 weeks` (the longer end); null where it says no such thing."""
    found = _DURATION.findall(duration or "")
    if not found:
        return None
    return days_after(established, max(int(count) * _DAYS_IN[unit.lower()] for count, unit in found))
