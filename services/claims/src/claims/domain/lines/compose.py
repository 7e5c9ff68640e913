"""Claim lines from the worksheet: a line for each code, and one more where an assistant's units split off."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from claimbus.events import (
    Checked,
    CodedIntervention,
    Line,
    Reason,
    RunningTotals,
    Service,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
)
from claimbus.rules import About

from claims.domain.findings import ClaimFinding
from claims.domain.lines.billed import Billed, LineContext, Part
from claims.domain.lines.edits import check_pairs, check_units
from claims.domain.lines.fees import PricedItem, price_services, total_of
from claims.domain.lines.kx import VisitDollars, check_kx
from claims.domain.lines.modifiers import (
    ASSISTANT_MODIFIER,
    check_habilitative,
    check_lines,
    check_set_by_ehr,
    modifiers_of_line,
    names_of,
    read_modifiers,
)
from claims.domain.lines.notices import check_notice, check_notice_effects
from claims.domain.lines.telehealth import check_telehealth
from claims.domain.tables import ClaimRules


def compose_lines(
    visit: VisitCompleted,
    coded: VisitCoded,
    units: UnitsComputed,
    rules: ClaimRules,
    *,
    pointers: Mapping[str, tuple[int, ...]],
    totals: RunningTotals | None = None,
) -> tuple[tuple[Line, ...], list[Checked]]:
    """All billable lines in the order of the worksheet, and what the checks of charges, edits and modifiers gave.

    All units of a code for a day stand on one line; only an assistant's units, which are paid
    differently, stand on a second line of the same code. `pointers`: of each service by its code, into the claim's
    diagnoses. `totals`: what earlier visits add up to.
    """
    context = LineContext(visit, rules.profile_of(visit.primary.payer, visit.practice_id), rules)
    coding = {row.intervention_id: row for row in coded.interventions}
    billed = _billed_services(context, units.worksheet.services)
    charges = [_charge_of_unit(context, service, coding) for service in billed]
    pairs = check_pairs(context, billed)
    on_every_line, checked = _modifiers_of_visit(context, billed, charges, totals)
    checked += pairs.checked
    lines: list[Line] = []
    for service, charge in zip(billed, charges, strict=True):
        counted = service.counted
        checked += charge.checked
        checked += check_set_by_ehr(context, service, on_every_line)
        why_code = tuple(_why_code(counted, coding[name]) for name in counted.intervention_ids if name in coding)
        distinct = pairs.reasons.get(service.code, {})
        for part in service.parts:
            why_modifiers = modifiers_of_line(context, service, part.share, on_every_line, distinct)
            lines.append(
                Line(
                    number=len(lines) + 1,
                    code=service.code,
                    units=part.units,
                    minutes=part.minutes,
                    modifiers=names_of(why_modifiers),
                    charge=None if charge.amount is None else charge.amount * part.units,
                    diagnosis_pointers=pointers[service.code],
                    intervention_ids=counted.intervention_ids,
                    reasons=(*why_code, *counted.reasons, *why_modifiers, *charge.reasons),
                )
            )
    checked += check_units(context, billed)
    if lines:
        checked += check_lines(lines, rules)
        checked += check_notice_effects(context, lines)
    return tuple(lines), checked


def _billed_services(context: LineContext, services: Iterable[Service]) -> list[Billed]:
    """The services that have units, with the numbers that their lines will have."""
    interventions = {row.id: row for row in context.visit.interventions}
    splits = context.visit.discipline in ASSISTANT_MODIFIER
    billed: list[Billed] = []
    line = 1
    for service in services:
        if service.units:
            rows = tuple(interventions[name] for name in service.intervention_ids if name in interventions)
            given = read_modifiers(rows)
            set_by_ehr = tuple(name for name in given if name in context.rules.modifiers.known)
            billed.append(Billed(service, line, tuple(_split(service, splits=splits)), rows, given, set_by_ehr))
            line += len(billed[-1].parts)
    return billed


def _split(service: Service, *, splits: bool) -> Iterable[Part]:
    """The therapist's units and the assistant's.

    `splits`: whether a modifier exists that tells the two lines apart.
    """
    sides = (
        [share for share in service.shares if not share.assistant],
        [share for share in service.shares if share.assistant],
    )
    if not (splits and all(sides)):
        yield Part(service.units, service.minutes, service.shares[0] if service.shares else None)
        return
    for side in sides:
        yield Part(len(side), sum(share.therapist_minutes + share.assistant_minutes for share in side), side[0])


class _Charge(NamedTuple):
    """For one unit of a service."""

    amount: Decimal | None
    """US dollars; null where it is not known."""
    reasons: tuple[Reason, ...] = ()
    """Where it is not the visit's."""
    checked: tuple[Checked, ...] = ()


