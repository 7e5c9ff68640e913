"""The diagnoses of a claim in their order, and which of them each line points to."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from claimbus.events import Finding, UnitsComputed, VisitCompleted
from claimbus.values import Program, Result

from claims.domain.checks.icd10cm import Standing, bare_code, spelled_code
from claims.domain.rows import explained, judged
from claims.domain.tables import ClaimRules

_SHOWN = 12
"""Codes that a text names before it stops."""


class ClaimDiagnoses(NamedTuple):
    """What stands in the claim's list of diagnoses."""

    codes: tuple[str, ...]
    """In claim order, each once; pointers count into this from 1."""
    pointers: Mapping[str, tuple[int, ...]]
    """By code of a service, the main one first."""
    findings: tuple[Finding, ...]


class _Ranked(NamedTuple):
    """Diagnoses of the visit by rank, each once."""

    codes: tuple[str, ...]
    by_rank: Mapping[int, str]
    repeated: tuple[str, ...]


def order_diagnoses(visit: VisitCompleted, units: UnitsComputed, rules: ClaimRules) -> ClaimDiagnoses:
    """At most as many diagnoses as a claim holds, and for each service at most as many pointers as a line holds.

    By rank, those without a rank last. A service points to what its interventions support, the main one of each
    first; where none says so, to the first ones of the claim. When there are too many, those that services point
    to stay before others, and the main one of a service before its further ones.
    """
    form = rules.form
    ranked = _by_rank(visit)
    supported: dict[str, tuple[str, ...]] = {}
    strays: list[str] = []
    rows = {row.id: row for row in visit.interventions}
    for service in units.worksheet.services:
        if service.units:
            own = [rows[name] for name in service.intervention_ids if name in rows]
            strays += [row.id for row in own if not ranked.by_rank.keys() >= {*row.supports}]
            known = ([ranked.by_rank[rank] for rank in row.supports if rank in ranked.by_rank] for row in own)
            wanted = _each_once(_in_turn(known))
            supported[service.code] = wanted[: form.most_pointers.most]
    asked = _each_once(_in_turn(supported.values()))
    kept = {*_each_once((*asked, *ranked.codes))[: form.most_diagnoses.most]}
    codes = tuple(code for code in ranked.codes if code in kept)
    places = {code: place for place, code in enumerate(codes, 1)}
    usual = tuple(range(1, min(len(codes), form.most_pointers.most) + 1))
    pointers = {
        name: tuple(places[code] for code in wanted if code in places) or usual for name, wanted in supported.items()
    }
    homeless = [name for name, wanted in supported.items() if not kept.issuperset(wanted)]
    left_off = [code for code in ranked.codes if code not in kept]
    findings = (
        *_codes_checked(visit, codes, rules),
        *_crowd(ranked, left_off, homeless, rules),
        *_supports_checked(visit, strays, rules),
    )
    return ClaimDiagnoses(codes, pointers, findings)


def _by_rank(visit: VisitCompleted) -> _Ranked:
    ordered = sorted(visit.diagnoses, key=lambda diagnosis: (diagnosis.rank is None, diagnosis.rank))
    given = [(one.rank, spelled_code(one.code)) for one in ordered if one.code and one.code.strip()]
    first: dict[str, str] = {}
    by_rank: dict[int, str] = {}
    repeated: list[str] = []
    taken = {rank for rank, _ in given}
    for place, (rank, code) in enumerate(given, 1):
        same = bare_code(code) or code
        if same in first:
            repeated.append(code)
        one = first.setdefault(same, code)
        if rank is not None:
            by_rank.setdefault(rank, one)
        elif place not in taken:
            by_rank.setdefault(place, one)  # without a rank it is known by its place
    return _Ranked(tuple(first.values()), by_rank, tuple(repeated))


def _in_turn(lists: Iterable[Sequence[str]]) -> Iterable[str]:
    """The first of each, then the second of each, and so on."""
    return (code for code in chain.from_iterable(zip_longest(*lists)) if code is not None)


