"""What the visits of a case show of one another: treatment days, progress reports, the evaluation, likeness of notes.

Any order of the visits makes the same. Only those that the pipeline received are in it, so a count of days is a
least value. Days belong to a case: visits without a case key are not put together, since a patient may have several.
Of a note nothing but its sketch is kept (`likeness.py`).
"""

from collections.abc import Callable
from datetime import date
from typing import Literal, NamedTuple

from claimbus.events import Documentation, Keyed, Record, VisitCompleted
from claimbus.events.visit_completed import Note
from claimbus.values import Rows

from documentation_check.domain.likeness import Sketch, likeness, sketch_of
from documentation_check.domain.tables import Terms

_COMPARED = 3
"""Days of treatment back that notes are compared with."""
_VisitKey = tuple[str, str]


class _Patient(Record):
    patient_id: str


class _Case(Record):
    case_id: str | None = None


class _ProgressReport(Record):
    last_on: date | None = None


class _Documentation(Record):
    progress_report: _ProgressReport | None = None
    note: Note | None = None


class _Evaluation(Record):
    kind: str | None = None


class _Intervention(Record):
    code: str | None = None


class TreatedVisit(Keyed):
    """What is read of a visit completed."""

    service_date: date
    discipline: Literal["PT", "OT", "SLP"] | None = None
    patient: _Patient
    case: _Case | None = None
    documentation: _Documentation | None = None
    evaluation: _Evaluation | None = None
    interventions: Rows[_Intervention] = ()


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
    evaluated: bool
    sketch: Sketch | None
    """Of its note, where that can be compared."""


class Alike(NamedTuple):
    """The earlier note of a case that a visit's note is most alike."""

    percent: int
    day: date


class Seen(NamedTuple):
    """What other visits of a case show."""

    earlier: tuple[date, ...]
    """Days of treatment before the visit's, each once."""
    reported_on: date | None
    """The newest progress report that other visits name, not after this visit."""
    evaluated_on: date | None = None
    """The first day, not after this visit's, on which another visit evaluated."""
    alike: Alike | None = None

    def since(self, report: date | None) -> int:
        """Treatment days after the last report, today's included; all of them where no report is known.

        `report` is the one that the visit itself names.
        """
        last = max(filter(None, (report, self.reported_on)), default=date.min)
        return sum(day > last for day in self.earlier) + 1


class CaseHistory:
    """Visits by case, as little of each as is needed. A question costs as much as the case has visits."""

    def __init__(self, terms_on: Callable[[date], Terms]) -> None:
        """`terms_on` gives the terms of a date of service."""
        self._terms_on = terms_on
        self._visits: dict[_VisitKey, tuple[int, _Entry | None]] = {}
        self._cases: dict[_CaseKey, dict[_VisitKey, _Entry]] = {}

    def apply(self, visit: TreatedVisit | VisitCompleted) -> None:
        """Add a visit; its newest revision counts, whatever comes after it."""
        revision, _ = self._known(visit)
        if visit.revision > revision:
            self._put(visit, self._entry(visit))

    def void(self, voided: Keyed) -> None:
        """Nothing of this revision or an older one counts any more."""
        revision, _ = self._known(voided)
        if voided.revision >= revision:
            self._put(voided, None)

    def before(self, visit: VisitCompleted) -> Seen | None:
        """What other visits of the case show; null where none of an earlier day is known."""
        case, key = _case_of(visit), _key(visit)
        if case is None:
            return None
        today = visit.service_date
        entries = [entry for entry_key, entry in self._cases.get(case, {}).items() if entry_key != key]
        earlier = [entry for entry in entries if entry.service_date < today]
        if not earlier:
            return None
        reports = [entry.reported_on for entry in entries if entry.reported_on and entry.reported_on <= today]
        evaluations = [entry.service_date for entry in entries if entry.evaluated and entry.service_date <= today]
        return Seen(
            earlier=tuple(sorted({entry.service_date for entry in earlier})),
            reported_on=max(reports, default=None),
            evaluated_on=min(evaluations, default=None),
            alike=self._alike(visit, earlier),
        )

    def _alike(self, visit: VisitCompleted, earlier: list[_Entry]) -> Alike | None:
        sketch = self._sketch(visit)
        if sketch is None:
            return None
        days = sorted({entry.service_date for entry in earlier if entry.sketch})[-_COMPARED:]
        likenesses = [
            Alike(likeness(sketch, entry.sketch), entry.service_date)
            for entry in earlier
            if entry.sketch is not None and entry.service_date in days
        ]
        return max(likenesses, default=None)

    def _sketch(self, visit: TreatedVisit | VisitCompleted) -> Sketch | None:
        revision, known = self._known(visit)
        if known is not None and revision == visit.revision:
            return known.sketch  # made when the visit was applied
        words = " ".join(filter(None, texts_of_note(visit.documentation)))
        return sketch_of(words, self._terms_on(visit.service_date).cloned_note_words)

    def _entry(self, visit: TreatedVisit | VisitCompleted) -> _Entry | None:
        case = _case_of(visit)
        if case is None:
            return None
        report = visit.documentation.progress_report if visit.documentation else None
        terms = self._terms_on(visit.service_date)
        evaluated = (visit.evaluation is not None and visit.evaluation.kind != "re_evaluation") or any(
            terms.is_of("evaluation", row.code) for row in visit.interventions
        )
        return _Entry(case, visit.service_date, report.last_on if report else None, evaluated, self._sketch(visit))

    def _known(self, visit: Keyed) -> tuple[int, _Entry | None]:
        return self._visits.get(_key(visit), (0, None))

    def _put(self, visit: Keyed, entry: _Entry | None) -> None:
        key = _key(visit)
        _, old = self._known(visit)
        if old is not None:
            del self._cases[old.case][key]
            if not self._cases[old.case]:
                del self._cases[old.case]
        self._visits[key] = (visit.revision, entry)
        if entry is not None:
            self._cases.setdefault(entry.case, {})[key] = entry


def texts_of_note(documentation: Documentation | _Documentation | None) -> tuple[str | None, ...]:
    """The parts of a visit's note."""
    note = documentation.note if documentation is not None else None
    return () if note is None else (note.text, note.subjective, note.objective, note.assessment, note.plan)


def _key(visit: Keyed) -> _VisitKey:
    return visit.practice_id, visit.visit_id


def _case_of(visit: TreatedVisit | VisitCompleted) -> _CaseKey | None:
    case_id = (visit.case.case_id or "").strip() if visit.case else ""
    if not case_id:
        return None
    return _CaseKey(visit.practice_id, visit.patient.patient_id, case_id, visit.discipline or "PT")
