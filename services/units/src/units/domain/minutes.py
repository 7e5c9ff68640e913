"""Which interventions count, under which code and with how many minutes, and what is wrong with the others."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from claimbus.events import CodedIntervention, Finding, Unbilled, VisitCoded
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from units.domain.findings import CODE_SET, MANUAL, fail, leave_off, passed
from units.domain.rulebook import CodeRow, Rulebook, UnitSettings
from units.domain.schedule import Stint, credit_minutes, overlap, stint

_CODE_SHAPE = re.compile(r"[A-Z0-9]{5}")

_NOT_PAID = {
    "B": "Medicare's fee schedule bundles it into other services (status B)",
    "I": "Medicare's fee schedule does not take this code (status I)",
    "N": "Medicare's fee schedule does not cover it (status N)",
}


class Counted(NamedTuple):
    """An intervention that counts."""

    intervention: CodedIntervention
    row: CodeRow
    """The code that it counts under: its own, or the one that the payer takes in place of it."""
    minutes: int | None
    """Those credited to it; null only under an untimed code."""


class Sorted(NamedTuple):
    """The interventions of a visit, told apart."""

    counted: tuple[Counted, ...]
    beside: Mapping[str, tuple[CodedIntervention, ...]]
    """By timed code: interventions whose minutes do not count; where the code is billed all the same, they go along."""
    unbilled: tuple[Unbilled, ...]
    findings: tuple[Finding, ...]


_PASSED = {
    finding.id: finding
    for finding in (
        passed("code.unknown", "Every code is known", citation=CODE_SET),
        passed("code.not-valid-on-date", "Every code is valid on the date of service", citation=CODE_SET),
        passed(
            "code.not-valid-for-program", "The program takes every code, or pays it with another", citation=CODE_SET
        ),
        passed(
            "code.substituted",
            "The payer takes every code as it was charted",
            severity=Severity.INFO,
            citation=CODE_SET,
        ),
        passed("units.minutes-missing", "Every timed service has its minutes"),
        passed("units.contact-not-one-on-one", "No timed service was given in another way than one-on-one"),
        passed("units.minutes-inconsistent", "No service has more assistant and joint minutes than minutes"),
        passed("units.times-reversed", "Every timed service ends after it begins", severity=Severity.REVIEW),
        passed("units.minutes-exceed-interval", "No timed service has more minutes than lie between its times"),
        passed("units.overlapping-minutes", "Every minute stands under one service"),
        passed("units.minutes-exceed-timed", "The timed minutes are no more than the note's timed total"),
        passed("units.minutes-exceed-total", "The timed minutes are no more than the visit's total"),
    )
}


def sort_interventions(coded: VisitCoded, rules: Rulebook, profile: Profile[UnitSettings]) -> Sorted:
    """Tell what counts from what does not; each check that was made leaves at least one finding."""
    settings = profile.settings
    counted: list[Counted] = []
    beside: dict[str, list[CodedIntervention]] = {}
    unbilled: list[Unbilled] = []
    findings: list[Finding] = []
    attended: list[Stint] = []
    checks: dict[str, None] = {}

    for one in coded.interventions:
        if one.code is None:
            unbilled.append(leave_off(one, "no code is decided on", "code.missing"))
            continue
        checks |= _CODE_CHECKS
        code = _taken(one.code, settings.substitutions, rules)
        row = rules.codes.get(code)
        if row is None:
            findings.append(_no_valid_row(one, code, rules))
            unbilled.append(leave_off(one, _NO_ROW[findings[-1].id], findings[-1].id))
            continue
        if settings.substitutions:
            checks["code.substituted"] = None
            if code != one.code:
                findings.append(_substituted(one, one.code, code, profile.cite("substitutions")))
        # Whoever is in a group, or evaluated, is not treated one-on-one under another code in that minute.
        if row.kind == "untimed" and (one.contact == "one_on_one" or (row.group and one.contact == "group")):
            own = _stint(one, row.code)
            if own is not None and own.longest > 0:
                attended.append(own)
        if settings.medicare_statuses:
            checks["code.not-valid-for-program"] = None
            if row.status in _NOT_PAID:
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
            counted.append(Counted(one, row, one.minutes))
            continue
        checks |= _TIMED_CHECKS
        if one.contact not in (None, "one_on_one"):
            findings.append(_not_one_on_one(one))
            beside.setdefault(row.code, []).append(one)
        elif one.minutes is None:
            findings.append(_no_minutes(one))
            unbilled.append(leave_off(one, "a timed service without documented minutes", "units.minutes-missing"))
        else:
            counted.append(Counted(one, row, one.minutes))

    counted, alone = _part_lone_add_ons(counted)
    for lone in alone:
        findings.append(_add_on_alone(lone))
        unbilled.append(
            leave_off(lone.intervention, "further units without the code of the first", "code.add-on-without-first")
        )
    if any(each.intervention.started_at is not None for each in counted):
        counted = _credit_once(counted, attended, findings, checks)
    _compare_with_totals(coded, counted, findings, checks)

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


def _taken(code: str, substitutions: Mapping[str, str], rules: Rulebook) -> str:
    """The code that the payer takes for this one.

    One that was not valid yet, or no more, takes no other's place; one that no table knows does, so that a
    profile's mistake is found and not billed around.
    """
    instead = substitutions.get(code)
    return instead if instead is not None and (instead in rules.codes or instead not in rules.known) else code


def _part_lone_add_ons(counted: Iterable[Counted]) -> tuple[list[Counted], list[Counted]]:
    """Further-unit codes go only with the code of their first unit."""
    rows = tuple(counted)
    codes = {each.row.code for each in rows}
    alone = [each for each in rows if each.row.add_on_to is not None and each.row.add_on_to not in codes]
    return [each for each in rows if each not in alone] if alone else list(rows), alone


def _stint(one: CodedIntervention, code: str) -> Stint | None:
    if one.started_at is None or one.ended_at is None:
        return None
    return stint(one.started_at, one.ended_at, code, one.intervention_id, one.minutes)


def _credit_once(
    counted: Sequence[Counted], attended: Sequence[Stint], findings: list[Finding], checks: dict[str, None]
) -> list[Counted]:
    """The same interventions with the minutes that the clock bears.

    `attended` are untimed services given one-on-one: a minute under them is credited to no timed code.
    """
    places: list[int] = []
    stints: list[Stint] = []
    services = 0
    for place, each in enumerate(counted):
        if each.row.kind != "timed":
            continue
        services += 1
        one = each.intervention
        own = _stint(one, each.row.code)
        if own is None:
            continue
        checks["units.times-reversed"] = None
        if own.longest <= 0:
            findings.append(_reversed(one))
            continue
        checks["units.minutes-exceed-interval"] = None
        if own.wanted > own.longest:
            if each.row.report_counts:
                own = own._replace(wanted=own.longest)
            else:
                findings.append(_exceeds_interval(one, own))
        places.append(place)
        stints.append(own)

    everyone = [*stints, *attended]
    credited = [each.possible for each in everyone]
    twice = 0
    if stints and overlap(everyone):
        credited = credit_minutes(everyone)
        twice = sum(each.possible for each in everyone) - sum(credited)
    if twice:
        findings.append(_overlapping(twice, everyone, credited))
    elif stints and len(stints) == services and len(everyone) > 1:
        checks["units.overlapping-minutes"] = None
    borne = list(counted)
    for place, own, minutes in zip(places, stints, credited, strict=False):
        each = borne[place]
        borne[place] = each._replace(minutes=(each.minutes or 0) - (own.wanted - minutes))
    return borne


def _compare_with_totals(
    coded: VisitCoded, counted: Iterable[Counted], findings: list[Finding], checks: dict[str, None]
) -> None:
    """Timed minutes against the note's totals. A report is written outside treatment, so such a code is left out."""
    timed = [each.minutes or 0 for each in counted if each.row.kind == "timed" and not each.row.report_counts]
    if not timed:
        return
    for check, documented in (
        ("units.minutes-exceed-timed", coded.timed_minutes),
        ("units.minutes-exceed-total", coded.total_minutes),
    ):
        if documented is None:
            continue
        if sum(timed) > documented:
            findings.append(_exceeds(check, sum(timed), documented))
        else:
            checks[check] = None


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
            citation=CODE_SET,
            inputs={"code": code} if shaped else {},
        )
    instead = f"; it gave way to {known.use_instead}" if known.use_instead else ""
    return fail(
        "code.not-valid-on-date",
        f"{code} is not valid on the date of service{instead}",
        "Give the code that was valid on that day",
        intervention_id=one.intervention_id,
        citation=known.source,
        inputs={
            "code": code,
            "effective_from": known.effective_from.isoformat(),
            "effective_through": known.effective_through.isoformat(),
        },
    )


