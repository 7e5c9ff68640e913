"""Minutes of the treatment note (Pub 100-02 ch.15 s220.3 E): both totals present, and in agreement.

Minutes of single interventions are voluntary there; where they are given they must fit the totals.
"""

from datetime import timedelta

from claimbus.events import TreatmentTime, VisitCompleted

from documentation_check.domain.answer import PASSED, TIME_NOT_SENT, Answer, failed, unknown
from documentation_check.domain.tables import Terms

_TIMED = "time.timed_minutes"
_TOTAL = "time.total_minutes"
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_NOT_SENT = TreatmentTime()


def check_service_date_agrees(visit: VisitCompleted, _: Terms) -> Answer | None:
    """Whether the clock times lie on the date of service; null where there are none.

    An offset of zero may be a sender's habit and not the clinic's clock: then a day's difference proves nothing.
    """
    times = {"started_at": visit.started_at, "ended_at": visit.ended_at}
    given = {name: instant for name, instant in times.items() if instant is not None}
    if not given:
        return None
    off = [name for name, instant in given.items() if instant.date() != visit.service_date]
    if not off:
        return PASSED
    inputs = {"service_date": visit.service_date.isoformat()}
    inputs |= {name: instant.isoformat() for name, instant in given.items()}
    if all(abs(given[name].date() - visit.service_date) <= _DAY and not given[name].utcoffset() for name in off):
        return unknown(*off, inputs=inputs)
    if off == ["ended_at"] and visit.started_at is not None and _ends_after_midnight(visit):
        return PASSED
    return failed(text={"fields": ", ".join(off)}, inputs=inputs)


def _ends_after_midnight(visit: VisitCompleted) -> bool:
    started_at, ended_at = visit.started_at, visit.ended_at
    return started_at is not None and ended_at is not None and timedelta(0) <= ended_at - started_at < _DAY


def check_timed_minutes_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.time is not None and visit.time.timed_minutes is not None:
        return PASSED
    # Timed codes are one-on-one: a visit of other contact only has no timed minutes to record.
    if all(row.contact not in (None, "one_on_one") for row in visit.interventions):
        return PASSED
    return _time_not_sent(_TIMED) if visit.time is None else failed(field=_TIMED)


def check_total_minutes_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.time is None:
        return _time_not_sent(_TOTAL)
    return failed(field=_TOTAL) if visit.time.total_minutes is None else PASSED


def _time_not_sent(field: str) -> Answer:
    return unknown(field, variant=TIME_NOT_SENT)


def check_timed_within_total(visit: VisitCompleted, _: Terms) -> Answer:
    timed = (visit.time or _NOT_SENT).timed_minutes
    total = (visit.time or _NOT_SENT).total_minutes
    if timed is None or total is None:
        return unknown(*(name for name, minutes in ((_TIMED, timed), (_TOTAL, total)) if minutes is None))
    return failed(inputs={"timed_minutes": timed, "total_minutes": total}) if timed > total else PASSED


def check_interventions_within_total(visit: VisitCompleted, _: Terms) -> Answer | None:
    if not visit.interventions:
        return None
    total = (visit.time or _NOT_SENT).total_minutes
    if total is None:
        return unknown(_TOTAL, variant="total-not-sent")
    sure = possible = 0
    needs = []
    for row in visit.interventions:
        if row.contact not in (None, "one_on_one"):
            continue
        if row.minutes is None:
            needs.append(f"interventions[{row.id}].minutes")
        elif row.contact is None:
            possible += row.minutes
        else:
            sure += row.minutes
    if sure > total:
        return failed(inputs={"one_on_one_minutes": sure, "total_minutes": total})
    if sure + possible > total:
        needs += [f"interventions[{row.id}].contact" for row in visit.interventions if row.contact is None]
    return unknown(*needs, inputs={"total_minutes": total}) if needs else PASSED


def check_timed_within_interventions(visit: VisitCompleted, _: Terms) -> Answer | None:
    """Which interventions are timed is for coding to find; timed minutes above all of them are too many anyway."""
    if not visit.interventions:
        return None
    timed = (visit.time or _NOT_SENT).timed_minutes
    if timed is None:
        return unknown(_TIMED, variant="timed-not-sent")
    needs = [f"interventions[{row.id}].minutes" for row in visit.interventions if row.minutes is None]
    if needs:
        return unknown(*needs, inputs={"timed_minutes": timed})
    minutes = sum(row.minutes or 0 for row in visit.interventions)
    return failed(inputs={"timed_minutes": timed, "intervention_minutes": minutes}) if timed > minutes else PASSED


def check_total_within_visit(visit: VisitCompleted, _: Terms) -> Answer:
    total, started_at, ended_at = (visit.time or _NOT_SENT).total_minutes, visit.started_at, visit.ended_at
    if total is None or started_at is None or ended_at is None:
        fields = (("started_at", started_at), ("ended_at", ended_at), (_TOTAL, total))
        return unknown(*(name for name, value in fields if value is None))
    if ended_at < started_at:
        return unknown("started_at", "ended_at", variant="reversed")
    length = -((started_at - ended_at) // _MINUTE)  # a begun minute counts: clocks and notes round
    return failed(inputs={"total_minutes": total, "visit_minutes": length}) if total > length else PASSED
