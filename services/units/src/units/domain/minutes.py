"""Which interventions count, under which code and with how many minutes, and what is wrong with the others."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from claimbus.events import Checked, CodedIntervention, Finding, Unbilled, VisitCoded
from claimbus.rules import About, Profile

from units.domain.findings import UnitFinding, leave_off
from units.domain.schedule import Stint, credit_minutes, overlap, stint
from units.domain.tables import CodeRow, UnitRules, UnitSettings

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
    checked: tuple[Checked, ...]


def sort_interventions(coded: VisitCoded, rules: UnitRules, profile: Profile[UnitSettings]) -> Sorted:
    """Tell what counts from what does not; each check that was made leaves at least one entry."""
    settings = profile.settings
    counted: list[Counted] = []
    beside: dict[str, list[CodedIntervention]] = {}
    unbilled: list[Unbilled] = []
    findings: list[Finding] = []
    attended: list[Stint] = []
    made: dict[UnitFinding, None] = {}

    for intervention in coded.interventions:
        if intervention.code is None:
            unbilled.append(leave_off(intervention, "no code is decided on", "code.missing"))
            continue
        made |= _CODE_CHECKS
        code = _taken(intervention.code, settings.substitutions, rules)
        row = rules.codes.get(code)
        if row is None:
            problem = UnitFinding.CODE_NOT_VALID_ON_DATE if code in rules.known else UnitFinding.CODE_UNKNOWN
            findings.append(_no_valid_row(intervention, code, rules))
            unbilled.append(leave_off(intervention, _NO_ROW[problem], problem))
            continue
        if settings.substitutions:
            made[UnitFinding.CODE_SUBSTITUTED] = None
            if code != intervention.code:
                findings.append(
                    _substituted(intervention, intervention.code, code, profile.cite("substitutions"), rules)
                )
        # Whoever is in a group, or evaluated, is not treated one-on-one under another code in that minute.
        if row.kind == "untimed" and (
            intervention.contact == "one_on_one" or (row.group and intervention.contact == "group")
        ):
            interval = _stint(intervention, row.code)
            if interval is not None and interval.longest > 0:
                attended.append(interval)
        if settings.medicare_statuses:
            made[UnitFinding.CODE_NOT_VALID_FOR_PROGRAM] = None
            if row.status in _NOT_PAID:
                unbilled.append(leave_off(intervention, _NOT_PAID[row.status], f"pfs-status-{row.status.lower()}"))
                if row.use_instead is not None:
                    findings.append(_wrong_for_medicare(intervention, row, row.use_instead, rules))
                continue
        if intervention.assistant_minutes is not None or intervention.joint_minutes is not None:
            made[UnitFinding.MINUTES_INCONSISTENT] = None
            if is_inconsistent(intervention):
                findings.append(_inconsistent(intervention, rules))
        if row.kind == "untimed":
            if row.group and intervention.contact in (None, "one_on_one"):
                findings.append(_not_group(intervention, rules))
            counted.append(Counted(intervention, row, intervention.minutes))
            continue
        made |= _TIMED_CHECKS
        if intervention.contact not in (None, "one_on_one"):
            findings.append(_not_one_on_one(intervention, rules))
            beside.setdefault(row.code, []).append(intervention)
        elif intervention.minutes is None:
            findings.append(_no_minutes(intervention, rules))
            unbilled.append(
                leave_off(intervention, "a timed service without documented minutes", UnitFinding.MINUTES_MISSING)
            )
        else:
            counted.append(Counted(intervention, row, intervention.minutes))

    counted, alone = _part_lone_add_ons(counted)
    for add_on in alone:
        findings.append(_add_on_alone(add_on, rules))
        unbilled.append(
            leave_off(
                add_on.intervention, "further units without the code of the first", UnitFinding.ADD_ON_WITHOUT_FIRST
            )
        )
    if any(item.intervention.started_at is not None for item in counted):
        counted = _credit_once(counted, attended, findings, made, rules)
    _compare_with_totals(coded, counted, findings, made, rules)

    failed = {finding.id for finding in findings}
    return Sorted(
        counted=tuple(counted),
        beside={code: tuple(rows) for code, rows in beside.items()},
        unbilled=tuple(unbilled),
        checked=(*findings, *(rules.findings[check].passed() for check in made if check not in failed)),
    )


_CODE_CHECKS: dict[UnitFinding, None] = dict.fromkeys((UnitFinding.CODE_UNKNOWN, UnitFinding.CODE_NOT_VALID_ON_DATE))
_TIMED_CHECKS: dict[UnitFinding, None] = dict.fromkeys(
    (UnitFinding.MINUTES_MISSING, UnitFinding.CONTACT_NOT_ONE_ON_ONE)
)
_NO_ROW = {
    UnitFinding.CODE_UNKNOWN: "the code is not known",
    UnitFinding.CODE_NOT_VALID_ON_DATE: "the code is not valid on the date of service",
}


def is_inconsistent(intervention: CodedIntervention) -> bool:
    """Whether assistant and joint minutes pass all the minutes there were."""
    return (
        intervention.minutes is not None
        and (intervention.assistant_minutes or 0) + (intervention.joint_minutes or 0) > intervention.minutes
    )


def _taken(code: str, substitutions: Mapping[str, str], rules: UnitRules) -> str:
    """The code that the payer takes for this one.

    One that was not valid yet, or no more, takes no other's place; one that no table knows does, so that a
    profile's mistake is found and not billed around.
    """
    instead = substitutions.get(code)
    return instead if instead is not None and (instead in rules.codes or instead not in rules.known) else code


def _part_lone_add_ons(counted: Iterable[Counted]) -> tuple[list[Counted], list[Counted]]:
    """Further-unit codes go only with the code of their first unit."""
    rows = tuple(counted)
    codes = {item.row.code for item in rows}
    alone = [item for item in rows if item.row.add_on_to is not None and item.row.add_on_to not in codes]
    return [item for item in rows if item not in alone] if alone else list(rows), alone


def _stint(intervention: CodedIntervention, code: str) -> Stint | None:
    if intervention.started_at is None or intervention.ended_at is None:
        return None
    return stint(
        intervention.started_at, intervention.ended_at, code, intervention.intervention_id, intervention.minutes
    )


def _credit_once(
    counted: Sequence[Counted],
    attended: Sequence[Stint],
    findings: list[Finding],
    made: dict[UnitFinding, None],
    rules: UnitRules,
) -> list[Counted]:
    """The same interventions with the minutes that the clock bears.

    `attended` are untimed services given one-on-one: a minute under them is credited to no timed code.
    """
    places: list[int] = []
    stints: list[Stint] = []
    services = 0
    for place, item in enumerate(counted):
        if item.row.kind != "timed":
            continue
        services += 1
        intervention = item.intervention
        interval = _stint(intervention, item.row.code)
        if interval is None:
            continue
        made[UnitFinding.TIMES_REVERSED] = None
        if interval.longest <= 0:
            findings.append(_reversed(intervention, rules))
            continue
        made[UnitFinding.MINUTES_EXCEED_INTERVAL] = None
        if interval.wanted > interval.longest:
            if item.row.report_counts:
                interval = interval._replace(wanted=interval.longest)
            else:
                findings.append(_exceeds_interval(intervention, interval, rules))
        places.append(place)
        stints.append(interval)

    all_stints = [*stints, *attended]
    credited = [item.possible for item in all_stints]
    twice = 0
    if stints and overlap(all_stints):
        credited = credit_minutes(all_stints)
        twice = sum(item.possible for item in all_stints) - sum(credited)
    if twice:
        findings.append(_overlapping(twice, all_stints, credited, rules))
    elif stints and len(stints) == services and len(all_stints) > 1:
        made[UnitFinding.OVERLAPPING_MINUTES] = None
    result = list(counted)
    for place, interval, minutes in zip(places, stints, credited, strict=False):
        item = result[place]
        result[place] = item._replace(minutes=(item.minutes or 0) - (interval.wanted - minutes))
    return result


def _compare_with_totals(
    coded: VisitCoded,
    counted: Iterable[Counted],
    findings: list[Finding],
    made: dict[UnitFinding, None],
    rules: UnitRules,
) -> None:
    """Timed minutes against the note's totals. A report is written outside treatment, so such a code is left out."""
    timed = [item.minutes or 0 for item in counted if item.row.kind == "timed" and not item.row.report_counts]
    if not timed:
        return
    for check, documented in (
        (UnitFinding.MINUTES_EXCEED_TIMED, coded.timed_minutes),
        (UnitFinding.MINUTES_EXCEED_TOTAL, coded.total_minutes),
    ):
        if documented is None:
            continue
        if sum(timed) > documented:
            findings.append(_exceeds(check, sum(timed), documented, rules))
        else:
            made[check] = None


