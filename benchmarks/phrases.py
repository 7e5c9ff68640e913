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
from coding.rule_book import CodingRuleBook
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
    """What coding suggested for a phrase."""

    phrase: Phrase
    coded: CodedIntervention

    @property
    def top(self) -> str | None:
        """The best code, suggested or not."""
        if self.coded.suggested_code is not None or not self.coded.alternatives:
            return self.coded.suggested_code
        return self.coded.alternatives[0].code

    @property
    def is_right(self) -> bool:
        return self.top in self.phrase.expected

    @property
    def assigned_right(self) -> bool:
        return self.coded.code in self.phrase.expected


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


def code_phrase(phrase: Phrase, rules: CodingRules) -> Answer:
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
    return Answer(phrase, suggest_codes(visit, _BASIS, rules).interventions[0])


def without(phrases: Sequence[Phrase], source: str, rules: CodingRules) -> CodingRules:
    """The rules without the terms that occur in the phrases of `source` and in those of no other."""
    terms: set[tuple[str, str]] = set()
    terms_elsewhere: set[tuple[str, str]] = set()
    for phrase in phrases:
        reading = rules.lexicon.read("description", phrase.text)
        found: list[Mention | Cue] = [*reading.mentions, *reading.cues]
        for mention in found:
            words = phrase.text[mention.start : mention.end].lower()
            (terms if phrase.source == source else terms_elsewhere).add((mention.row.id, words))
    return replace(rules, lexicon=_Forgetful(rules.lexicon, terms - terms_elsewhere))


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
    positives = [answer for answer in answers if answer.phrase.expected]
    negatives = [answer for answer in answers if not answer.phrase.expected]
    suggested = [answer for answer in answers if answer.coded.suggested_code is not None]
    assigned = [answer for answer in answers if answer.coded.code is not None]
    gaps, bins = 0.0, []
    for low, high in pairwise(_BINS):
        inside = [answer for answer in suggested if low <= answer.coded.confidence < high]
        if inside:
            confidence = statistics.fmean(answer.coded.confidence for answer in inside)
            right = sum(answer.is_right for answer in inside) / len(inside)
            gaps += len(inside) * abs(confidence - right)
            row = {"from": low, "phrases": len(inside), "confidence": round(confidence, 3), "right": round(right, 3)}
            bins.append(row)
    return {
        "positives": len(positives),
        "top_right": sum(answer.is_right for answer in positives),
        "suggested_right": sum(answer.coded.suggested_code in answer.phrase.expected for answer in positives),
        "assigned": sum(answer.coded.code is not None for answer in positives),
        "assigned_right": sum(answer.assigned_right for answer in positives),
        "negatives": len(negatives),
        "negatives_suggested": sum(answer.coded.suggested_code is not None for answer in negatives),
        "negatives_assigned": sum(answer.coded.code is not None for answer in negatives),
        "precision_of_assigned": round(sum(answer.assigned_right for answer in assigned) / len(assigned), 3)
        if assigned
        else None,
        "brier": round(
            statistics.fmean((answer.coded.confidence - answer.is_right) ** 2 for answer in suggested)
            if suggested
            else 0,
            4,
        ),
        "calibration_error": round(gaps / len(suggested), 4) if suggested else None,
        "calibration": bins,
    }


def by_code(answers: Sequence[Answer]) -> Table:
    table = Table(title="By code (positives)", title_justify="left")
    for head in ("code", "phrases", "top right", "assigned", "assigned right"):
        table.add_column(head, justify="left" if head == "code" else "right")
    grouped: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.phrase.expected:
            grouped["/".join(sorted(answer.phrase.expected))].append(answer)
    for code, rows in sorted(grouped.items()):
        counts = (
            len(rows),
            sum(answer.is_right for answer in rows),
            sum(answer.coded.code is not None for answer in rows),
            sum(answer.assigned_right for answer in rows),
        )
        table.add_row(code, *map(str, counts))
    return table


def confusion(answers: Sequence[Answer]) -> Table:
    counts = Counter(
        ("/".join(sorted(answer.phrase.expected)) or _NONE, answer.top or _NONE)
        for answer in answers
        if not (answer.is_right if answer.phrase.expected else answer.coded.suggested_code is None)
    )
    table = Table(title="Confused: suggested instead of expected", title_justify="left")
    for head in ("expected", "suggested", "phrases"):
        table.add_column(head)
    for (expected, suggested), count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(expected, suggested, str(count))
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
            code_phrase(phrase, rules)
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
    rules = CodingRuleBook.load().on(DAY)
    answers = [code_phrase(phrase, rules) for phrase in phrases]
    split: list[Answer] = []
    sources = sorted({phrase.source for phrase in phrases})
    for source in track(sources, "split by source", console=out, transient=True):
        forgetful = without(phrases, source, rules)
        split += [code_phrase(phrase, forgetful) for phrase in phrases if phrase.source == source]
    result = {
        "whole": summary(answers),
        "undisputed": summary([answer for answer in answers if not answer.phrase.disputed]),
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
        for answer in answers:
            if not (answer.is_right if answer.phrase.expected else answer.coded.suggested_code is None):
                wanted = "/".join(sorted(answer.phrase.expected)) or _NONE
                alternatives = [(row.code, row.confidence) for row in answer.coded.alternatives]
                suggested = f"{answer.coded.suggested_code} {answer.coded.confidence} {alternatives}"
                out.print(
                    f"{answer.phrase.id} {wanted} <- {suggested} | {answer.phrase.text}",
                    soft_wrap=True,
                    markup=False,
                    highlight=False,
                )


if __name__ == "__main__":
    main()
