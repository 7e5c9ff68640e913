"""What a payer's fee schedule allows for the services of one day, and what it is to be expected to bring.

Amounts are US dollars in cents. They are national: no locality's GPCI, no sequestration, no deductible; of one
visit: a second visit on the same day, which the multiple-procedure reduction would take in, is not seen here.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from claimbus.events import Reason
from claimbus.rules import Profile

from claims.domain.tables import ClaimRules, ClaimSettings, RvuRow

_CENT = Decimal("0.01")
_PERCENT = Decimal(100)
_LESSER = "42 CFR 414.21"
"""Payment is by the lesser of the actual charge and the schedule's amount."""


def total_of(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Sum of amounts; null where one of them is unknown."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


class PricedItem(NamedTuple):
    """Units of one code: a service, or one line of it."""

    code: str
    units: int
    assistant_units: int
    """Of them, how many carry CQ or CO."""
    charge: Decimal | None = None
    """For all of the units; a schedule never allows more. Null: not known, and no ceiling."""


class Amount(NamedTuple):
    """Dollars for one item, both null where they are not known.

    `allowed` is what counts toward the therapy threshold: the threshold counts expenses incurred (42 USC 1395l(g)),
    which are amounts of the schedule after the multiple-procedure reduction, with the patient's share. The
    assistant's reduction is of what the program pays (42 USC 1395m(v)), so it is not taken off there; that is our
    reading, and the cautious one: a threshold is then reached sooner, never later. `expected` is after it.
    """

    allowed: Decimal | None
    expected: Decimal | None
    reason: Reason


class _Priced(NamedTuple):
    """One unit of a code, when its practice expense is paid in full and when it is not."""

    row: RvuRow
    in_full: Decimal
    reduced: Decimal


def price_services(
    items: Sequence[PricedItem], profile: Profile[ClaimSettings], rules: ClaimRules
) -> tuple[Amount, ...]:
    """Amounts of all services of one visit, in the order of `items`.

    Of the units whose practice expense the multiple-procedure rule reduces, the one with the highest practice
    expense is paid in full. Equal ones rank by the whole fee, as contractors do; then a therapist's unit goes before
    an assistant's, and the lower code first, so that the order of items changes no sum.
    """
    factor = rules.conversion_factor
    if profile.settings.fees == "none" or factor is None:
        missing = "fee schedule" if profile.settings.fees == "none" else "conversion factor"
        return (_unknown(profile, {"unknown": missing}),) * len(items)
    prices = [_price(item.code, factor.amount, profile.settings.fee_percent, rules) for item in items]
    first = _paid_in_full(items, prices)
    # Where a code is not in the table, whether it would have outranked the others is open.
    unranked = sorted({item.code for item in items if item.code not in rules.rvus})
    amounts = []
    for number, (item, price) in enumerate(zip(items, prices, strict=True)):
        if price is None:
            row = rules.rvus.get(item.code)
            amounts.append(_unknown(profile, {"unknown": "RVUs", "status": row.status if row else None}))
        else:
            in_full = item.units if not _reduces(price) else int(number == first)
            amounts.append(_amount(item, price, in_full, unranked, profile, rules))
    return tuple(amounts)


def _price(code: str, factor: Decimal, percent: Decimal, rules: ClaimRules) -> _Priced | None:
    row = rules.rvus.get(code)
    if row is None or not row.payable:
        return None
    in_full = _fee(row.work + row.pe + row.mp, factor, percent)
    mppr = rules.mppr.get(row.mult_proc)
    if mppr is None:
        return _Priced(row, in_full, in_full)
    return _Priced(row, in_full, _fee(row.work + row.pe * (1 - mppr.pe_cut / _PERCENT) + row.mp, factor, percent))


def _fee(rvus: Decimal, factor: Decimal, percent: Decimal) -> Decimal:
    """One unit. CMS publishes a code's fee and its reduced fee in cents, and a contract pays a percent of those."""
    fee = _cents(rvus * factor)
    return fee if percent == _PERCENT else _cents(fee * percent / _PERCENT)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _reduces(price: _Priced) -> bool:
    return price.reduced != price.in_full


def _paid_in_full(items: Sequence[PricedItem], prices: Sequence[_Priced | None]) -> int | None:
    """Number of the item one unit of which is paid in full."""
    ranked = [
        (-price.row.pe, -price.in_full, item.assistant_units == item.units, item.code, number)
        for number, (item, price) in enumerate(zip(items, prices, strict=True))
        if price is not None and _reduces(price)
    ]
    return min(ranked)[-1] if ranked else None


def _amount(
    item: PricedItem,
    price: _Priced,
    in_full: int,
    unranked: list[str],
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
) -> Amount:
    fee = price.in_full * in_full + price.reduced * (item.units - in_full)
    allowed = fee if item.charge is None else min(fee, item.charge)
    citations = [profile.cite("fees")]
    row = price.row
    inputs: dict[str, Any] = {
        "work_rvu": str(row.work),
        "pe_rvu": str(row.pe),
        "mp_rvu": str(row.mp),
        "rvu_year": row.rvu_year,
        "estimate": row.rvu_year != rules.day.year,
        "gpci": "national",
        "conversion_factor": str(rules.conversion_factor.amount) if rules.conversion_factor else None,
        "percent": str(profile.settings.fee_percent),
        "units_in_full": in_full,
        "unit_in_full": str(price.in_full),
        "allowed": str(allowed),
    }
    if mppr := rules.mppr.get(row.mult_proc):
        citations.append(mppr.source)
        inputs |= {
            "units_reduced": item.units - in_full,
            "unit_reduced": str(price.reduced),
            "pe_cut": str(mppr.pe_cut),
        }
        if unranked:
            inputs |= {"estimate": True, "unranked": unranked}
    if allowed < fee:
        citations.append(_LESSER)
        inputs |= {"charge": str(item.charge)}
    expected = allowed
    cut = rules.assistant_reduction if profile.settings.assistant_reduction else None
    if cut is not None and item.assistant_units and fee:
        citations.append(cut.source)
        of_assistant = _fee_of_assistant(item, price, in_full)
        of_program = allowed * of_assistant / fee * cut.program_share / _PERCENT
        reduction = _cents(of_program * (1 - cut.paid / _PERCENT))
        expected = allowed - reduction
        inputs |= {"assistant_units": item.assistant_units, "assistant_reduction": str(reduction)}
    return Amount(allowed, expected, _reason("; ".join(citations), inputs))


def _fee_of_assistant(item: PricedItem, price: _Priced, in_full: int) -> Decimal:
    """Fees of the item's units that an assistant furnished; a therapist's are the first to be paid in full."""
    assistant_in_full = max(0, in_full - (item.units - item.assistant_units))
    return price.in_full * assistant_in_full + price.reduced * (item.assistant_units - assistant_in_full)


def _unknown(profile: Profile[ClaimSettings], inputs: Mapping[str, object]) -> Amount:
    return Amount(None, None, _reason(profile.cite("fees"), inputs))


def _reason(citation: str, inputs: Mapping[str, object]) -> Reason:
    return Reason(about="expected_amount", rule="fee-schedule", citation=citation, inputs=dict(inputs))
