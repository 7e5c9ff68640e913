"""Treatment days of a case and its progress reports, from the visits themselves; any order of them makes the same.

Only visits of which the pipeline was told are in it, so a count of days is a least value. Days belong to a
case: visits without a case key are not put together, since a patient may have several.
"""

from datetime import date
from typing import Literal, NamedTuple

from claimbus.events import Keyed, Record, VisitCompleted


class _Patient(Record):
    patient_id: str


class _Case(Record):
    case_id: str | None = None


class _ProgressReport(Record):
    last_on: date | None = None


class _Documentation(Record):
    progress_report: _ProgressReport | None = None


class TreatedVisit(Keyed):
    """What is read of a visit completed."""

    service_date: date
    discipline: Literal["PT", "OT", "SLP"] | None = None
    patient: _Patient
    case: _Case | None = None
    documentation: _Documentation | None = None


class _CaseKey(NamedTuple):
    practice_id: str
    patient_id: str
    case_id: str
    discipline: str
    """Each therapy of a case has a plan and reports of its own."""


class _Entry(NamedTuple):
    case: _CaseKey
    service_date: date
    reported_on: date | None


class SeenDays(NamedTuple):
    """What other visits of a case tell one visit."""

    earlier: tuple[date, ...]
    """Days of treatment before the visit's, each once."""
    reported_on: date | None
    """The newest progress report that other visits name, not after this visit."""

    def since(self, report: date | None) -> int:
        """Treatment days after the last report, today's included; all of them where no report is known.

        `report` is the one that the visit itself names.
        """
        last = max(filter(None, (report, self.reported_on)), default=date.min)
        return sum(day > last for day in self.earlier) + 1


class CaseDays:
    """Treatment days by case. A question costs as much as the case has days."""

    def __init__(self) -> None:
        self._visits: dict[tuple[str, str], tuple[int, _Entry | None]] = {}
        self._days: dict[_CaseKey, dict[date, int]] = {}
        self._reports: dict[_CaseKey, dict[date, int]] = {}

    def take(self, visit: TreatedVisit | VisitCompleted) -> None:
        """A visit; the newest revision counts, whatever comes after it."""
        revision, _ = self._known(visit)
        if visit.revision > revision:
            self._put(visit, _entry(visit))

    def void(self, voided: Keyed) -> None:
        """Nothing of this revision or an older one counts any more."""
        revision, _ = self._known(voided)
        if voided.revision >= revision:
            self._put(voided, None)

    def before(self, visit: VisitCompleted) -> SeenDays | None:
        """What other visits of the case tell this one; null where none of an earlier day is known."""
        case = _case_of(visit)
        if case is None:
            return None
        _, own = self._known(visit)
        if own is not None and own.case != case:
            own = None
        days, reports = self._days.get(case, {}), self._reports.get(case, {})
        earlier = sorted(
            day
            for day, visits in days.items()
            if day < visit.service_date and visits > (own is not None and own.service_date == day)
        )
        if not earlier:
            return None
        reported = [
            day
            for day, visits in reports.items()
            if day <= visit.service_date and visits > (own is not None and own.reported_on == day)
        ]
        return SeenDays(tuple(earlier), max(reported, default=None))

    def _known(self, visit: Keyed) -> tuple[int, _Entry | None]:
        return self._visits.get((visit.practice_id, visit.visit_id), (0, None))

    def _put(self, visit: Keyed, entry: _Entry | None) -> None:
        _, old = self._known(visit)
        if old is not None:
            self._add(old, -1)
        self._visits[visit.practice_id, visit.visit_id] = (visit.revision, entry)
        if entry is not None:
            self._add(entry, 1)

    def _add(self, entry: _Entry, visits: int) -> None:
        for of_case, day in ((self._days, entry.service_date), (self._reports, entry.reported_on)):
            if day is None:
                continue
            days = of_case.setdefault(entry.case, {})
            days[day] = days.get(day, 0) + visits
            if not days[day]:
                del days[day]


def _entry(visit: TreatedVisit | VisitCompleted) -> _Entry | None:
    case = _case_of(visit)
    if case is None:
        return None
    report = visit.documentation.progress_report if visit.documentation else None
    return _Entry(case, visit.service_date, report.last_on if report else None)


def _case_of(visit: TreatedVisit | VisitCompleted) -> _CaseKey | None:
    case_id = (visit.case.case_id or "").strip() if visit.case else ""
    if not case_id:
        return None
    return _CaseKey(visit.practice_id, visit.patient.patient_id, case_id, visit.discipline or "PT")
