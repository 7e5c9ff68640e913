"""Which interventions count, with how many minutes, and what is wrong with the others."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from claimbus.events import CodedIntervention, Finding, FixableBy, Unbilled, VisitCoded
from claimbus.values import Result, Severity

from units.domain.rulebook import CodeRow, Rulebook, UnitSettings

MANUAL = "Pub 100-04 ch.5 s20.2"
CODE_SET = "units table unit-codes"
_CODE_SHAPE = re.compile(r"[A-Z0-9]{5}")

_NOT_PAID = {
    "B": "Medicare's fee schedule bundles it into other services (status B)",
    "I": "Medicare's fee schedule does not take this code (status I)",
    "N": "Medicare's fee schedule does not cover it (status N)",
}


class Counted(NamedTuple):
    """An intervention that counts, under its code. Minutes are null only under an untimed code."""

    intervention: CodedIntervention
    row: CodeRow


class Sorted(NamedTuple):
    """The interventions of a visit, told apart."""

    counted: tuple[Counted, ...]
    beside: Mapping[str, tuple[CodedIntervention, ...]]
    """By timed code: interventions whose minutes do not count; where the code is billed all the same, they go along."""
    unbilled: tuple[Unbilled, ...]
    findings: tuple[Finding, ...]


def fail(
    check: str,
    message: str,
    fix: str,
    *,
    intervention_id: str | None = None,
    severity: Severity = Severity.BLOCK,
    result: Result = Result.FAIL,
    fixable_by: FixableBy = "therapist",
    carc: str | None = None,
    rarc: str | None = None,
    citation: str = MANUAL,
    inputs: dict[str, Any] | None = None,
) -> Finding:
    """A finding of this service that asks somebody to mend something."""
    return Finding(
        id=check,
        result=result,
        severity=severity,
        intervention_id=intervention_id,
        message=message,
        fix=fix,
        fixable_by=fixable_by,
        carc=carc,
        rarc=rarc,
        rule=check,
        citation=citation,
        inputs=inputs or {},
    )


def _passed(check: str, message: str, citation: str = MANUAL) -> Finding:
    return Finding(
        id=check, result=Result.PASS, severity=Severity.BLOCK, message=message, rule=check, citation=citation
    )


_PASSED = {
    finding.id: finding
    for finding in (
        _passed("code.unknown", "Every code is known", CODE_SET),
        _passed("code.not-valid-on-date", "Every code is valid on the date of service", CODE_SET),
        _passed("units.minutes-missing", "Every timed service has its minutes"),
        _passed("units.contact-not-one-on-one", "No timed service was given in another way than one-on-one"),
        _passed("units.minutes-inconsistent", "No service has more assistant and joint minutes than minutes"),
        _passed("units.overlapping-minutes", "The timed services follow one another without overlap"),
    )
}


def sort_interventions(coded: VisitCoded, rules: Rulebook, program: UnitSettings) -> Sorted:
    """Tell what counts from what does not; each check that was made leaves at least one finding."""
    counted: list[Counted] = []
    beside: dict[str, list[CodedIntervention]] = {}
    unbilled: list[Unbilled] = []
    findings: list[Finding] = []
    checks: dict[str, None] = {}

    for one in coded.interventions:
        if one.code is None:
            unbilled.append(leave_off(one, "no code is decided on", "code.missing"))
            continue
        checks |= _CODE_CHECKS
        row = rules.codes.get(one.code)
        if row is None:
            findings.append(_no_valid_row(one, one.code, rules))
            unbilled.append(leave_off(one, _NO_ROW[findings[-1].id], findings[-1].id))
            continue
        if program.medicare_statuses and row.status in _NOT_PAID:
            unbilled.append(leave_off(one, _NOT_PAID[row.status], f"pfs-status-{row.status.lower()}"))
            if row.use_instead is not None:
                findings.append(_wrong_for_medicare(one, row, row.use_instead))
            continue
        if one.assistant_minutes is not None or one.joint_minutes is not None:
            checks["units.minutes-inconsistent"] = None
            if is_inconsistent(one):
                findings.append(_inconsistent(one))
        if row.kind == "untimed":
            if row.group and one.contact in (None, "one_on_one"):
                findings.append(_not_group(one))
            counted.append(Counted(one, row))
            continue
        checks |= _TIMED_CHECKS
        if one.contact not in (None, "one_on_one"):
            findings.append(_not_one_on_one(one))
            beside.setdefault(row.code, []).append(one)
        elif one.minutes is None:
            findings.append(_no_minutes(one))
            unbilled.append(leave_off(one, "a timed service without documented minutes", "units.minutes-missing"))
        else:
            counted.append(Counted(one, row))

    counted, alone = _part_lone_add_ons(counted)
    for lone in alone:
        findings.append(_add_on_alone(lone))
        unbilled.append(
            leave_off(lone.intervention, "further units without the code of the first", "code.add-on-without-first")
        )
    timed = [each.intervention for each in counted if each.row.kind == "timed"]
    double, complete = _overlap(timed)
    if double:
        findings.append(_overlapping(double, len(timed)))
    elif complete:
        checks["units.overlapping-minutes"] = None

    failed = {finding.id for finding in findings}
    return Sorted(
        counted=tuple(counted),
        beside={code: tuple(others) for code, others in beside.items()},
        unbilled=tuple(unbilled),
        findings=(*findings, *(_PASSED[check] for check in checks if check not in failed)),
    )


_CODE_CHECKS: dict[str, None] = dict.fromkeys(("code.unknown", "code.not-valid-on-date"))
_TIMED_CHECKS: dict[str, None] = dict.fromkeys(("units.minutes-missing", "units.contact-not-one-on-one"))
_NO_ROW = {
    "code.unknown": "the code is not known",
    "code.not-valid-on-date": "the code is not valid on the date of service",
}


def is_inconsistent(one: CodedIntervention) -> bool:
    """Whether assistant and joint minutes pass all the minutes there were."""
    return one.minutes is not None and (one.assistant_minutes or 0) + (one.joint_minutes or 0) > one.minutes


def _part_lone_add_ons(counted: Iterable[Counted]) -> tuple[list[Counted], list[Counted]]:
    """Further-unit codes go only with the code of their first unit."""
    rows = tuple(counted)
    codes = {each.row.code for each in rows}
    alone = [each for each in rows if each.row.add_on_to is not None and each.row.add_on_to not in codes]
    return [each for each in rows if each not in alone] if alone else list(rows), alone


def _overlap(timed: Sequence[CodedIntervention]) -> tuple[int, bool]:
    """Clock minutes that stand in more than one interval, and whether every service has an interval.

    Counted once for each interval too many: three services at one time count a minute twice.
    """
    spans = sorted(
        (one.started_at, one.ended_at)
        for one in timed
        if one.started_at is not None and one.ended_at is not None and one.started_at < one.ended_at
    )
    seconds = 0.0
    latest = None
    for start, end in spans:
        if latest is not None and start < latest:
            seconds += (min(end, latest) - start).total_seconds()
        latest = end if latest is None else max(latest, end)
    return int(seconds // 60), len(spans) == len(timed) > 1


def leave_off(one: CodedIntervention, reason: str, rule: str) -> Unbilled:
    """An intervention that is done and not billed."""
    return Unbilled(intervention_id=one.intervention_id, code=one.code, reason=reason, rule=rule)


def _no_valid_row(one: CodedIntervention, code: str, rules: Rulebook) -> Finding:
    known = rules.known.get(code)
    if known is None:
        # What stands in the code's place may be anything, a name too; only the shape of a code is repeated.
        shaped = _CODE_SHAPE.fullmatch(code) is not None
        return fail(
            "code.unknown",
            f"{code} is not a code that this table knows" if shaped else "What stands as code is not a code",
            "Give the CPT or HCPCS code of the service",
            intervention_id=one.intervention_id,
            carc="16",
            rarc="M51",
            citation=CODE_SET,
            inputs={"code": code} if shaped else {},
        )
    instead = f"; it gave way to {known.use_instead}" if known.use_instead else ""
    return fail(
        "code.not-valid-on-date",
        f"{code} is not valid on the date of service{instead}",
        "Give the code that was valid on that day",
        intervention_id=one.intervention_id,
        carc="181",
        citation=known.source,
        inputs={
            "code": code,
            "effective_from": known.effective_from.isoformat(),
            "effective_through": known.effective_through.isoformat(),
        },
    )


def _wrong_for_medicare(one: CodedIntervention, row: CodeRow, instead: str) -> Finding:
    return fail(
        "code.not-valid-for-program",
        f"This program does not take {row.code}; it takes {instead} in its place",
        f"Bill {instead}, if that is what was done",
        intervention_id=one.intervention_id,
        fixable_by="biller",
        citation=row.source,
        inputs={"code": row.code, "status": row.status, "use_instead": instead},
    )


def _inconsistent(one: CodedIntervention) -> Finding:
    return fail(
        "units.minutes-inconsistent",
        "The assistant's and the joint minutes are more than all minutes of the service",
        "Correct the minutes of the service, of the assistant or of both together",
        intervention_id=one.intervention_id,
        carc="16",
        inputs={
            "code": one.code,
            "minutes": one.minutes,
            "assistant_minutes": one.assistant_minutes,
            "joint_minutes": one.joint_minutes,
        },
    )


def _not_group(one: CodedIntervention) -> Finding:
    unknown = one.contact is None
    return fail(
        "units.contact-not-group",
        "A group code, and the record does not say that it was a group"
        if unknown
        else "A group code for a service that was given one-on-one",
        "State the contact, or give the code of the one-on-one service",
        intervention_id=one.intervention_id,
        severity=Severity.REVIEW,
        result=Result.UNKNOWN if unknown else Result.FAIL,
        inputs={"code": one.code, "contact": one.contact},
    )


def _not_one_on_one(one: CodedIntervention) -> Finding:
    return fail(
        "units.contact-not-one-on-one",
        f"{one.code} counts one-on-one minutes only; these were given otherwise and are not counted",
        "Correct the contact, or give the code for the service as it was given",
        intervention_id=one.intervention_id,
        carc="150",
        inputs={"code": one.code, "contact": one.contact, "minutes": one.minutes},
    )


def _no_minutes(one: CodedIntervention) -> Finding:
    return fail(
        "units.minutes-missing",
        f"{one.code} is counted by minutes and has none documented",
        "Document the one-on-one minutes of the service",
        intervention_id=one.intervention_id,
        carc="16",
        rarc="M53",
        inputs={"code": one.code},
    )


def _add_on_alone(each: Counted) -> Finding:
    return fail(
        "code.add-on-without-first",
        f"{each.row.code} is for units beyond the first, which {each.row.add_on_to} bears and this visit lacks",
        f"Give {each.row.add_on_to} for the first unit, or correct the code",
        intervention_id=each.intervention.intervention_id,
        carc="107",
        rarc="N122",
        citation=each.row.source,
        inputs={"code": each.row.code, "first_code": each.row.add_on_to},
    )


def _overlapping(double: int, services: int) -> Finding:
    return fail(
        "units.overlapping-minutes",
        f"{double} clock minutes are credited to more than one timed service",
        "Correct the times so that each minute stands under one service",
        carc="152",
        inputs={"minutes_counted_twice": double, "timed_services": services},
    )
