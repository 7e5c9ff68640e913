"""Which billed units an assistant furnished in whole or in part.

Units are fixed first, by the unit rule; then each billed unit is looked at by itself, never the
line as a whole (42 USC 1395m(v); Pub 100-04 ch.5 s20.1; CY2022 physician fee schedule final rule).
Minutes of both together are the therapist's.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from claimbus.events import UnitShare

from units.domain.tables import UNIT, AssistantRow


@dataclass(frozen=True, slots=True)
class Worked:
    """Minutes of a service by who furnished them."""

    therapist: int
    """The therapist's alone and those of both together."""
    assistant: int
    """The assistant's alone."""
    known: bool = True
    """False where the record does not tell them apart; then all stand with the therapist."""

    def __add__(self, more: "Worked") -> "Worked":
        return Worked(self.therapist + more.therapist, self.assistant + more.assistant, self.known and more.known)

    def first(self, room: int) -> tuple["Worked", "Worked"]:
        """The first `room` minutes, the therapist's before the assistant's, and the rest."""
        therapist = min(self.therapist, room)
        assistant = min(self.assistant, room - therapist)
        rest = Worked(self.therapist - therapist, self.assistant - assistant, self.known)
        return Worked(therapist, assistant, self.known), rest


class _Part(NamedTuple):
    """Minutes of one billed unit, and whose it is by whole units."""

    therapist: int
    assistant: int
    owner: Literal["therapist", "assistant", "shared"]


UNKNOWN = "the record does not tell the assistant's minutes from the therapist's; all are shown as the therapist's"


def share_units(
    units: int, worked: Worked, unit_minutes: int, rule: AssistantRow | None, exempt: str
) -> tuple[UnitShare, ...]:
    """One share for each billed unit; their minutes add up to the service's.

    `unit_minutes` is 0 for an untimed code: there each unit is judged by the whole service, as nobody says
    which minutes made which unit. Without a `rule` no unit bears a modifier, because of `exempt`.
    """
    if units == 0:
        return ()
    whole = _Part(worked.therapist, worked.assistant, "shared")
    parts = _divide(units, worked, unit_minutes) if unit_minutes else _evenly(units, whole)
    shares = []
    for part in parts:
        assistant: bool | None
        if rule is None:
            assistant, reason = False, exempt
        elif not worked.known:
            assistant, reason = None, UNKNOWN
        else:
            assistant, reason = share_of(part if unit_minutes else whole, unit_minutes, rule)
        shares.append(
            UnitShare(
                therapist_minutes=part.therapist, assistant_minutes=part.assistant, assistant=assistant, reason=reason
            )
        )
    return tuple(shares)


def _evenly(units: int, whole: _Part) -> list[_Part]:
    """Minutes spread over units that are not made of minutes, so that the sum holds."""
    if units == 1:
        return [whole]
    return [
        _Part((whole.therapist + place) // units, (whole.assistant + place) // units, "shared")
        for place in range(units)
    ]


def _divide(units: int, worked: Worked, unit: int) -> list[_Part]:
    """Whole units by one person first, then what is left of both.

    Minutes that make no unit stay with a unit of the person who furnished them, so that the sum holds.
    """
    own_t, rest_t = divmod(worked.therapist, unit)
    own_a, rest_a = divmod(worked.assistant, unit)
    parts = [_Part(unit, 0, "therapist")] * own_t + [_Part(0, unit, "assistant")] * own_a
    left = units - len(parts)
    if left >= 2:
        # Two left, each person with a part of both: one unit each.
        return [*parts, _Part(rest_t, 0, "therapist"), _Part(0, rest_a, "assistant")]
    if left == 1:
        owner: Literal["therapist", "assistant", "shared"] = "shared"
        if not rest_a:
            owner = "therapist"
        elif not rest_t:
            owner = "assistant"
        return [*parts, _Part(rest_t, rest_a, owner)]
    takes_t = own_t - 1 if own_t else len(parts) - 1
    takes_a = len(parts) - 1 if own_a else own_t - 1
    parts[takes_t] = parts[takes_t]._replace(therapist=parts[takes_t].therapist + rest_t)
    parts[takes_a] = parts[takes_a]._replace(assistant=parts[takes_a].assistant + rest_a)
    return parts


def share_of(part: _Part, unit_minutes: int, rule: AssistantRow) -> tuple[bool, str]:
    if part.owner == "therapist" or not part.assistant:
        return False, "the therapist furnished this unit"
    if part.owner == "assistant" or not part.therapist:
        return True, "the assistant furnished this unit"
    if rule.midpoint_minutes is not None and unit_minutes == UNIT:
        if part.therapist >= rule.midpoint_minutes:
            return False, f"the therapist furnished {rule.midpoint_minutes} minutes or more of the last unit"
        if part.assistant >= rule.midpoint_minutes:
            return (
                True,
                f"the assistant furnished {rule.midpoint_minutes} minutes or more of the last unit, not the therapist",
            )
    if 100 * part.assistant > rule.tolerance_percent * (part.therapist + part.assistant):
        return True, f"the assistant furnished more than {rule.tolerance_percent} % of it"
    return False, f"the assistant furnished no more than {rule.tolerance_percent} % of it"
