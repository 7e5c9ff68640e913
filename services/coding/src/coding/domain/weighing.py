"""How much the words of one intervention support each code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from claimbus.events.visit_completed import Contact

from coding.domain.cancellation import LABEL, Cancelled, Remainder, find_cancelled, heaviest
from coding.domain.lexicon import LexiconRow, Mention, Reading, State
from coding.domain.tables import CodingRules, ConfidenceRow, ContactRow, Fact, FactRow

_NOTHING: frozenset[str] = frozenset()
_NO_TAKES: Mapping[str, frozenset[str]] = {}
_UNCOUNTED = "muscle-group"
REGION = "body_region"
"""The field that gives the place: it names no service, and settles what the words mean."""


class Documented(NamedTuple):
    """What is documented of one intervention, as far as its code depends on it.

    `facts` are the figures that decide between two codes, as `facts.toml` names them.
    """

    texts: tuple[tuple[str, str | None], ...]
    body_region: str | None = None
    contact: Contact | None = None
    facts: Mapping[Fact, Decimal] = {}


class Weighed(NamedTuple):
    """A term at its place, and the weight that each of its codes has left."""

    field: str
    text: str
    mention: Mention
    weights: Mapping[str, float]
    lowered: bool


class Weighing(NamedTuple):
    """Weights by code, heaviest first, with the words behind them.

    `total` is all weight, silence included. `not_performed`: the words say that nothing of it was
    delivered. `doubt`: why words were set aside, where they outweigh those that are left.
    `moved_by`: contact and facts that moved weight. `muscles`: each muscle once, with the field and
    the text that name it. `level`: the level of evaluation that they name.
    """

    scores: Mapping[str, float]
    total: float
    terms: Sequence[Weighed] = ()
    cancelled: Sequence[Cancelled] = ()
    takes: Mapping[str, frozenset[str]] = _NO_TAKES
    moved_by: Sequence[ContactRow | FactRow] = ()
    muscles: Sequence[tuple[str, str, Mention]] = ()
    not_performed: bool = False
    doubt: State | None = None
    level: int | None = None

    @property
    def best(self) -> str | None:
        return next(iter(self.scores), None)

    def share(self, code: str) -> float:
        """The code's part of all weight; 0 to 1."""
        return self.scores.get(code, 0.0) / self.total

    def terms_for(self, code: str) -> list[Weighed]:
        """Terms behind a code, heaviest first: its own, and those whose weight moved over to it."""
        codes = (code, *self.takes.get(code, _NOTHING))
        found = []
        for place, term in enumerate(self.terms):
            weight = term.weights.get(code, 0.0)
            if len(codes) > 1:
                weight = max(term.weights.get(source, 0.0) for source in codes)
            if weight > 0:
                found.append((-weight, place))
        return [self.terms[place] for _weight, place in sorted(found)]


class _Found(NamedTuple):
    factor: float
    reading: Reading
    mention: Mention
    lowered: bool
    names_service: bool
    """Whether it names something done, not only a purpose or a means."""


def weigh(documented: Documented, rules: CodingRules, unlabelled: str | None = None) -> Weighing:
    """Weigh the words of one intervention; `unlabelled` leaves out labels that name that code alone."""
    readings = [rules.lexicon.read(name, text) for name, text in documented.texts if text]
    mentions = (mention for reading in readings for mention in reading.mentions)
    region = None
    if documented.body_region and any(_depends_on_region(mention.row, rules) for mention in mentions):
        region = rules.lexicon.read(REGION, documented.body_region)
    muscles = _muscles(readings, region, rules)
    readings = _in_context(readings, region)
    remainders: Sequence[Sequence[Remainder] | None] = [None] * len(readings)
    withdrawn: Sequence[Cancelled] = ()
    lost: Mapping[State, float] = {}
    if any(reading.cues for reading in readings):
        found_remainders, withdrawn = find_cancelled(readings)
        remainders, lost = found_remainders, _lost_weight(readings, found_remainders)
    found, purposes = _gather(readings, remainders, rules.confidence, unlabelled)
    terms = _weigh_terms(found, purposes, rules.confidence)
    scores: dict[str, float] = {}
    for term in terms:
        for code, weight in term.weights.items():
            scores[code] = scores.get(code, 0.0) + weight
    facts = {**documented.facts, "muscles": Decimal(len(muscles))} if muscles else documented.facts
    takes, moved_by = _takes(terms, scores, documented.contact, facts, rules)
    if takes:
        _move(scores, takes)
    live = sum(scores.values())
    doubt: State | None = "not_performed" if withdrawn else None
    if lost and not withdrawn and not any(map(_is_uncancelled_service, terms)):
        doubt = _greatest(lost, live)
    return Weighing(
        scores=dict(sorted(scores.items(), key=itemgetter(1), reverse=True)) if len(scores) > 1 else scores,
        total=live + rules.confidence.silence,
        terms=terms,
        cancelled=withdrawn or (_distinct_cancelled(remainders) if lost else ()),
        takes=takes,
        moved_by=moved_by,
        muscles=muscles,
        not_performed=bool(withdrawn) or (not live and doubt == "not_performed"),
        doubt=doubt,
        level=next((term.mention.row.level for term in terms if term.mention.row.level is not None), None),
    )


