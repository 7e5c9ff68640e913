"""Modifiers of a line, each with its reason, and what is wrong about those that the EHR set."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

from claimbus.events import Finding, Line, Reason, UnitShare, VisitCompleted
from claimbus.events.visit_completed import Intervention
from claimbus.rules import Profile
from claimbus.values import FindingId, Result, Severity

from claims.domain.lines.billed import Billed
from claims.domain.tables import ClaimRules, ClaimSettings, ModifierBook, ModifierKind

DISCIPLINE_MODIFIER = {"PT": "GP", "OT": "GO", "SLP": "GN"}
"""Under whose plan of care a service is furnished (Pub 100-04 ch.5 s20.1)."""
ASSISTANT_MODIFIER = {"PT": "CQ", "OT": "CO"}
"""Furnished in whole or in part by an assistant (42 USC 1395m(v))."""
_HABILITATIVE, _REHABILITATIVE = "96", "97"

_ORDER: tuple[ModifierKind, ...] = (
    "discipline",
    "assistant",
    "necessity",
    "distinct",
    "notice",
    "telehealth",
    "habilitative",
    "other",
)
"""How modifiers follow one another on a line: an assistant's next to its discipline, those that say least last."""
_COMPUTED = {"discipline", "assistant", "necessity"}
"""Kinds that follow from facts that this pipeline checks, so the EHR's own are not simply taken over."""

_RULE = "modifiers-of-a-line"
_MOST = 4
_SHAPE = re.compile(r"[A-Z0-9]{2}")
_BY_EHR = "visit completed, interventions.modifiers"
_ASSISTANT_CITATION = "42 CFR 410.60(c); CY2022 physician fee schedule final rule"


def read_modifiers(rows: Iterable[Intervention]) -> tuple[str, ...]:
    """What stands as modifier on interventions, tidied, each once. It may be any text."""
    return tuple(dict.fromkeys(filter(None, (name.strip().upper() for row in rows for name in row.modifiers))))


def known_modifiers(given: Sequence[str], book: ModifierBook) -> tuple[str, ...]:
    """Those that exist on the date of service."""
    return tuple(name for name in given if name in book.known)


def modifiers_of_line(
    visit: VisitCompleted,
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
    service: Billed,
    *,
    share: UnitShare | None,
    of_visit: Iterable[Reason],
    distinct: Mapping[str, Reason],
) -> tuple[Reason, ...]:
    """Why the line bears each of its modifiers, in the order that claims carry them, each once.

    `of_visit`: modifiers that stand on every line. `distinct`: those that tell this code from
    another, by modifier. An EHR's own GP is kept where the program does not ask for one.
    """
    reasons = [
        *_discipline(visit, profile, service),
        *_assistant(visit, service, share),
        *of_visit,
        *(reason for name, reason in distinct.items() if name not in service.set_by_ehr),
    ]
    known = rules.modifiers.known
    has_habilitative = any(_name(reason) in (_HABILITATIVE, _REHABILITATIVE) for reason in reasons)
    for name in service.set_by_ehr:
        kind = known[name].kind
        if kind in _COMPUTED or (kind == "habilitative" and has_habilitative):
            continue
        reasons.append(distinct.get(name) or _reason(name, "set-by-ehr", _BY_EHR))
    once: dict[str, Reason] = {}
    for reason in reasons:
        once.setdefault(_name(reason), reason)
    return tuple(sorted(once.values(), key=lambda reason: _place(_name(reason), rules)))


def _name(reason: Reason) -> str:
    return reason.about.removeprefix("modifier:")


def _place(name: str, rules: ClaimRules) -> int:
    row = rules.modifiers.known.get(name)
    return _ORDER.index(row.kind if row else "other")


