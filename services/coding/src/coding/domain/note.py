"""The visit's note beside its lines: it makes no line, it contradicts one or asks for one."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from claimbus.events import CodedIntervention, Documentation, Finding
from claimbus.values import Result, Severity

from coding.domain.cancellation import find_cancelled
from coding.domain.evaluation import KINDS
from coding.domain.lexicon import Mention
from coding.domain.tables import CodingRules

_DONE_HERE = ("text", "objective")
"""Parts of a note that say what was done; a plan names services too."""
_READ = ("text", "objective", "assessment")
_MINUTES = re.compile(r"(?<![\d.:/])(\d{1,3}) ?(?:min|mins|minutes|')(?!\w)", re.IGNORECASE)
_CITATION = "Pub 100-02 ch.15 s220.3 E: the treatment note names each intervention provided and billed"


class _Place(NamedTuple):
    """Where words stand: a field of the visit, and offsets in it."""

    field: str
    start: int
    end: int


class _Said(NamedTuple):
    refused: Mapping[str, _Place]
    timed: Mapping[str, _Place]


def find_in_note(
    documentation: Documentation | None, coded: list[CodedIntervention], rules: CodingRules
) -> Iterator[Finding]:
    """Lines whose service the note says was not performed; services that it gives minutes for and no line bears."""
    said = _read(documentation, rules)
    if said is None:
        return
    borne = {code for one in coded for code in (one.code, one.suggested_code) if code is not None}
    for one in coded:
        place = next((said.refused[code] for code in _same(one.code, rules) if code in said.refused), None)
        if place is not None and one.minutes != 0:
            yield Finding(
                id="coding.note-contradicts",
                result=Result.FAIL,
                severity=Severity.REVIEW,
                intervention_id=one.intervention_id,
                message=f"The visit lists {one.code}, and its note says that the service was not performed.",
                fix="Take the service off the visit, or correct the note by an addendum that says what was delivered.",
                rule="coding-note",
                citation=_CITATION,
                inputs={"code": one.code, "minutes": one.minutes, **place._asdict()},
            )
    for code, place in said.timed.items():
        if not borne & set(_same(code, rules)) and code not in said.refused:
            yield Finding(
                id="coding.service-not-listed",
                result=Result.UNKNOWN,
                severity=Severity.INFO,
                message=f"The note gives minutes for what reads as {code}, and no line of the visit bears it.",
                fix="Add the service with its minutes if it was delivered and is not under another line.",
                rule="coding-note",
                citation=_CITATION,
                inputs={"code": code, **place._asdict()},
            )


def _read(documentation: Documentation | None, rules: CodingRules) -> _Said | None:
    note = documentation.note if documentation is not None else None
    if note is None:
        return None
    refused: dict[str, _Place] = {}
    timed: dict[str, _Place] = {}
    delivered: set[str] = set()
    for part in _READ:
        text = getattr(note, part)
        if not text:
            continue
        reading = rules.lexicon.read(f"documentation.note.{part}", text)
        (standing,), _ = find_cancelled([reading])
        for mention, one in zip(reading.mentions, standing, strict=True):
            code = _names(mention, rules)
            if code is None:
                continue
            place = _Place(reading.name, mention.start, mention.end)
            if one.by is None:
                delivered.add(code)
                if part in _DONE_HERE and _minutes_follow(text, mention.end):
                    timed.setdefault(code, place)
            elif one.by.cue.row.state == "not_performed":
                refused.setdefault(code, place)
    return _Said({code: place for code, place in refused.items() if code not in delivered}, timed)


def _names(mention: Mention, rules: CodingRules) -> str | None:
    """The one code that the words name by themselves, surely enough to hold it against a line."""
    row = mention.row
    if row.kind not in ("service", "activity") or len(row.codes) != 1:
        return None
    ((code, weight),) = row.codes.items()
    return code if code not in KINDS and weight >= rules.confidence.clear_weight else None


def _minutes_follow(text: str, end: int) -> bool:
    """Whether minutes stand behind the words, with no other sentence or item between."""
    rest = text[end : end + 24]
    found = _MINUTES.search(rest)
    return found is not None and not set(rest[: found.start()]) & set(".;,\n")


def _same(code: str | None, rules: CodingRules) -> tuple[str, ...]:
    return () if code is None else (code, *rules.same_service.get(code, ()))
