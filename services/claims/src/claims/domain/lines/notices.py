"""Advance notices: which modifier the visit's notice means, and what the modifier brings about."""

from collections.abc import Iterable

from claimbus.events import Finding, Line, Reason, VisitCompleted
from claimbus.rules import Profile, spelled
from claimbus.values import Result, Severity

from claims.domain.tables import ClaimRules, ClaimSettings

_RULE = "advance-notice"
_CITATION = "Pub 100-04 ch.30 s50"
_FIELD = "documentation.advance_beneficiary_notice"


def judge_notice(
    visit: VisitCompleted, profile: Profile[ClaimSettings], rules: ClaimRules
) -> tuple[Reason | None, tuple[Finding, ...]]:
    """Why the lines bear GA, GX, GY or GZ, from what the EHR says of a notice."""
    said = visit.documentation.advance_beneficiary_notice if visit.documentation else None
    words = spelled(said)
    if not words or not profile.settings.advance_notice:
        return None, ()
    row = rules.modifiers.notices.get(words)
    finding = Finding(
        id="modifier.advance-notice-unknown",
        result=Result.UNKNOWN if row is None else Result.PASS,
        severity=Severity.REVIEW,
        message=f"{_FIELD} holds words that name no kind of notice, so no modifier is set."
        if row is None
        else f"{_FIELD} names a kind of notice, or none.",
        fix=f"Send GA, GX, GY, GZ or none as {_FIELD}." if row is None else None,
        rule=_RULE,
        citation=_CITATION,
        inputs={"field": _FIELD},
    )
    if row is None or not row.modifier:
        return None, (finding,)
    reason = Reason(
        about=f"modifier:{row.modifier}",
        rule=_RULE,
        citation=f"{row.source}; {profile.cite('advance_notice')}",
        inputs={_FIELD: row.said},
    )
    return reason, (finding,)


def notice_effects(lines: Iterable[Line], profile: Profile[ClaimSettings], rules: ClaimRules) -> Iterable[Finding]:
    """What the payer does with each line that bears a notice's modifier."""
    effects = rules.modifiers.notice_effects
    if not profile.settings.advance_notice:
        return
    for line in lines:
        for modifier in line.modifiers:
            row = effects.get(modifier)
            if row is not None:
                yield Finding(
                    id=row.problem,
                    result=Result.FAIL,
                    severity=row.severity,
                    line=line.number,
                    message=f"{line.code}: {row.message}",
                    fix=row.fix,
                    rule=_RULE,
                    citation=row.source,
                    inputs={"code": line.code, "modifier": modifier},
                )
