"""The fewest legal steps that would make a claim ready, from its findings alone.

A failed blocking finding goes away when it is fixed. Where nothing fixes it (`mending` none), the lines that it
endangers are left off; where those are all of the lines, nothing helps. Findings with one fix or about one field are
one step, and what depends on lines that are left off anyway needs none. So no step can be spared. What a corrected
visit then shows is decided anew; nothing here is a forecast.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from decimal import Decimal

from claimbus.events import Finding, Line, StepToReady
from claimbus.values import FindingId, Result, Severity

from claims.domain.lines.fees import total_of

_LEAVE_OFF = "Send the claim without {}; nothing that is written now makes {} billable."


def steps_to_ready(
    findings: Iterable[Finding],
    lines: Sequence[Line],
    consequences: Set[FindingId],
    expected_of: Callable[[Sequence[Line]], Decimal | None],
) -> tuple[StepToReady, ...]:
    """Most dollars first; none for a claim that is ready.

    `findings` name the lines that they endanger; `consequences` are ids of those that follow from others and go with
    them. `expected_of` prices what is left when lines are left off: which unit a payer pays in full may change with
    them.
    """
    open_ = [finding for finding in findings if finding.result is not Result.PASS and not finding.is_due]
    blocking = [finding for finding in open_ if finding.severity is Severity.BLOCK and finding.result is Result.FAIL]
    if not lines:
        return _steps_to_a_line(blocking, open_, consequences)
    unfixable = [finding for finding in blocking if finding.mending == "none"]
    left_off = {number for finding in unfixable for number in finding.lines}
    if len(left_off) == len(lines):
        return (_nothing_helps(unfixable),)
    fixable = [
        finding
        for finding in blocking
        if finding.mending != "none" and not (finding.lines and left_off.issuperset(finding.lines))
    ]
    steps = [_fix(group, group, lines, left_off) for group in _by_fix(fixable)]
    steps.sort(key=lambda step: -(step.releases or Decimal(0)))
    if unfixable:
        kept = [line for line in lines if line.number not in left_off]
        steps.append(_leave_off(unfixable, kept, expected_of))
    return tuple(steps)


def _steps_to_a_line(
    blocking: Sequence[Finding], open_: Sequence[Finding], consequences: Set[FindingId]
) -> tuple[StepToReady, ...]:
    """Steps for a claim without any line: besides what blocks it, something must become billable."""
    following = [finding for finding in blocking if finding.id in consequences]
    causes = [finding for finding in blocking if finding.id not in consequences]
    unfixable = [finding for finding in causes if finding.mending == "none"]
    about_a_service = [
        finding
        for finding in open_
        if finding.severity is not Severity.INFO and finding.mending not in ("none", None) and _services(finding)
    ]
    # What blocks must be fixed anyway; one service that becomes billable is enough.
    first = next((finding for finding in about_a_service if finding in causes), next(iter(about_a_service), None))
    if unfixable or first is None:
        return (_nothing_helps([*unfixable, *following]),) if blocking else ()
    groups = _by_fix(causes if first in causes else [*causes, first])
    return tuple(_fix(group, [*group, *following] if first in group else group, (), set()) for group in groups)


def _services(finding: Finding) -> set[str]:
    return {name for name in (finding.intervention_id, *finding.intervention_ids) if name is not None}


def _by_fix(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings that the same person fixes in the same way at the same field, or by the same fix, together."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        place = finding.field or finding.fix or finding.id
        groups.setdefault((place, finding.fixable_by, finding.mending), []).append(finding)
    return list(groups.values())


def _fix(
    group: Sequence[Finding], settled: Sequence[Finding], lines: Sequence[Line], left_off: set[int]
) -> StepToReady:
    """The step that fixes a group; `settled` are all findings that go with it."""
    first = group[0]
    numbers = sorted({number for finding in settled for number in finding.lines} - left_off)
    return StepToReady(
        kind="mend",
        finding_ids=_ids(settled),
        fix=_fixes(group),
        fixable_by=first.fixable_by,
        mending=first.mending,
        mend_by=min((finding.mend_by for finding in settled if finding.mend_by is not None), default=None),
        lines=tuple(numbers),
        releases=total_of(line.expected_amount for line in lines if line.number in numbers) if numbers else None,
    )


def _leave_off(
    unfixable: Sequence[Finding], kept: Sequence[Line], expected_of: Callable[[Sequence[Line]], Decimal | None]
) -> StepToReady:
    numbers = _numbers(unfixable)
    named = f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    fix = _LEAVE_OFF.format(named, "them" if len(numbers) > 1 else "it")
    return StepToReady(
        kind="leave_off",
        finding_ids=_ids(unfixable),
        fix=fix if numbers else "Take the services that it is about off the visit; they are not billed as it is.",
        fixable_by="biller",
        mending="none",
        lines=numbers,
        remains=expected_of(kept),
    )


def _nothing_helps(unfixable: Sequence[Finding]) -> StepToReady:
    return StepToReady(
        kind="nothing_helps",
        finding_ids=_ids(unfixable),
        fix=_fixes(unfixable),
        fixable_by="nobody",
        mending="none",
        lines=_numbers(unfixable),
    )


def _numbers(findings: Iterable[Finding]) -> tuple[int, ...]:
    return tuple(sorted({number for finding in findings for number in finding.lines}))


def _ids(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.id for finding in findings))


def _fixes(findings: Iterable[Finding]) -> str:
    return " ".join(dict.fromkeys(finding.fix for finding in findings if finding.fix))
