"""Services: all interventions that count as one, with their units, who furnished each, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from claimbus.events import CodedIntervention, Finding, Reason, Service
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from units.domain.assistant import Worked, share_units
from units.domain.findings import fail
from units.domain.minutes import Counted, Sorted, is_inconsistent
from units.domain.quantities import Tally, tally_units
from units.domain.rulebook import AssistantRow, CodeRow, Rulebook, UnitSettings
from units.domain.unit_rules import AMA_MIDPOINT, Allocation, Pool, TimedService, UnitRule


class Family(NamedTuple):
    """All that counts as one service: a code, with the code of its further units where it has one."""

    first: CodeRow
    further: CodeRow | None
    members: tuple[Counted, ...]
    """Those under the first code before those under the further one."""
    worked: tuple[Worked, ...]
    """For each member, who furnished its minutes."""
    timed: TimedService | None
    """None for an untimed code."""

    def ids(self, code: str) -> tuple[str, ...]:
        """Interventions that bear a code; those of the first code where none bears the further one."""
        own = [each.intervention.intervention_id for each in self.members if each.row.code == code]
        return tuple(own) if own or code == self.first.code else self.ids(self.first.code)

    def bears(self, code: str) -> bool:
        return any(each.row.code == code for each in self.members)


@dataclass(frozen=True, slots=True)
class Crediting:
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

    def worked(self, each: Counted) -> Worked:
        """Minutes by person, as far as the record tells."""
        one = each.intervention
        minutes = each.minutes or 0
        assistant = self._assistant_minutes(one)
        if assistant is None or is_inconsistent(one):
            return Worked(minutes, 0, known=False)
        if one.minutes is None and assistant:
            return Worked(one.joint_minutes or 0, assistant, known=False)
        if each.minutes == one.minutes:
            return Worked(minutes - assistant, assistant)
        # Fewer minutes are credited than documented: whose fell away shows only where all were one person's.
        if assistant == one.minutes:
            return Worked(0, minutes)
        return Worked(minutes, 0, known=not assistant)

    def _assistant_minutes(self, one: CodedIntervention) -> int | None:
        if one.assistant_minutes is not None:
            return one.assistant_minutes
        all_together = one.minutes is not None and one.joint_minutes == one.minutes
        return None if self.assistant_present and not all_together else 0

    def findings(self, family: Family) -> list[Finding]:
        """Where the assistant's part decides on a modifier and cannot be told for want of a fact."""
        if self.rule is None:
            return []
        return [
            _share_unknown(each, self.rule)
            for each, worked in zip(family.members, family.worked, strict=True)
            if not worked.known
            and not is_inconsistent(each.intervention)
            and (each.intervention.minutes is None or self._assistant_minutes(each.intervention) is None)
        ]


def gather(counted: Iterable[Counted], rules: Rulebook, crediting: Crediting) -> list[Family]:
    """Interventions by service, in the order in which the services first appear."""
    grouped: dict[str, list[Counted]] = {}
    for each in counted:
        grouped.setdefault(each.row.add_on_to or each.row.code, []).append(each)
    families = []
    for code, members in grouped.items():
        first = rules.codes[code]
        further = rules.further.get(code)
        if further is not None:
            members.sort(key=lambda each: each.row.code != code)
        timed = None
        if first.kind == "timed":
            timed = TimedService(
                code=code,
                minutes=sum([each.minutes or 0 for each in members]),
                first_unit=first.unit_minutes,
                further_unit=(further or first).unit_minutes,
                pooled=first.pooled,
            )
        worked = tuple([crediting.worked(each) for each in members])
        families.append(Family(first, further, tuple(members), worked, timed))
    return families


def spread(units: Mapping[str, int], families: Mapping[str, Family]) -> dict[str, int]:
    """Units by code: of a service in two codes the first unit is the one code's, the others the other's."""
    by_code: dict[str, int] = {}
    for code, count in units.items():
        family = families[code]
        if family.further is None:
            by_code[code] = count
            continue
        by_code[code] = min(count, 1)
        if count > 1 or family.bears(family.further.code):
            by_code[family.further.code] = max(count - 1, 0)
    return by_code


