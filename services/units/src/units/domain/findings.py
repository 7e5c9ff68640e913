"""How this service words what it found: something to mend, a check that passed, something left off the claim."""

from typing import Any

from claimbus.events import CodedIntervention, Finding, Unbilled
from claimbus.values import Result, Severity

MANUAL = "Pub 100-04 ch.5 s20.2"
CODE_SET = "units table unit-codes"


def fail(
    check: str,
    message: str,
    fix: str,
    *,
    intervention_id: str | None = None,
    severity: Severity = Severity.BLOCK,
    result: Result = Result.FAIL,
    citation: str = MANUAL,
    inputs: dict[str, Any] | None = None,
) -> Finding:
    """A finding that asks somebody to mend something; who and how, and the denial to expect, stand in its row."""
    return Finding(
        id=check,
        result=result,
        severity=severity,
        intervention_id=intervention_id,
        message=message,
        fix=fix,
        rule=check,
        citation=citation,
        inputs=inputs or {},
    )


def passed(
    check: str,
    message: str,
    *,
    severity: Severity = Severity.BLOCK,
    citation: str = MANUAL,
    inputs: dict[str, Any] | None = None,
) -> Finding:
    """A check that was made and found nothing."""
    return Finding(
        id=check,
        result=Result.PASS,
        severity=severity,
        message=message,
        rule=check,
        citation=citation,
        inputs=inputs or {},
    )


def leave_off(one: CodedIntervention, reason: str, rule: str) -> Unbilled:
    """An intervention that is done and not billed."""
    return Unbilled(intervention_id=one.intervention_id, code=one.code, reason=reason, rule=rule)
