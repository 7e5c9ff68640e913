"""Modifiers of a line, each with its reason."""

from decimal import Decimal

from claimbus.events import Finding, Reason, UnitShare, VisitCompleted
from claimbus.values import Result, Severity

from claims.domain.tables import ClaimRules

DISCIPLINE_MODIFIER = {"PT": "GP", "OT": "GO", "SLP": "GN"}
"""Under whose plan of care a service is furnished (Pub 100-04 ch.5 s20.1)."""
ASSISTANT_MODIFIER = {"PT": "CQ", "OT": "CO"}
"""Furnished in whole or in part by an assistant (42 USC 1395m(v))."""
_COMPUTED = {*DISCIPLINE_MODIFIER.values(), *ASSISTANT_MODIFIER.values(), "KX"}

_KX = "kx-threshold"
_KX_CITATION = "42 USC 1395l(g); Pub 100-04 ch.5 s10.3"


def modifiers_of_line(
    visit: VisitCompleted, rules: ClaimRules, *, share: UnitShare | None, kx: Reason | None, from_ehr: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """Discipline, assistant, KX, then what else the EHR set, in the order that claims carry them.

    An EHR's own GP is kept where the program does not ask for one; its CQ, CO and KX are not taken
    over, because both follow from facts that this pipeline checks.
    """
    reasons = []
    profile = rules.profiles.of(visit.primary.payer, visit.practice_id, visit.service_date)
    discipline = DISCIPLINE_MODIFIER[visit.discipline]
    assistant = ASSISTANT_MODIFIER.get(visit.discipline)
    if profile.settings.discipline_modifier:
        citation = profile.cite("discipline_modifier")
        reasons.append(_reason(discipline, "therapy-discipline", citation, program=visit.primary.program.value))
    elif discipline in from_ehr:
        reasons.append(_reason(discipline, "set-by-ehr", "visit completed, interventions.modifiers"))
    if share is not None and share.assistant and assistant:
        reasons.append(
            _reason(
                assistant,
                "assistant-de-minimis",
                "42 CFR 410.60(c); CY2022 physician fee schedule final rule",
                therapist_minutes=share.therapist_minutes,
                assistant_minutes=share.assistant_minutes,
                because=share.reason,
            )
        )
    if kx is not None:
        reasons.append(kx)
    reasons += [
        _reason(modifier, "set-by-ehr", "visit completed, interventions.modifiers")
        for modifier in from_ehr
        if modifier not in _COMPUTED
    ]
    return tuple(reason.about.removeprefix("modifier:") for reason in reasons), tuple(reasons)


def _reason(modifier: str, rule: str, citation: str, **inputs: object) -> Reason:
    return Reason(about=f"modifier:{modifier}", rule=rule, citation=citation, inputs=inputs)


def judge_kx(visit: VisitCompleted, rules: ClaimRules, charges: Decimal | None) -> tuple[Reason | None, Finding | None]:
    """Whether the lines bear KX, with its reason, and the check's answer where the program has a threshold.

    KX is needed strictly above the year's amount and says that the record supports necessity, so it
    is never set without the therapist's attestation. Allowed amounts of this visit are not known
    here; they cannot exceed its charges, which settles all but the visit that may cross the line.
    """
    threshold = rules.kx_threshold
    if not rules.profiles.of(visit.primary.payer, visit.practice_id, visit.service_date).settings.kx:
        return None, None
    used = visit.primary.therapy_dollars_used
    attested = visit.documentation.medical_necessity_attested if visit.documentation else None
    inputs = {
        "threshold": str(threshold.amount) if threshold else None,
        "used": None if used is None else str(used),
        "attested": attested,
    }

    def finding(result: Result, severity: Severity, message: str, fix: str | None = None) -> Finding:
        return Finding(
            id="kx.not-supported",
            result=result,
            severity=severity,
            message=message,
            fix=fix,
            fixable_by="therapist" if fix else None,
            carc="119",
            rule=_KX,
            citation=_KX_CITATION,
            inputs=inputs,
        )

    if threshold is None:
        text = f"The therapy threshold of {rules.day.year} is not in our tables, so the need for KX is unknown."
        return None, finding(Result.UNKNOWN, Severity.REVIEW, text, "Compare with the payer's running total.")
    if used is None:
        text = "Dollars used toward the therapy threshold are unknown, so the need for KX is too."
        return None, finding(Result.UNKNOWN, Severity.REVIEW, text, "Send coverage.therapy_dollars_used.")
    if used <= threshold.amount:
        if charges is not None and used + charges <= threshold.amount:
            return None, finding(Result.PASS, Severity.BLOCK, "Below the therapy threshold with this visit.")
        text = "This visit may cross the therapy threshold; its allowed amounts are not known here."
        return None, finding(Result.UNKNOWN, Severity.REVIEW, text, "Compare with the payer's running total.")
    if attested:
        reason = _reason("KX", _KX, _KX_CITATION, **inputs)
        return reason, finding(Result.PASS, Severity.BLOCK, "Above the therapy threshold; necessity is attested.")
    text = "Above the therapy threshold, and medical necessity is not attested."
    fix = "The therapist attests necessity if the record supports it; otherwise give an advance notice."
    if attested is None:
        return None, finding(Result.UNKNOWN, Severity.REVIEW, text, fix)
    return None, finding(Result.FAIL, Severity.BLOCK, text, fix)
