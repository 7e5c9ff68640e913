"""The terms that support a code, found in a text in one pass over its words."""

import re
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, product
from typing import Literal, NamedTuple

from claimbus.rules import DatedRow, RuleError

from coding.domain.inflection import stem, surfaces

Form = Literal["any", "exact", "upper"]
State = Literal[
    "not_performed",
    "planned",
    "historical",
    "home",
    "goal",
    "finding",
    "education",
    "instruction",
    "language",
    "delivered",
]
"""Why a service is not one of today, or that it is."""

_SEPARATOR = re.compile(r"([\W_]+)")
_SENTENCE_END = re.compile(r"[;!?\n\r\u2022]|\.\s")
_FIGURE = re.compile(r"[\d°]")
_COLON = re.compile(r"[:=]")
"""What the patterns of the tables need, one or the other; the tables' tests hold them to it."""
_LONGEST_LABEL = 4
"""Words of a label before a colon, or of a value behind it."""
_MOST_FILLERS = 3
"""Words passed over inside one term; a bound, so that no text makes the search slow."""
_FORM_ORDER: Mapping[Form, int] = {"upper": 0, "exact": 1, "any": 2}


class Term(NamedTuple):
    """One term of a row: its words in small letters, and the stem of each."""

    text: str
    form: Form
    words: tuple[str, ...]
    stems: tuple[str, ...]

    @classmethod
    def of(cls, text: str, form: Form) -> "Term":
        words = tuple(_SEPARATOR.split(text.lower())[::2])
        return cls(text, form, words, tuple(map(stem, words)))


class LexiconRow(DatedRow):
    """Terms that support one or more codes; the head of `lexicon.toml` says what the fields mean."""

    id: str
    kind: Literal["service", "activity", "purpose", "hint", "muscle"]
    codes: dict[str, float]
    terms: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    """Further terms that are read as written, because other forms of them are words of another meaning."""
    pattern: re.Pattern[str] | None = None
    form: Form = "any"
    takes: tuple[str, ...] = ()
    leads: bool = False
    """Whether it counts at the head of a text alone, as a code that an EHR writes before the label."""
    gives: str | None = None
    within: dict[str, dict[str, float]] = {}
    level: int | None = None

    @cached_property
    def all_terms(self) -> tuple[Term, ...]:
        """Made once for all periods that the row is in force in."""
        return (
            *(Term.of(term, self.form) for term in self.terms),
            *(Term.of(term, "exact") for term in self.exact),
        )

    @cached_property
    def in_context(self) -> Mapping[str, "LexiconRow"]:
        """By context: the same terms with the codes that they mean there."""
        return {context: self.model_copy(update={"codes": codes}) for context, codes in self.within.items()}


class DeliveryRow(DatedRow):
    """Words that say whether a service was delivered today; the head of `delivery.toml` says what the fields mean."""

    id: str
    state: State
    keep: float
    terms: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    needs: Literal["figure", "colon"] = "figure"
    labels: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    begins: bool = False
    yields: bool = False
    side: Literal["around", "before", "after", "on", "sentence"] = "around"
    reach: int = 0
    followed_by: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()

    @cached_property
    def all_terms(self) -> tuple[Term, ...]:
        """The terms as a text has them, made once for all periods that the row is in force in."""
        pairs = product(self.terms, self.beside)
        beside = (" ".join(words) for pair in pairs for words in (pair, pair[::-1]))
        return tuple(Term.of(text, "exact") for text in (beside if self.beside else self.terms))

    def spares_any(self, codes: Iterable[str]) -> bool:
        return bool(self.spares) and any(code in self.spares for code in codes)


class GrammarRow(DatedRow):
    """Words by the part that they play in a sentence."""

    role: Literal["filler", "contrast", "maker"]
    words: tuple[str, ...]


def check_terms(rows_by_file: Mapping[str, Iterable[LexiconRow | DeliveryRow]]) -> None:
    """Whether each term is one row's on every day.

    Raises `RuleError` for a term that two rows claim on the same day, naming the file of the second one.
    """
    claimed: dict[tuple[Form, tuple[str, ...]], list[LexiconRow | DeliveryRow]] = {}
    for file, rows in rows_by_file.items():
        for row in rows:
            for term in row.all_terms:
                claims = claimed.setdefault((term.form, term.stems if term.form == "any" else term.words), [])
                if claims and claims[-1] is row:
                    continue
                for rival in claims:
                    if rival.effective_from <= row.effective_through and row.effective_from <= rival.effective_through:
                        raise RuleError(
                            f"{file}: {row.id}: the term {term.text!r} stands in {rival.id} too; keep it in one"
                        )
                claims.append(row)


