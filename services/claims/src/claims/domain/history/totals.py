"""Running totals of a patient, from the decisions on earlier visits: a ledger that any order of them makes equal.

Only visits of which the pipeline was told are in it, so every figure is a least value. A day's visits do not
count to one another, since which of them came first is not known, and a visit never counts to itself.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady, Finding, Keyed, Line, Record, RunningTotals, VisitCompleted
from claimbus.events.visit_completed import Coverage
from claimbus.values import Money, Program, Result, Severity

from claims.domain.lines.fees import total_of

_THRESHOLD_PROGRAM = Program.MEDICARE_PART_B
"""The statute's threshold is Part B's (42 USC 1395l(g)); plans that copy it count their own dollars."""
_COUNTED_TOGETHER = {"PT": "PT and SLP", "SLP": "PT and SLP", "OT": "OT"}
_RULE = "running-totals"
_CITATION = "42 USC 1395l(g); Pub 100-04 ch.5 s10.3"


class _Authorization(Record):
    number: str | None = None


class _Coverage(Record):
    program: Program
    payer_id: str | None = None
    payer_name: str | None = None
    member_id: str | None = None
    therapy_dollars_used: Money | None = None
    authorization: _Authorization | None = None


class _Patient(Record):
    patient_id: str
    first_name: str | None = None
    birth_date: date | None = None


class _Case(Record):
    case_id: str | None = None


class _Person(Record):
    npi: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class _Line(Record):
    code: str = ""
    allowed_amount: Money | None = None


class _Units(Record):
    rule: str = ""
    timed_minutes: int = 0


class _Document(Record):
    service_date: date
    discipline: Literal["PT", "OT", "SLP"]
    patient: _Patient
    coverage: tuple[_Coverage, ...]
    case: _Case | None = None
    billing_provider: _Person | None = None
    rendering_provider: _Person | None = None


class DecidedVisit(Keyed):
    """What the ledger, and who looks for duplicates, read of a decision."""

    lines: tuple[_Line, ...]
    units: _Units = _Units()
    totals: RunningTotals | None = None
    claim: _Document


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


class _Known(NamedTuple):
    """The newest that is known of a visit; without an entry when it was voided."""

    revision: int
    entry: Entry | None
    stored: bool
    """Whether it came from the stream; what a process is about to say is kept until it does."""


class _Day:
    """What one day adds to a running total."""

    __slots__ = ("dollars", "relied", "unknown", "visits")

    def __init__(self) -> None:
        self.visits = 0
        self.unknown = 0
        self.dollars = Decimal(0)
        self.relied: dict[str, Entry] = {}


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
        self._visits: dict[tuple[str, str], _Known] = {}
        self._dollars: dict[DollarKey, dict[date, _Day]] = {}
        self._authorized: dict[_AuthorizationKey, dict[date, int]] = {}

    def take(self, decision: DecidedVisit) -> None:
        """A decision as the stream holds it. The newest revision of a visit counts, whatever comes after it."""
        self._learn(decision, stored=True)

    def record_pending(self, decision: ClaimReady | ClaimDenialRisk) -> None:
        """A decision that is about to be said, so that visits decided at the same moment see it.

        What the stream says of that revision takes its place.
        """
        self._learn(decision, stored=False)

    def void(self, voided: Keyed) -> None:
        """Nothing of this revision or an older one counts any more."""
        known = self._visits.get((voided.practice_id, voided.visit_id))
        if known is None or known.revision <= voided.revision:
            self._put(voided, _Known(voided.revision, None, stored=True))

    def before(self, visit: VisitCompleted) -> RunningTotals | None:
        """What visits of earlier days add up to for this one; null when there is none that counts."""
        own = self._entry_of(visit)
        key, authorization = _dollar_key_of_visit(visit), _authorization_key_of_visit(visit)
        dollars = self._sum(key, visit.service_date, own)
        authorized = None if authorization is None else self._count(authorization, visit.service_date, own)
        if not dollars.visits and not authorized:
            return None
        return RunningTotals(
            therapy_dollars=dollars.dollars if dollars.visits else None,
            therapy_visits=dollars.visits,
            authorized_visits=authorized,
        )

    def has_word_on(self, visit: Keyed) -> bool:
        """Whether a decision or a void of this revision, or of a later one, is known."""
        known = self._visits.get((visit.practice_id, visit.visit_id))
        return known is not None and known.stored and known.revision >= visit.revision

    def after(self, visit: VisitCompleted) -> tuple[LaterVisit, ...]:
        """Decided visits that this visit, or its leaving an earlier place, changes the figure of."""
        key = _dollar_key_of_visit(visit)
        return tuple(self._later(self._entry_of(visit), None if key is None else (key, visit.service_date)))

    def after_voided(self, voided: Keyed) -> tuple[LaterVisit, ...]:
        """Decided visits that the leaving of a visit changes the figure of."""
        return tuple(self._later(self._entry_of(voided), None))

    def _learn(self, decision: DecidedVisit | ClaimReady | ClaimDenialRisk, *, stored: bool) -> None:
        known = self._visits.get((decision.practice_id, decision.visit_id))
        if known is not None:
            replaceable = not known.stored
            if known.revision > decision.revision or (known.revision == decision.revision and not replaceable):
                return
        self._put(decision, _Known(decision.revision, _entry(decision), stored))

    def _put(self, visit: Keyed, known: _Known) -> None:
        place = (visit.practice_id, visit.visit_id)
        if (old := self._visits.get(place)) and old.entry:
            self._take_out(old.entry)
        self._visits[place] = known
        if known.entry:
            self._add(known.entry)

    def _add(self, entry: Entry) -> None:
        if entry.dollar_key is not None:
            day = self._dollars.setdefault(entry.dollar_key, {}).setdefault(entry.service_date, _Day())
            day.visits += 1
            if entry.dollars is None:
                day.unknown += 1
            else:
                day.dollars += entry.dollars
            if entry.relied:
                day.relied[entry.visit_id] = entry
        if entry.authorization_key is not None:
            days = self._authorized.setdefault(entry.authorization_key, {})
            days[entry.service_date] = days.get(entry.service_date, 0) + 1

    def _take_out(self, entry: Entry) -> None:
        if entry.dollar_key is not None:
            days = self._dollars[entry.dollar_key]
            day = days[entry.service_date]
            day.visits -= 1
            if entry.dollars is None:
                day.unknown -= 1
            else:
                day.dollars -= entry.dollars
            day.relied.pop(entry.visit_id, None)
            if not day.visits:
                del days[entry.service_date]
        if entry.authorization_key is not None:
            self._authorized[entry.authorization_key][entry.service_date] -= 1

    def _entry_of(self, visit: Keyed) -> Entry | None:
        known = self._visits.get((visit.practice_id, visit.visit_id))
        return known.entry if known else None

    def _sum(self, key: DollarKey | None, until: date, without: Entry | None) -> _Sum:
        """Of the days before `until`."""
        visits, unknown, dollars = 0, 0, Decimal(0)
        if key is not None:
            for on, day in self._dollars.get(key, {}).items():
                if on < until:
                    visits, unknown, dollars = visits + day.visits, unknown + day.unknown, dollars + day.dollars
        if without is not None and without.dollar_key == key and without.service_date < until:
            visits -= 1
            unknown -= without.dollars is None
            dollars -= without.dollars or Decimal(0)
        return _Sum(visits, None if unknown else dollars)

    def _count(self, key: _AuthorizationKey, until: date, without: Entry | None) -> int:
        count = sum(visits for on, visits in self._authorized.get(key, {}).items() if on < until)
        own = without is not None and without.authorization_key == key and without.service_date < until
        return count - own

    def _later(self, own: Entry | None, place: tuple[DollarKey, date] | None) -> Iterator[LaterVisit]:
        """Visits after the place that the visit has now, or after the one that its revision before had."""
        starts: dict[DollarKey, date] = {}
        if own is not None and own.dollar_key is not None:
            starts[own.dollar_key] = own.service_date
        if place is not None:
            starts[place[0]] = min(place[1], starts.get(place[0], place[1]))
        for key, start in starts.items():
            days = self._dollars.get(key, {})
            threshold = self._threshold_on(start)
            if threshold is None or not any(on > start and day.relied for on, day in days.items()):
                continue
            unknown, dollars = 0, Decimal(0)
            for on in sorted(days):
                day = days[on]
                counts = place is not None and place[0] == key and place[1] < on
                for entry in day.relied.values() if on > start else ():
                    if entry is not own:
                        before = None if unknown else dollars
                        yield LaterVisit(entry.visit_id, entry.used, before, counts, threshold)
                unknown, dollars = unknown + day.unknown, dollars + day.dollars
                if own is not None and own.dollar_key == key and own.service_date == on:
                    unknown -= own.dollars is None
                    dollars -= own.dollars or Decimal(0)


def dollars_of(lines: Iterable[Line | _Line]) -> Decimal | None:
    """Allowed amount of all lines together, before an assistant's reduction; null where one of them has none."""
    return total_of(line.allowed_amount for line in lines)