def _about(intervention: CodedIntervention, **inputs: Any) -> About:
    return About(
        intervention_id=intervention.intervention_id,
        codes=(intervention.code,) if intervention.code else (),
        inputs={"code": intervention.code, **inputs},
    )


def _no_valid_row(intervention: CodedIntervention, code: str, rules: UnitRules) -> Finding:
    known = rules.known.get(code)
    about = intervention.intervention_id
    if known is None:
        # What stands in the code's place may be anything, a name too; only the shape of a code is repeated.
        row = rules.findings[UnitFinding.CODE_UNKNOWN]
        if _CODE_SHAPE.fullmatch(code) is None:
            return row.fail("not-shown", intervention_id=about)
        return row.fail(intervention_id=about, codes=(code,), inputs={"code": code})
    return rules.findings[UnitFinding.CODE_NOT_VALID_ON_DATE].fail(
        "replaced" if known.use_instead else "",
        intervention_id=about,
        codes=(code,),
        citation=known.source,
        inputs={
            "code": code,
            "effective_from": known.effective_from.isoformat(),
            "effective_through": known.effective_through.isoformat(),
        },
        text={"use_instead": known.use_instead},
    )


def _substituted(
    intervention: CodedIntervention, charted: str, billed: str, citation: str, rules: UnitRules
) -> Finding:
    # The check fails, as the payer would not take what was charted; it informs, as the claim is right already.
    return rules.findings[UnitFinding.CODE_SUBSTITUTED].fail(
        intervention_id=intervention.intervention_id,
        citation=citation,
        inputs={"charted": charted, "billed": billed},
    )


