"""The dollars of claim lines."""

from collections.abc import Sequence
from decimal import Decimal

from claimbus.events import Line
from claimbus.rules import Profile

from claims.domain.lines.fees import PricedItem, price_services, total_of
from claims.domain.lines.modifiers import ASSISTANT_MODIFIER
from claims.domain.tables import ClaimRules, ClaimSettings

_ASSISTANT = frozenset(ASSISTANT_MODIFIER.values())


def price_lines(lines: Sequence[Line], profile: Profile[ClaimSettings], rules: ClaimRules) -> tuple[Line, ...]:
    """The lines with what the payer allows and what is to be expected, and why."""
    items = [
        PricedItem(
            code=line.code,
            units=line.units,
            assistant_units=0 if _ASSISTANT.isdisjoint(line.modifiers) else line.units,
            charge=line.charge,
        )
        for line in lines
    ]
    return tuple(
        line.model_copy(
            update={
                "allowed_amount": amount.allowed,
                "expected_amount": amount.expected,
                "reasons": (*line.reasons, amount.reason),
            }
        )
        for line, amount in zip(lines, price_services(items, profile, rules), strict=True)
    )


def expected_of(profile: Profile[ClaimSettings], rules: ClaimRules, lines: Sequence[Line]) -> Decimal | None:
    """What lines bring when they alone are sent, in US dollars; null where one of them has no known fee."""
    return total_of(line.expected_amount for line in price_lines(lines, profile, rules))
