"""Untimed codes: one unit a day, or as many as the area, the days or the month's minutes make."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from claimbus.events import CodedIntervention, Finding, Reason
from claimbus.values import Result, Severity

from units.domain.findings import CODE_SET, MANUAL, fail, passed
from units.domain.rulebook import CodeRow, Measure

Quantity = Decimal | int

MISFIT = "units.quantity-contradicts-code"

_WORDS: Mapping[Measure, str] = {
    "area_sq_cm": "the wound surface (area_sq_cm)",
    "monitored_days": "the days with data (monitored_days)",
    "month_minutes": "the minutes of management in the calendar month (month_minutes)",
}
_MOST: Mapping[Measure, int] = {"area_sq_cm": 25_000, "monitored_days": 31, "month_minutes": 31 * 24 * 60}
"""More than a body's surface, a month's days and its minutes have is a slip of the pen."""

_FITS = passed(MISFIT, "The area, the days or the month's minutes fit the code", citation=CODE_SET)


class Tally(NamedTuple):
    """Units by code of one untimed service; 0 where the record contradicts the code."""

    units: Mapping[str, int]
    reason: Reason
    findings: tuple[Finding, ...] = ()
    known: bool = True
    """False where the units stand in for a quantity that nobody gave."""


def tally_units(
    first: CodeRow,
    further: CodeRow | None,
    members: Sequence[tuple[CodedIntervention, CodeRow]],
    codes: Mapping[str, CodeRow],
) -> Tally:
    """Units of a service that has no timed units.

    `members` are its interventions with the code of each; `codes` those valid on the day. Where the
    quantity is unknown each charted code is one unit, and a finding asks for the quantity.
    """
    if first.measure is None:
        reason = Reason(
            about="units", rule="untimed-one-a-day", citation=MANUAL, inputs={"interventions": len(members)}
        )
        return Tally({first.code: 1}, reason, _unheard_of(first, members), known=first.unit_is is None)
    quantity = _measure(first.measure, [one for one, _ in members])
    inputs = {"code": first.code, first.measure: _plain(quantity)}
    if quantity is None or not 0 <= quantity <= _MOST[first.measure]:
        units = dict.fromkeys([first.code, *(row.code for _, row in members)], 1)
        reason = Reason(about="units", rule="quantity-unknown-one-unit", citation=CODE_SET, inputs=inputs)
        complaint = _unknown if quantity is None else _implausible
        return Tally(units, reason, (complaint(first, first.measure, members[0][0], inputs),), known=False)
    if not _fits(first, quantity):
        twin = codes.get(first.twin or "")
        fitting = twin.code if twin is not None and _fits(twin, quantity) else None
        finding = _contradicts(first, first.measure, members[0][0], inputs | {"fitting_code": fitting})
        return Tally({first.code: 0}, _counted_by(first, inputs | {"units": 0}), (finding,))
    units = {first.code: 1}
    if further is not None and (beyond := _beyond(first, further, quantity)):
        units[further.code] = beyond
    return Tally(units, _counted_by(first, inputs | {"units": sum(units.values())}), (_FITS,))


def _measure(measure: Measure, members: Sequence[CodedIntervention]) -> Quantity | None:
    """Areas add up, and one that is missing leaves the sum unknown; days and the month's minutes are the period's."""
    values = [getattr(one, measure) for one in members]
    known: list[Quantity] = [value for value in values if value is not None]
    if measure == "area_sq_cm":
        return sum(known, Decimal(0)) if len(known) == len(values) else None
    return max(known, default=None)


def _fits(row: CodeRow, quantity: Quantity) -> bool:
    if row.measure_unit and not (quantity > 0 if row.measure_part else quantity >= row.measure_unit):
        return False
    return (
        (row.measure_from is None or quantity >= row.measure_from)
        and (row.measure_above is None or quantity > row.measure_above)
        and (row.measure_through is None or quantity <= row.measure_through)
    )


def _beyond(first: CodeRow, further: CodeRow, quantity: Quantity) -> int:
    """Units after the first: whole ones, and one for a part where a part counts."""
    whole, part = divmod(max(quantity - first.measure_unit, 0), further.measure_unit)
    return int(whole) + (further.measure_part and part > 0)


def _plain(quantity: Quantity | None) -> str | int | None:
    return f"{quantity:f}" if isinstance(quantity, Decimal) else quantity


def _counted_by(first: CodeRow, inputs: dict[str, Any]) -> Reason:
    limits = {
        name: value
        for name in ("measure_unit", "measure_from", "measure_above", "measure_through")
        if (value := getattr(first, name))
    }
    return Reason(about="units", rule="units-by-quantity", citation=first.source, inputs=inputs | limits)


def _contradicts(first: CodeRow, measure: Measure, one: CodedIntervention, inputs: dict[str, Any]) -> Finding:
    fitting = inputs["fitting_code"]
    # Too little for a unit may still grow by the end of the month; another range means another code.
    waits = measure == "month_minutes" and first.measure_unit > 0
    return fail(
        MISFIT,
        f"{first.code} does not fit {_WORDS[measure]} of {inputs[measure]}"
        + (f"; {fitting} does" if fitting else "; no other code does"),
        f"Give {fitting}, or correct the record" if fitting else "Take the code off the visit, or correct the record",
        intervention_id=one.intervention_id,
        severity=Severity.REVIEW if waits else Severity.BLOCK,
        citation=first.source,
        inputs=inputs,
    )


def _unknown(first: CodeRow, measure: Measure, one: CodedIntervention, inputs: dict[str, Any]) -> Finding:
    return fail(
        "units.quantity-unknown",
        f"{first.code} goes by {_WORDS[measure]}, which the visit does not give; one unit of each code is billed",
        f"Send interventions.{measure} as the record has it",
        intervention_id=one.intervention_id,
        severity=Severity.REVIEW,
        result=Result.UNKNOWN,
        citation=first.source,
        inputs=inputs,
    )


def _implausible(first: CodeRow, measure: Measure, one: CodedIntervention, inputs: dict[str, Any]) -> Finding:
    return fail(
        "units.quantity-implausible",
        f"{first.code}: {_WORDS[measure]} cannot be {inputs[measure]}; one unit of each code is billed",
        f"Correct interventions.{measure}",
        intervention_id=one.intervention_id,
        severity=Severity.REVIEW,
        citation=first.source,
        inputs=inputs,
    )


def _unheard_of(first: CodeRow, members: Sequence[tuple[CodedIntervention, CodeRow]]) -> tuple[Finding, ...]:
    if first.unit_is is None:
        return ()
    return (
        fail(
            "units.quantity-unknown",
            f"A unit of {first.code} is {first.unit_is}; a visit does not say how many, so one is billed",
            "Check the number of units against the record",
            intervention_id=members[0][0].intervention_id,
            severity=Severity.REVIEW,
            result=Result.UNKNOWN,
            citation=CODE_SET,
            inputs={"code": first.code, "unit_is": first.unit_is, "units": 1},
        ),
    )
