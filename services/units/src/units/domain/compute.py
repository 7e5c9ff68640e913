"""Compute the units of a coded visit, with the whole way to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from claimbus.events import (
    CodedIntervention,
    Finding,
    Reason,
    RuleSet,
    Service,
    UnitsComputed,
    VisitCoded,
    Worksheet,
)
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from units.domain.assistant import Worked, share_units
from units.domain.minutes import CODE_SET, MANUAL, Counted, Sorted, fail, is_inconsistent, leave_off, sort_interventions
from units.domain.rulebook import AssistantRow, CodeRow, Rulebook, UnitSettings
from units.domain.unit_rules import AMA_MIDPOINT, UNIT_RULES, Allocation, Pool, TimedService, UnitRule

NO_UNIT = "its minutes earn no unit of their own; they count in the day's total"
NOT_ONE_ON_ONE = "minutes of a timed code count only one-on-one"


def compute_units(coded: VisitCoded, rules: Rulebook, rule_set: RuleSet) -> UnitsComputed:
    """Units by code under the program's rule on the date of service, and what the other rules would give.

    Raises nothing for a valid visit: what is missing or wrong becomes a finding, and the rest is computed.
    """
    profile = rules.profiles.of(coded.payer, coded.practice_id, coded.service_date)
    settings = profile.settings
    rule = UNIT_RULES[settings.unit_rule]
    sorted_ = sort_interventions(coded, rules, settings)
    crediting = _Crediting(coded.assistant_present, settings, rules.assistant)
    families = _gather(sorted_.counted, rules, crediting)
    timed = [family.service for family in families if family.service is not None]
    allocation = rule.allocate(timed, rules.eight_minute)
    by_code = {family.first.code: family for family in families if family.service is not None}

    services: list[Service] = []
    unbilled = list(sorted_.unbilled)
    findings = list(sorted_.findings)
    for family in families:
        if family.service is None:
            made = [_untimed_service(family, crediting)]
            findings += _unknown_quantity(family)
        else:
            made = _timed_services(family, family.service, rule, allocation, crediting, sorted_)
        services += made
        billed = {service.code for service in made if service.units}
        unbilled += [
            leave_off(each.intervention, NO_UNIT, rule.name) for each in family.members if each.row.code not in billed
        ]
        if billed:
            findings += crediting.findings(family)
    billed = {service.code for service in services if service.units}
    for code, others in sorted_.beside.items():
        if code not in billed:
            unbilled += [leave_off(one, NOT_ONE_ON_ONE, "units.contact-not-one-on-one") for one in others]

    other_rules = {
        other.name: _spread(other.allocate(timed, rules.eight_minute).units, by_code)
        for other in UNIT_RULES.values()
        if other is not rule
    }
    timed_units = sum(allocation.units.values())
    findings += _contract_may_differ(profile, rule, timed_units, other_rules)
    return UnitsComputed(
        practice_id=coded.practice_id,
        visit_id=coded.visit_id,
        revision=coded.revision,
        basis=coded.basis,
        worksheet=Worksheet(
            profile=profile.name,
            rule=rule.name,
            citation=rule.citation,
            timed_minutes=sum(service.minutes for service in timed),
            timed_units=timed_units,
            table_row=allocation.pool.row if allocation.pool else None,
            services=tuple(services),
            alternatives=tuple(
                {code: units for code, units in _spread(one, by_code).items() if units}
                for one in allocation.alternatives
            ),
            other_rules=other_rules,
        ),
        unbilled=tuple(unbilled),
        findings=tuple(findings),
        rule_set=rule_set,
    )


class _Family(NamedTuple):
    """All that counts as one service: a code, with the code of its further units where it has one."""

    first: CodeRow
    further: CodeRow | None
    members: tuple[Counted, ...]
    """Those under the first code before those under the further one."""
    worked: tuple[Worked, ...]
    """For each member, who furnished its minutes."""
    service: TimedService | None
    """None for an untimed code."""

    def ids(self, code: str) -> tuple[str, ...]:
        return tuple(each.intervention.intervention_id for each in self.members if each.row.code == code)


def _gather(counted: Iterable[Counted], rules: Rulebook, crediting: "_Crediting") -> list[_Family]:
    """Interventions by service, in the order in which the services first appear."""
    grouped: dict[str, list[Counted]] = {}
    for each in counted:
        timed_add_on = each.row.kind == "timed" and each.row.add_on_to
        grouped.setdefault(timed_add_on or each.row.code, []).append(each)
    families = []
    for code, members in grouped.items():
        first = rules.codes[code]
        further = rules.further.get(code)
        if further is not None:
            members.sort(key=lambda each: each.row.code != code)
        service = None
        if first.kind == "timed":
            service = TimedService(
                code=code,
                minutes=sum([each.intervention.minutes or 0 for each in members]),
                first_unit=first.unit_minutes,
                further_unit=(further or first).unit_minutes,
                pooled=first.pooled,
            )
        worked = tuple([crediting.worked(each.intervention) for each in members])
        families.append(_Family(first, further, tuple(members), worked, service))
    return families


def _spread(units: Mapping[str, int], families: Mapping[str, _Family]) -> dict[str, int]:
    """Units by code: of a service in two codes the first unit is the one code's, the others the other's."""
    spread: dict[str, int] = {}
    for code, count in units.items():
        family = families[code]
        if family.further is None:
            spread[code] = count
            continue
        spread[code] = min(count, 1)
        if count > 1 or family.ids(family.further.code):
            spread[family.further.code] = max(count - 1, 0)
    return spread


@dataclass(frozen=True, slots=True)
class _Crediting:
    """How minutes are credited to therapist and assistant in this visit."""

    assistant_present: bool
    settings: UnitSettings
    table: AssistantRow | None

    @property
    def rule(self) -> AssistantRow | None:
        return self.table if self.settings.assistant_modifiers else None

    @property
    def exempt(self) -> str:
        if self.table is None:
            return "before the assistant modifiers began on 1 January 2020"
        return "the program asks for no assistant modifier on this date"

    def worked(self, one: CodedIntervention) -> Worked:
        """Minutes by person, as far as the record tells."""
        minutes = one.minutes or 0
        assistant = self._assistant_minutes(one)
        if assistant is None or is_inconsistent(one):
            return Worked(minutes, 0, known=False)
        if one.minutes is None and assistant:
            return Worked(one.joint_minutes or 0, assistant, known=False)
        return Worked(minutes - assistant, assistant)

    def _assistant_minutes(self, one: CodedIntervention) -> int | None:
        if one.assistant_minutes is not None:
            return one.assistant_minutes
        all_together = one.minutes is not None and one.joint_minutes == one.minutes
        return None if self.assistant_present and not all_together else 0

    def findings(self, family: _Family) -> list[Finding]:
        """Where the assistant's part decides on a modifier and cannot be told."""
        if self.rule is None:
            return []
        return [
            _share_unknown(each, self.rule)
            for each, worked in zip(family.members, family.worked, strict=True)
            if not worked.known and not is_inconsistent(each.intervention)
        ]


