"""The fewest legal steps that would make a claim ready, from its findings alone.

A failed blocking finding goes away when it is mended. Where nothing mends it (`mending` none), the lines that it
endangers are left off; where those are all of the lines, nothing helps. Findings that one fix or one field mends are
one step, and what hangs on lines that are left off anyway needs none. So no step can be spared. What a corrected
visit then shows is decided anew; nothing here is a forecast.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from claimbus.events import Finding, Line, StepToReady
from claimbus.values import Result, Severity

from claims.domain.lines.fees import total_of

NOTHING_BILLABLE = "claim.nothing-billable"
"""Follows from what keeps every service off the claim, and goes with it."""
_LEAVE_OFF = "Send the claim without {}; nothing that is written now makes {} billable."


def steps_to_ready(
    findings: Iterable[Finding], lines: Sequence[Line], expected_of: Callable[[Sequence[Line]], Decimal | None]
) -> tuple[StepToReady, ...]:
    """Most dollars first; none for a claim that is ready.

    `findings` name the lines that they endanger. `expected_of` prices what is left when lines are left off: which unit
    a payer pays in full may change with them.
    """
    open_ = [one for one in findings if one.result is not Result.PASS and not one.is_due]
    blocking = [one for one in open_ if one.severity is Severity.BLOCK and one.result is Result.FAIL]
    if not lines:
        return _steps_to_a_line(blocking, open_)
    lost = [one for one in blocking if one.mending == "none"]
    off = {number for one in lost for number in one.lines}
    if len(off) == len(lines):
        return (_nothing_helps(lost),)
    mendable = [one for one in blocking if one.mending != "none" and not (one.lines and off.issuperset(one.lines))]
    steps = [_mend(group, lines, off) for group in _by_fix(mendable)]
    steps.sort(key=lambda step: -(step.releases or Decimal(0)))
    if lost:
        steps.append(_leave_off(lost, [line for line in lines if line.number not in off], expected_of))
    return tuple(steps)


def _steps_to_a_line(blocking: Sequence[Finding], open_: Sequence[Finding]) -> tuple[StepToReady, ...]:
    """Steps for a claim without any line: besides what blocks it, something must become billable."""
    consequence = [one for one in blocking if one.id == NOTHING_BILLABLE]
    others = [one for one in blocking if one.id != NOTHING_BILLABLE]
    lost = [one for one in others if one.mending == "none"]
    about_a_service = [
        one
        for one in open_
        if one.severity is not Severity.INFO and one.mending not in ("none", None) and _services(one)
    ]
    # What blocks must be mended anyway; one service that becomes billable is enough.
    first = next((one for one in about_a_service if one in others), next(iter(about_a_service), None))
    if lost or first is None:
        return (_nothing_helps([*lost, *consequence]),) if blocking else ()
    groups = _by_fix(others if first in others else [*others, first])
    return tuple(_mend([*group, *consequence] if first in group else group, (), set()) for group in groups)


def _services(finding: Finding) -> set[str]:
    return {name for name in (finding.intervention_id, *finding.intervention_ids) if name is not None}


def _by_fix(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings that the same person mends in the same way at the same field, or by the same fix, together."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        place = one.inputs.get("field") or one.fix or one.id
        groups.setdefault((place, one.fixable_by, one.mending), []).append(one)
    return list(groups.values())


def _mend(group: Sequence[Finding], lines: Sequence[Line], off: set[int]) -> StepToReady:
    first = group[0]
    numbers = sorted({number for one in group for number in one.lines} - off)
    return StepToReady(
        kind="mend",
        finding_ids=_ids(group),
        fix=_fixes([one for one in group if one.id != NOTHING_BILLABLE]),
        fixable_by=first.fixable_by,
        mending=first.mending,
        mend_by=min((one.mend_by for one in group if one.mend_by is not None), default=None),
        lines=tuple(numbers),
        releases=total_of(line.expected_amount for line in lines if line.number in numbers) if numbers else None,
    )


def _leave_off(
    lost: Sequence[Finding], kept: Sequence[Line], expected_of: Callable[[Sequence[Line]], Decimal | None]
) -> StepToReady:
    numbers = sorted({number for one in lost for number in one.lines})
    named = f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    what = _LEAVE_OFF.format(named, "them" if len(numbers) > 1 else "it")
    return StepToReady(
        kind="leave_off",
        finding_ids=_ids(lost),
        fix=what if numbers else "Take the services that it is about off the visit; they are not billed as it is.",
        fixable_by="biller",
        mending="none",
        lines=tuple(numbers),
        remains=expected_of(kept),
    )


def _nothing_helps(lost: Sequence[Finding]) -> StepToReady:
    numbers = sorted({number for one in lost for number in one.lines})
    return StepToReady(
        kind="nothing_helps",
        finding_ids=_ids(lost),
        fix=_fixes(lost),
        fixable_by="nobody",
        mending="none",
        lines=tuple(numbers),
    )


def _ids(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.id for one in findings))


def _fixes(findings: Iterable[Finding]) -> str:
    return " ".join(dict.fromkeys(one.fix for one in findings if one.fix))
