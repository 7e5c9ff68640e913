"""Services: all interventions that count as one, with their units, who furnished each, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from claimbus.events import CodedIntervention, Finding, Reason, Service
from claimbus.rules import FindingRow, Profile

from units.domain.assistant import Worked, share_units
from units.domain.findings import UnitFinding
from units.domain.minutes import Counted, Sorted, is_inconsistent
from units.domain.quantities import Tally, tally_units
from units.domain.tables import AssistantRow, CodeRow, UnitRules, UnitSettings
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
        matching = [item.intervention.intervention_id for item in self.members if item.row.code == code]
        return tuple(matching) if matching or code == self.first.code else self.ids(self.first.code)

    def has_member(self, code: str) -> bool:
        return any(item.row.code == code for item in self.members)


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

    def worked(self, item: Counted) -> Worked:
        """Minutes by person, as far as the record tells."""
        intervention = item.intervention
        minutes = item.minutes or 0
        assistant = self._assistant_minutes(intervention)
        if assistant is None or is_inconsistent(intervention):
            return Worked(minutes, 0, known=False)
        if intervention.minutes is None and assistant:
            return Worked(intervention.joint_minutes or 0, assistant, known=False)
        if item.minutes == intervention.minutes:
            return Worked(minutes - assistant, assistant)
        # Fewer minutes are credited than documented: whose fell away shows only where all were one person's.
        if assistant == intervention.minutes:
            return Worked(0, minutes)
        return Worked(minutes, 0, known=not assistant)

    def _assistant_minutes(self, intervention: CodedIntervention) -> int | None:
        if intervention.assistant_minutes is not None:
            return intervention.assistant_minutes
        all_together = intervention.minutes is not None and intervention.joint_minutes == intervention.minutes
        return None if self.assistant_present and not all_together else 0

    def findings(self, family: Family, rows: Mapping[UnitFinding, FindingRow]) -> list[Finding]:
        """Where the assistant's part decides on a modifier and cannot be told for want of a fact."""
        if self.rule is None:
            return []
        return [
            _share_unknown(item, self.rule, rows)
            for item, worked in zip(family.members, family.worked, strict=True)
            if not worked.known
            and not is_inconsistent(item.intervention)
            and (item.intervention.minutes is None or self._assistant_minutes(item.intervention) is None)
        ]


def gather(counted: Iterable[Counted], rules: UnitRules, crediting: Crediting) -> list[Family]:
    """Interventions by service, in the order in which the services first appear."""
    grouped: dict[str, list[Counted]] = {}
    for item in counted:
        grouped.setdefault(item.row.add_on_to or item.row.code, []).append(item)
    families = []
    for code, members in grouped.items():
        first = rules.codes[code]
        further = rules.further.get(code)
        if further is not None:
            members.sort(key=lambda item: item.row.code != code)
        timed = None
        if first.kind == "timed":
            timed = TimedService(
                code=code,
                minutes=sum([item.minutes or 0 for item in members]),
                first_unit=first.unit_minutes,
                further_unit=(further or first).unit_minutes,
                pooled=first.pooled,
            )
        worked = tuple([crediting.worked(item) for item in members])
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
        if count > 1 or family.has_member(family.further.code):
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
    documented = sum([item.intervention.minutes or 0 for item in family.members])
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
        charted = _charted(family, row.code, beside)
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
                intervention_ids=(*family.ids(row.code), *(item.intervention_id for item in beside)),
                charted=charted,
                reasons=(reason, *_substitutions(charted, row.code, profile)),
            )
        )
    return services


def untimed_services(
    family: Family, rules: UnitRules, crediting: Crediting, profile: Profile[UnitSettings]
) -> tuple[list[Service], Tally]:
    """The lines of one untimed service, and how its units came about."""
    members = [(item.intervention, item.row) for item in family.members]
    tally = tally_units(family.first, family.further, members, rules.codes, rules.findings)
    services = []
    for code, count in tally.units.items():
        matching = [
            (item, worked) for item, worked in zip(family.members, family.worked, strict=True) if item.row.code == code
        ]
        # Further units out of the first code's interventions: nobody divided the minutes, so the share is the whole's.
        minutes = [item.minutes for item, _ in matching] or [None]
        worked = [worked for _, worked in matching] or family.worked
        known = [count for count in minutes if count is not None]
        charted = _charted(family, code, ())
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
                charted=charted,
                reasons=(tally.reason, *_substitutions(charted, code, profile)),
            )
        )
    return services, tally


def _split(family: Family) -> tuple[Worked, Worked]:
    """Minutes of the first unit, then all others; those charted under the first code come first.

    The interventions of a code are taken together, so that their order has no say in who furnished what.
    """
    charted = {family.first.code: Worked(0, 0), family.further.code if family.further else "": Worked(0, 0)}
    for item, worked in zip(family.members, family.worked, strict=True):
        charted[item.row.code] += worked
    room = family.first.unit_minutes
    first, rest = Worked(0, 0), Worked(0, 0)
    for worked in charted.values():
        taken, left = worked.first(room)
        if room:
            first += taken
        room -= taken.therapist + taken.assistant
        rest += left
    return first, rest


def _charted(family: Family, code: str, beside: Iterable[CodedIntervention]) -> tuple[str, ...]:
    """Other codes that the service was charted as, which the payer takes this one for."""
    coded = [item.intervention.code for item in family.members if item.row.code == code]
    names = dict.fromkeys([*coded, *(intervention.code for intervention in beside)])
    return tuple(name for name in names if name is not None and name != code)


def _substitutions(charted: Iterable[str], code: str, profile: Profile[UnitSettings]) -> list[Reason]:
    """Why the service bears another code than was charted."""
    return [
        Reason(
            about="code",
            rule="payer-substitution",
            citation=profile.cite("substitutions"),
            inputs={"charted": name, "billed": code},
        )
        for name in charted
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


def _share_unknown(item: Counted, rule: AssistantRow, rows: Mapping[UnitFinding, FindingRow]) -> Finding:
    intervention = item.intervention
    missing = [name for name in ("minutes", "assistant_minutes") if getattr(intervention, name) is None]
    return rows[UnitFinding.ASSISTANT_MINUTES_MISSING].unknown(
        intervention_id=intervention.intervention_id,
        citation=rule.source,
        inputs={"code": item.row.code, "missing": missing},
    )
