"""Compute the units of a coded visit, with the whole way to them."""

from collections.abc import Mapping, Sequence

from claimbus.events import Checked, Service, UnitsComputed, VisitCoded, Worksheet
from claimbus.rules import Profile, sorted_out

from units.domain.comparison import Legal, compare_with_ehr, find_differences, units_sent
from units.domain.findings import UnitFinding, leave_off
from units.domain.minutes import sort_interventions
from units.domain.services import Crediting, Family, gather, spread, timed_services, untimed_services
from units.domain.tables import UnitRules, UnitSettings
from units.domain.unit_rules import UNIT_RULES, Allocation, UnitRule

NO_UNIT = "its minutes earn no unit of their own; they count in the day's total"
NO_QUANTITY = "the area, the days or the month's minutes make no unit of it"
NOT_ONE_ON_ONE = "minutes of a timed code count only one-on-one"


def compute_units(coded: VisitCoded, rules: UnitRules) -> UnitsComputed:
    """Units by code under the payer's rule on the date of service, and what the other rules would give.

    Raises nothing for a valid visit: what is missing or wrong becomes a finding, and the rest is computed.
    """
    profile = rules.profile_of(coded.payer, coded.practice_id)
    rule = UNIT_RULES[profile.settings.unit_rule]
    sorted_ = sort_interventions(coded, rules, profile)
    crediting = Crediting(coded.assistant_present, profile.settings, rules.assistant)
    families = gather(sorted_.counted, rules, crediting)
    timed = [family.timed for family in families if family.timed is not None]
    by_code = {family.first.code: family for family in families if family.timed is not None}
    allocations = {name: unit_rule.allocate(timed, rules.eight_minute) for name, unit_rule in UNIT_RULES.items()}
    allocation = allocations[rule.name]

    services: list[Service] = []
    unbilled = list(sorted_.unbilled)
    checked: list[Checked] = list(sorted_.checked)
    uncounted: set[str] = set()
    for family in families:
        if family.timed is None:
            made, tally = untimed_services(family, rules, crediting, profile)
            checked += tally.checked
            if not tally.known:
                uncounted |= tally.units.keys()
        else:
            made = timed_services(family, family.timed, rule, allocation, crediting, sorted_, profile)
        services += made
        billed = {service.code for service in made if service.units}
        why = (NO_UNIT, rule.name) if family.timed else (NO_QUANTITY, UnitFinding.QUANTITY_CONTRADICTS_CODE)
        unbilled += [leave_off(item.intervention, *why) for item in family.members if item.row.code not in billed]
        if billed:
            checked += crediting.findings(family, rules.findings)
    billed = {service.code for service in services if service.units}
    for code, interventions in sorted_.beside.items():
        if code not in billed:
            unbilled += [
                leave_off(intervention, NOT_ONE_ON_ONE, UnitFinding.CONTACT_NOT_ONE_ON_ONE)
                for intervention in interventions
            ]

    other_rules = {
        name: spread(unit_rule.units, by_code) for name, unit_rule in allocations.items() if unit_rule is not allocation
    }
    timed_units = sum(allocation.units.values())
    checked += _contract_may_differ(profile, rule, timed_units, other_rules, rules)
    checked += _within_daily_limit(profile, timed_units, rules)
    ehr = None
    sent = units_sent(families, uncounted)
    if sent is not None:
        untimed = {service.code: service.units for service in services if service.kind == "untimed"}
        legal = {name: _legal(allocations[name], by_code, untimed) for name in (rule.name, *other_rules)}
        ehr = compare_with_ehr(sent, legal)
        checked += find_differences(sent, ehr, rule.name, rule.citation, legal, families, rules.findings)
    findings, passed = sorted_out(checked)
    return UnitsComputed(
        practice_id=coded.practice_id,
        visit_id=coded.visit_id,
        revision=coded.revision,
        basis=coded.basis,
        worksheet=Worksheet(
            profile=profile.name,
            rule=rule.name,
            citation=rule.citation,
            timed_minutes=sum([service.minutes for service in timed]),
            timed_units=timed_units,
            table_row=allocation.pool.row if allocation.pool else None,
            services=tuple(services),
            alternatives=tuple(
                {code: units for code, units in spread(intervention, by_code).items() if units}
                for intervention in allocation.alternatives
            ),
            other_rules=other_rules,
            ehr=ehr,
        ),
        unbilled=tuple(unbilled),
        findings=findings,
        passed=passed,
        rule_set=rules.rule_set.reference,
    )


def _legal(allocation: Allocation, families: Mapping[str, Family], untimed: Mapping[str, int]) -> Legal:
    """Every allocation that a rule allows, with the untimed codes, on which the rules agree."""
    return [{**spread(intervention, families), **untimed} for intervention in allocation.alternatives or ({},)]


def _contract_may_differ(
    profile: Profile[UnitSettings],
    rule: UnitRule,
    timed_units: int,
    other_rules: Mapping[str, Mapping[str, int]],
    rules: UnitRules,
) -> Sequence[Checked]:
    totals = {name: sum(units.values()) for name, units in other_rules.items()}
    if not profile.settings.contract_decides or all(total == timed_units for total in totals.values()):
        return ()
    return (
        rules.findings[UnitFinding.RULE_BY_CONTRACT].unknown(
            citation=profile.cite("contract_decides"),
            inputs={"rule": rule.name, "timed_units": timed_units, "other_rules": totals},
        ),
    )


def _within_daily_limit(profile: Profile[UnitSettings], timed_units: int, rules: UnitRules) -> Sequence[Checked]:
    """The payer's most timed units of a day. What is above is not cut: a person says which units to leave out."""
    most, row = profile.settings.most_timed_units, rules.findings[UnitFinding.OVER_DAILY_LIMIT]
    if not most:
        return ()
    if timed_units <= most:
        return (row.passed(),)
    inputs = {"timed_units": timed_units, "most_timed_units": most}
    return (row.fail(citation=profile.cite("most_timed_units"), inputs=inputs),)
