"""Authorization: is one there, does it hold on the date of service, and are visits left."""

from collections.abc import Iterable
from typing import Any

from claimbus.events import DUE, Finding, RunningTotals, VisitCompleted
from claimbus.events.visit_completed import Authorization
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from claims.domain.tables import ClaimSettings

_RULE = "authorization"
_CITATION = "Payer contract; CARC 197, 198 and 284"


def check_authorization(
    visit: VisitCompleted, profile: Profile[ClaimSettings], totals: RunningTotals | None
) -> Iterable[Finding]:
    """Whether this visit is authorized, where the payer or the visit says that it must be.

    Dates and visits of an authorization that is there are checked even where none is said to be
    required. Nothing is said of a visit that needs none.
    """
    given = visit.primary.authorization
    always = profile.settings.authorization == "required"
    required = always or (given is not None and given.required is True)
    citation = profile.cite("authorization") if always else _CITATION
    number = bool(given and (given.number or "").strip())
    if given is not None and given.required is False and not always:
        return
    if required:
        yield _missing(given, citation, number=number)
    if given is not None and number:
        yield from _dates(visit, given, citation)
        yield from _visits(given, totals, citation)
        yield from _due(visit, given, totals, citation)


def _missing(given: Authorization | None, citation: str, *, number: bool) -> Finding:
    inputs = {"field": "coverage.authorization.number"}
    if number:
        return _finding("authorization.missing", Result.PASS, "The authorization has a number.", citation, inputs)
    text = "This payer wants an authorization, and the visit has no number of one."
    fix = "Send coverage.authorization with its number, dates and visits."
    result = Result.UNKNOWN if given is None else Result.FAIL
    return _finding("authorization.missing", result, text, citation, inputs, fix=fix)


def _dates(visit: VisitCompleted, given: Authorization, citation: str) -> Iterable[Finding]:
    start, end = given.valid_from, given.valid_through
    early = start is not None and visit.service_date < start
    late = end is not None and visit.service_date > end
    if start is None and end is None:
        return
    inputs = {
        "service_date": str(visit.service_date),
        "valid_from": str(start) if start else None,
        "valid_through": str(end) if end else None,
    }
    problem = "authorization.not-valid-on-date"
    if early or late:
        text = f"The date of service is {'before' if early else 'after'} the dates of the authorization."
        fix = "Ask the payer for one that holds on the date of service."
        yield _finding(problem, Result.FAIL, text, citation, inputs, fix=fix)
    elif start is None or end is None:
        end_of = "first" if start is None else "last"
        text = f"The {end_of} day of the authorization is unknown."
        fix = "Send coverage.authorization.valid_from and valid_through."
        yield _finding(problem, Result.UNKNOWN, text, citation, inputs, fix=fix)
    else:
        text = "The authorization holds on the date of service."
        yield _finding(problem, Result.PASS, text, citation, inputs)


def _visits(given: Authorization, totals: RunningTotals | None, citation: str) -> Iterable[Finding]:
    """`visits_used` are those before this one; what this pipeline has seen is a least value of it."""
    seen = totals.authorized_visits if totals else None
    used, allowed = given.visits_used, given.visits_allowed
    inputs = {"visits_allowed": allowed, "visits_used": used, "seen": seen}
    if used is not None and seen is not None:
        yield _differs(used, seen, citation, inputs)
    if allowed is None:
        return
    at_least = used if used is not None else seen
    problem = "authorization.visits-exceeded"
    if at_least is not None and at_least >= allowed:
        text = f"All {allowed} authorized visits were used before this one."
        fix = "Ask the payer for more visits before the claim is sent."
        yield _finding(problem, Result.FAIL, text, citation, inputs, fix=fix)
    elif used is None:
        text = "How many authorized visits were used before this one is unknown."
        fix = "Send coverage.authorization.visits_used."
        yield _finding(problem, Result.UNKNOWN, text, citation, inputs, fix=fix)
    else:
        yield _finding(problem, Result.PASS, "Authorized visits are left.", citation, inputs)


def _due(visit: VisitCompleted, given: Authorization, totals: RunningTotals | None, citation: str) -> Iterable[Finding]:
    """How many visits and days the authorization still has after this visit; nothing of what has run out already."""
    seen = totals.authorized_visits if totals else None
    used, allowed, end = given.visits_used, given.visits_allowed, given.valid_through
    if allowed is not None and used is None:
        text = "How many authorized visits are left is unknown."
        needs = "Send coverage.authorization.visits_used."
        yield _ahead("visits", Result.UNKNOWN, text, citation, {"visits_allowed": allowed, "seen": seen}, needs)
    elif allowed is not None and used is not None and (left := allowed - max(used, seen or 0) - 1) >= 0:
        text = f"{left} of {allowed} authorized visits {'is' if left == 1 else 'are'} left after this one."
        yield _ahead("visits", Result.PASS, text, citation, {"visits_left": left, "visits_allowed": allowed})
    if end is not None and end >= visit.service_date:
        days = (end - visit.service_date).days
        text = f"The authorization ends on {end}, {days} day{'' if days == 1 else 's'} after this visit."
        yield _ahead("end", Result.PASS, text, citation, {"days_left": days, "valid_through": str(end)})


def _ahead(
    what: str, result: Result, message: str, citation: str, inputs: dict[str, Any], fix: str | None = None
) -> Finding:
    name = f"{DUE}authorization-{what}"
    return _finding(name, result, message, citation, inputs, fix=fix, severity=Severity.INFO)


def _differs(used: int, seen: int, citation: str, inputs: dict[str, Any]) -> Finding:
    problem = "totals.authorized-visits-differ"
    if used >= seen:
        text = "coverage.authorization.visits_used is no less than the earlier visits seen here."
        return _finding(problem, Result.PASS, text, citation, inputs, severity=Severity.REVIEW)
    text = f"coverage.authorization.visits_used is {used}, and {seen} earlier visits were seen; the visit's is used."
    fix = "Compare with the payer and send coverage.authorization.visits_used anew."
    return _finding(problem, Result.FAIL, text, citation, inputs, fix=fix, severity=Severity.REVIEW)


def _finding(
    problem: str,
    result: Result,
    message: str,
    citation: str,
    inputs: dict[str, Any],
    *,
    fix: str | None = None,
    severity: Severity = Severity.BLOCK,
) -> Finding:
    return Finding(
        id=problem,
        result=result,
        severity=severity,
        message=message,
        fix=fix,
        rule=_RULE,
        citation=citation,
        inputs=inputs,
    )
