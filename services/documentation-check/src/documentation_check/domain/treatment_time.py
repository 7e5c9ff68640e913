"""Minutes of the treatment note (Pub 100-02 ch.15 s220.3 E): both totals present, and in agreement.

Minutes of single interventions are voluntary there; where they are given they must fit the totals.
"""

from datetime import timedelta

from claimbus.events import TreatmentTime, VisitCompleted

from documentation_check.domain.answer import Answer, failed, passed, unknown
from documentation_check.domain.tables import Terms

_TIMED = "time.timed_minutes"
_TOTAL = "time.total_minutes"
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_NOT_SENT = TreatmentTime()


def check_service_date_agrees(visit: VisitCompleted, _: Terms) -> Answer | None:
    """Whether the clock times lie on the date of service; not asked where there are none.

    An offset of zero may be a sender's habit and not the clinic's clock: then a day's difference tells nothing.
    """
    times = {"started_at": visit.started_at, "ended_at": visit.ended_at}
    given = {name: instant for name, instant in times.items() if instant is not None}
    if not given:
        return None
    inputs = {"service_date": visit.service_date.isoformat()} | {name: at.isoformat() for name, at in given.items()}
    off = [name for name, at in given.items() if at.date() != visit.service_date]
    if not off:
        return passed("The visit's times lie on its date of service.", **inputs)
    if all(abs(given[name].date() - visit.service_date) <= _DAY and not given[name].utcoffset() for name in off):
        return unknown("The visit's times bear no offset of the clinic, and lie on another day.", *off, **inputs)
    if off == ["ended_at"] and visit.started_at is not None and _ends_after_midnight(visit):
        return passed("The visit began on its date of service and ended after midnight.", **inputs)
    return failed(f"The visit's times lie on another day than its date of service ({', '.join(off)}).", **inputs)


def _ends_after_midnight(visit: VisitCompleted) -> bool:
    started_at, ended_at = visit.started_at, visit.ended_at
    return started_at is not None and ended_at is not None and timedelta(0) <= ended_at - started_at < _DAY


def check_timed_minutes_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.time is not None and visit.time.timed_minutes is not None:
        return passed("Total timed minutes are recorded.", timed_minutes=visit.time.timed_minutes)
    # Timed codes are one-on-one: a visit of other contact only has no timed minutes to record.
    if all(row.contact not in (None, "one_on_one") for row in visit.interventions):
        return passed("Nothing in this visit was done under a timed code.")
    if visit.time is None:
        return unknown("The visit was sent without its treatment time.", _TIMED)
    return failed(f"Total timed minutes are not recorded ({_TIMED}).", field=_TIMED)


def check_total_minutes_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.time is None:
        return unknown("The visit was sent without its treatment time.", _TOTAL)
    if visit.time.total_minutes is None:
        return failed(f"Total treatment minutes are not recorded ({_TOTAL}).", field=_TOTAL)
    return passed("Total treatment minutes are recorded.", total_minutes=visit.time.total_minutes)


def check_timed_within_total(visit: VisitCompleted, _: Terms) -> Answer:
    timed = (visit.time or _NOT_SENT).timed_minutes
    total = (visit.time or _NOT_SENT).total_minutes
    if timed is None or total is None:
        needs = [name for name, minutes in ((_TIMED, timed), (_TOTAL, total)) if minutes is None]
        return unknown("Timed and total minutes cannot be compared.", *needs)
    if timed > total:
        return failed(
            f"{timed} timed minutes exceed {total} minutes of treatment in all ({_TIMED}).",
            timed_minutes=timed,
            total_minutes=total,
        )
    return passed(
        f"{timed} timed minutes are within {total} minutes of treatment.", timed_minutes=timed, total_minutes=total
    )


def check_interventions_within_total(visit: VisitCompleted, _: Terms) -> Answer | None:
    if not visit.interventions:
        return None
    total = (visit.time or _NOT_SENT).total_minutes
    if total is None:
        return unknown("The interventions' minutes cannot be compared with the total.", _TOTAL)
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
        return failed(
            f"{sure} one-on-one minutes of the interventions exceed {total} minutes of treatment ({_TOTAL}).",
            one_on_one_minutes=sure,
            total_minutes=total,
        )
    if sure + possible > total:
        needs += [f"interventions[{row.id}].contact" for row in visit.interventions if row.contact is None]
    if needs:
        return unknown(
            "Whether the interventions' one-on-one minutes fit the total is not known.", *needs, total_minutes=total
        )
    return passed(
        f"The interventions' one-on-one minutes are within {total} minutes of treatment.",
        one_on_one_minutes=sure + possible,
        total_minutes=total,
    )


def check_timed_within_interventions(visit: VisitCompleted, _: Terms) -> Answer | None:
    """Which interventions are timed is for coding to say; timed minutes above all of them are too many anyway."""
    if not visit.interventions:
        return None
    timed = (visit.time or _NOT_SENT).timed_minutes
    if timed is None:
        return unknown("Timed minutes cannot be compared with the interventions' minutes.", _TIMED)
    needs = tuple(f"interventions[{row.id}].minutes" for row in visit.interventions if row.minutes is None)
    if needs:
        return unknown(
            "Timed minutes cannot be compared: not every intervention has its minutes.", *needs, timed_minutes=timed
        )
    minutes = sum(row.minutes or 0 for row in visit.interventions)
    if timed > minutes:
        return failed(
            f"{timed} timed minutes exceed the {minutes} minutes of all interventions together ({_TIMED}).",
            timed_minutes=timed,
            intervention_minutes=minutes,
        )
    return passed(
        f"{timed} timed minutes are within the {minutes} minutes of the interventions.",
        timed_minutes=timed,
        intervention_minutes=minutes,
    )


def check_total_within_visit(visit: VisitCompleted, _: Terms) -> Answer:
    total, started_at, ended_at = (visit.time or _NOT_SENT).total_minutes, visit.started_at, visit.ended_at
    if total is None or started_at is None or ended_at is None:
        fields = (("started_at", started_at), ("ended_at", ended_at), (_TOTAL, total))
        return unknown(
            "Treatment minutes cannot be compared with the visit's length.",
            *(name for name, value in fields if value is None),
        )
    if ended_at < started_at:
        return unknown("The visit ends before it begins.", "started_at", "ended_at")
    length = -((started_at - ended_at) // _MINUTE)  # a begun minute counts: clocks and notes round
    if total > length:
        return failed(
            f"{total} minutes of treatment exceed the {length} minutes from started_at to ended_at ({_TOTAL}).",
            total_minutes=total,
            visit_minutes=length,
        )
    return passed(
        f"{total} minutes of treatment are within the visit's {length} minutes.",
        total_minutes=total,
        visit_minutes=length,
    )
