"""Services, evaluations and timed minutes of the day that another visit of the patient was decided with already.

Only visits that this pipeline decided are known: it can show that a service stands on two claims, never that it stands
on one. Of each visit the newest revision counts, and a voided visit counts no more, whatever order they come in.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from claimbus.events import ClaimDenialRisk, ClaimReady, Finding, Keyed, Line, UnitsComputed, VisitCompleted
from claimbus.values import Program, Result, Severity

from claims.domain.history.totals import DecidedVisit
from claims.domain.tables import ClaimRules

_MOST_NAMED = 5
"""Other visits that a finding names; it counts them all."""
_SERVICE_CITATION = "Pub 100-04 ch.1 s120 (duplicate claims); CARC 18"
_EVALUATION_CITATION = "Pub 100-02 ch.15 s220.3.C"

_TOTAL_RULE = "cms-8-minute"
"""The unit rule that pools the timed minutes of a day."""
_TOTAL_CITATION = "Pub 100-04 ch.5 s20.2 C: the day's total of timed minutes sets the units of the day"

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


class _Known(NamedTuple):
    revision: int
    entry: _Entry | None
    stored: bool


class Others(NamedTuple):
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

    services: Mapping[str, Others]
    """Of the same day, by code."""
    evaluations: Mapping[str, tuple[str, ...]]
    """Of the same case and discipline: visits by code."""
    pooled: Pooled | None = None


_Place = tuple[str, str]
"""Keys of a practice and of its visit."""


class BilledServices:
    """Decided visits by patient and day, and by case.

    A visit's facts are kept once; what finds them are tuples of a few visits, in the order in which they were decided.
    A dictionary for each code of each visit would take three times the memory of all this, for years.
    """

    def __init__(self) -> None:
        self._visits: dict[_Place, _Known] = {}
        self._days: dict[_DayKey, tuple[_Place, ...]] = {}
        self._cases: dict[_CaseKey, tuple[_Place, ...]] = {}
        self._pools: dict[_PoolKey, tuple[_Place, ...]] = {}

    def take(self, decision: DecidedVisit) -> None:
        """A decision as the stream holds it."""
        self._learn(decision, stored=True)

    def record_pending(self, decision: ClaimReady | ClaimDenialRisk) -> None:
        """A decision that is about to be said; what the stream says of that revision takes its place."""
        self._learn(decision, stored=False)

    def void(self, voided: Keyed) -> None:
        known = self._visits.get((voided.practice_id, voided.visit_id))
        if known is None or known.revision <= voided.revision:
            self._put(voided, _Known(voided.revision, None, stored=True))

    def beside(self, visit: VisitCompleted) -> Elsewhere | None:
        """What stands on the claims of other visits; null where nothing does."""
        own = visit.practice_id, visit.visit_id
        patient, who = visit.patient.patient_id, _clinician(visit.rendering_provider)
        day = self._by_code(self._days.get(_DayKey(visit.practice_id, patient, visit.service_date), ()), own)
        services = {code: others for code, by in day.items() if (others := _others(by, who)) != Others()}
        key = _case_key(visit.practice_id, patient, visit.case, visit.discipline)
        case = self._by_code(self._cases.get(key, ()) if key else (), own)
        evaluations = {code: tuple(visit_id for visit_id, _ in by[:_MOST_NAMED]) for code, by in case.items()}
        pooled = self._pooled(visit)
        return Elsewhere(services, evaluations, pooled) if services or evaluations or pooled else None

    def _by_code(self, places: Iterable[_Place], own: _Place) -> dict[str, list[tuple[str, Clinician | None]]]:
        """Other visits with their clinicians, by each code that stands on their claims."""
        found: dict[str, list[tuple[str, Clinician | None]]] = {}
        for place, entry in self._entries(places, own):
            for code in entry.codes:
                found.setdefault(code, []).append((place[1], entry.clinician))
        return found

    def _entries(self, places: Iterable[_Place], own: _Place) -> Iterator[tuple[_Place, _Entry]]:
        for place in places:
            entry = self._visits[place].entry
            if place != own and entry is not None:
                yield place, entry

    def _pooled(self, visit: VisitCompleted) -> Pooled | None:
        key = _pool_key(visit.primary, visit.patient, visit.billing_provider, visit.service_date, visit.discipline)
        places = self._pools.get(key, ()) if key else ()
        others = {
            place: entry.timed_minutes for place, entry in self._entries(places, (visit.practice_id, visit.visit_id))
        }
        if not others:
            return None
        own = (visit_id for practice_id, visit_id in others if practice_id == visit.practice_id)
        return Pooled(sum(others.values()), tuple(islice(own, _MOST_NAMED)), len(others))

    def _learn(self, decision: DecidedVisit | ClaimReady | ClaimDenialRisk, *, stored: bool) -> None:
        known = self._visits.get((decision.practice_id, decision.visit_id))
        if known is not None and (known.revision, known.stored) >= (decision.revision, True):
            return
        self._put(decision, _Known(decision.revision, _entry(decision), stored))

    def _put(self, visit: Keyed, known: _Known) -> None:
        place = (visit.practice_id, visit.visit_id)
        if (old := self._visits.get(place)) and old.entry:
            self._take_out(place, old.entry)
        self._visits[place] = known
        if known.entry:
            self._add(place, known.entry)

    def _add(self, place: _Place, entry: _Entry) -> None:
        if entry.pool is not None and entry.timed_minutes:
            self._pools[entry.pool] = (*self._pools.get(entry.pool, ()), place)
        if entry.codes:
            self._days[entry.day] = (*self._days.get(entry.day, ()), place)
            if entry.case is not None:
                self._cases[entry.case] = (*self._cases.get(entry.case, ()), place)

    def _take_out(self, place: _Place, entry: _Entry) -> None:
        _leave(self._days, entry.day, place)
        if entry.case is not None:
            _leave(self._cases, entry.case, place)
        if entry.pool is not None:
            _leave(self._pools, entry.pool, place)


_K = TypeVar("_K", _DayKey, _CaseKey, _PoolKey)


def _leave(places: dict[_K, tuple[_Place, ...]], key: _K, place: _Place) -> None:
    left = tuple(one for one in places.pop(key, ()) if one != place)
    if left:
        places[key] = left


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


def _others(by: list[tuple[str, Clinician | None]], who: Clinician | None) -> Others:
    same = [visit_id for visit_id, clinician in by if who is not None and clinician == who]
    unknown = [visit_id for visit_id, clinician in by if who is None or clinician is None]
    return Others(tuple(same[:_MOST_NAMED]), len(same), tuple(unknown[:_MOST_NAMED]), len(unknown))


def check_repeats(
    visit: VisitCompleted, lines: Iterable[Line], elsewhere: Elsewhere | None, rules: ClaimRules
) -> Iterator[Finding]:
    """A service or an initial evaluation that stands on another visit's claim; nothing where none is known to.

    A person is asked and nothing is blocked: that a visit was sent twice and that there were two sessions look the
    same from here.
    """
    if elsewhere is None or visit.primary.program is Program.SELF_PAY:
        return
    for code in dict.fromkeys(line.code for line in lines):
        if (others := elsewhere.services.get(code)) is not None:
            yield _duplicate(code, others)
        elif code in rules.initial_evaluations.get(visit.discipline, ()):
            # Any evaluation code of the discipline: a second one of another complexity is a second one.
            named = dict.fromkeys(
                key for one in rules.initial_evaluations[visit.discipline] for key in elsewhere.evaluations.get(one, ())
            )
            if named:
                yield _repeated(code, tuple(named)[:_MOST_NAMED])


def check_day_total(units: UnitsComputed, elsewhere: Elsewhere | None) -> Iterator[Finding]:
    """Timed minutes of the day on other claims, where the payer's rule counts the day as one.

    Which units the total makes, and on which claim, is for a person: the other claim may be sent already.
    """
    pooled, own = elsewhere.pooled if elsewhere else None, units.worksheet.timed_minutes
    if pooled is None or not own or units.worksheet.rule != _TOTAL_RULE:
        return
    visits = "visit" if pooled.number == 1 else "visits"
    elsewhere_too = {"minutes_elsewhere": pooled.minutes, "visits": list(pooled.visits), "count": pooled.number}
    yield Finding(
        id="duplicate.day-total",
        result=Result.UNKNOWN,
        severity=Severity.REVIEW,
        message=f"{pooled.minutes} timed minutes of this day stand on the claims of {pooled.number} other {visits}; "
        f"the payer's rule counts them and this visit's {own} as one total.",
        fix="Count the day's timed minutes together, and bill them on one claim or as the payer asks.",
        rule=_TOTAL_RULE,
        citation=_TOTAL_CITATION,
        inputs={"minutes": own} | elsewhere_too,
    )


def _duplicate(code: str, others: Others) -> Finding:
    sure = others.same_count > 0
    named, number = (others.same, others.same_count) if sure else (others.unknown, others.unknown_count)
    who = "the same clinician" if sure else "perhaps the same clinician"
    return Finding(
        id="duplicate.service",
        result=Result.FAIL if sure else Result.UNKNOWN,
        severity=Severity.REVIEW,
        message=f"{code} by {who} on this day stands on the claim of {_visits(named, number)} of this patient too.",
        fix="Void the visit that was sent twice; bill two sessions of a day on one claim or as the payer asks.",
        rule="duplicate-service",
        citation=_SERVICE_CITATION,
        inputs={"code": code, "visits": list(named), "count": number},
    )


def _repeated(code: str, named: tuple[str, ...]) -> Finding:
    return Finding(
        id="evaluation.repeated",
        result=Result.FAIL,
        severity=Severity.REVIEW,
        message=f"{code} is a second initial evaluation in this case; the other is of {_visits(named, len(named))}.",
        fix="Bill a re-evaluation, or send the case of the new condition as a case of its own.",
        rule="one-initial-evaluation",
        citation=_EVALUATION_CITATION,
        inputs={"code": code, "visits": list(named)},
    )


def _visits(named: tuple[str, ...], number: int) -> str:
    more = f" and {number - len(named)} more" if number > len(named) else ""
    return f"visit{'s' if number > 1 else ''} {', '.join(named)}{more}"
