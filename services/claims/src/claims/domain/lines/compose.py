"""Claim lines from the worksheet: a line for each code, and one more where an assistant's units split off."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from claimbus.events import (
    CodedIntervention,
    Finding,
    Line,
    Reason,
    RunningTotals,
    Service,
    UnitsComputed,
    UnitShare,
    VisitCoded,
    VisitCompleted,
)
from claimbus.events.visit_completed import Intervention
from claimbus.rules import Profile, complete
from claimbus.values import Result, Severity

from claims.domain.lines.billed import Billed
from claims.domain.lines.edits import judge_pairs, judge_units
from claims.domain.lines.fees import PricedItem, price_services, total_of
from claims.domain.lines.kx import VisitDollars, judge_kx
from claims.domain.lines.modifiers import (
    ASSISTANT_MODIFIER,
    judge_habilitative,
    judge_lines,
    judge_set_by_ehr,
    known_modifiers,
    modifiers_of_line,
    names_of,
    read_modifiers,
)
from claims.domain.lines.notices import judge_notice, notice_effects
from claims.domain.lines.telehealth import judge_telehealth
from claims.domain.tables import ClaimRules, ClaimSettings

_SUBSTITUTION = "payer-substitution"


class _Part(NamedTuple):
    """What stands on one line of a service."""

    share: UnitShare | None
    """Explains who furnished it."""
    units: int
    minutes: int | None


def compose_lines(
    visit: VisitCompleted,
    coded: VisitCoded,
    units: UnitsComputed,
    rules: ClaimRules,
    *,
    pointers: Mapping[str, tuple[int, ...]],
    totals: RunningTotals | None = None,
) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """All billable lines in the order of the worksheet, with what is wrong about charges, edits or modifiers.

    All units of a code for a day stand on one line; only an assistant's units, which are paid
    differently, stand on a second line of the same code. `pointers`: of each service by its code, into the claim's
    diagnoses. `totals`: what earlier visits add up to.
    """
    profile = rules.profiles.of(visit.primary.payer, visit.practice_id, visit.service_date)
    by_id = {row.id: row for row in visit.interventions}
    coding = {row.intervention_id: row for row in coded.interventions}
    can_tell = visit.discipline in ASSISTANT_MODIFIER
    drafts: list[_Draft] = []
    number = 1
    for service in units.worksheet.services:
        if service.units:
            rows = tuple(by_id[name] for name in service.intervention_ids if name in by_id)
            drafts.append(_draft(service, number, rows, coding, profile, rules, can_tell=can_tell))
            number += len(drafts[-1].parts)
    billed = [draft.billed for draft in drafts]
    pairs = judge_pairs(billed, profile, rules)
    of_visit, visit_findings = _of_visit(visit, profile, rules, drafts, totals)
    lines: list[Line] = []
    findings: list[Finding] = [*visit_findings, *pairs.findings]
    for draft in drafts:
        service, charge = draft.service, draft.charge
        if draft.charge_finding is not None:
            findings.append(draft.charge_finding)
        findings += judge_set_by_ehr(visit, rules, draft.billed, draft.given, service.shares, of_visit)
        why_code = tuple(_why_code(service, coding[name]) for name in service.intervention_ids if name in coding)
        distinct = pairs.reasons.get(service.code, {})
        for share, count, minutes in draft.parts:
            why_modifiers = modifiers_of_line(
                visit, profile, rules, draft.billed, share=share, of_visit=of_visit, distinct=distinct
            )
            lines.append(
                Line(
                    number=len(lines) + 1,
                    code=service.code,
                    units=count,
                    minutes=minutes,
                    modifiers=names_of(why_modifiers),
                    charge=None if charge is None else charge * count,
                    diagnosis_pointers=pointers[service.code],
                    intervention_ids=service.intervention_ids,
                    reasons=(*why_code, *service.reasons, *why_modifiers, *draft.why_charge),
                )
            )
    findings += judge_units(billed, visit.facility, profile, rules)
    if lines:
        findings += judge_lines(lines, rules)
        findings += notice_effects(lines, profile, rules)
    return tuple(lines), complete(findings, rules.findings)


class _Draft(NamedTuple):
    """One service of the worksheet on its way to its lines."""

    service: Service
    billed: Billed
    given: tuple[str, ...]
    """What stands as modifier on its interventions; it may be any text."""
    parts: tuple[_Part, ...]
    charge: Decimal | None
    """US dollars for one unit."""
    why_charge: tuple[Reason, ...]
    """Where it is not the visit's."""
    charge_finding: Finding | None


