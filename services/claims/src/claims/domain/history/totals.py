"""Running totals of a patient, from the decisions on earlier visits.

Only visits of which the pipeline was told are in it, so every figure is a least value. A day's visits do not
count to one another, since which of them came first is not known, and a visit never counts to itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from claimbus.events import Checked, ClaimDenialRisk, ClaimReady, Keyed, Line, RunningTotals, VisitCompleted
from claimbus.events.visit_completed import Coverage
from claimbus.values import Program

from claims.domain.findings import ClaimFinding
from claims.domain.history.decided_visit import DecidedCoverage, DecidedLine, DecidedVisit, VisitKey, key_of
from claims.domain.lines.fees import total_of
from claims.domain.tables import ClaimRules

_THRESHOLD_PROGRAM = Program.MEDICARE_PART_B
"""The statute's threshold is Part B's (42 USC 1395l(g)); plans that copy it count their own dollars."""
_COUNTED_TOGETHER = {"PT": "PT and SLP", "SLP": "PT and SLP", "OT": "OT"}


class DollarKey(NamedTuple):
    """Dollars that are counted together."""

    practice_id: str
    patient_id: str
    disciplines: str
    year: int


class _AuthorizationKey(NamedTuple):
    practice_id: str
    patient_id: str
    program: Program
    payer: str | None
    number: str


class Entry(NamedTuple):
    """A decided visit as the ledger keeps it."""

    visit_id: str
    service_date: date
    dollar_key: DollarKey | None
    dollars: Decimal | None
    """Allowed amount of the visit; null where one of its lines has none."""
    authorization_key: _AuthorizationKey | None
    relied: bool
    """Its decision took the dollars before it from the ledger, because the visit did not bring them."""
    used: Decimal | None
    """The figure that the ledger gave it then."""


class _Day:
    """What one day adds to a running total."""

    __slots__ = ("dollars", "relied", "unknown", "visits")

    def __init__(self) -> None:
        self.visits = 0
        self.unknown = 0
        """Visits whose dollars are not known."""
        self.dollars = Decimal(0)
        self.relied: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        self._count(entry, 1)
        if entry.relied:
            self.relied[entry.visit_id] = entry

    def remove(self, entry: Entry) -> None:
        self._count(entry, -1)
        self.relied.pop(entry.visit_id, None)

    def _count(self, entry: Entry, times: int) -> None:
        self.visits += times
        if entry.dollars is None:
            self.unknown += times
        else:
            self.dollars += times * entry.dollars


class _Sum(NamedTuple):
    visits: int
    dollars: Decimal | None


class LaterVisit(NamedTuple):
    """A decided visit of a later day that took its figure from the ledger."""

    visit_id: str
    used: Decimal | None
    """What the ledger said then of the dollars before it."""
    before: Decimal | None
    """What the ledger says now, without the visit that is being decided; null where an amount is unknown."""
    counts: bool
    """Whether the visit that is being decided counts to it."""
    threshold: Decimal
    """Of its year."""


class Ledger:
    """Decided visits by patient. A question costs as much as the patient has days of treatment in the year."""

    def __init__(self, threshold_on: Callable[[date], Decimal | None]) -> None:
        """`threshold_on` gives the dollars of a day's year above which KX is needed, where they are known."""
        self._threshold_on = threshold_on
        self._entries: dict[VisitKey, Entry] = {}
        self._dollars: dict[DollarKey, dict[date, _Day]] = {}
        self._authorized: dict[_AuthorizationKey, dict[date, int]] = {}

    def put(self, decision: DecidedVisit | ClaimReady | ClaimDenialRisk) -> None:
        """A decision in the place of the one before it."""
        self.remove(key_of(decision))
        entry = self._entries[key_of(decision)] = _entry(decision)
        if entry.dollar_key is not None:
            self._dollars.setdefault(entry.dollar_key, {}).setdefault(entry.service_date, _Day()).add(entry)
        if entry.authorization_key is not None:
            days = self._authorized.setdefault(entry.authorization_key, {})
            days[entry.service_date] = days.get(entry.service_date, 0) + 1

    def remove(self, key: VisitKey) -> None:
        """The visit counts no more."""
        entry = self._entries.pop(key, None)
        if entry is not None and entry.dollar_key is not None:
            days = self._dollars[entry.dollar_key]
            day = days[entry.service_date]
            day.remove(entry)
            if not day.visits:
                del days[entry.service_date]
        if entry is not None and entry.authorization_key is not None:
            self._authorized[entry.authorization_key][entry.service_date] -= 1

    def before(self, visit: VisitCompleted) -> RunningTotals | None:
        """What visits of earlier days add up to for this one; null when there is none that counts."""
        known = self._entries.get(key_of(visit))
        key, authorization = _dollar_key_of_visit(visit), _authorization_key_of_visit(visit)
        dollars = self._sum(key, visit.service_date, known)
        authorized = None if authorization is None else self._count(authorization, visit.service_date, known)
        if not dollars.visits and not authorized:
            return None
        return RunningTotals(
            therapy_dollars=dollars.dollars if dollars.visits else None,
            therapy_visits=dollars.visits,
            authorized_visits=authorized,
        )

    def after(self, visit: VisitCompleted) -> tuple[LaterVisit, ...]:
        """Decided visits that this visit, or its leaving an earlier place, changes the figure of."""
        key = _dollar_key_of_visit(visit)
        return tuple(self._later(self._entries.get(key_of(visit)), None if key is None else (key, visit.service_date)))

    def after_voided(self, voided: Keyed) -> tuple[LaterVisit, ...]:
        """Decided visits that the leaving of a visit changes the figure of."""
        return tuple(self._later(self._entries.get(key_of(voided)), None))

    def _sum(self, key: DollarKey | None, until: date, without: Entry | None) -> _Sum:
        """Of the days before `until`, leaving one visit out."""
        visits, unknown, dollars = 0, 0, Decimal(0)
        for service_date, day in self._dollars.get(key, {}).items() if key is not None else ():
            if service_date < until:
                visits, unknown, dollars = visits + day.visits, unknown + day.unknown, dollars + day.dollars
        if without is not None and without.dollar_key == key and without.service_date < until:
            visits -= 1
            unknown -= without.dollars is None
            dollars -= without.dollars or Decimal(0)
        return _Sum(visits, None if unknown else dollars)

    def _count(self, key: _AuthorizationKey, until: date, without: Entry | None) -> int:
        count = sum(visits for service_date, visits in self._authorized.get(key, {}).items() if service_date < until)
        counted = without is not None and without.authorization_key == key and without.service_date < until
        return count - counted

    def _later(self, known: Entry | None, place: tuple[DollarKey, date] | None) -> Iterator[LaterVisit]:
        """Visits after the place that the visit has now, or after the one that its revision before had."""
        starts: dict[DollarKey, date] = {}
        if known is not None and known.dollar_key is not None:
            starts[known.dollar_key] = known.service_date
        if place is not None:
            starts[place[0]] = min(place[1], starts.get(place[0], place[1]))
        for key, start in starts.items():
            days = self._dollars.get(key, {})
            threshold = self._threshold_on(start)
            if threshold is None or not any(later > start and day.relied for later, day in days.items()):
                continue
            unknown, dollars = 0, Decimal(0)
            for service_date in sorted(days):
                day = days[service_date]
                counts = place is not None and place[0] == key and place[1] < service_date
                for entry in day.relied.values() if service_date > start else ():
                    if entry is not known:
                        before = None if unknown else dollars
                        yield LaterVisit(entry.visit_id, entry.used, before, counts, threshold)
                unknown, dollars = unknown + day.unknown, dollars + day.dollars
                if known is not None and known.dollar_key == key and known.service_date == service_date:
                    unknown -= known.dollars is None
                    dollars -= known.dollars or Decimal(0)


