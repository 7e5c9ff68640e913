"""Certification of the plan of care by a physician or NPP (42 CFR 424.24(c), Pub 100-02 ch.15 s220.1.3).

How days are counted. The manual accepts a signature dated in the 30 days *following* the first
treatment day, and gives a certification 90 calendar days *from* that day: both leave the first day
out, so `established_on + 30` and `established_on + 90` are the last good days. (A certification
that states a nearer end, as one that counts the first day in does, is held to that end.)
`plan_of_care.established_on` stands for the first treatment day: the evaluation counts as one.

A visit carries one certification: the latest. One that was signed after the 30 days and runs past
the first interval cannot be the initial one (that never reaches beyond 90 days from the first
treatment), so it is read as a recertification; the initial one is then not on record here, and
only a visit of the first interval still asks for it.
"""

import re
from datetime import date
from typing import NamedTuple

from claimbus.events import Certification, PlanOfCare, VisitCompleted

from documentation_check.domain.answer import (
    Answer,
    days_after,
    failed,
    is_blank,
    iso,
    passed,
    unknown,
    unknown_without_documentation,
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
        return unknown_without_documentation()
    plan = visit.documentation.plan_of_care
    if plan is None:
        return None
    certification = plan.certification or _UNSIGNED
    established, certified_on = plan.established_on, certification.certified_on
    if established is None:
        return unknown(
            "The 30 days for the certification cannot be counted: when the plan was established is not known.",
            _ESTABLISHED_ON,
        )
    due = days_after(established, terms.initial_certification_days)
    inputs = {"established_on": iso(established), "due": iso(due), "certified_on": iso(certified_on)}
    if certified_on is not None and certified_on < established:
        return unknown(
            f"The certification is dated {certified_on}, before the plan of {established} existed.",
            _CERTIFIED_ON,
            _ESTABLISHED_ON,
            **inputs,
        )
    if certified_on is not None and certified_on <= due and not _is_verbal(certification):
        return passed(f"The plan was certified on {certified_on}, in time (by {due}).", **inputs)
    if _order_stands_for_signature(plan, terms):
        return passed(
            "A signed order, and the plan sent to the referrer in time, stand for the signature on the initial "
            "certification.",
            **inputs,
            order_signed_on=iso(certification.order_signed_on),
            plan_sent_on=iso(certification.plan_sent_on),
        )
    if certified_on is None:
        if visit.service_date <= due:
            return passed(f"The plan is not yet certified; the certification is due by {due}.", **inputs)
        return failed(
            f"The record shows no dated certification ({_CERTIFIED_ON}); it was due by {due}.",
            **inputs,
            service_date=iso(visit.service_date),
        )
    if certified_on <= due:
        return _check_verbal_order(visit.service_date, certified_on, terms)
    if _is_recertification(plan, terms):
        if visit.service_date > days_after(established, terms.certification_interval_days):
            return passed(f"The visit rests on the recertification of {certified_on}.", **inputs)
        return unknown(
            f"The certification of {certified_on} renews an earlier one, whose date is not in this record.",
            _CERTIFIED_ON,
            **inputs,
            certified_through=iso(certification.certified_through),
        )
    if not is_blank(certification.delay_reason):
        return passed(
            f"The plan was certified on {certified_on}, after {due}, with the reason for the delay.", **inputs
        )
    return failed(
        f"The plan was certified on {certified_on}, after {due}, without a reason for the delay "
        f"({_PLAN}.certification.delay_reason).",
        **inputs,
    )


def check_certification_delay(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """A delayed certification is accepted; a reviewer will ask for the evidence of the delay."""
    if visit.documentation is None:
        return unknown_without_documentation()
    plan = visit.documentation.plan_of_care
    if plan is None or plan.certification is None or plan.certification.certified_on is None:
        return None
    certified_on = plan.certification.certified_on
    if plan.established_on is None:
        return unknown(
            "Whether the certification was delayed is not known: when the plan was established is not known.",
            _ESTABLISHED_ON,
        )
    due = days_after(plan.established_on, terms.initial_certification_days)
    inputs = {"certified_on": iso(certified_on), "due": iso(due)}
    if certified_on <= due or _order_stands_for_signature(plan, terms):
        return passed("The initial certification was not delayed.", **inputs)
    if _is_recertification(plan, terms) or is_blank(plan.certification.delay_reason):
        return None  # the initial certification's own check says what is wrong
    return failed(f"The certification was delayed: signed on {certified_on}, due by {due} ({_CERTIFIED_ON}).", **inputs)


def check_certifier_entitled(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
    plan = visit.documentation.plan_of_care
    if plan is None or plan.certification is None:
        return None
    kind = plan.certification.certifier_kind
    if kind is None or is_blank(kind):
        if plan.certification.certified_on is None:
            return None
        return unknown("What kind of practitioner certified the plan is not known.", _CERTIFIER_KIND)
    match terms.may_certify(kind):
        case "yes":
            return passed("The certifier is of a kind that may certify.")
        case "no":
            return failed(
                f"The certifier is of a kind that may not certify a therapy plan ({_CERTIFIER_KIND}).",
                field=_CERTIFIER_KIND,
            )
        case "limited":
            return unknown(
                f"A certifier of this kind may certify only part of the therapy services ({_CERTIFIER_KIND})."
            )
        case None:
            return unknown("Whether this kind of practitioner may certify is not known.", _CERTIFIER_KIND)


def check_certification_current(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
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
        return failed(f"The certification ended on {through} ({_CERTIFIED_THROUGH}).", **inputs)
    if plan.established_on is None:
        return unknown(
            "The 90 days of the certification cannot be counted: when the plan was established is not known.",
            _ESTABLISHED_ON,
            **inputs,
        )
    if _is_recertification_after(served, plan, terms):
        return unknown(
            f"The recertification of {certification.certified_on} came after this visit and after the first interval.",
            _CERTIFIED_ON,
            **inputs,
        )
    span = _span(plan, plan.established_on, certification, terms)
    inputs["covered_through"] = iso(span.surely_through)
    if served > span.at_most_through:
        return failed(
            f"The certification reached no further than {span.at_most_through}; a recertification was due.",
            **inputs,
        )
    if served <= span.surely_through:
        return passed(
            f"The visit lies within the certification interval, which ends on {span.surely_through}.", **inputs
        )
    return unknown(span.doubt, *span.needs, **inputs)


def check_certification_dates(visit: VisitCompleted, _: Terms) -> Answer | None:
    """Whether the certification's end can be true beside its own date and the plan's."""
    if visit.documentation is None:
        return unknown_without_documentation()
    plan = visit.documentation.plan_of_care
    if plan is None or plan.certification is None:
        return None
    certification = plan.certification
    through = certification.certified_through
    dates = {
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
        told = " and ".join(later)
        return failed(f"The certification ends before {told} ({_CERTIFIED_THROUGH}).", **dates)
    if plan.established_on is None:
        return unknown("The certification's dates cannot be compared with the plan's.", _ESTABLISHED_ON, **dates)
    return passed("The dates of the plan and its certification can be true together.", **dates)


def initial_certification_due(plan: PlanOfCare, terms: Terms) -> date | None:
    """Last day for the initial certification, where it is still awaited."""
    certification = plan.certification or _UNSIGNED
    if plan.established_on is None or _order_stands_for_signature(plan, terms):
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
    needs: tuple[str, ...]


def _span(plan: PlanOfCare, established: date, certification: Certification, terms: Terms) -> _Span:
    interval = terms.certification_interval_days
    first_end = days_after(established, interval)
    certified_on, through = certification.certified_on, certification.certified_through
    is_late = certified_on is not None and certified_on > days_after(established, terms.initial_certification_days)
    if certified_on is not None and is_late and through is None:
        return _Span(
            first_end,
            days_after(certified_on, interval),
            f"The certification of {certified_on} does not say through when it runs.",
            (_CERTIFIED_THROUGH,),
        )
    if certified_on is not None and through is not None and _is_recertification(plan, terms):
        # Signed in good time, it begins only when the interval before it ends: at most 90 days later.
        return _Span(
            min(through, days_after(certified_on, interval)),
            min(through, days_after(certified_on, 2 * interval)),
            f"The recertification of {certified_on} covers this visit only if its 90 days began later than its date.",
            (_CERTIFIED_ON, _CERTIFIED_THROUGH),
        )
    planned_end = _planned_end(established, plan.duration) or first_end
    if through is None:
        end = min(first_end, planned_end)
        return _Span(end, end, "", ())
    end = min(first_end, through)
    return _Span(
        min(end, planned_end),
        end,
        f"The plan's own duration ended on {planned_end}, before the day that the certification states.",
        (f"{_PLAN}.duration", _CERTIFIED_THROUGH),
    )


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


def _order_stands_for_signature(plan: PlanOfCare, terms: Terms) -> bool:
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
    inputs = {"certified_on": iso(ordered_on), "sign_by": iso(sign_by)}
    if served <= sign_by:
        return passed(f"The plan was certified by verbal order; the signature is due by {sign_by}.", **inputs)
    return unknown(
        f"The plan was certified by verbal order; whether it was signed by {sign_by} is not known.",
        f"{_PLAN}.certification.method",
        **inputs,
    )


def _planned_end(established: date, duration: str | None) -> date | None:
    """Last day of a duration such as `8 weeks` or `8-12 weeks` (the longer end); null where it says no such thing."""
    found = _DURATION.findall(duration or "")
    if not found:
        return None
    return days_after(established, max(int(count) * _DAYS_IN[unit.lower()] for count, unit in found))