def _depends_on_region(row: LexiconRow, rules: CodingRules) -> bool:
    """Whether it matters where it was done; most services are the same everywhere."""
    return bool(row.within) or not rules.counted_by_muscle.isdisjoint(row.codes)


def _in_context(readings: list[Reading], region: Reading | None) -> list[Reading]:
    """The readings with each term as it is meant beside its neighbors, and in the region that is given."""
    mentions = [mention for reading in (*readings, region) if reading is not None for mention in reading.mentions]
    if not any(mention.row.within for mention in mentions):
        return readings
    contexts = {mention.row.gives for mention in mentions}
    return [
        replace(reading, mentions=[_as_meant(mention, contexts) for mention in reading.mentions])
        for reading in readings
    ]


def _muscles(readings: list[Reading], region: Reading | None, rules: CodingRules) -> list[tuple[str, str, Mention]]:
    """Each muscle that was needled, once; none where a group is named, because how many is then unknown.

    Those in a sentence that names the needling; where a text does not name it, all of them, if it
    names no other service whose muscles they may be.
    """
    found: dict[str, tuple[str, str, Mention]] = {}
    needled = False
    for reading in (*readings, region):
        if reading is None:
            continue
        sentences = {
            reading.sentence(mention.first)
            for mention in reading.mentions
            if not rules.counted_by_muscle.isdisjoint(mention.row.codes)
        }
        needled = needled or bool(sentences)
        another = not sentences and any(mention.row.kind in ("service", "activity") for mention in reading.mentions)
        for mention in reading.mentions:
            if mention.row.kind != "muscle" or another:
                continue
            if not sentences or reading.sentence(mention.first) in sentences:
                if mention.row.gives == _UNCOUNTED:
                    return []
                found.setdefault(mention.row.id, (reading.name, reading.text, mention))
    return list(found.values()) if needled else []


def _as_meant(mention: Mention, contexts: set[str | None]) -> Mention:
    for context, row in mention.row.in_context.items():
        if context in contexts:
            return mention._replace(row=row)
    return mention


def _lost_weight(readings: Sequence[Reading], remainders: Sequence[Sequence[Remainder]]) -> dict[State, float]:
    """The weight that was taken out of today, by state."""
    lost: dict[State, float] = {}
    for reading, of_reading in zip(readings, remainders, strict=True):
        for mention, remainder in zip(reading.mentions, of_reading, strict=True):
            if remainder.cancelled is not None and mention.row.codes:
                state = remainder.cancelled.cue.row.state
                lost[state] = lost.get(state, 0.0) + (1 - remainder.share) * max(mention.row.codes.values())
    return lost


def _is_uncancelled_service(term: Weighed) -> bool:
    """Whether the term names something done, and no cue lowered it."""
    return not term.lowered and term.mention.row.kind in ("service", "activity")


def _greatest(lost: Mapping[State, float], live: float) -> State | None:
    """The state that took most, where it took more than is left."""
    state = max(lost, key=lost.__getitem__)
    return state if lost[state] > live else None


def _gather(
    readings: Sequence[Reading],
    remainders: Sequence[Sequence[Remainder] | None],
    confidence: ConfidenceRow,
    unlabelled: str | None,
) -> tuple[list[_Found], set[str]]:
    """Each term once, at the place where most of it is left; and the codes of the purposes stated.

    The first purpose of a sentence governs, what follows it is a further one: "strength, for stairs".
    """
    best: dict[tuple[str, str], _Found] = {}
    purposes: set[str] = set()
    for reading, of_reading in zip(readings, remainders, strict=True):
        purpose: Mention | None = None
        for place, mention in enumerate(reading.mentions):
            row = mention.row
            factor, lowered = 1.0, False
            if of_reading is not None:
                factor, lowered = of_reading[place].share, of_reading[place].cancelled is not None
            if not row.codes or factor <= 0:
                continue
            if row.leads and mention.first > (not reading.words[0]):
                continue
            if row.kind == "service" and reading.name == LABEL:
                if unlabelled is not None and tuple(row.codes) == (unlabelled,):
                    continue
                factor *= confidence.label_factor
            elif row.kind == "purpose":
                if purpose is not None and mention.first < reading.sentence(purpose.first)[1]:
                    factor *= confidence.later_purpose
                elif not lowered:
                    purpose = mention
                    purposes.update(row.codes)
            key = row.id, reading.text[mention.start : mention.end].lower()
            if key not in best or factor > best[key].factor:
                names_service = row.kind in ("service", "activity") or (
                    row.kind == "purpose" and reading.makes_service(mention)
                )
                best[key] = _Found(factor, reading, mention, lowered, names_service)
    return sorted(best.values(), key=itemgetter(0), reverse=True), purposes