def dollars_of(lines: Iterable[Line | DecidedLine]) -> Decimal | None:
    """Allowed amount of all lines together, before an assistant's reduction; null where one of them has none."""
    return total_of(line.allowed_amount for line in lines)


def check_later_visits(later: Sequence[LaterVisit], dollars: Decimal | None, rules: ClaimRules) -> Iterable[Checked]:
    """Whether decided visits of later days stand otherwise to the year's threshold, now that this one counts `dollars`.

    `dollars` is null where the amount of this visit is unknown. No decision is taken back for it: the
    finding names the visits, so that they are sent again. There is none when nothing is to be compared.
    """
    row = rules.findings[ClaimFinding.TOTALS_LATER_VISITS_AFFECTED]
    compared = [visit for visit in later if visit.before is not None and not (visit.counts and dollars is None)]
    affected = sorted(visit.visit_id for visit in compared if _changes(visit, dollars or Decimal(0)))
    inputs = {"visits": affected, "compared": len(compared), "later": len(later)}
    if affected:
        yield row.fail(inputs=inputs, text={"number": len(affected)})
    elif len(compared) < len(later):
        yield row.unknown(inputs=inputs)
    elif later:
        yield row.passed()


def _changes(visit: LaterVisit, dollars: Decimal) -> bool:
    """Whether the dollars before a visit are known to be above the threshold now, and were not then, or were."""
    now = (visit.before or Decimal(0)) + (dollars if visit.counts else Decimal(0))
    return (now > visit.threshold) != (visit.used is not None and visit.used > visit.threshold)


def _entry(decision: DecidedVisit | ClaimReady | ClaimDenialRisk) -> Entry:
    document = decision.claim
    payer = document.coverage[0]
    patient = document.patient.patient_id
    key = _dollar_key(decision.practice_id, patient, payer, document.discipline, document.service_date)
    totals = decision.totals
    return Entry(
        decision.visit_id,
        document.service_date,
        key,
        dollars_of(decision.lines),
        _authorization_key(decision.practice_id, patient, payer),
        relied=key is not None and payer.therapy_dollars_used is None,
        used=totals.therapy_dollars if totals else None,
    )


def _dollar_key_of_visit(visit: VisitCompleted) -> DollarKey | None:
    return _dollar_key(visit.practice_id, visit.patient.patient_id, visit.primary, visit.discipline, visit.service_date)


def _dollar_key(
    practice_id: str, patient_id: str, payer: Coverage | DecidedCoverage, discipline: str, service_date: date
) -> DollarKey | None:
    if payer.program is not _THRESHOLD_PROGRAM:
        return None
    return DollarKey(practice_id, patient_id, _COUNTED_TOGETHER[discipline], service_date.year)


def _authorization_key_of_visit(visit: VisitCompleted) -> _AuthorizationKey | None:
    return _authorization_key(visit.practice_id, visit.patient.patient_id, visit.primary)


def _authorization_key(
    practice_id: str, patient_id: str, payer: Coverage | DecidedCoverage
) -> _AuthorizationKey | None:
    number = (payer.authorization.number or "").strip() if payer.authorization else ""
    if not number:
        return None
    return _AuthorizationKey(practice_id, patient_id, payer.program, payer.payer_id or payer.payer_name, number)
