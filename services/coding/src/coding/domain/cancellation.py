"""What takes a service out of today: not performed, planned, earlier, the patient's own doing, a goal, a finding."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from coding.domain.lexicon import Cue, Reading

LABEL = "description"
"""The field that names the service; the narrative says what was done."""


_ENDED_BY_DOING = ("not_performed", "education")
"""What was done after a refusal or a talk was done: "declined hot pack, gait training completed"."""


class Cancelled(NamedTuple):
    """Words that took a term out of today, and their place."""

    field: str
    text: str
    cue: Cue


@dataclass(slots=True)
class Remainder:
    """What is left of one mention: the share of its weight, and what took the rest."""

    share: float = 1.0
    cancelled: Cancelled | None = None


def heaviest(codes: Mapping[str, float]) -> str:
    """The code with the most weight; the first of equals."""
    return max(codes, key=codes.__getitem__)


def find_cancelled(readings: Sequence[Reading]) -> tuple[list[list[Remainder]], list[Cancelled]]:
    """For each reading and each mention in it what is left; and what withdraws the intervention as a whole."""
    remainders = [[Remainder() for _ in reading.mentions] for reading in readings]
    withdrawn: list[Cancelled] = []
    for reading, of_reading in zip(readings, remainders, strict=True):
        withdrawn += _apply_cues(reading, of_reading)
    if withdrawn:
        for of_reading in remainders:
            for remainder in of_reading:
                remainder.share, remainder.cancelled = 0.0, withdrawn[0]
    else:
        _withdraw_labels(readings, remainders)
    return remainders, withdrawn


def _apply_cues(reading: Reading, remainders: list[Remainder]) -> list[Cancelled]:
    """Lower what the cues of one text reach; give back those that speak of the whole intervention.

    Cues of one row share a stretch of words (the last one reaches furthest back, the first one
    furthest on), so that the work is bounded by rows times words.
    """
    withdrawn: list[Cancelled] = []
    firsts = [mention.first for mention in reading.mentions]
    delivered = sorted(_delivered_from(reading, cue) for cue in reading.cues if cue.row.state == "delivered")
    stretches: dict[tuple[str, str, int], tuple[int, int, Cue]] = {}
    for cue in reading.cues:
        row = cue.row
        sentence = reading.sentence(cue.first)
        if row.state == "delivered" or (row.begins and cue.first != sentence[0]):
            continue
        if row.yields and _first(delivered, sentence[0]) < sentence[1]:
            continue
        clause = reading.clause(cue.first)[0]
        if row.reach:
            stretches[row.id, "near", cue.first] = (cue.last, min(cue.last + row.reach, sentence[1]), cue)
        elif row.side == "sentence":
            stretches[row.id, "sentence", sentence[0]] = (*sentence, cue)
        elif row.side == "on":
            stretches[row.id, "on", clause] = (clause, sentence[1], cue)
        elif row.side == "before" or (
            row.side == "around" and bisect_left(firsts, clause) < bisect_left(firsts, cue.first)
        ):
            stretches[row.id, "before", clause] = (clause, cue.first, cue)
        else:
            end = sentence[1]
            if row.state in _ENDED_BY_DOING:
                end = int(min(end, _first(delivered, cue.last)))
            stretches.setdefault((row.id, "after", sentence[0]), (cue.last, end, cue))
            if row.followed_by and _is_about_all(reading, cue, firsts, sentence):
                withdrawn.append(Cancelled(reading.name, reading.text, cue))
    for low, high, cue in stretches.values():
        cancelled = Cancelled(reading.name, reading.text, cue)
        for place in range(bisect_left(firsts, low), bisect_left(firsts, high)):
            remainder = remainders[place]
            if cue.row.keep < remainder.share and not cue.row.spares_any(reading.mentions[place].row.codes):
                remainder.share, remainder.cancelled = cue.row.keep, cancelled
    return withdrawn


def _first(places: Sequence[int], low: int) -> float:
    """The first of the sorted places from `low` on."""
    place = bisect_left(places, low)
    return places[place] if place < len(places) else inf


def _delivered_from(reading: Reading, cue: Cue) -> int:
    """The word from which on something was done: the verb, or its part of the sentence where that begins before it."""
    return cue.first if cue.row.side == "after" else reading.clause(cue.first)[0]


def _is_about_all(reading: Reading, cue: Cue, firsts: list[int], sentence: tuple[int, int]) -> bool:
    """Whether the cue's sentence names no service, and what follows the cue gives a reason or ends it."""
    named = reading.mentions[bisect_left(firsts, sentence[0]) : bisect_left(firsts, sentence[1])]
    if any(mention.row.kind in ("service", "activity") for mention in named):
        return False
    after = reading.words[cue.last] if cue.last < reading.clause(cue.first)[1] else ""
    return after in cue.row.followed_by


def _withdraw_labels(readings: Sequence[Reading], remainders: Sequence[list[Remainder]]) -> None:
    """A label falls with the narrative: `Gait training` above `refused to ambulate` names no service of today."""
    refused: dict[str, Cancelled] = {}
    delivered: set[str] = set()
    for reading, of_reading in zip(readings, remainders, strict=True):
        if reading.name != LABEL:
            for mention, remainder in zip(reading.mentions, of_reading, strict=True):
                if remainder.cancelled is None:
                    delivered.update(mention.row.codes)
                elif remainder.cancelled.cue.row.state == "not_performed":
                    refused |= dict.fromkeys(mention.row.codes, remainder.cancelled)
    refused = {code: cancelled for code, cancelled in refused.items() if code not in delivered}
    if not refused:
        return
    for reading, of_reading in zip(readings, remainders, strict=True):
        if reading.name == LABEL:
            for mention, remainder in zip(reading.mentions, of_reading, strict=True):
                if mention.row.codes and heaviest(mention.row.codes) in refused:
                    remainder.share, remainder.cancelled = 0.0, refused[heaviest(mention.row.codes)]