def _timed_services(
    family: _Family,
    timed: TimedService,
    rule: UnitRule,
    allocation: Allocation,
    crediting: _Crediting,
    sorted_: Sorted,
) -> list[Service]:
    units = allocation.units[timed.code]
    worked = sum(family.worked[1:], family.worked[0])
    reason = _units_reason(timed, units, rule, allocation.pool)
    rows: list[tuple[CodeRow, int, Worked]] = [(family.first, units, worked)]
    if family.further is not None and units > 1:
        first, rest = _split(family)
        rows = [(family.first, 1, first), (family.further, units - 1, rest)]
    services = []
    for row, count, part in rows:
        minutes = part.therapist + part.assistant
        whole = min(minutes // row.unit_minutes, count)
        services.append(
            Service(
                code=row.code,
                kind="timed",
                pooled=timed.pooled,
                minutes=minutes,
                whole_units=whole,
                remainder=minutes - whole * row.unit_minutes,
                allocated=count - whole,
                units=count,
                shares=share_units(count, part, row.unit_minutes, crediting.rule, crediting.exempt),
                intervention_ids=(family.ids(row.code) or family.ids(family.first.code))
                + tuple(one.intervention_id for one in sorted_.beside.get(row.code, ())),
                reasons=(reason,),
            )
        )
    return services


def _split(family: _Family) -> tuple[Worked, Worked]:
    """Minutes of the first unit, then all others, taking the interventions of the first code first."""
    first, rest = Worked(0, 0), Worked(0, 0)
    room = family.first.unit_minutes
    for each in family.worked:
        taken, left = each.first(room)
        room -= taken.therapist + taken.assistant
        first, rest = first + taken, rest + left
    return first, rest


def _untimed_service(family: _Family, crediting: _Crediting) -> Service:
    minutes = [each.intervention.minutes for each in family.members]
    worked = sum(family.worked[1:], family.worked[0])
    known = [one for one in minutes if one is not None]
    return Service(
        code=family.first.code,
        kind="untimed",
        pooled=False,
        minutes=sum(known) if len(known) == len(minutes) else None,
        whole_units=1,
        remainder=0,
        allocated=0,
        units=1,
        shares=share_units(1, worked, 0, crediting.rule, crediting.exempt),
        intervention_ids=family.ids(family.first.code),
        reasons=(
            Reason(
                about="units",
                rule="untimed-one-a-day",
                citation=MANUAL,
                inputs={"interventions": len(family.members)},
            ),
        ),
    )


def _units_reason(timed: TimedService, units: int, rule: UnitRule, pool: Pool | None) -> Reason:
    inputs: dict[str, Any] = {"minutes": timed.minutes, "units": units}
    if timed.further_unit != timed.first_unit or not timed.pooled:
        inputs |= {"first_unit_minutes": timed.first_unit, "further_unit_minutes": timed.further_unit}
    if pool is None or not timed.pooled:
        if rule is not AMA_MIDPOINT:
            inputs["outside_the_pool"] = "its units are not all of 15 minutes"
        return Reason(about="units", rule=AMA_MIDPOINT.name, citation=AMA_MIDPOINT.citation, inputs=inputs)
    whole, remainder = divmod(timed.minutes, timed.first_unit)
    inputs |= {
        "pooled_minutes": pool.minutes,
        "pooled_units": pool.row.units,
        "table_row": f"{pool.row.minutes_from}-{pool.row.minutes_through}",
        "row_from": pool.row_source,
        "whole_units": whole,
        "remainder": remainder,
        "rank": pool.ranking.index(timed.code) + 1,
        "left_over_units": pool.left_over,
        "tied": pool.tied,
    }
    return Reason(about="units", rule=rule.name, citation=rule.citation, inputs=inputs)


def _unknown_quantity(family: _Family) -> list[Finding]:
    if family.first.unit_is is None:
        return []
    return [
        fail(
            "units.quantity-unknown",
            f"A unit of {family.first.code} is {family.first.unit_is}; a visit does not say how many, so one is billed",
            "Check the number of units against the record",
            intervention_id=family.members[0].intervention.intervention_id,
            severity=Severity.REVIEW,
            result=Result.UNKNOWN,
            fixable_by="biller",
            citation=CODE_SET,
            inputs={"code": family.first.code, "unit_is": family.first.unit_is, "units": 1},
        )
    ]


def _share_unknown(each: Counted, rule: AssistantRow) -> Finding:
    one = each.intervention
    missing = [name for name in ("minutes", "assistant_minutes") if getattr(one, name) is None]
    return fail(
        "units.assistant-minutes-missing",
        f"An assistant took part, and the record does not tell how much of {each.row.code} was the assistant's",
        "Document the minutes, the assistant's alone and those of both together",
        intervention_id=one.intervention_id,
        severity=Severity.REVIEW,
        result=Result.UNKNOWN,
        carc="4",
        citation=rule.source,
        inputs={"code": each.row.code, "missing": missing},
    )


def _contract_may_differ(
    profile: Profile[UnitSettings], rule: UnitRule, timed_units: int, other_rules: Mapping[str, Mapping[str, int]]
) -> Sequence[Finding]:
    totals = {name: sum(units.values()) for name, units in other_rules.items()}
    if not profile.settings.contract_decides or all(total == timed_units for total in totals.values()):
        return ()
    return (
        fail(
            "units.rule-by-contract",
            "The unit rule of this program depends on state or contract, and another rule gives other units",
            "Check which rule the payer uses",
            severity=Severity.INFO,
            result=Result.UNKNOWN,
            fixable_by="biller",
            citation=profile.cite("contract_decides"),
            inputs={"rule": rule.name, "timed_units": timed_units, "other_rules": totals},
        ),
    )
