"""The visit's note beside its lines: it makes no line, it contradicts one or asks for one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from claimbus.events import Checked, CodedIntervention, Documentation

from coding.domain.cancellation import find_cancelled
from coding.domain.findings import CodingFinding
from coding.domain.lexicon import Mention
from coding.domain.tables import KINDS, CodingRules

_DONE_HERE = ("text", "objective")
"""Parts of a note that say what was done; a plan names services too."""
_READ = ("text", "objective", "assessment")
_MINUTES = re.compile(r"(?<![\d.:/])(\d{1,3}) ?(?:min|mins|minutes|')(?!\w)", re.IGNORECASE)


class _Place(NamedTuple):
    """A place in the visit: a field, and offsets in its text."""

    field: str
    start: int
    end: int


class _Named(NamedTuple):
    """Services that the note names, by code, with the first place of each."""

    refused: Mapping[str, _Place]
    timed: Mapping[str, _Place]


def check_note(
    documentation: Documentation | None, coded: Sequence[CodedIntervention], rules: CodingRules
) -> Iterator[Checked]:
    """Lines whose service the note calls not performed; services that it gives minutes for and no line lists."""
    named = _read(documentation, rules)
    if named is None:
        return
    for intervention in coded:
        code = intervention.code
        place = next((named.refused[same] for same in _same_service(code, rules) if same in named.refused), None)
        if code is not None and place is not None and intervention.minutes != 0:
            yield rules.findings[CodingFinding.NOTE_CONTRADICTS].fail(
                intervention_id=intervention.intervention_id,
                codes=(code,),
                field=place.field,
                inputs={"code": code, "minutes": intervention.minutes, **place._asdict()},
            )
    listed = {code for intervention in coded for code in (intervention.code, intervention.suggested_code)}
    for code, place in named.timed.items():
        if listed.isdisjoint(_same_service(code, rules)) and code not in named.refused:
            yield rules.findings[CodingFinding.SERVICE_NOT_LISTED].unknown(
                codes=(code,), field=place.field, inputs={"code": code, **place._asdict()}
            )


def _read(documentation: Documentation | None, rules: CodingRules) -> _Named | None:
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
        (remainders,), _ = find_cancelled([reading])
        for mention, remainder in zip(reading.mentions, remainders, strict=True):
            code = _code_named(mention, rules)
            if code is None:
                continue
            place = _Place(reading.name, mention.start, mention.end)
            if remainder.cancelled is None:
                delivered.add(code)
                if part in _DONE_HERE and _minutes_follow(text, mention.end):
                    timed.setdefault(code, place)
            elif remainder.cancelled.cue.row.state == "not_performed":
                refused.setdefault(code, place)
    return _Named({code: place for code, place in refused.items() if code not in delivered}, timed)


def _code_named(mention: Mention, rules: CodingRules) -> str | None:
    """The one code that the words name by themselves, surely enough to hold it against a line."""
    row = mention.row
    if row.kind not in ("service", "activity") or len(row.codes) != 1:
        return None
    ((code, weight),) = row.codes.items()
    return code if code not in KINDS and weight >= rules.confidence.clear_weight else None


def _minutes_follow(text: str, end: int) -> bool:
    """Whether minutes follow the words, with no other sentence or item between."""
    rest = text[end : end + 24]
    found = _MINUTES.search(rest)
    return found is not None and not set(rest[: found.start()]) & set(".;,\n")


def _same_service(code: str | None, rules: CodingRules) -> tuple[str, ...]:
    return () if code is None else (code, *rules.same_service.get(code, ()))
