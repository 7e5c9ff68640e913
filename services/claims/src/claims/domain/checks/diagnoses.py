"""The diagnoses of a claim in their order, and which of them each line points to."""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from itertools import chain, zip_longest
from typing import NamedTuple

from claimbus.events import Checked, UnitsComputed, VisitCompleted
from claimbus.values import Program

from claims.domain.checks.icd10cm import CodeStatus, bare_code, spelled_code
from claims.domain.findings import ClaimFinding
from claims.domain.tables import ClaimRules

_SHOWN = 12
"""Codes that a text names before it stops."""
_SUPPORTS = "interventions.supports"
_VARIANTS = {
    (CodeStatus.CATEGORY, False): "",
    (CodeStatus.CATEGORY, True): "with-choices",
    (CodeStatus.ENDED, False): "ended",
    (CodeStatus.ENDED, True): "ended-replaced",
    (CodeStatus.NOT_BEGUN, False): "not-begun",
    (CodeStatus.NOT_BEGUN, True): "not-begun-replaced",
    (CodeStatus.NEVER, False): "",
}
"""By the status of a code, and whether billable codes begin with it: the text that says so."""


class ClaimDiagnoses(NamedTuple):
    """What stands in the claim's list of diagnoses."""

    codes: tuple[str, ...]
    """In claim order, each once; pointers count into this from 1."""
    pointers: Mapping[str, tuple[int, ...]]
    """By code of a service, the main one first."""
    checked: tuple[Checked, ...]


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
    ranked = _rank(visit)
    supported: dict[str, tuple[str, ...]] = {}
    unmatched: list[str] = []
    by_id = {intervention.id: intervention for intervention in visit.interventions}
    for service in units.worksheet.services:
        if service.units:
            interventions = [by_id[name] for name in service.intervention_ids if name in by_id]
            unmatched += [row.id for row in interventions if not ranked.by_rank.keys() >= {*row.supports}]
            known = ([ranked.by_rank[rank] for rank in row.supports if rank in ranked.by_rank] for row in interventions)
            supported[service.code] = _without_repeats(_in_turn(known))[: form.most_pointers.most]
    asked = _without_repeats(_in_turn(supported.values()))
    kept = {*_without_repeats((*asked, *ranked.codes))[: form.most_diagnoses.most]}
    codes = tuple(code for code in ranked.codes if code in kept)
    places = {code: place for place, code in enumerate(codes, 1)}
    usual = tuple(range(1, min(len(codes), form.most_pointers.most) + 1))
    pointers = {
        service: tuple(places[code] for code in wanted if code in places) or usual
        for service, wanted in supported.items()
    }
    checked = (
        *_check_codes(visit, codes, rules),
        *_check_room(ranked, kept, supported, rules),
        *_check_supports(visit, unmatched, rules),
    )
    return ClaimDiagnoses(codes, pointers, checked)


def _rank(visit: VisitCompleted) -> _Ranked:
    ordered = sorted(visit.diagnoses, key=lambda diagnosis: (diagnosis.rank is None, diagnosis.rank))
    given = [
        (diagnosis.rank, spelled_code(diagnosis.code))
        for diagnosis in ordered
        if diagnosis.code and diagnosis.code.strip()
    ]
    by_code: dict[str, str] = {}
    by_rank: dict[int, str] = {}
    repeated: list[str] = []
    taken = {rank for rank, _ in given}
    for place, (rank, code) in enumerate(given, 1):
        bare = bare_code(code) or code
        if bare in by_code:
            repeated.append(code)
        first = by_code.setdefault(bare, code)
        if rank is not None:
            by_rank.setdefault(rank, first)
        elif place not in taken:
            by_rank.setdefault(place, first)  # without a rank it is known by its place
    return _Ranked(tuple(by_code.values()), by_rank, tuple(repeated))


def _in_turn(lists: Iterable[Sequence[str]]) -> Iterable[str]:
    """The first of each, then the second of each, and so on."""
    return (code for code in chain.from_iterable(zip_longest(*lists)) if code is not None)


def _without_repeats(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))


def _check_codes(visit: VisitCompleted, codes: Iterable[str], rules: ClaimRules) -> Iterable[Checked]:
    """Whether each code may stand on a claim of the day."""
    if visit.primary.program is not Program.SELF_PAY:
        for place, code in enumerate(codes, 1):
            yield from _check_code(place, code, visit.service_date, rules)


def _check_code(place: int, code: str, day: date, rules: ClaimRules) -> Iterable[Checked]:
    rows, book = rules.findings, rules.diagnosis_codes
    inputs: dict[str, object] = {"diagnosis": place, "service_date": str(day)}
    bare = bare_code(code)
    if bare is None:
        yield rows[ClaimFinding.DIAGNOSIS_MALFORMED].fail(inputs=inputs)
        return
    yield rows[ClaimFinding.DIAGNOSIS_MALFORMED].passed()
    status = book.status(bare, day)
    inputs |= {"code_list": book.newest.source, "standing": status.value}
    not_specific, not_in_force = rows[ClaimFinding.DIAGNOSIS_NOT_SPECIFIC], rows[ClaimFinding.DIAGNOSIS_NOT_IN_FORCE]
    if status is not CodeStatus.CATEGORY:
        yield not_specific.passed()
    if status is CodeStatus.BILLABLE:
        yield not_in_force.passed()
    elif status is CodeStatus.UNKNOWN:
        yield not_in_force.unknown(inputs=inputs, text={"code": code})
    else:
        choices = book.billable_below(bare, day, _SHOWN)
        row = not_specific if status is CodeStatus.CATEGORY else not_in_force
        variant = _VARIANTS[status, bool(choices)]
        yield row.fail(variant, inputs=inputs, text={"code": code, "choices": ", ".join(choices)})


def _check_room(
    ranked: _Ranked, kept: Set[str], supported: Mapping[str, Sequence[str]], rules: ClaimRules
) -> Iterable[Checked]:
    """Whether each diagnosis stands once, and all found room."""
    rows, most = rules.findings, rules.form.most_diagnoses.most
    repeated, too_many = rows[ClaimFinding.DIAGNOSIS_REPEATED], rows[ClaimFinding.DIAGNOSIS_TOO_MANY]
    if not ranked.repeated:
        yield repeated.passed()
    for code in ranked.repeated:
        yield repeated.fail(inputs={"diagnosis": code})
    if left_off := [code for code in ranked.codes if code not in kept]:
        inputs = {"diagnoses": len(ranked.codes), "most": most, "left_off": left_off}
        yield too_many.fail(inputs=inputs, text={"codes": ", ".join(left_off)})
    else:
        yield too_many.passed()
    without_room = [service for service, wanted in supported.items() if not kept >= {*wanted}]
    pointer = rows[ClaimFinding.DIAGNOSIS_POINTER_LEFT_OFF]
    if not without_room:
        yield pointer.passed()
    for service in without_room:
        yield pointer.fail(codes=(service,), inputs={"code": service, "most": most})


def _check_supports(visit: VisitCompleted, unmatched: Sequence[str], rules: ClaimRules) -> Iterable[Checked]:
    """Whether what interventions support is there; nothing where none says what it supports."""
    row = rules.findings[ClaimFinding.DIAGNOSIS_SUPPORTS_UNKNOWN]
    if not any(intervention.supports for intervention in visit.interventions):
        return
    if not unmatched:
        yield row.passed()
    for name in dict.fromkeys(unmatched):
        yield row.fail(intervention_id=name, field=_SUPPORTS, inputs={"field": _SUPPORTS}, text={"intervention": name})