def _substituted(one: CodedIntervention, charted: str, billed: str, citation: str) -> Finding:
    # The check fails, as the payer would not take what was charted; it informs, as the claim is right already.
    return fail(
        "code.substituted",
        f"This payer does not take {charted}; the service is counted and billed as {billed}",
        f"Chart {billed} for this payer, or give the code of what was done if {billed} is not that",
        intervention_id=one.intervention_id,
        severity=Severity.INFO,
        citation=citation,
        inputs={"charted": charted, "billed": billed},
    )


def _wrong_for_medicare(one: CodedIntervention, row: CodeRow, instead: str) -> Finding:
    return fail(
        "code.not-valid-for-program",
        f"This program does not take {row.code}; it takes {instead} in its place",
        f"Bill {instead}, if that is what was done",
        intervention_id=one.intervention_id,
        citation=row.source,
        inputs={"code": row.code, "status": row.status, "use_instead": instead},
    )


def _inconsistent(one: CodedIntervention) -> Finding:
    return fail(
        "units.minutes-inconsistent",
        "The assistant's and the joint minutes are more than all minutes of the service",
        "Correct the minutes of the service, of the assistant or of both together",
        intervention_id=one.intervention_id,
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
        inputs={"code": one.code, "contact": one.contact, "minutes": one.minutes},
    )