def _weigh_terms(found: Sequence[_Found], purposes: set[str], confidence: ConfidenceRow) -> list[Weighed]:
    """Terms with their weights. Terms of one row are one sort of evidence: a second and a third count in part."""
    governed = confidence.governed_by_purpose - purposes if purposes & confidence.governed_by_purpose else _NOTHING
    technique = any(_is_technique(term, confidence) for term in found)
    only_hints = all(term.mention.row.kind == "hint" for term in found)
    only_purposes = not any(term.names_service for term in found)
    terms: list[Weighed] = []
    seen: dict[str, int] = {}
    for factor, reading, mention, lowered, _names_service in found:
        row = mention.row
        before = seen.get(row.id, 0)
        if before >= confidence.most_terms:
            continue
        seen[row.id] = before + 1
        if before:
            factor *= confidence.further_term
        if row.kind == "hint" and not only_hints:
            factor *= confidence.hint_beside_words
        elif row.kind == "purpose":
            if technique:
                factor *= confidence.purpose_beside_technique
            elif only_purposes:
                factor *= confidence.purpose_alone
        weights: Mapping[str, float] = row.codes
        if governed and row.kind in ("activity", "hint"):
            beside = confidence.beside_purpose
            weights = {code: weight * (beside if code in governed else 1.0) for code, weight in weights.items()}
        if factor != 1.0:
            weights = {code: weight * factor for code, weight in weights.items()}
        terms.append(Weighed(reading.name, reading.text, mention, weights, lowered))
    return terms


def _is_technique(found: _Found, confidence: ConfidenceRow) -> bool:
    """Whether the words name what no purpose turns into another service: hands on, gait, a modality."""
    row = found.mention.row
    if row.kind not in ("service", "activity"):
        return False
    code = heaviest(row.codes)
    return code not in confidence.governed_by_purpose and row.codes[code] * found.factor >= confidence.technique_weight


def _takes(
    terms: Sequence[Weighed],
    scores: Mapping[str, float],
    contact: Contact | None,
    facts: Mapping[Fact, Decimal],
    rules: CodingRules,
) -> tuple[Mapping[str, frozenset[str]], list[ContactRow | FactRow]]:
    """By code: the codes whose weight moves over to it, by the words, by the contact and by figures.

    What the words move goes before the contact. Second, the rows of contact and figures that moved something.
    """
    takes: dict[str, frozenset[str]] = {}
    for term in terms:
        if term.mention.row.takes:
            taker = heaviest(term.weights)
            takes[taker] = takes.get(taker, _NOTHING) | frozenset(term.mention.row.takes)
    by_words = dict(takes)
    moved_by: list[ContactRow | FactRow] = []
    rows: list[ContactRow | FactRow] = list(rules.contacts.get(contact, ())) if contact is not None else []
    rows += [row for name, value in facts.items() for row in rules.facts.get(name, ()) if row.holds(value)]
    for row in rows:
        taken = frozenset(code for code in row.takes if code in scores and row.code not in by_words.get(code, _NOTHING))
        if taken:
            takes[row.code] = takes.get(row.code, _NOTHING) | taken
            moved_by.append(row)
    return {
        taker: frozenset(code for code in codes if taker not in takes.get(code, _NOTHING))
        for taker, codes in takes.items()
    }, moved_by


def _move(scores: dict[str, float], takes: Mapping[str, frozenset[str]]) -> None:
    """Move weights in place. A taker that is itself taken comes first, so that what it took moves on."""
    for taker in sorted(takes, key=lambda code: not any(code in taken for taken in takes.values())):
        moved = sum(scores.pop(code, 0.0) for code in sorted(takes[taker]))
        if moved:
            scores[taker] = scores.get(taker, 0.0) + moved


def _distinct_cancelled(remainders: Sequence[Sequence[Remainder] | None]) -> list[Cancelled]:
    """What lowered some term, without repeats."""
    cancelled = [remainder.cancelled for of_reading in remainders for remainder in of_reading or ()]
    return list({id(words): words for words in cancelled if words is not None}.values())
