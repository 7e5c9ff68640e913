"""Clock minutes: each is credited to one service only, however the times of the services overlap."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Stint(NamedTuple):
    """A service under way for a while, in whole clock minutes; a minute that was begun belongs to it.

    `through` is the first minute after it. `longest` are the most minutes that its length bears, `wanted`
    those that the record gives it.
    """

    through: int
    start: int
    code: str
    intervention_id: str
    longest: int
    wanted: int

    @property
    def possible(self) -> int:
        """Minutes that it can have by itself."""
        return min(self.wanted, self.longest)


def stint(start: datetime, end: datetime, code: str, intervention_id: str, minutes: int | None) -> Stint:
    """The stint of a service; without documented minutes it wants all of its time.

    `longest` is 0 or less where the service ends no later than it begins.
    """
    longest = -((start - end) // _MINUTE)
    return Stint(
        through=-((_EPOCH - end) // _MINUTE),
        start=(start - _EPOCH) // _MINUTE,
        code=code,
        intervention_id=intervention_id,
        longest=longest,
        wanted=longest if minutes is None else minutes,
    )


def overlap(stints: Iterable[Stint]) -> bool:
    """Whether a clock minute stands in more than one of them."""
    latest = None
    for item in sorted(stints, key=lambda item: item.start):
        if latest is not None and item.start < latest:
            return True
        latest = item.through
    return False


def credit_minutes(stints: Sequence[Stint]) -> list[int]:
    """Minutes of each stint, in the order given, when no clock minute is credited twice.

    Each minute goes to the stint under way that ends first, among equals to the one that began first, then
    by code and id. Serving the earliest end first credits the most minutes that can be credited, and the
    order of lines has no part in it.
    """
    left = [item.possible for item in stints]
    by_end = sorted(range(len(stints)), key=lambda place: stints[place])
    # Between two ends or starts of any stint the same ones are under way.
    bounds = sorted({bound for item in stints for bound in (item.start, item.through)})
    for start, through in pairwise(bounds):
        free = through - start
        for place in by_end:
            item = stints[place]
            if left[place] and item.start <= start and through <= item.through:
                taken = min(left[place], free)
                left[place] -= taken
                free -= taken
                if not free:
                    break
    return [item.possible - rest for item, rest in zip(stints, left, strict=True)]
