"""Compute the units of a coded visit, with the whole way to them."""

from collections.abc import Mapping, Sequence

from claimbus.events import Finding, RuleSet, Service, UnitsComputed, VisitCoded, Worksheet
from claimbus.rules import Profile, complete
from claimbus.values import Result, Severity

from units.domain.comparison import Legal, compare_with_ehr, find_differences, units_sent
from units.domain.findings import fail, leave_off, passed
from units.domain.minutes import sort_interventions
from units.domain.quantities import MISFIT
from units.domain.rulebook import Rulebook, UnitSettings
from units.domain.services import Crediting, Family, gather, spread, timed_services, untimed_services
from units.domain.unit_rules import UNIT_RULES, Allocation, UnitRule

NO_UNIT = "its minutes earn no unit of their own; they count in the day's total"
NO_QUANTITY = "the area, the days or the month's minutes make no unit of it"
NOT_ONE_ON_ONE = "minutes of a timed code count only one-on-one"
DAILY_LIMIT = "units.over-daily-limit"


def compute_units(coded: VisitCoded, rules: Rulebook, rule_set: RuleSet) -> UnitsComputed:
    """Units by code under the payer's rule on the date of service, and what the other rules would give.

    Raises nothing for a valid visit: what is missing or wrong becomes a finding, and the rest is computed.
    """
    profile = rules.profiles.of(coded.payer, coded.practice_id, coded.service_date)
    rule = UNIT_RULES[profile.settings.unit_rule]
    sorted_ = sort_interventions(coded, rules, profile)
    crediting = Crediting(coded.assistant_present, profile.settings, rules.assistant)
    families = gather(sorted_.counted, rules, crediting)
    timed = [family.timed for family in families if family.timed is not None]
    by_code = {family.first.code: family for family in families if family.timed is not None}
    allocations = {name: other.allocate(timed, rules.eight_minute) for name, other in UNIT_RULES.items()}
    allocation = allocations[rule.name]

    services: list[Service] = []
    unbilled = list(sorted_.unbilled)
    findings = list(sorted_.findings)
    uncounted: set[str] = set()
    for family in families:
        if family.timed is None:
            made, tally = untimed_services(family, rules, crediting, profile)
            findings += tally.findings
            if not tally.known:
                uncounted |= tally.units.keys()
        else:
            made = timed_services(family, family.timed, rule, allocation, crediting, sorted_, profile)
        services += made
        billed = {service.code for service in made if service.units}
        why = (NO_UNIT, rule.name) if family.timed else (NO_QUANTITY, MISFIT)
        unbilled += [leave_off(each.intervention, *why) for each in family.members if each.row.code not in billed]
        if billed:
            findings += crediting.findings(family)
    billed = {service.code for service in services if service.units}
    for code, others in sorted_.beside.items():
        if code not in billed:
            unbilled += [leave_off(one, NOT_ONE_ON_ONE, "units.contact-not-one-on-one") for one in others]

    other_rules = {name: spread(other.units, by_code) for name, other in allocations.items() if other is not allocation}
    timed_units = sum(allocation.units.values())
    findings += _contract_may_differ(profile, rule, timed_units, other_rules)
    findings += _within_daily_limit(profile, timed_units)
    ehr = None
    sent = units_sent(families, uncounted)
    if sent is not None:
        untimed = {service.code: service.units for service in services if service.kind == "untimed"}
        legal = {name: _legal(allocations[name], by_code, untimed) for name in (rule.name, *other_rules)}
        ehr = compare_with_ehr(sent, legal)
        findings += find_differences(sent, ehr, rule.name, rule.citation, legal, families)
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
                {code: units for code, units in spread(one, by_code).items() if units}
                for one in allocation.alternatives
            ),
            other_rules=other_rules,
            ehr=ehr,
        ),
        unbilled=tuple(unbilled),
        findings=complete(findings, rules.findings),
        rule_set=rule_set,
    )


def _legal(allocation: Allocation, families: Mapping[str, Family], untimed: Mapping[str, int]) -> Legal:
    """Every allocation that a rule allows, with the untimed codes, on which the rules agree."""
    return [{**spread(one, families), **untimed} for one in allocation.alternatives or ({},)]


def _contract_may_differ(
    profile: Profile[UnitSettings], rule: UnitRule, timed_units: int, other_rules: Mapping[str, Mapping[str, int]]
) -> Sequence[Finding]:
    totals = {name: sum(units.values()) for name, units in other_rules.items()}
    if not profile.settings.contract_decides or all(total == timed_units for total in totals.values()):
        return ()
    return (
        fail(
            "units.rule-by-contract",
            "The unit rule of this payer depends on state or contract, and another rule gives other units",
            "Check which rule the payer uses",
            severity=Severity.INFO,
            result=Result.UNKNOWN,
            citation=profile.cite("contract_decides"),
            inputs={"rule": rule.name, "timed_units": timed_units, "other_rules": totals},
        ),
    )


def _within_daily_limit(profile: Profile[UnitSettings], timed_units: int) -> Sequence[Finding]:
    """The payer's most timed units of a day. What is above is not cut: a person says which units to leave out."""
    most = profile.settings.most_timed_units
    if not most:
        return ()
    citation = profile.cite("most_timed_units")
    inputs = {"timed_units": timed_units, "most_timed_units": most}
    if timed_units <= most:
        message = "The timed units are no more than the payer takes in a day"
        return (passed(DAILY_LIMIT, message, citation=citation, inputs=inputs),)
    return (
        fail(
            DAILY_LIMIT,
            f"{timed_units} timed units are more than the {most} that this payer takes in a day",
            "Bill no more than the payer takes, or send its approval of more",
            citation=citation,
            inputs=inputs,
        ),
    )
