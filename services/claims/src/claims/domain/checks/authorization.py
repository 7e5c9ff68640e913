"""Authorization: is one there, does it hold on the date of service, and are visits left."""

from collections.abc import Iterable

from claimbus.events import Checked, RunningTotals, VisitCompleted
from claimbus.events.visit_completed import Authorization
from claimbus.rules import Profile

from claims.domain.findings import ClaimFinding
from claims.domain.tables import ClaimRules, ClaimSettings

_NUMBER = "coverage.authorization.number"


def check_authorization(
    visit: VisitCompleted, profile: Profile[ClaimSettings], rules: ClaimRules, totals: RunningTotals | None
) -> Iterable[Checked]:
    """Whether this visit is authorized, where the payer or the visit says that it must be.

    Dates and visits of an authorization that is there are checked even where none is said to be
    required. Nothing is said of a visit that needs none.
    """
    given = visit.primary.authorization
    always = profile.settings.authorization == "required"
    required = always or (given is not None and given.required is True)
    citation = profile.cite("authorization") if always else ""
    number = bool(given and (given.number or "").strip())
    if given is not None and given.required is False and not always:
        return
    if required:
        row = rules.findings[ClaimFinding.AUTHORIZATION_MISSING]
        if number:
            yield row.passed()
        else:
            make = row.unknown if given is None else row.fail
            yield make(field=_NUMBER, citation=citation, inputs={"field": _NUMBER})
    if given is not None and number:
        seen = totals.authorized_visits if totals else None
        yield from _check_dates(visit, given, rules, citation)
        yield from _check_visits(given, seen, rules, citation)
        yield from _find_due(visit, given, seen, rules, citation)


def _check_dates(visit: VisitCompleted, given: Authorization, rules: ClaimRules, citation: str) -> Iterable[Checked]:
    row, day = rules.findings[ClaimFinding.AUTHORIZATION_NOT_VALID_ON_DATE], visit.service_date
    start, end = given.valid_from, given.valid_through
    if start is None and end is None:
        return
    inputs = {
        "service_date": str(day),
        "valid_from": str(start) if start else None,
        "valid_through": str(end) if end else None,
    }
    if start is not None and day < start:
        yield row.fail("too-early", citation=citation, inputs=inputs)
    elif end is not None and day > end:
        yield row.fail(citation=citation, inputs=inputs)
    elif start is None or end is None:
        yield row.unknown("no-start" if start is None else "", citation=citation, inputs=inputs)
    else:
        yield row.passed()


def _check_visits(given: Authorization, seen: int | None, rules: ClaimRules, citation: str) -> Iterable[Checked]:
    """`visits_used` are those before this one; what this pipeline has seen is a least value of it."""
    used, allowed = given.visits_used, given.visits_allowed
    inputs = {"visits_allowed": allowed, "visits_used": used, "seen": seen}
    if used is not None and seen is not None:
        row = rules.findings[ClaimFinding.TOTALS_AUTHORIZED_VISITS_DIFFER]
        yield row.passed() if used >= seen else row.fail(citation=citation, inputs=inputs)
    if allowed is None:
        return
    row = rules.findings[ClaimFinding.AUTHORIZATION_VISITS_EXCEEDED]
    at_least = used if used is not None else seen
    if at_least is not None and at_least >= allowed:
        yield row.fail(citation=citation, inputs=inputs)
    elif used is None:
        yield row.unknown(citation=citation, inputs=inputs)
    else:
        yield row.passed()


def _find_due(
    visit: VisitCompleted, given: Authorization, seen: int | None, rules: ClaimRules, citation: str
) -> Iterable[Checked]:
    """How many visits and days the authorization still has after this visit; nothing of what has run out already."""
    used, allowed, end = given.visits_used, given.visits_allowed, given.valid_through
    row = rules.findings[ClaimFinding.DUE_AUTHORIZATION_VISITS]
    if allowed is not None and used is None:
        yield row.unknown(citation=citation, inputs={"visits_allowed": allowed, "seen": seen})
    elif allowed is not None and used is not None and (left := allowed - max(used, seen or 0) - 1) >= 0:
        inputs = {"visits_left": left, "visits_allowed": allowed}
        yield row.due("one-left" if left == 1 else "", citation=citation, inputs=inputs)
    if end is not None and end >= visit.service_date:
        days = (end - visit.service_date).days
        yield rules.findings[ClaimFinding.DUE_AUTHORIZATION_END].due(
            "one-day" if days == 1 else "",
            citation=citation,
            inputs={"days_left": days, "valid_through": str(end)},
        )
