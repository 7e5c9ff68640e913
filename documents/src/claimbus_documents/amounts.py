"""The money of a claim, checked before it stands on a document: whole cents, and a total that is the sum."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from claimbus.events import Line

CENT = Decimal("0.01")
_TOO_MUCH = Decimal(10) ** 12
"""US dollars that no claim comes to; below it, sums and cents are exact."""


def amount_problems(lines: Sequence[Line], total: Decimal | None) -> Iterator[str]:
    """What is wrong with the charges (US dollars), each by its field; nothing where they may be printed."""
    for place, line in enumerate(lines):
        if line.charge is None:
            yield f"lines.{place}.charge is missing"
        elif line.charge >= _TOO_MUCH:
            yield f"lines.{place}.charge is {_TOO_MUCH:,} dollars or more"
        elif not is_whole_cents(line.charge):
            yield f"lines.{place}.charge: {line.charge} has a fraction of a cent; send a charge in whole cents"
    charges = [line.charge for line in lines if line.charge is not None and line.charge < _TOO_MUCH]
    if lines and len(charges) == len(lines) and total != sum(charges):
        yield f"claim.total_charge: it says {total}, and the lines add up to {sum(charges)}"


def is_whole_cents(amount: Decimal) -> bool:
    return amount == amount.quantize(CENT)