class Mention(NamedTuple):
    """A term of the lexicon in a text: words `first` up to `last`, characters `start` up to `end`."""

    row: LexiconRow
    first: int
    last: int
    start: int
    end: int


class Cue(NamedTuple):
    """Words in a text that say whether the service was delivered today."""

    row: DeliveryRow
    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """What was found in one text, in order of place."""

    name: str
    text: str
    words: Sequence[str]
    separators: Sequence[str]
    mentions: Sequence[Mention]
    cues: Sequence[Cue]
    contrast: frozenset[str]
    makers: frozenset[str]

    @cached_property
    def _sentence_starts(self) -> list[int]:
        starts = [0]
        for place, separator in enumerate(self.separators, 1):
            if self.words[place] in self.contrast or (separator != " " and _SENTENCE_END.search(separator)):
                starts.append(place)
        return starts

    @cached_property
    def _clause_starts(self) -> list[int]:
        commas = (place for place, separator in enumerate(self.separators, 1) if "," in separator)
        return sorted({*self._sentence_starts, *commas})

    def sentence(self, word: int) -> tuple[int, int]:
        """First word of the sentence that `word` is in, and the first word after it."""
        return _span(self._sentence_starts, word, len(self.words))

    def makes_service(self, mention: Mention) -> bool:
        """Whether a word behind the mention makes a service of an aim: `motor control training`."""
        return mention.last < len(self.words) and self.words[mention.last] in self.makers

    def clause(self, word: int) -> tuple[int, int]:
        """The same for the part of the sentence between commas."""
        return _span(self._clause_starts, word, len(self.words))


def _span(starts: list[int], word: int, total: int) -> tuple[int, int]:
    place = bisect_right(starts, word)
    return starts[place - 1], starts[place] if place < len(starts) else total


class _End(NamedTuple):
    form: Form
    words: tuple[str, ...]
    row: LexiconRow | DeliveryRow


@dataclass(slots=True)
class _Node:
    following: dict[str, "_Node"] = field(default_factory=dict)
    ends: list[_End] = field(default_factory=list)


