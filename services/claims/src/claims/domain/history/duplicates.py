"""Services, evaluations and timed minutes of the day that another visit of the patient was decided with already.

Only visits that this pipeline decided are known: it can show that a service stands on two claims, never that it stands
on one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from claimbus.events import Checked, ClaimDenialRisk, ClaimReady, Line, UnitsComputed, VisitCompleted
from claimbus.values import Program

from claims.domain.findings import ClaimFinding
from claims.domain.history.decided_visit import DecidedVisit, VisitKey, key_of
from claims.domain.tables import ClaimRules

_MOST_NAMED = 5
"""Other visits that a finding names; it counts them all."""
_TOTAL_RULE = "cms-8-minute"
"""The unit rule that pools the timed minutes of a day."""

Clinician = tuple[str, ...]


class Payer(Protocol):
    """What a coverage tells, of a visit or of a decision."""

    @property
    def program(self) -> Program: ...

    @property
    def member_id(self) -> str | None: ...


class Person(Protocol):
    """What tells a patient from others under one member id."""

    @property
    def first_name(self) -> str | None: ...

    @property
    def birth_date(self) -> date | None: ...


class _DayKey(NamedTuple):
    practice_id: str
    patient_id: str
    service_date: date


class _CaseKey(NamedTuple):
    practice_id: str
    patient_id: str
    case_id: str
    discipline: str


class _PoolKey(NamedTuple):
    """Whose timed minutes are one total: a person's, of a day and discipline, under one billing provider.

    A family may share a member id, so that a person is told by birth date and first name too. Two practices of the
    pipeline that bill under one NPI are one provider to the payer; those of others are none of each other's business.
    """

    program: Program
    member_id: str
    first_name: str
    birth_date: date
    billing_npi: str
    service_date: date
    discipline: str


class _Entry(NamedTuple):
    day: _DayKey
    case: _CaseKey | None
    clinician: Clinician | None
    codes: tuple[str, ...]
    pool: _PoolKey | None
    timed_minutes: int


class OtherVisits(NamedTuple):
    """Other visits with a service of one code on one day: some of their keys, and how many there are."""

    same: tuple[str, ...] = ()
    same_count: int = 0
    """By the clinician who asks."""
    unknown: tuple[str, ...] = ()
    unknown_count: int = 0
    """By a clinician who cannot be compared, since who it was is not known of one of the two."""


class Pooled(NamedTuple):
    """Timed minutes of the day that stand on other claims."""

    minutes: int
    visits: tuple[str, ...]
    """Keys of those of the practice."""
    number: int
    """Of all visits, those of other practices under the same billing provider too."""


class Elsewhere(NamedTuple):
    """What other visits of the patient were decided with."""

    services: Mapping[str, OtherVisits]
    """Of the same day, by code."""
    evaluations: Mapping[str, tuple[str, ...]]
    """Of the same case and discipline: visits by code."""
    pooled: Pooled | None = None


class BilledServices:
    """Decided visits by patient and day, and by case.

    A visit's facts are kept once; what finds them are tuples of a few visits, in the order in which they were decided.
    A dictionary for each code of each visit would take three times the memory of all this, for years.
    """

    def __init__(self) -> None:
        self._entries: dict[VisitKey, _Entry] = {}
        self._days: dict[_DayKey, tuple[VisitKey, ...]] = {}
        self._cases: dict[_CaseKey, tuple[VisitKey, ...]] = {}
        self._pools: dict[_PoolKey, tuple[VisitKey, ...]] = {}

    def put(self, decision: DecidedVisit | ClaimReady | ClaimDenialRisk) -> None:
        """A decision in the place of the one before it."""
        key = key_of(decision)
        self.remove(key)
        entry = self._entries[key] = _entry(decision)
        if entry.pool is not None and entry.timed_minutes:
            self._pools[entry.pool] = (*self._pools.get(entry.pool, ()), key)
        if entry.codes:
            self._days[entry.day] = (*self._days.get(entry.day, ()), key)
            if entry.case is not None:
                self._cases[entry.case] = (*self._cases.get(entry.case, ()), key)

    def remove(self, key: VisitKey) -> None:
        """The visit counts no more."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            _leave(self._days, entry.day, key)
            if entry.case is not None:
                _leave(self._cases, entry.case, key)
            if entry.pool is not None:
                _leave(self._pools, entry.pool, key)

    def beside(self, visit: VisitCompleted) -> Elsewhere | None:
        """What stands on the claims of other visits; null where nothing does."""
        key = key_of(visit)
        patient, clinician = visit.patient.patient_id, _clinician(visit.rendering_provider)
        day = self._by_code(self._days.get(_DayKey(visit.practice_id, patient, visit.service_date), ()), key)
        services = {code: _compare(found, clinician) for code, found in day.items()}
        services = {code: visits for code, visits in services.items() if visits != OtherVisits()}
        case_key = _case_key(visit.practice_id, patient, visit.case, visit.discipline)
        case = self._by_code(self._cases.get(case_key, ()) if case_key else (), key)
        evaluations = {code: tuple(visit_id for visit_id, _ in found[:_MOST_NAMED]) for code, found in case.items()}
        pooled = self._pooled(visit)
        return Elsewhere(services, evaluations, pooled) if services or evaluations or pooled else None

    def _by_code(self, keys: Iterable[VisitKey], without: VisitKey) -> dict[str, list[tuple[str, Clinician | None]]]:
        """Visits with their clinicians, by each code that stands on their claims."""
        found: dict[str, list[tuple[str, Clinician | None]]] = {}
        for key in keys:
            if key != without:
                entry = self._entries[key]
                for code in entry.codes:
                    found.setdefault(code, []).append((key[1], entry.clinician))
        return found

    def _pooled(self, visit: VisitCompleted) -> Pooled | None:
        pool = _pool_key(visit.primary, visit.patient, visit.billing_provider, visit.service_date, visit.discipline)
        keys = [key for key in self._pools.get(pool, ()) if key != key_of(visit)] if pool else []
        if not keys:
            return None
        named = (visit_id for practice_id, visit_id in keys if practice_id == visit.practice_id)
        minutes = sum(self._entries[key].timed_minutes for key in keys)
        return Pooled(minutes, tuple(islice(named, _MOST_NAMED)), len(keys))


