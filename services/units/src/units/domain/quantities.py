"""Untimed codes: one unit a day, or as many as the area, the days or the month's minutes make."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from claimbus.events import Checked, CodedIntervention, Finding, Reason
from claimbus.rules import FindingRow

from units.domain.findings import CODE_SET, MANUAL, UnitFinding
from units.domain.tables import CodeRow, Measure

Quantity = Decimal | int

_MEASURES: Mapping[Measure, str] = {
    "area_sq_cm": "the wound surface (area_sq_cm)",
    "monitored_days": "the days with data (monitored_days)",
    "month_minutes": "the minutes of management in the calendar month (month_minutes)",
}
_MOST: Mapping[Measure, int] = {"area_sq_cm": 25_000, "monitored_days": 31, "month_minutes": 31 * 24 * 60}
"""More than a body's surface, a month's days and its minutes have is a slip of the pen."""


class Tally(NamedTuple):
    """Units by code of one untimed service; 0 where the record contradicts the code."""

    units: Mapping[str, int]
    reason: Reason
    checked: tuple[Checked, ...] = ()
    known: bool = True
    """False where the units stand in for a quantity that nobody gave."""


def tally_units(
    first: CodeRow,
    further: CodeRow | None,
    members: Sequence[tuple[CodedIntervention, CodeRow]],
    codes: Mapping[str, CodeRow],
    findings: Mapping[UnitFinding, FindingRow],
) -> Tally:
    """Units of a service that has no timed units.

    `members` are its interventions with the code of each; `codes` those valid on the day. Where the
    quantity is unknown each charted code is one unit, and a finding asks for the quantity.
    """
    if first.measure is None:
        reason = Reason(
            about="units", rule="untimed-one-a-day", citation=MANUAL, inputs={"interventions": len(members)}
        )
        return Tally({first.code: 1}, reason, _not_in_visit(first, members, findings), known=first.unit_is is None)
    quantity = _measure(first.measure, [intervention for intervention, _ in members])
    inputs = {"code": first.code, first.measure: _plain(quantity)}
    if quantity is None or not 0 <= quantity <= _MOST[first.measure]:
        units = dict.fromkeys([first.code, *(row.code for _, row in members)], 1)
        reason = Reason(about="units", rule="quantity-unknown-one-unit", citation=CODE_SET, inputs=inputs)
        finding = _not_usable(first, first.measure, members[0][0], quantity, inputs, findings)
        return Tally(units, reason, (finding,), known=False)
    if not _fits(first, quantity):
        twin = codes.get(first.twin or "")
        fitting = twin.code if twin is not None and _fits(twin, quantity) else None
        finding = _contradicts(first, first.measure, members[0][0], inputs | {"fitting_code": fitting}, findings)
        return Tally({first.code: 0}, _counted_by(first, inputs | {"units": 0}), (finding,))
    fits = findings[UnitFinding.QUANTITY_CONTRADICTS_CODE].passed()
    units = {first.code: 1}
    if further is not None and (beyond := _beyond(first, further, quantity)):
        units[further.code] = beyond
    return Tally(units, _counted_by(first, inputs | {"units": sum(units.values())}), (fits,))


def _measure(measure: Measure, members: Sequence[CodedIntervention]) -> Quantity | None:
    """Areas add up, and one that is missing leaves the sum unknown; days and the month's minutes are the period's."""
    values = [getattr(intervention, measure) for intervention in members]
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


def _contradicts(
    first: CodeRow,
    measure: Measure,
    intervention: CodedIntervention,
    inputs: dict[str, Any],
    findings: Mapping[UnitFinding, FindingRow],
) -> Finding:
    # Too little for a unit may still grow by the end of the month; another range means another code.
    waits = measure == "month_minutes" and first.measure_unit > 0
    variants = {(True, True): "too-little-yet", (True, False): "too-little-for-any", (False, False): "no-other-code"}
    return findings[UnitFinding.QUANTITY_CONTRADICTS_CODE].fail(
        variants.get((waits, inputs["fitting_code"] is not None), ""),
        intervention_id=intervention.intervention_id,
        codes=(first.code,),
        citation=first.source,
        inputs=inputs,
        text={"measure": _MEASURES[measure], "quantity": inputs[measure]},
    )


def _not_usable(
    first: CodeRow,
    measure: Measure,
    intervention: CodedIntervention,
    quantity: Quantity | None,
    inputs: dict[str, Any],
    findings: Mapping[UnitFinding, FindingRow],
) -> Finding:
    """A quantity that is missing, or that cannot be."""
    missing = quantity is None
    row = findings[UnitFinding.QUANTITY_UNKNOWN if missing else UnitFinding.QUANTITY_IMPLAUSIBLE]
    return (row.unknown if missing else row.fail)(
        intervention_id=intervention.intervention_id,
        codes=(first.code,),
        field=f"interventions.{measure}",
        citation=first.source,
        inputs=inputs,
        text={"measure": _MEASURES[measure], "quantity": inputs[measure], "field": measure},
    )


def _not_in_visit(
    first: CodeRow,
    members: Sequence[tuple[CodedIntervention, CodeRow]],
    findings: Mapping[UnitFinding, FindingRow],
) -> tuple[Finding, ...]:
    """No field of a visit has what the code's units count."""
    if first.unit_is is None:
        return ()
    return (
        findings[UnitFinding.QUANTITY_UNKNOWN].unknown(
            "not-in-visit",
            intervention_id=members[0][0].intervention_id,
            codes=(first.code,),
            citation=CODE_SET,
            inputs={"code": first.code, "unit_is": first.unit_is, "units": 1},
        ),
    )
