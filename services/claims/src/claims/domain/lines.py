"""Claim lines from the worksheet: a line for each code, and one more where an assistant's units split off."""

from collections.abc import Iterable
from decimal import Decimal

from claimbus.events import Finding, Line, Reason, Service, UnitsComputed, UnitShare, VisitCoded, VisitCompleted
from claimbus.events.visit_completed import Intervention
from claimbus.values import Result, Severity

from claims.domain.modifiers import judge_kx, modifiers_of_line
from claims.domain.tables import ClaimRules

_MOST_POINTERS = 4
"""Diagnosis pointers that a line can carry (005010X222A1, SV107)."""


def compose_lines(
    visit: VisitCompleted, coded: VisitCoded, units: UnitsComputed, rules: ClaimRules
) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """All billable lines in the order of the worksheet, with what is wrong about charges or KX.

    All units of a code for a day stand on one line; only an assistant's units, which are paid
    differently, stand on a second line of the same code.
    """
    by_id = {row.id: row for row in visit.interventions}
    coding = {row.intervention_id: row for row in coded.interventions}
    pointers = tuple(range(1, min(len(visit.diagnoses), _MOST_POINTERS) + 1))
    billable = [service for service in units.worksheet.services if service.units]
    sources = [[by_id[name] for name in service.intervention_ids if name in by_id] for service in billable]
    priced = [_charge_of_unit(service.code, rows) for service, rows in zip(billable, sources, strict=True)]
    totals = [None if each is None else each * of.units for (each, _), of in zip(priced, billable, strict=True)]
    kx, kx_finding = judge_kx(visit, rules, None if None in totals else sum(filter(None, totals), Decimal(0)))
    lines: list[Line] = []
    for service, rows, (charge, _) in zip(billable, sources, priced, strict=True):
        from_ehr = tuple(dict.fromkeys(modifier.strip().upper() for row in rows for modifier in row.modifiers))
        why_code = tuple(
            Reason(about="code", rule=row.rule, citation=row.citation, inputs=row.inputs | {"chosen_by": row.chosen_by})
            for name in service.intervention_ids
            if (row := coding.get(name))
        )
        for share, count, minutes in _split(service):
            modifiers, why_modifiers = modifiers_of_line(visit, rules, share=share, kx=kx, from_ehr=from_ehr)
            lines.append(
                Line(
                    number=len(lines) + 1,
                    code=service.code,
                    units=count,
                    minutes=minutes,
                    modifiers=modifiers,
                    charge=None if charge is None else charge * count,
                    diagnosis_pointers=pointers,
                    intervention_ids=service.intervention_ids,
                    reasons=(*why_code, *service.reasons, *why_modifiers),
                )
            )
    findings = (*(finding for _, finding in priced), kx_finding)
    return tuple(lines), tuple(finding for finding in findings if finding is not None)


def _split(service: Service) -> Iterable[tuple[UnitShare | None, int, int | None]]:
    """Shares of the therapist and of the assistant, as (a share that explains it, units, minutes)."""
    sides = (
        [share for share in service.shares if not share.assistant],
        [share for share in service.shares if share.assistant],
    )
    if not all(sides):
        yield (service.shares[0] if service.shares else None), service.units, service.minutes
        return
    for side in sides:
        yield side[0], len(side), sum(share.therapist_minutes + share.assistant_minutes for share in side)


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
            fixable_by="biller",
            carc="16",
            rarc="M79",
            rule="line-charge",
            citation="005010X222A1, SV102",
            inputs={"code": code, "charges": sorted(map(str, known))},
        )

    if not known:
        fix = "Send interventions.charge, the charge for one unit."
        return None, finding("missing", Result.UNKNOWN, "the charge for a unit is not known", fix)
    text = "interventions of this code carry different charges, or one carries none; the highest is used"
    return max(known), finding("differs", Result.FAIL, text, "Give all interventions of a code the same charge.")