def check_later_visits(later: Iterable[LaterVisit], dollars: Decimal | None) -> tuple[Finding, ...]:
    """Whether decided visits of later days stand otherwise to the year's threshold, now that this one counts `dollars`.

    `dollars` is null where the amount of this visit is unknown. No decision is taken back for it: the
    finding names the visits, so that they are sent again. There is none when nothing is to be compared.
    """
    later = tuple(later)
    compared = [one for one in later if one.before is not None and not (one.counts and dollars is None)]
    affected = sorted(one.visit_id for one in compared if _changes(one, dollars or Decimal(0)))
    inputs: dict[str, Any] = {"visits": affected, "compared": len(compared), "later": len(later)}
    if affected:
        text = f"{len(affected)} visits of later days were decided when the ledger said otherwise of the threshold."
        fix = "Send the visits named in `inputs.visits` again, each with its next revision."
        return (_finding(Result.FAIL, text, inputs, fix),)
    if len(compared) < len(later):
        text = "Whether visits of later days now stand otherwise to the therapy threshold is unknown: an amount is."
        fix = "Send coverage.therapy_dollars_used with the visits of later days."
        return (_finding(Result.UNKNOWN, text, inputs, fix),)
    if not later:
        return ()
    return (_finding(Result.PASS, "Visits of later days stand to the threshold as they were decided.", inputs),)


