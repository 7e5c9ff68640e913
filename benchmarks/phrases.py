"""How good coding is: phrases whose code is known, read as the one intervention of a visit.

    python benchmarks/phrases.py PHRASES.jsonl... [--errors] [--json]

One JSON object a line: `id`, `text`, `expected` (every acceptable code; empty for a negative) and
`source_title`. Optional: `disputed`, `contact`, `program`, `discipline`. Nothing of it is in the repository.

*Split by source* reads each source without the terms that occur in its phrases alone: what the lexicon would
know of a source that nobody had read, from below, because a rare word of one source is dropped even where any
word list would have it. A figure for a file is held out only where nobody looked at the file before.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from claimbus.events import Basis, CodedIntervention, VisitCompleted
from coding.domain.lexicon import Cue, Lexicon, Mention
from coding.domain.suggest import suggest_codes
from coding.domain.tables import CodingRules
from coding.rules import RULES
from rich.console import Console
from rich.progress import track
from rich.table import Table

DAY = date(2026, 11, 18)
_BASIS = Basis(event_id="e", sha256="s")
_BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)
_NONE = "none"


@dataclass(frozen=True)
class Phrase:
    """A documented line and the codes that its source gives; none for a negative."""

    id: str
    text: str
    expected: frozenset[str]
    source: str
    disputed: bool
    facts: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What coding said of a phrase."""

    phrase: Phrase
    one: CodedIntervention

    @property
    def top(self) -> str | None:
        """The best code, suggested or not."""
        if self.one.suggested_code is not None or not self.one.alternatives:
            return self.one.suggested_code
        return self.one.alternatives[0].code

    @property
    def is_right(self) -> bool:
        return self.top in self.phrase.expected

    @property
    def assigned_right(self) -> bool:
        return self.one.code in self.phrase.expected


def read_phrases(paths: Iterable[Path]) -> list[Phrase]:
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                raw = json.loads(line)
                found.append(
                    Phrase(
                        id=raw["id"],
                        text=raw["text"],
                        expected=frozenset(raw["expected"]),
                        source=raw.get("source_title") or raw.get("source") or raw.get("setting") or path.stem,
                        disputed=raw.get("disputed", False),
                        facts={name: raw[name] for name in ("contact", "program", "discipline") if name in raw},
                    )
                )
            except (ValueError, KeyError) as exc:
                raise SystemExit(f"{path}:{number}: needs id, text and expected ({exc!r})") from exc
    return found


def answer(phrase: Phrase, rules: CodingRules) -> Answer:
    """Code the phrase as a line that the EHR lists with 15 minutes."""
    visit = VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": DAY,
            "discipline": phrase.facts.get("discipline", "PT"),
            "patient": {"patient_id": "x"},
            "coverage": [{"program": phrase.facts.get("program", "commercial")}],
            "interventions": [{"description": phrase.text, "minutes": 15, "contact": phrase.facts.get("contact")}],
        }
    )
    return Answer(phrase, suggest_codes(visit, _BASIS, rules, RULES.rule_set).interventions[0])


def without(phrases: Sequence[Phrase], source: str, rules: CodingRules) -> CodingRules:
    """The rules without the terms that occur in the phrases of `source` and in those of no other."""
    own: set[tuple[str, str]] = set()
    others: set[tuple[str, str]] = set()
    for phrase in phrases:
        reading = rules.lexicon.read("description", phrase.text)
        found: list[Mention | Cue] = [*reading.mentions, *reading.cues]
        for mention in found:
            words = phrase.text[mention.start : mention.end].lower()
            (own if phrase.source == source else others).add((mention.row.id, words))
    return replace(rules, lexicon=_Forgetful(rules.lexicon, own - others))