def timed_services(
    family: Family,
    timed: TimedService,
    rule: UnitRule,
    allocation: Allocation,
    crediting: Crediting,
    sorted_: Sorted,
    profile: Profile[UnitSettings],
) -> list[Service]:
    """The lines of one timed service: its code, and the code of its further units where it earned some."""
    units = allocation.units[timed.code]
    worked = sum(family.worked[1:], family.worked[0])
    documented = sum([each.intervention.minutes or 0 for each in family.members])
    reason = _units_reason(timed, units, documented, rule, allocation.pool)
    rows: list[tuple[CodeRow, int, Worked]] = [(family.first, units, worked)]
    if family.further is not None and units > 1:
        first, rest = _split(family)
        rows = [(family.first, 1, first), (family.further, units - 1, rest)]
    services = []
    for row, count, part in rows:
        minutes = part.therapist + part.assistant
        whole = min(minutes // row.unit_minutes, count)
        beside = sorted_.beside.get(row.code, ())
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
                intervention_ids=family.ids(row.code) + tuple([one.intervention_id for one in beside]),
                reasons=(reason, *_substitutions(family, row.code, beside, profile)),
            )
        )
    return services


def untimed_services(
    family: Family, rules: Rulebook, crediting: Crediting, profile: Profile[UnitSettings]
) -> tuple[list[Service], Tally]:
    """The lines of one untimed service, and how its units came about."""
    members = [(each.intervention, each.row) for each in family.members]
    tally = tally_units(family.first, family.further, members, rules.codes)
    services = []
    for code, count in tally.units.items():
        own = [
            (each, worked) for each, worked in zip(family.members, family.worked, strict=True) if each.row.code == code
        ]
        # Further units out of the first code's interventions: nobody divided the minutes, so the share is the whole's.
        minutes = [each.minutes for each, _ in own] or [None]
        worked = [worked for _, worked in own] or family.worked
        known = [one for one in minutes if one is not None]
        services.append(
            Service(
                code=code,
                kind="untimed",
                pooled=False,
                minutes=sum(known) if len(known) == len(minutes) else None,
                whole_units=count,
                remainder=0,
                allocated=0,
                units=count,
                shares=share_units(count, sum(worked[1:], worked[0]), 0, crediting.rule, crediting.exempt),
                intervention_ids=family.ids(code),
                reasons=(tally.reason, *_substitutions(family, code, (), profile)),
            )
        )
    return services, tally


def _split(family: Family) -> tuple[Worked, Worked]:
    """Minutes of the first unit, then all others; those charted under the first code come first.

    The interventions of a code are taken together, so that their order has no say in who furnished what.
    """
    charted = {family.first.code: Worked(0, 0), family.further.code if family.further else "": Worked(0, 0)}
    for each, worked in zip(family.members, family.worked, strict=True):
        charted[each.row.code] += worked
    room = family.first.unit_minutes
    first, rest = Worked(0, 0), Worked(0, 0)
    for worked in charted.values():
        taken, left = worked.first(room)
        if room:
            first += taken
        room -= taken.therapist + taken.assistant
        rest += left
    return first, rest


def _substitutions(
    family: Family, code: str, beside: Iterable[CodedIntervention], profile: Profile[UnitSettings]
) -> list[Reason]:
    """Why the service bears another code than was charted."""
    if not profile.settings.substitutions:
        return []
    coded = [each.intervention.code for each in family.members if each.row.code == code]
    charted = dict.fromkeys([*coded, *(one.code for one in beside)])
    return [
        Reason(
            about="code",
            rule="payer-substitution",
            citation=profile.cite("substitutions"),
            inputs={"charted": name, "billed": code},
        )
        for name in charted
        if name != code
    ]


def _units_reason(timed: TimedService, units: int, documented: int, rule: UnitRule, pool: Pool | None) -> Reason:
    inputs: dict[str, Any] = {"minutes": timed.minutes, "units": units}
    if documented != timed.minutes:
        inputs["documented_minutes"] = documented
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
        citation=rule.source,
        inputs={"code": each.row.code, "missing": missing},
    )