def _charge_of_unit(context: LineContext, service: Billed, coding: Mapping[str, CodedIntervention]) -> _Charge:
    """The visit's charge, else the practice's. Where the visit gives several, the highest, and a finding about it."""
    _, profile, rules = context
    # A payer's own code is charged as the code that it stands for; an add-on code is not charged as its first code.
    codes = {service.code, *service.counted.charted}
    charges = {
        row.charge for row in service.interventions if (coded := coding.get(row.id)) is not None and coded.code in codes
    }
    known = {charge for charge in charges if charge is not None}
    usual = profile.settings.charges.get(service.code)
    if usual is not None and not known:
        why = Reason(
            about="charge",
            rule="practice-fee-schedule",
            citation=profile.cite("charges"),
            inputs={"code": service.code, "charge_of_unit": str(usual)},
        )
        return _Charge(usual, (why,))
    if charges == known and len(known) == 1:
        return _Charge(known.pop())
    about: About = {
        "codes": (service.code,),
        "inputs": {"code": service.code, "charges": sorted(map(str, known))},
    }
    if not known:
        return _Charge(None, checked=(rules.findings[ClaimFinding.CHARGE_MISSING].unknown(**about),))
    return _Charge(max(known), checked=(rules.findings[ClaimFinding.CHARGE_DIFFERS].fail(**about),))


def _modifiers_of_visit(
    context: LineContext, billed: Sequence[Billed], charges: Sequence[_Charge], totals: RunningTotals | None
) -> tuple[tuple[Reason, ...], list[Checked]]:
    """Modifiers that stand on every line, each by its reason, and the checks behind them."""
    notice, notice_checked = check_notice(context)
    set_by_ehr = {name for service in billed for name in service.set_by_ehr}
    kx, kx_checked = check_kx(
        context,
        _dollars(context, billed, charges),
        totals,
        set_by_ehr="KX" in set_by_ehr,
        notice=all("GA" in (*service.set_by_ehr, *names_of(filter(None, (notice,)))) for service in billed),
    )
    telehealth, telehealth_checked = check_telehealth(context, set_by_ehr)
    habilitative, habilitative_checked = check_habilitative(context, billed)
    reasons = tuple(reason for reason in (kx, notice, telehealth, habilitative) if reason is not None)
    return reasons, [*kx_checked, *notice_checked, *telehealth_checked, *habilitative_checked]


def _dollars(context: LineContext, billed: Iterable[Billed], charges: Iterable[_Charge]) -> VisitDollars:
    items = [
        # Who furnished a unit changes what is paid, and not what is allowed.
        PricedItem(service.code, service.units, 0, None if charge.amount is None else charge.amount * service.units)
        for service, charge in zip(billed, charges, strict=True)
    ]

    def allowed() -> Decimal | None:
        return total_of(amount.allowed for amount in price_services(items, context.profile, context.rules))

    return VisitDollars(total_of(item.charge for item in items), allowed)


def _why_code(service: Service, row: CodedIntervention) -> Reason:
    """Why coding chose the code, whether it is billed or the one that the payer takes for it."""
    inputs = row.inputs | {"chosen_by": row.chosen_by}
    if row.code == service.code:
        return Reason(about="code", rule=row.rule, citation=row.citation, inputs=inputs)
    if row.code in service.charted:
        return Reason(about="code", rule=row.rule, citation=row.citation, inputs=inputs | {"charted": row.code})
    # A first code and the code of its further units share an intervention, which is coded as the first.
    citation = service.reasons[0].citation if service.reasons else row.citation
    return Reason(about="code", rule="further-units-of-a-first-code", citation=citation, inputs={"first": row.code})
