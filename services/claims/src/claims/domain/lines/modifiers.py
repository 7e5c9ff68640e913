"""Modifiers of a line, each with its reason, and what is wrong about those that the EHR set."""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations

from claimbus.events import Checked, Line, Reason, UnitShare, VisitCompleted
from claimbus.events.visit_completed import Intervention

from claims.domain.findings import ClaimFinding
from claims.domain.lines.billed import Billed, LineContext
from claims.domain.tables import ClaimRules, ModifierKind

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
"""How modifiers follow one another on a line: an assistant's next to its discipline, those that matter least last."""
_COMPUTED = {"discipline", "assistant", "necessity"}
"""Kinds that follow from facts that this pipeline checks, so the EHR's own are not simply taken over."""

_MOST = 4
"""Modifiers that a claim line has room for (005010X222A1, SV101-3 to SV101-6)."""
_SHAPE = re.compile(r"[A-Z0-9]{2}")
_BY_EHR = "visit completed, interventions.modifiers"
_ASSISTANT_CITATION = "42 CFR 410.60(c); CY2022 physician fee schedule final rule"


def read_modifiers(rows: Iterable[Intervention]) -> tuple[str, ...]:
    """What stands as modifier on interventions, tidied, each once. It may be any text."""
    return tuple(dict.fromkeys(filter(None, (name.strip().upper() for row in rows for name in row.modifiers))))


def modifiers_of_line(
    context: LineContext,
    service: Billed,
    share: UnitShare | None,
    on_every_line: Iterable[Reason],
    distinct: Mapping[str, Reason],
) -> tuple[Reason, ...]:
    """Why the line carries each of its modifiers, in the order that claims carry them, each once.

    `share` says who furnished the units of the line. `distinct`: modifiers that tell this code from another, by
    modifier. An EHR's own GP is kept where the program does not ask for one.
    """
    reasons = [
        *_discipline(context, service),
        *_assistant(context.visit, service, share),
        *on_every_line,
        *(reason for name, reason in distinct.items() if name not in service.set_by_ehr),
    ]
    known = context.rules.modifiers.known
    has_habilitative = any(_name(reason) in (_HABILITATIVE, _REHABILITATIVE) for reason in reasons)
    for name in service.set_by_ehr:
        kind = known[name].kind
        if kind in _COMPUTED or (kind == "habilitative" and has_habilitative):
            continue
        reasons.append(distinct.get(name) or _reason(name, "set-by-ehr", _BY_EHR))
    by_name: dict[str, Reason] = {}
    for reason in reasons:
        by_name.setdefault(_name(reason), reason)
    return tuple(sorted(by_name.values(), key=lambda reason: _place(_name(reason), context.rules)))


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


def _discipline(context: LineContext, service: Billed) -> Iterable[Reason]:
    visit, profile, _ = context
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


def check_habilitative(context: LineContext, billed: Iterable[Billed]) -> tuple[Reason | None, Iterable[Checked]]:
    """Why every line carries 96 or 97, from the plan of care; unknown where neither it nor the EHR tells."""
    visit, profile, rules = context
    wanted = profile.settings.habilitative_modifier
    if wanted == "none":
        return None, ()
    plan = visit.documentation.plan_of_care if visit.documentation else None
    habilitative = plan.habilitative if plan else None
    citation = profile.cite("habilitative_modifier")
    finding = rules.findings[ClaimFinding.MODIFIER_HABILITATIVE_UNKNOWN]
    if habilitative is not None:
        modifier = _HABILITATIVE if habilitative else _REHABILITATIVE
        if wanted == "habilitative" and not habilitative:
            return None, (finding.passed(),)
        return _reason(modifier, finding.rule, citation, habilitative=habilitative), (finding.passed(),)
    if all({_HABILITATIVE, _REHABILITATIVE} & set(service.set_by_ehr) for service in billed):
        return None, (finding.passed(),)
    return None, (finding.unknown(citation=citation, inputs={"habilitative": None, "wanted": wanted}),)


def check_set_by_ehr(context: LineContext, service: Billed, on_every_line: Iterable[Reason]) -> Iterable[Checked]:
    """The EHR's modifiers of one service: do they exist, on that day, and do they fit the visit."""
    if not service.given:
        return
    rules = context.rules
    left_off = [name for name in service.given if name not in rules.modifiers.known]
    for name in left_off:
        yield _not_known(name, service, rules)
    if not left_off:
        yield rules.findings[ClaimFinding.MODIFIER_UNKNOWN].passed()
    differing = list(_differing(context, service, {*names_of(on_every_line)}))
    finding = rules.findings[ClaimFinding.MODIFIER_DIFFERS_FROM_VISIT]
    if not differing:
        yield finding.passed()
        return
    yield finding.fail(
        line=service.line,
        codes=(service.code,),
        inputs={
            "code": service.code,
            "modifiers": differing,
            "discipline": context.visit.discipline,
            "assistant": [share.assistant for share in service.counted.shares],
        },
        text={"names": ", ".join(differing)},
    )


def _differing(context: LineContext, service: Billed, on_every_line: set[str]) -> Iterable[str]:
    """The EHR's modifiers of discipline, assistant or kind of service that the visit does not support."""
    visit, shares = context.visit, service.counted.shares
    discipline = DISCIPLINE_MODIFIER[visit.discipline]
    by_assistant = not shares or any(share.assistant is not False for share in shares)
    assistant = ASSISTANT_MODIFIER.get(visit.discipline) if by_assistant else None
    habilitative = on_every_line & {_HABILITATIVE, _REHABILITATIVE}
    for name in service.set_by_ehr:
        kind = context.rules.modifiers.known[name].kind
        if (
            (kind == "discipline" and name != discipline)
            or (kind == "assistant" and name != assistant)
            or (kind == "habilitative" and habilitative and name not in habilitative)
        ):
            yield name


def _not_known(name: str, service: Billed, rules: ClaimRules) -> Checked:
    existed = name in rules.modifiers.ever
    finding = rules.findings[ClaimFinding.MODIFIER_NOT_VALID_ON_DATE if existed else ClaimFinding.MODIFIER_UNKNOWN]
    # What is no modifier may be any text, a patient's name too; it is repeated only in a modifier's shape.
    shown = name if existed or _SHAPE.fullmatch(name) else None
    return finding.fail(
        "" if shown else "not-shown",
        line=service.line,
        codes=(service.code,),
        inputs={"code": service.code, "modifier": shown, "service_date": str(rules.day)},
    )


def check_lines(lines: Iterable[Line], rules: ClaimRules) -> Iterable[Checked]:
    """Modifiers that stand together on a line: none may contradict another, and there is room for four."""
    conflict = rules.findings[ClaimFinding.MODIFIER_CONFLICT]
    too_many = rules.findings[ClaimFinding.MODIFIER_TOO_MANY]
    fits = True
    for line in lines:
        for first, second in combinations(line.modifiers, 2):
            row = rules.modifiers.conflicts.get(first, {}).get(second)
            if row is not None:
                fits = False
                yield conflict.fail(
                    line=line.number,
                    codes=(line.code,),
                    citation=row.source,
                    inputs={"code": line.code, "modifiers": [first, second]},
                    text={"first": first, "second": second},
                )
        if len(line.modifiers) > _MOST:
            yield too_many.fail(
                line=line.number,
                codes=(line.code,),
                inputs={"code": line.code, "modifiers": list(line.modifiers)},
                text={"count": len(line.modifiers), "most": _MOST},
            )
    if fits:
        yield conflict.passed()