_K = TypeVar("_K", _DayKey, _CaseKey, _PoolKey)


def _leave(index: dict[_K, tuple[VisitKey, ...]], place: _K, key: VisitKey) -> None:
    if left := tuple(found for found in index.pop(place, ()) if found != key):
        index[place] = left


def _entry(decision: DecidedVisit | ClaimReady | ClaimDenialRisk) -> _Entry:
    document = decision.claim
    patient = document.patient.patient_id
    return _Entry(
        _DayKey(decision.practice_id, patient, document.service_date),
        _case_key(decision.practice_id, patient, document.case, document.discipline),
        _clinician(document.rendering_provider),
        tuple(dict.fromkeys(line.code for line in decision.lines if line.code)),
        _pool_key(
            document.coverage[0],
            document.patient,
            document.billing_provider,
            document.service_date,
            document.discipline,
        ),
        decision.units.timed_minutes if decision.units.rule == _TOTAL_RULE else 0,
    )


def _pool_key(payer: Payer, patient: Person, billing: object, service_date: date, discipline: str) -> _PoolKey | None:
    """Null where one of the facts that tell the person or the provider is missing."""
    member, npi = (payer.member_id or "").strip().upper(), (getattr(billing, "npi", None) or "").strip()
    name, born = (patient.first_name or "").strip().casefold(), patient.birth_date
    if not (member and npi and name) or born is None:
        return None
    return _PoolKey(payer.program, member, name, born, npi, service_date, discipline)


def _case_key(practice_id: str, patient_id: str, case: object, discipline: str) -> _CaseKey | None:
    case_id = getattr(case, "case_id", None)
    return _CaseKey(practice_id, patient_id, case_id, discipline) if case_id else None


def _clinician(person: object) -> Clinician | None:
    """Who it was, by NPI or else by name; null where neither is known."""
    if npi := getattr(person, "npi", None):
        return (npi,)
    names = tuple((getattr(person, name, None) or "").strip().casefold() for name in ("last_name", "first_name"))
    return names if all(names) else None


def _compare(visits: Sequence[tuple[str, Clinician | None]], clinician: Clinician | None) -> OtherVisits:
    same = [visit_id for visit_id, treating in visits if clinician is not None and treating == clinician]
    unknown = [visit_id for visit_id, treating in visits if clinician is None or treating is None]
    return OtherVisits(tuple(same[:_MOST_NAMED]), len(same), tuple(unknown[:_MOST_NAMED]), len(unknown))


def check_repeats(
    visit: VisitCompleted, lines: Iterable[Line], elsewhere: Elsewhere | None, rules: ClaimRules
) -> Iterator[Checked]:
    """A service or an initial evaluation that stands on another visit's claim; nothing where none is known to.

    A person is asked and nothing is blocked: that a visit was sent twice and that there were two sessions look the
    same from here.
    """
    if elsewhere is None or visit.primary.program is Program.SELF_PAY:
        return
    evaluations = rules.initial_evaluations.get(visit.discipline, ())
    for code in dict.fromkeys(line.code for line in lines):
        if (visits := elsewhere.services.get(code)) is not None:
            yield _duplicate(code, visits, rules)
        elif code in evaluations:
            # Any evaluation code of the discipline: a second one of another complexity is a second one.
            found = dict.fromkeys(key for name in evaluations for key in elsewhere.evaluations.get(name, ()))
            if named := tuple(found)[:_MOST_NAMED]:
                yield rules.findings[ClaimFinding.EVALUATION_REPEATED].fail(
                    codes=(code,),
                    inputs={"code": code, "visits": list(named)},
                    text={"visits": _list_visits(named, len(named))},
                )


def _duplicate(code: str, visits: OtherVisits, rules: ClaimRules) -> Checked:
    row = rules.findings[ClaimFinding.DUPLICATE_SERVICE]
    if visits.same_count:
        make, named, number = row.fail, visits.same, visits.same_count
    else:
        make, named, number = row.unknown, visits.unknown, visits.unknown_count
    return make(
        codes=(code,),
        inputs={"code": code, "visits": list(named), "count": number},
        text={"visits": _list_visits(named, number)},
    )


def _list_visits(named: Sequence[str], number: int) -> str:
    more = f" and {number - len(named)} more" if number > len(named) else ""
    return f"visit{'s' if number > 1 else ''} {', '.join(named)}{more}"


def check_day_total(units: UnitsComputed, elsewhere: Elsewhere | None, rules: ClaimRules) -> Iterator[Checked]:
    """Timed minutes of the day on other claims, where the payer's rule counts the day as one.

    Which units the total makes, and on which claim, is for a person: the other claim may be sent already.
    """
    pooled, minutes = elsewhere.pooled if elsewhere else None, units.worksheet.timed_minutes
    if pooled is None or not minutes or units.worksheet.rule != _TOTAL_RULE:
        return
    yield rules.findings[ClaimFinding.DUPLICATE_DAY_TOTAL].unknown(
        "one-visit" if pooled.number == 1 else "",
        inputs={
            "minutes": minutes,
            "minutes_elsewhere": pooled.minutes,
            "visits": list(pooled.visits),
            "count": pooled.number,
        },
    )