def _changes(one: LaterVisit, dollars: Decimal) -> bool:
    """Whether the dollars before a visit are known to be above the threshold now, and were not then, or were."""
    now = (one.before or Decimal(0)) + (dollars if one.counts else Decimal(0))
    return (now > one.threshold) != (one.used is not None and one.used > one.threshold)


def _finding(result: Result, message: str, inputs: dict[str, Any], fix: str | None = None) -> Finding:
    return Finding(
        id="totals.later-visits-affected",
        result=result,
        severity=Severity.REVIEW,
        message=message,
        fix=fix,
        fixable_by="biller" if fix else None,
        mending="correction" if fix else None,
        carc="119" if fix else None,
        rule=_RULE,
        citation=_CITATION,
        inputs=inputs,
    )


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
    practice_id: str, patient_id: str, payer: Coverage | _Coverage, discipline: str, on: date
) -> DollarKey | None:
    if payer.program is not _THRESHOLD_PROGRAM:
        return None
    return DollarKey(practice_id, patient_id, _COUNTED_TOGETHER[discipline], on.year)


def _authorization_key_of_visit(visit: VisitCompleted) -> _AuthorizationKey | None:
    return _authorization_key(visit.practice_id, visit.patient.patient_id, visit.primary)


def _authorization_key(practice_id: str, patient_id: str, payer: Coverage | _Coverage) -> _AuthorizationKey | None:
    number = (payer.authorization.number or "").strip() if payer.authorization else ""
    if not number:
        return None
    return _AuthorizationKey(practice_id, patient_id, payer.program, payer.payer_id or payer.payer_name, number)