def _no_minutes(one: CodedIntervention) -> Finding:
    return fail(
        "units.minutes-missing",
        f"{one.code} is counted by minutes and has none documented",
        "Document the one-on-one minutes of the service",
        intervention_id=one.intervention_id,
        inputs={"code": one.code},
    )


def _add_on_alone(each: Counted) -> Finding:
    return fail(
        "code.add-on-without-first",
        f"{each.row.code} is for units beyond the first, which {each.row.add_on_to} bears and this visit lacks",
        f"Give {each.row.add_on_to} for the first unit, or correct the code",
        intervention_id=each.intervention.intervention_id,
        citation=each.row.source,
        inputs={"code": each.row.code, "first_code": each.row.add_on_to},
    )


def _reversed(one: CodedIntervention) -> Finding:
    return fail(
        "units.times-reversed",
        f"{one.code} ends no later than it begins; its minutes stand, and its times are left out",
        "Correct started_at and ended_at of the service",
        intervention_id=one.intervention_id,
        severity=Severity.REVIEW,
        inputs={"code": one.code, "minutes": one.minutes},
    )


def _exceeds_interval(one: CodedIntervention, own: Stint) -> Finding:
    return fail(
        "units.minutes-exceed-interval",
        f"{one.code} has {own.wanted} minutes between times that lie {own.longest} apart; no more are counted",
        "Correct the minutes, or started_at and ended_at, of the service",
        intervention_id=one.intervention_id,
        inputs={"code": one.code, "minutes": own.wanted, "interval_minutes": own.longest},
    )


def _overlapping(twice: int, stints: Sequence[Stint], credited: Iterable[int]) -> Finding:
    return fail(
        "units.overlapping-minutes",
        f"{twice} minutes would stand under more than one service at a time; each is credited once",
        "Correct the times so that each minute stands under one service",
        inputs={
            "minutes_counted_twice": twice,
            "services": len(stints),
            "documented": {each.intervention_id: each.wanted for each in stints},
            "credited": {each.intervention_id: minutes for each, minutes in zip(stints, credited, strict=True)},
        },
    )


def _exceeds(check: str, timed: int, documented: int) -> Finding:
    field = check.removeprefix("units.minutes-exceed-") + "_minutes"
    return fail(
        check,
        f"The timed services have {timed} minutes, and the note's {field} are {documented}",
        f"Correct the minutes of the services, or time.{field}",
        citation=f"{MANUAL}; Pub 100-02 ch.15 s220.3",
        inputs={"credited_minutes": timed, field: documented},
    )
