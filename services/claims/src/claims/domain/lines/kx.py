"""KX: whether the year's therapy threshold is passed, and whether the record supports going on."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from claimbus.events import Finding, Reason, RunningTotals, VisitCompleted
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from claims.domain.tables import ClaimRules, ClaimSettings

_RULE = "kx-threshold"
_CITATION = "42 USC 1395l(g); Pub 100-04 ch.5 s10.3"


class VisitDollars(NamedTuple):
    """What this visit adds, in US dollars; null where it is not known."""

    charges: Decimal | None
    allowed: Callable[[], Decimal | None]
    """By the fee schedule, a national estimate; asked for only when the charges leave it open."""

    def stay_within(self, room: Decimal) -> bool:
        """Whether they are known to: what is allowed is never above the charge."""
        if self.charges is not None and self.charges <= room:
            return True
        allowed = self.allowed()
        return allowed is not None and allowed <= room


def judge_kx(
    visit: VisitCompleted,
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
    *,
    dollars: VisitDollars,
    totals: RunningTotals | None,
    set_by_ehr: bool,
    notice: bool,
) -> tuple[Reason | None, tuple[Finding, ...]]:
    """Why the lines bear KX, or nothing, and the answers of the checks.

    KX is needed strictly above the year's amount, by dollars used before this visit, and says that
    the record supports necessity: it is never set without the therapist's attestation. What this
    visit adds is an estimate, so it can clear a visit and never set KX by itself. `notice`: a
    required advance notice (GA) stands on the claim.
    """
    if not profile.settings.kx:
        return None, (_not_needed("This payer has no therapy threshold.", {}),) if set_by_ehr else ()
    used = visit.primary.therapy_dollars_used
    seen = totals.therapy_dollars if totals else None
    inputs: dict[str, Any] = {
        "threshold": str(rules.kx_threshold.amount) if rules.kx_threshold else None,
        "used": _text(used),
        "attested": visit.documentation.medical_necessity_attested if visit.documentation else None,
    }
    if seen is not None:
        inputs |= {"seen": str(seen)}
    if set_by_ehr:
        inputs |= {"set_by_ehr": True}
    reason, finding = _judge(rules, used, seen, dollars, inputs, set_by_ehr=set_by_ehr, notice=notice)
    findings = [finding]
    if used is not None and seen is not None:
        findings.append(_totals_differ(used, seen, inputs))
    if set_by_ehr and reason is None and finding.result is Result.PASS and not notice:
        findings.append(_not_needed("Dollars used before this visit are not above the therapy threshold.", inputs))
    return reason, tuple(findings)


def _judge(
    rules: ClaimRules,
    used: Decimal | None,
    seen: Decimal | None,
    dollars: VisitDollars,
    inputs: dict[str, Any],
    *,
    set_by_ehr: bool,
    notice: bool,
) -> tuple[Reason | None, Finding]:
    threshold = rules.kx_threshold
    attested = inputs["attested"]
    if threshold is None:
        text = f"The therapy threshold of {rules.day.year} is not in our tables, so the need for KX is unknown."
        return None, _finding(Result.UNKNOWN, text, inputs, "Compare with the payer's running total.")
    above = used > threshold.amount if used is not None else seen is not None and seen > threshold.amount
    if not above and used is None:
        text = "Dollars used toward the therapy threshold are unknown, so the need for KX is too."
        fix = "Send coverage.therapy_dollars_used."
        if set_by_ehr and attested:
            # Nothing speaks against it, and without a needed KX the claim is denied.
            return _reason(inputs), _finding(Result.UNKNOWN, f"{text} The EHR's KX is kept.", inputs, fix)
        return None, _finding(Result.UNKNOWN, text, inputs, fix)
    if not above and used is not None and seen is not None and seen > threshold.amount:
        text = "The visit's dollars are below the therapy threshold, and earlier visits add up to more than it."
        fix = "Compare with the payer's running total and send coverage.therapy_dollars_used anew."
        return (_reason(inputs) if set_by_ehr and attested else None), _finding(Result.UNKNOWN, text, inputs, fix)
    if not above and used is not None:
        if dollars.stay_within(threshold.amount - used):
            return None, _finding(Result.PASS, "Below the therapy threshold with this visit.", inputs)
        inputs = inputs | {"allowed": _text(dollars.allowed()), "charges": _text(dollars.charges)}
        if set_by_ehr and attested:
            text = "This visit may cross the therapy threshold; the EHR set KX and necessity is attested."
            return _reason(inputs), _finding(Result.PASS, text, inputs)
        text = "This visit may cross the therapy threshold; what it adds is an estimate, so KX is not set."
        return None, _finding(Result.UNKNOWN, text, inputs, "Compare with the payer's running total.")
    if attested:
        return _reason(inputs), _finding(Result.PASS, "Above the therapy threshold; necessity is attested.", inputs)
    if notice:
        text = "Above the therapy threshold without attestation; a required notice is on file, so GA stands for KX."
        return None, _finding(Result.PASS, text, inputs | {"notice": "GA"})
    text = "Above the therapy threshold, and medical necessity is not attested."
    fix = "The therapist attests necessity if the record supports it; otherwise give an advance notice."
    return None, _finding(Result.UNKNOWN if attested is None else Result.FAIL, text, inputs, fix)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _reason(inputs: dict[str, Any]) -> Reason:
    return Reason(about="modifier:KX", rule=_RULE, citation=_CITATION, inputs=inputs)


def _finding(result: Result, message: str, inputs: dict[str, Any], fix: str | None = None) -> Finding:
    return Finding(
        id="kx.not-supported",
        result=result,
        severity=Severity.REVIEW if result is Result.UNKNOWN else Severity.BLOCK,
        message=message,
        fix=fix,
        rule=_RULE,
        citation=_CITATION,
        inputs=inputs,
    )


def _not_needed(why: str, inputs: dict[str, Any]) -> Finding:
    return Finding(
        id="kx.not-needed",
        result=Result.FAIL,
        severity=Severity.INFO,
        message=f"The EHR set KX and it is left off. {why}",
        fix="Correct coverage.therapy_dollars_used if more was used; else take KX off.",
        rule=_RULE,
        citation=_CITATION,
        inputs=inputs,
    )


def _totals_differ(used: Decimal, seen: Decimal, inputs: dict[str, Any]) -> Finding:
    """`seen` is a least value, so only a figure below it is wrong."""
    differs = used < seen
    return Finding(
        id="totals.therapy-dollars-differ",
        result=Result.FAIL if differs else Result.PASS,
        severity=Severity.REVIEW,
        message="coverage.therapy_dollars_used is less than earlier visits add up to; the visit's figure is used."
        if differs
        else "coverage.therapy_dollars_used is no less than earlier visits add up to.",
        fix="Compare with the payer's running total and send coverage.therapy_dollars_used anew." if differs else None,
        rule=_RULE,
        citation=_CITATION,
        inputs=inputs,
    )