class _Forgetful(Lexicon):
    """A lexicon that does not know some terms."""

    def __init__(self, whole: Lexicon, unknown: set[tuple[str, str]]) -> None:
        self.__dict__.update(whole.__dict__)
        self._unknown = unknown

    def read(self, name: str, text: str) -> Any:
        reading = super().read(name, text)

        def known(found: Any) -> bool:
            return (found.row.id, text[found.start : found.end].lower()) not in self._unknown

        return replace(reading, mentions=list(filter(known, reading.mentions)), cues=list(filter(known, reading.cues)))


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Counts and shares; `brier` and `calibration` are over the positives and negatives with a suggestion."""
    positives = [one for one in answers if one.phrase.expected]
    negatives = [one for one in answers if not one.phrase.expected]
    suggested = [one for one in answers if one.one.suggested_code is not None]
    assigned = [one for one in answers if one.one.code is not None]
    gaps, bins = 0.0, []
    for low, high in pairwise(_BINS):
        inside = [one for one in suggested if low <= one.one.confidence < high]
        if inside:
            said = statistics.fmean(one.one.confidence for one in inside)
            true = sum(one.is_right for one in inside) / len(inside)
            gaps += len(inside) * abs(said - true)
            bins.append({"from": low, "phrases": len(inside), "confidence": round(said, 3), "right": round(true, 3)})
    return {
        "positives": len(positives),
        "top_right": sum(one.is_right for one in positives),
        "suggested_right": sum(one.one.suggested_code in one.phrase.expected for one in positives),
        "assigned": sum(one.one.code is not None for one in positives),
        "assigned_right": sum(one.assigned_right for one in positives),
        "negatives": len(negatives),
        "negatives_suggested": sum(one.one.suggested_code is not None for one in negatives),
        "negatives_assigned": sum(one.one.code is not None for one in negatives),
        "precision_of_assigned": round(sum(one.assigned_right for one in assigned) / len(assigned), 3)
        if assigned
        else None,
        "brier": round(
            statistics.fmean((one.one.confidence - one.is_right) ** 2 for one in suggested) if suggested else 0, 4
        ),
        "calibration_error": round(gaps / len(suggested), 4) if suggested else None,
        "calibration": bins,
    }


def by_code(answers: Sequence[Answer]) -> Table:
    table = Table(title="By code (positives)", title_justify="left")
    for head in ("code", "phrases", "top right", "assigned", "assigned right"):
        table.add_column(head, justify="left" if head == "code" else "right")
    grouped: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        if one.phrase.expected:
            grouped["/".join(sorted(one.phrase.expected))].append(one)
    for code, rows in sorted(grouped.items()):
        counts = (
            len(rows),
            sum(one.is_right for one in rows),
            sum(one.one.code is not None for one in rows),
            sum(one.assigned_right for one in rows),
        )
        table.add_row(code, *map(str, counts))
    return table


def confusion(answers: Sequence[Answer]) -> Table:
    counts = Counter(
        ("/".join(sorted(one.phrase.expected)) or _NONE, one.top or _NONE)
        for one in answers
        if not (one.is_right if one.phrase.expected else one.one.suggested_code is None)
    )
    table = Table(title="Confused: said instead of expected", title_justify="left")
    for head in ("expected", "said", "phrases"):
        table.add_column(head)
    for (expected, said), count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(expected, said, str(count))
    return table


def timings(phrases: Sequence[Phrase], rules: CodingRules) -> dict[str, float]:
    """Median microseconds for one phrase and for a text of 1,500 characters made of them."""
    note, length = [], 0
    for phrase in phrases:
        note.append(phrase.text)
        length += len(phrase.text) + 2
        if length > 1500:
            break
    long = Phrase("note", ". ".join(note)[:1500], frozenset(), "", False, {})
    took: dict[str, float] = {}
    for name, texts in (("phrase_us", list(phrases) * 3), ("note_1500_us", [long] * 200)):
        times = []
        for phrase in texts:
            start = time.perf_counter_ns()
            answer(phrase, rules)
            times.append((time.perf_counter_ns() - start) / 1000)
        took[name] = round(statistics.median(times), 1)
    took["note_characters"] = len(long.text)
    took["peak_memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phrases", nargs="+", type=Path)
    parser.add_argument("--errors", action="store_true", help="list what was wrong")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    options = parser.parse_args()
    out = Console(file=sys.stderr if options.json else sys.stdout, width=140)
    phrases = read_phrases(options.phrases)
    rules = RULES.on(DAY)
    answers = [answer(phrase, rules) for phrase in phrases]
    split: list[Answer] = []
    sources = sorted({phrase.source for phrase in phrases})
    for source in track(sources, "split by source", console=out, transient=True):
        forgetful = without(phrases, source, rules)
        split += [answer(phrase, forgetful) for phrase in phrases if phrase.source == source]
    result = {
        "whole": summary(answers),
        "undisputed": summary([one for one in answers if not one.phrase.disputed]),
        "split_by_source": summary(split),
        "timing": timings(phrases, rules),
    }
    if options.json:
        print(json.dumps(result))
        return
    out.print(by_code(answers), confusion(answers), sep="\n")
    for name, figures in result.items():
        out.print(f"[bold]{name}[/]")
        for key, value in figures.items():
            rows = value if isinstance(value, list) else [value]
            for row in rows:
                out.print(f"  {key:22} {row}", highlight=False)
    if options.errors:
        for one in answers:
            if not (one.is_right if one.phrase.expected else one.one.suggested_code is None):
                wanted = "/".join(sorted(one.phrase.expected)) or _NONE
                others = [(other.code, other.confidence) for other in one.one.alternatives]
                said = f"{one.one.suggested_code} {one.one.confidence} {others}"
                out.print(
                    f"{one.phrase.id} {wanted} <- {said} | {one.phrase.text}",
                    soft_wrap=True,
                    markup=False,
                    highlight=False,
                )


if __name__ == "__main__":
    main()