def _each_once(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))


def _codes_checked(visit: VisitCompleted, codes: Iterable[str], rules: ClaimRules) -> Iterable[Finding]:
    """Whether each code may stand on a claim of the day."""
    if visit.primary.program is Program.SELF_PAY:
        return
    checks, book, day = rules.form.checks, rules.diagnosis_codes, visit.service_date
    for place, code in enumerate(codes, 1):
        about = f"Diagnosis {place} of the claim"
        bare = bare_code(code)
        inputs: dict[str, object] = {"diagnosis": place, "service_date": str(day)}
        if bare is None:
            yield explained(checks["diagnosis.malformed"], Result.FAIL, about, inputs)
            continue
        yield judged(checks["diagnosis.malformed"], Result.PASS, "diagnoses")
        standing = book.standing(bare, day)
        about = f"{about} ({code})"
        inputs |= {"code_list": book.newest.source, "standing": standing.value}
        if standing is Standing.CATEGORY:
            below = book.billable_below(bare, day, _SHOWN)
            choose = f"; billable below it: {', '.join(below)}" if below else ""
            yield explained(checks["diagnosis.not-specific"], Result.FAIL, about, inputs, detail=choose)
            continue
        yield judged(checks["diagnosis.not-specific"], Result.PASS, "diagnoses")
        in_force = checks["diagnosis.not-in-force"]
        if standing is Standing.BILLABLE:
            yield judged(in_force, Result.PASS, "diagnoses")
        elif standing is Standing.UNKNOWN:
            why = f" to be in force on {day}: the lists at hand do not tell"
            yield explained(in_force, Result.UNKNOWN, about, inputs, detail=why)
        else:
            below = book.billable_below(bare, day, _SHOWN)
            why = {Standing.ENDED: ": it has ended", Standing.NOT_BEGUN: ": it begins later"}.get(standing, "")
            instead = f"; in its place: {', '.join(below)}" if below else ""
            yield explained(in_force, Result.FAIL, about, inputs, detail=f"{why}{instead}")


def _crowd(ranked: _Ranked, left_off: Sequence[str], homeless: Sequence[str], rules: ClaimRules) -> Iterable[Finding]:
    """Whether each diagnosis stands once, and all found room."""
    checks, limit = rules.form.checks, rules.form.most_diagnoses
    if not ranked.repeated:
        yield judged(checks["diagnosis.repeated"], Result.PASS, "diagnoses")
    for code in ranked.repeated:
        yield explained(checks["diagnosis.repeated"], Result.FAIL, code, {"diagnosis": code})
    if left_off:
        many = f"{len(ranked.codes)} diagnoses"
        inputs = {"diagnoses": len(ranked.codes), "most": limit.most, "left_off": list(left_off)}
        detail = f" ({limit.most}); left off: {', '.join(left_off)}"
        yield explained(checks["diagnosis.too-many"], Result.FAIL, many, inputs, detail=detail)
    else:
        yield judged(checks["diagnosis.too-many"], Result.PASS, "diagnoses")
    if not homeless:
        yield judged(checks["diagnosis.pointer-left-off"], Result.PASS, "interventions.supports")
    for code in homeless:
        yield explained(checks["diagnosis.pointer-left-off"], Result.FAIL, code, {"code": code, "most": limit.most})


def _supports_checked(visit: VisitCompleted, strays: Sequence[str], rules: ClaimRules) -> Iterable[Finding]:
    """Whether what interventions support is there; nothing where none says what it supports."""
    row = rules.form.checks["diagnosis.supports-unknown"]
    if not any(one.supports for one in visit.interventions):
        return
    inputs = {"field": "interventions.supports"}
    if not strays:
        yield judged(row, Result.PASS, "interventions.supports")
    for name in dict.fromkeys(strays):
        about = f"Intervention {name}"
        yield explained(row, Result.FAIL, about, inputs, intervention_id=name)
