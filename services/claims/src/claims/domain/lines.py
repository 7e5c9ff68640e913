"""Claim lines from the worksheet: a line for each code, and one more where an assistant's units split off."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from claimbus.events import (
    CodedIntervention,
    Finding,
    Line,
    Reason,
    Service,
    UnitsComputed,
    UnitShare,
    VisitCoded,
    VisitCompleted,
)
from claimbus.events.visit_completed import Intervention
from claimbus.values import Result, Severity

from claims.domain.modifiers import ASSISTANT_MODIFIER, judge_kx, modifiers_of_line
from claims.domain.tables import ClaimRules

_MOST_MODIFIERS = 4
_MOST_POINTERS = 4
"""Diagnosis pointers that a line can carry (005010X222A1, SV107)."""


def diagnoses_in_order(visit: VisitCompleted) -> tuple[str, ...]:
    """ICD-10-CM codes by rank, those without a rank last; a line's pointers count into this."""
    ranked = sorted(visit.diagnoses, key=lambda diagnosis: (diagnosis.rank is None, diagnosis.rank))
    return tuple(diagnosis.code for diagnosis in ranked if diagnosis.code)


def compose_lines(
    visit: VisitCompleted, coded: VisitCoded, units: UnitsComputed, rules: ClaimRules
) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """All billable lines in the order of the worksheet, with what is wrong about charges or KX.

    All units of a code for a day stand on one line; only an assistant's units, which are paid
    differently, stand on a second line of the same code.
    """
    by_id = {row.id: row for row in visit.interventions}
    coding = {row.intervention_id: row for row in coded.interventions}
    pointers = tuple(range(1, min(len(diagnoses_in_order(visit)), _MOST_POINTERS) + 1))
    billable = [service for service in units.worksheet.services if service.units]
    sources = [[by_id[name] for name in service.intervention_ids if name in by_id] for service in billable]
    priced = [
        _charge_of_unit(service.code, [row for row in rows if _is_coded_as(service.code, row.id, coding)])
        for service, rows in zip(billable, sources, strict=True)
    ]
    totals = [None if each is None else each * of.units for (each, _), of in zip(priced, billable, strict=True)]
    kx, kx_finding = judge_kx(visit, rules, None if None in totals else sum(filter(None, totals), Decimal(0)))
    lines: list[Line] = []
    for service, rows, (charge, _) in zip(billable, sources, priced, strict=True):
        from_ehr = tuple(dict.fromkeys(filter(None, (name.strip().upper() for row in rows for name in row.modifiers))))
        why_code = tuple(_why_code(service, coding[name]) for name in service.intervention_ids if name in coding)
        for share, count, minutes in _split(service, can_tell=visit.discipline in ASSISTANT_MODIFIER):
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
    findings = (*(finding for _, finding in priced), *map(_too_many_modifiers, lines), kx_finding)
    return tuple(lines), tuple(finding for finding in findings if finding is not None)


def _is_coded_as(code: str, intervention_id: str, coding: Mapping[str, CodedIntervention]) -> bool:
    row = coding.get(intervention_id)
    return row is not None and row.code == code


def _why_code(service: Service, row: CodedIntervention) -> Reason:
    if row.code == service.code:
        inputs = row.inputs | {"chosen_by": row.chosen_by}
        return Reason(about="code", rule=row.rule, citation=row.citation, inputs=inputs)
    # A first code and the code of its further units share an intervention, which is coded as the first.
    citation = service.reasons[0].citation if service.reasons else row.citation
    return Reason(about="code", rule="further-units-of-a-first-code", citation=citation, inputs={"first": row.code})


def _split(service: Service, *, can_tell: bool) -> Iterable[tuple[UnitShare | None, int, int | None]]:
    """Shares of the therapist and of the assistant, as (a share that explains it, units, minutes).

    `can_tell`: whether a modifier exists that tells the two lines apart.
    """
    sides = (
        [share for share in service.shares if not share.assistant],
        [share for share in service.shares if share.assistant],
    )
    if not (can_tell and all(sides)):
        yield (service.shares[0] if service.shares else None), service.units, service.minutes
        return
    for side in sides:
        yield side[0], len(side), sum(share.therapist_minutes + share.assistant_minutes for share in side)


def _too_many_modifiers(line: Line) -> Finding | None:
    if len(line.modifiers) <= _MOST_MODIFIERS:
        return None
    return Finding(
        id="modifier.too-many",
        result=Result.FAIL,
        severity=Severity.BLOCK,
        line=line.number,
        message=f"{line.code} bears {len(line.modifiers)} modifiers; a claim line carries {_MOST_MODIFIERS}.",
        fix="Take modifiers off the intervention that this payer does not need.",
        fixable_by="biller",
        carc="4",
        rarc="N519",
        rule="modifiers-of-a-line",
        citation="005010X222A1, SV101-3 to SV101-6",
        inputs={"code": line.code, "modifiers": list(line.modifiers)},
    )


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