def names_of(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The modifiers that reasons are about."""
    return tuple(map(_name, reasons))


def _reason(modifier: str, rule: str, citation: str, **inputs: object) -> Reason:
    return Reason(about=f"modifier:{modifier}", rule=rule, citation=citation, inputs=inputs)


def _discipline(visit: VisitCompleted, profile: Profile[ClaimSettings], service: Billed) -> Iterable[Reason]:
    modifier = DISCIPLINE_MODIFIER[visit.discipline]
    if profile.settings.discipline_modifier:
        citation = profile.cite("discipline_modifier")
        yield _reason(modifier, "therapy-discipline", citation, profile=profile.name)
    elif modifier in service.set_by_ehr:
        yield _reason(modifier, "set-by-ehr", _BY_EHR)


def _assistant(visit: VisitCompleted, service: Billed, share: UnitShare | None) -> Iterable[Reason]:
    modifier = ASSISTANT_MODIFIER.get(visit.discipline)
    if modifier is None or share is None:
        return
    facts = {
        "therapist_minutes": share.therapist_minutes,
        "assistant_minutes": share.assistant_minutes,
        "because": share.reason,
    }
    if share.assistant:
        yield _reason(modifier, "assistant-de-minimis", _ASSISTANT_CITATION, **facts)
    elif share.assistant is None and modifier in service.set_by_ehr:
        yield _reason(modifier, "set-by-ehr", _BY_EHR, **facts)


def judge_habilitative(
    visit: VisitCompleted, profile: Profile[ClaimSettings], billed: Iterable[Billed]
) -> tuple[Reason | None, tuple[Finding, ...]]:
    """Why every line bears 96 or 97, from the plan of care; unknown where neither it nor the EHR says."""
    wanted = profile.settings.habilitative_modifier
    if wanted == "none":
        return None, ()
    plan = visit.documentation.plan_of_care if visit.documentation else None
    habilitative = plan.habilitative if plan else None
    citation = profile.cite("habilitative_modifier")

    def finding(result: Result, message: str, fix: str | None = None) -> Finding:
        return Finding(
            id="modifier.habilitative-unknown",
            result=result,
            severity=Severity.REVIEW,
            message=message,
            fix=fix,
            rule="habilitative-services",
            citation=citation,
            inputs={"habilitative": habilitative, "wanted": wanted},
        )

    if habilitative is not None:
        modifier = _HABILITATIVE if habilitative else _REHABILITATIVE
        passed = (finding(Result.PASS, "The plan of care says whether the services are habilitative."),)
        if wanted == "habilitative" and not habilitative:
            return None, passed
        return _reason(modifier, "habilitative-services", citation, habilitative=habilitative), passed
    if all({_HABILITATIVE, _REHABILITATIVE} & set(one.set_by_ehr) for one in billed):
        return None, (finding(Result.PASS, "The EHR's modifiers say whether the services are habilitative."),)
    text = "This payer wants to know whether services are habilitative, and the visit does not say."
    return None, (finding(Result.UNKNOWN, text, "Send documentation.plan_of_care.habilitative."),)


def judge_set_by_ehr(
    visit: VisitCompleted,
    rules: ClaimRules,
    service: Billed,
    given: Sequence[str],
    shares: Sequence[UnitShare],
    of_visit: Iterable[Reason],
) -> Iterable[Finding]:
    """The EHR's modifiers of one service: do they exist, on that day, and do they fit the visit."""
    if not given:
        return
    left_off = [name for name in given if name not in rules.modifiers.known]
    for name in left_off:
        yield _not_known(name, service, rules)
    if not left_off:
        yield _passed("modifier.unknown", Severity.BLOCK, "All modifiers that the EHR set exist.")
    contrary = list(_contrary(visit, rules, service, shares, set(names_of(of_visit))))
    if not contrary:
        yield _passed("modifier.differs-from-visit", Severity.REVIEW, "The EHR's modifiers fit the visit.")
        return
    yield Finding(
        id="modifier.differs-from-visit",
        result=Result.FAIL,
        severity=Severity.REVIEW,
        line=service.line,
        message=f"{service.code}: the EHR set {', '.join(contrary)}, which the visit does not bear out.",
        fix="Correct interventions.modifiers, or the discipline, the assistant's minutes or the plan of care.",
        rule=_RULE,
        citation="Pub 100-04 ch.5 s20.1; 42 USC 1395m(v)",
        inputs={
            "code": service.code,
            "modifiers": contrary,
            "discipline": visit.discipline,
            "assistant": [share.assistant for share in shares],
        },
    )


def _contrary(
    visit: VisitCompleted, rules: ClaimRules, service: Billed, shares: Sequence[UnitShare], of_visit: set[str]
) -> Iterable[str]:
    discipline = DISCIPLINE_MODIFIER[visit.discipline]
    by_assistant = not shares or any(share.assistant is not False for share in shares)
    assistant = ASSISTANT_MODIFIER.get(visit.discipline) if by_assistant else None
    habilitative = of_visit & {_HABILITATIVE, _REHABILITATIVE}
    for name in service.set_by_ehr:
        kind = rules.modifiers.known[name].kind
        if (
            (kind == "discipline" and name != discipline)
            or (kind == "assistant" and name != assistant)
            or (kind == "habilitative" and habilitative and name not in habilitative)
        ):
            yield name


def _not_known(name: str, service: Billed, rules: ClaimRules) -> Finding:
    once = name in rules.modifiers.ever
    # What is no modifier may be any text, a patient's name too; it is repeated only in a modifier's shape.
    shown = name if _SHAPE.fullmatch(name) else None
    what = shown or "a text that is no modifier"
    tail = "is not valid on the date of service" if once else "is not a modifier that exists"
    return Finding(
        id="modifier.not-valid-on-date" if once else "modifier.unknown",
        result=Result.FAIL,
        severity=Severity.BLOCK,
        line=service.line,
        message=f"{service.code}: {what} {tail}; it is left off."
        if shown
        else f"{service.code}: {what} stands in interventions.modifiers; it is left off.",
        fix="Correct interventions.modifiers.",
        rule=_RULE,
        citation="CPT appendix A; HCPCS level II modifiers",
        inputs={"code": service.code, "modifier": shown, "service_date": str(rules.day)},
    )


@cache
def _passed(problem: FindingId, severity: Severity, message: str) -> Finding:
    return Finding(
        id=problem,
        result=Result.PASS,
        severity=severity,
        message=message,
        rule=_RULE,
        citation="CPT appendix A; HCPCS level II modifiers",
    )


def judge_lines(lines: Iterable[Line], rules: ClaimRules) -> Iterable[Finding]:
    """Modifiers that stand together on a line: none may contradict another, and there is room for four."""
    fits = True
    for line in lines:
        for one, other in combinations(line.modifiers, 2):
            row = rules.modifiers.conflicts.get(one, {}).get(other)
            if row is not None:
                fits = False
                text = f"{line.code} bears {one} and {other}, which must not stand together."
                fix = "Take off the one that the record does not support."
                yield _of_line("conflict", line, text, fix, row.source, modifiers=[one, other])
        if len(line.modifiers) > _MOST:
            text = f"{line.code} bears {len(line.modifiers)} modifiers; a claim line carries {_MOST}."
            fix = "Take modifiers off the intervention that this payer does not need."
            citation = "005010X222A1, SV101-3 to SV101-6"
            yield _of_line("too-many", line, text, fix, citation, modifiers=list(line.modifiers))
    if fits:
        yield _passed("modifier.conflict", Severity.BLOCK, "No modifiers of a line contradict one another.")


def _of_line(problem: str, line: Line, message: str, fix: str, citation: str, **inputs: Any) -> Finding:
    return Finding(
        id=f"modifier.{problem}",
        result=Result.FAIL,
        severity=Severity.BLOCK,
        line=line.number,
        message=message,
        fix=fix,
        rule=_RULE,
        citation=citation,
        inputs={"code": line.code} | inputs,
    )