def _draft(
    service: Service,
    line: int,
    rows: tuple[Intervention, ...],
    coding: Mapping[str, CodedIntervention],
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
    *,
    can_tell: bool,
) -> _Draft:
    given = read_modifiers(rows)
    parts = tuple(_split(service, can_tell=can_tell))
    billed = Billed(
        service.code, line, tuple(count for _, count, _ in parts), rows, known_modifiers(given, rules.modifiers)
    )
    # A payer's own code is charged as the code that it stands for; an add-on code is not charged as its first code.
    codes = {service.code, *_charted(service)}
    sources = [row for row in rows if (coded := coding.get(row.id)) is not None and coded.code in codes]
    usual = profile.settings.charges.get(service.code)
    if usual is not None and all(row.charge is None for row in sources):
        why = Reason(
            about="charge",
            rule="practice-fee-schedule",
            citation=profile.cite("charges"),
            inputs={"code": service.code, "charge_of_unit": str(usual)},
        )
        return _Draft(service, billed, given, parts, usual, (why,), None)
    charge, finding = _charge_of_unit(service.code, sources)
    return _Draft(service, billed, given, parts, charge, (), finding)


def _of_visit(
    visit: VisitCompleted,
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
    drafts: Sequence[_Draft],
    totals: RunningTotals | None,
) -> tuple[tuple[Reason, ...], tuple[Finding, ...]]:
    """Modifiers that stand on every line, each by its reason, and the checks behind them."""
    billed = [draft.billed for draft in drafts]
    notice, notice_findings = judge_notice(visit, profile, rules)
    set_by_ehr = {name for one in billed for name in one.set_by_ehr}
    kx, kx_findings = judge_kx(
        visit,
        profile,
        rules,
        dollars=_dollars(drafts, profile, rules),
        totals=totals,
        set_by_ehr="KX" in set_by_ehr,
        notice=all("GA" in (*one.set_by_ehr, *names_of(filter(None, (notice,)))) for one in billed),
    )
    telehealth, telehealth_findings = judge_telehealth(visit, profile, rules, set_by_ehr)
    habilitative, habilitative_findings = judge_habilitative(visit, profile, billed)
    reasons = tuple(reason for reason in (kx, notice, telehealth, habilitative) if reason is not None)
    return reasons, (*kx_findings, *notice_findings, *telehealth_findings, *habilitative_findings)


def _dollars(drafts: Sequence[_Draft], profile: Profile[ClaimSettings], rules: ClaimRules) -> VisitDollars:
    charges = [None if draft.charge is None else draft.charge * draft.service.units for draft in drafts]

    def allowed() -> Decimal | None:
        items = [
            # Who furnished a unit changes what is paid, and not what is allowed.
            PricedItem(draft.service.code, draft.service.units, 0, charge)
            for draft, charge in zip(drafts, charges, strict=True)
        ]
        return total_of(amount.allowed for amount in price_services(items, profile, rules))

    return VisitDollars(total_of(charges), allowed)


def _charted(service: Service) -> list[str]:
    """Codes that the payer takes this service's code for."""
    reasons = (reason for reason in service.reasons if reason.about == "code" and reason.rule == _SUBSTITUTION)
    return [code for reason in reasons if isinstance(code := reason.inputs.get("charted"), str)]


def _why_code(service: Service, row: CodedIntervention) -> Reason:
    """Why coding chose the code, whether it is billed or the one that the payer takes for it."""
    inputs = row.inputs | {"chosen_by": row.chosen_by}
    if row.code == service.code:
        return Reason(about="code", rule=row.rule, citation=row.citation, inputs=inputs)
    if row.code in _charted(service):
        return Reason(about="code", rule=row.rule, citation=row.citation, inputs=inputs | {"charted": row.code})
    # A first code and the code of its further units share an intervention, which is coded as the first.
    citation = service.reasons[0].citation if service.reasons else row.citation
    return Reason(about="code", rule="further-units-of-a-first-code", citation=citation, inputs={"first": row.code})


def _split(service: Service, *, can_tell: bool) -> Iterable[_Part]:
    """The therapist's units and the assistant's.

    `can_tell`: whether a modifier exists that tells the two lines apart.
    """
    sides = (
        [share for share in service.shares if not share.assistant],
        [share for share in service.shares if share.assistant],
    )
    if not (can_tell and all(sides)):
        yield _Part(service.shares[0] if service.shares else None, service.units, service.minutes)
        return
    for side in sides:
        yield _Part(side[0], len(side), sum(share.therapist_minutes + share.assistant_minutes for share in side))


def _charge_of_unit(code: str, sources: list[Intervention]) -> tuple[Decimal | None, Finding | None]:
    """US dollars for one unit. Where the visit gives several, the highest, and a finding to look at it."""
    charges = {row.charge for row in sources}
    known = {charge for charge in charges if charge is not None}
    if charges == known and len(known) == 1:
        return known.pop(), None

    def finding(problem: str, result: Result, message: str, fix: str) -> Finding:
        return Finding(
            id=f"charge.{problem}",
            result=result,
            severity=Severity.REVIEW,
            message=f"{code}: {message}",
            fix=fix,
            rule="line-charge",
            citation="005010X222A1, SV102",
            inputs={"code": code, "charges": sorted(map(str, known))},
        )

    if not known:
        fix = "Send interventions.charge, the charge for one unit."
        return None, finding("missing", Result.UNKNOWN, "the charge for a unit is not known", fix)
    text = "interventions of this code carry different charges, or one carries none; the highest is used"
    return max(known), finding("differs", Result.FAIL, text, "Give all interventions of a code the same charge.")
