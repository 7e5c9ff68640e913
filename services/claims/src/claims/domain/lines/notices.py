"""Advance notices: which modifier the visit's notice means, and what the modifier brings about."""

from collections.abc import Iterable

from claimbus.events import Checked, Line, Reason
from claimbus.rules import spelled

from claims.domain.findings import ClaimFinding
from claims.domain.lines.billed import LineContext

_FIELD = "documentation.advance_beneficiary_notice"


def check_notice(context: LineContext) -> tuple[Reason | None, Iterable[Checked]]:
    """Why the lines carry GA, GX, GY or GZ, from what the EHR reports of a notice (Pub 100-04 ch.30 s50)."""
    visit, profile, rules = context
    text = spelled(visit.documentation.advance_beneficiary_notice if visit.documentation else None)
    if not text or not profile.settings.advance_notice:
        return None, ()
    notice = rules.modifiers.notices.get(text)
    finding = rules.findings[ClaimFinding.MODIFIER_ADVANCE_NOTICE_UNKNOWN]
    if notice is None:
        return None, (finding.unknown(field=_FIELD, inputs={"field": _FIELD}),)
    if not notice.modifier:
        return None, (finding.passed(),)
    reason = Reason(
        about=f"modifier:{notice.modifier}",
        rule=finding.rule,
        citation=f"{notice.source}; {profile.cite('advance_notice')}",
        inputs={_FIELD: notice.text},
    )
    return reason, (finding.passed(),)


def check_notice_effects(context: LineContext, lines: Iterable[Line]) -> Iterable[Checked]:
    """What the payer does with each line that carries a notice's modifier."""
    if not context.profile.settings.advance_notice:
        return
    for line in lines:
        for modifier in line.modifiers:
            effect = context.rules.modifiers.notice_effects.get(modifier)
            if effect is not None:
                inputs = {"code": line.code, "modifier": modifier}
                yield effect.fail(line=line.number, codes=(line.code,), inputs=inputs)
