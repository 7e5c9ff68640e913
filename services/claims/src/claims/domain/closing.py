"""Events for a visit that cannot be decided yet, and for a revision that came too late."""

from collections.abc import Mapping, Sequence

from claimbus.events import (
    DocumentationChecked,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitHeld,
    VisitSuperseded,
)

_PUBLISHED_BY: Mapping[str, str] = {
    VisitCoded.fact: "coding",
    UnitsComputed.fact: "units",
    DocumentationChecked.fact: "documentation-check",
}
_FOLLOWS: Mapping[str, str] = {UnitsComputed.fact: VisitCoded.fact}
"""Facts that cannot come before the one that they are computed from."""


def hold_visit(visit: VisitCompleted, missing: Sequence[str], seconds: float) -> VisitHeld:
    """`missing` are the facts that did not come within `seconds` of the visit; none where all are there."""
    return VisitHeld(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        reason=_reason(missing, seconds),
        waits_for=tuple(missing),
    )


def _reason(missing: Sequence[str], seconds: float) -> str:
    if not missing:
        return (
            f"All facts are there, and no decision followed within {seconds:g} seconds of the visit: a dead letter of "
            "this visit says why, and replaying it decides the visit."
        )
    first = [fact for fact in missing if _FOLLOWS.get(fact) not in missing]
    late = " and ".join(f"{fact} (said by {_PUBLISHED_BY.get(fact, 'another service')})" for fact in first)
    following = "".join(f"; {fact} follows from {_FOLLOWS[fact]}" for fact in missing if fact not in first)
    return (
        f"{late} did not come within {seconds:g} seconds of the visit{following}. The service is down or behind, "
        "or a dead letter of this visit says why. The decision follows by itself when all are there."
    )


def supersede_visit(visit: VisitCompleted, replaced_by: int) -> VisitSuperseded:
    """A revision that was never decided, because a later one was before it."""
    return VisitSuperseded(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        reason=f"Revision {replaced_by} was decided before this one came: nothing of this one is to be billed.",
        replaced_by=replaced_by,
    )