def _wrong_for_medicare(intervention: CodedIntervention, row: CodeRow, instead: str, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.CODE_NOT_VALID_FOR_PROGRAM].fail(
        intervention_id=intervention.intervention_id,
        codes=(row.code,),
        citation=row.source,
        inputs={"code": row.code, "status": row.status, "use_instead": instead},
    )


def _inconsistent(intervention: CodedIntervention, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.MINUTES_INCONSISTENT].fail(
        **_about(
            intervention,
            minutes=intervention.minutes,
            assistant_minutes=intervention.assistant_minutes,
            joint_minutes=intervention.joint_minutes,
        )
    )


def _not_group(intervention: CodedIntervention, rules: UnitRules) -> Finding:
    row = rules.findings[UnitFinding.CONTACT_NOT_GROUP]
    return (row.unknown if intervention.contact is None else row.fail)(
        **_about(intervention, contact=intervention.contact)
    )


def _not_one_on_one(intervention: CodedIntervention, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.CONTACT_NOT_ONE_ON_ONE].fail(
        **_about(intervention, contact=intervention.contact, minutes=intervention.minutes)
    )


def _no_minutes(intervention: CodedIntervention, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.MINUTES_MISSING].fail(**_about(intervention))


def _add_on_alone(add_on: Counted, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.ADD_ON_WITHOUT_FIRST].fail(
        intervention_id=add_on.intervention.intervention_id,
        codes=(add_on.row.code,),
        citation=add_on.row.source,
        inputs={"code": add_on.row.code, "first_code": add_on.row.add_on_to},
    )


def _reversed(intervention: CodedIntervention, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.TIMES_REVERSED].fail(**_about(intervention, minutes=intervention.minutes))


def _exceeds_interval(intervention: CodedIntervention, interval: Stint, rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.MINUTES_EXCEED_INTERVAL].fail(
        **_about(intervention, minutes=interval.wanted, interval_minutes=interval.longest)
    )


def _overlapping(twice: int, stints: Sequence[Stint], credited: Iterable[int], rules: UnitRules) -> Finding:
    return rules.findings[UnitFinding.OVERLAPPING_MINUTES].fail(
        inputs={
            "minutes_counted_twice": twice,
            "services": len(stints),
            "documented": {stint.intervention_id: stint.wanted for stint in stints},
            "credited": {stint.intervention_id: minutes for stint, minutes in zip(stints, credited, strict=True)},
        }
    )


def _exceeds(check: UnitFinding, timed: int, documented: int, rules: UnitRules) -> Finding:
    field = "timed_minutes" if check is UnitFinding.MINUTES_EXCEED_TIMED else "total_minutes"
    return rules.findings[check].fail(field=f"time.{field}", inputs={"credited_minutes": timed, field: documented})