class Lexicon:
    """All terms in force on a day, as a trie of word stems.

    A text of n words is read in O(n): each word is looked up once, and from a word that begins a
    term the search goes as far as the longest term. The longest term at a place wins, and its words
    belong to no other. Which row a term is of is plain: `check_terms` has seen to it.
    """

    def __init__(
        self, terms: Iterable[LexiconRow], delivery: Iterable[DeliveryRow], grammar: Iterable[GrammarRow]
    ) -> None:
        self._root = _Node()
        self._patterns: list[tuple[re.Pattern[str], LexiconRow | DeliveryRow]] = []
        self._labels: dict[tuple[str, ...], DeliveryRow] = {}
        self._values: dict[tuple[str, ...], DeliveryRow] = {}
        words = {row.role: frozenset(row.words) for row in grammar}
        self._fillers = words.get("filler", frozenset())
        self._contrast = words.get("contrast", frozenset())
        self._makers = words.get("maker", frozenset())
        stem_of: dict[str, str] = {}
        rows: Iterable[LexiconRow | DeliveryRow] = (*terms, *delivery)
        for row in rows:
            if row.pattern is not None:
                self._patterns.append((row.pattern, row))
            if isinstance(row, DeliveryRow):
                self._labels |= {tuple(label.split()): row for label in row.labels}
                self._values |= {tuple(value.split()): row for value in row.values}
            for term in row.all_terms:
                self._add(term, row)
                stem_of.update(zip(term.words, term.stems, strict=True))
        self._stem_of = {form: root for root in dict.fromkeys(stem_of.values()) for form in surfaces(root)} | stem_of

    def _add(self, term: Term, row: LexiconRow | DeliveryRow) -> None:
        """Put the term into the trie."""
        node = self._root
        for part in term.stems:
            node = node.following.setdefault(part, _Node())
        if not any(end.form == term.form and (term.form == "any" or end.words == term.words) for end in node.ends):
            node.ends.append(_End(term.form, term.words, row))
            node.ends.sort(key=lambda end: _FORM_ORDER[end.form])

    def read(self, name: str, text: str) -> Reading:
        """Find the terms of `text`, the content of the field `name`."""
        parts = _SEPARATOR.split(text)
        original, separators = parts[::2], parts[1::2]
        words = [word.lower() for word in original]
        stems = list(map(self._stem_of.get, words))
        mentions: list[Mention] = []
        cues: list[Cue] = []
        offsets: list[int] = []
        root = self._root.following
        place, total = 0, len(words)
        while place < total:
            first_stem = stems[place]
            node = root.get(first_stem) if first_stem is not None else None
            found = self._longest(node, place, original, words, stems) if node is not None else None
            if found is None:
                place += 1
                continue
            row, after = found
            offsets = offsets or list(accumulate(map(len, parts), initial=0))
            start, end = offsets[2 * place], offsets[2 * after - 1]
            if isinstance(row, LexiconRow):
                mentions.append(Mention(row, place, after, start, end))
            else:
                cues.append(Cue(row, place, after, start, end))
            place = after
        colons = _COLON.search(text) is not None
        if colons:
            offsets = offsets or list(accumulate(map(len, parts), initial=0))
            for cue, first, last in self._beside_colons(words, separators):
                insort(cues, Cue(cue, first, last, offsets[2 * first], offsets[2 * last - 1]), key=_by_place)
        figures = _FIGURE.search(text) is not None
        for pattern, row in self._patterns if figures or colons else ():
            if not (figures if isinstance(row, LexiconRow) or row.needs == "figure" else colons):
                continue
            for match in pattern.finditer(text):
                offsets = offsets or list(accumulate(map(len, parts), initial=0))
                word = (bisect_right(offsets, match.start()) - 1) // 2
                if isinstance(row, LexiconRow):
                    insort(mentions, Mention(row, word, word + 1, match.start(), match.end()), key=_by_place)
                    break
                insort(cues, Cue(row, word, word + 1, match.start(), match.end()), key=_by_place)
        return Reading(name, text, words, separators, mentions, cues, self._contrast, self._makers)

    def _beside_colons(self, words: Sequence[str], separators: Sequence[str]) -> Iterator[tuple[DeliveryRow, int, int]]:
        """Cues that are a label before a colon or a value behind it: the row, its first word, the word after."""
        for place, separator in enumerate(separators, 1):
            if separator == " " or not _COLON.search(separator):
                continue
            for length in range(min(_LONGEST_LABEL, place), 0, -1):
                if (row := self._labels.get(tuple(words[place - length : place]))) is not None:
                    yield row, place - length, place
                    break
            if words[place - 1] in self._makers:
                continue
            for length in range(_LONGEST_LABEL, 0, -1):
                if (row := self._values.get(tuple(words[place : place + length]))) is not None:
                    yield row, place, min(place + length, len(words))
                    break

    def _longest(
        self,
        node: _Node,
        place: int,
        original: Sequence[str],
        words: Sequence[str],
        stems: Sequence[str | None],
        after: int | None = None,
        skipped: int = 0,
    ) -> tuple[LexiconRow | DeliveryRow, int] | None:
        """The longest term from `place` on; the way through the trie is at `node`, before the word `after`."""
        after = place + 1 if after is None else after
        found: tuple[LexiconRow | DeliveryRow, int] | None = None
        for end in node.ends:
            if end.form == "any" or _as_written(end, original[place:after], words[place:after]):
                found = (end.row, after)
                break
        if after == len(words):
            return found
        next_stem = stems[after]
        following = node.following.get(next_stem) if next_stem is not None else None
        if following is not None:
            longer = self._longest(following, place, original, words, stems, after + 1, skipped)
            found = longer or found
        if skipped < _MOST_FILLERS and node.following and words[after] in self._fillers:
            longer = self._longest(node, place, original, words, stems, after + 1, skipped + 1)
            # Without a word of its own after the filler it is the same term, only longer.
            if longer is not None and longer[1] > after + 1 and (found is None or longer[1] > found[1]):
                found = longer
        return found


def _as_written(end: _End, original: Sequence[str], words: Sequence[str]) -> bool:
    if tuple(words) != end.words:
        return False
    return end.form == "exact" or all(word.isupper() for word in original if word.isalpha())


def _by_place(found: Mention | Cue) -> tuple[int, int]:
    return found.start, found.end
