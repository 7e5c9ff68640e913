"""How much the words of one intervention speak for each code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from claimbus.events.visit_completed import Contact

from coding.domain.cancellation import LABEL, Cancelled, Standing, find_cancelled, heaviest
from coding.domain.lexicon import LexiconRow, Mention, Reading, State
from coding.domain.tables import CodingRules, ConfidenceRow, ContactRow, FactRow

_NOTHING: frozenset[str] = frozenset()
_NO_TAKES: Mapping[str, frozenset[str]] = {}
_UNCOUNTED = "muscle-group"
REGION = "body_region"
"""The field that says where: it names no service, it tells what the words mean."""


class Documented(NamedTuple):
    """What is documented of one intervention, as far as it bears on its code.

    `facts` are the figures that decide between two codes, by the names that `facts.toml` uses.
    """

    texts: tuple[tuple[str, str | None], ...]
    body_region: str | None = None
    contact: Contact | None = None
    facts: Mapping[str, Decimal] = {}


class Weighed(NamedTuple):
    """A term where it stands, and the weight that each of its codes has left."""

    field: str
    text: str
    mention: Mention
    weights: Mapping[str, float]
    lowered: bool


class Weighing(NamedTuple):
    """Weights by code, heaviest first, with the words behind them.

    `total` is all weight, silence included. `not_performed`: the words say that nothing of it was
    delivered. `doubt`: why words were set aside, where they outweigh those that are left.
    `settled_by`: contact and facts that moved weight. `muscles`: each muscle once, with the field and
    the text that name it. `level`: the level of evaluation that they name.
    """

    scores: Mapping[str, float]
    total: float
    terms: Sequence[Weighed] = ()
    cancelled: Sequence[Cancelled] = ()
    takes: Mapping[str, frozenset[str]] = _NO_TAKES
    settled_by: Sequence[ContactRow | FactRow] = ()
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

    def speaks_for(self, code: str) -> list[Weighed]:
        """Terms behind a code, heaviest first: its own, and those whose weight moved over to it."""
        codes = (code, *self.takes.get(code, _NOTHING))
        found = []
        for place, term in enumerate(self.terms):
            weight = max(term.weights.get(one, 0.0) for one in codes) if len(codes) > 1 else term.weights.get(code, 0.0)
            if weight > 0:
                found.append((-weight, place))
        return [self.terms[place] for _weight, place in sorted(found)]


class _Found(NamedTuple):
    factor: float
    reading: Reading
    mention: Mention
    lowered: bool
    names: bool
    """Whether it names something done, not only an aim or a means."""


def weigh(documented: Documented, rules: CodingRules, unlabelled: str | None = None) -> Weighing:
    """Weigh the words of one intervention; `unlabelled` leaves out labels that name that code alone."""
    readings = [rules.lexicon.read(name, text) for name, text in documented.texts if text]
    region = None
    if documented.body_region and any(_asks_where(mention.row, rules) for one in readings for mention in one.mentions):
        region = rules.lexicon.read(REGION, documented.body_region)
    muscles = _muscles(readings, region, rules)
    readings = _in_context(readings, region)
    standings: Sequence[Sequence[Standing] | None] = [None] * len(readings)
    withdrawn: Sequence[Cancelled] = ()
    lost: Mapping[State, float] = {}
    if any(reading.cues for reading in readings):
        left, withdrawn = find_cancelled(readings)
        standings, lost = left, _lost(readings, left)
    found, aims = _gather(readings, standings, rules.confidence, unlabelled)
    terms = _weigh_terms(found, aims, rules.confidence)
    scores: dict[str, float] = {}
    for term in terms:
        for code, weight in term.weights.items():
            scores[code] = scores.get(code, 0.0) + weight
    facts = {**documented.facts, "muscles": Decimal(len(muscles))} if muscles else documented.facts
    takes, settled_by = _takes(terms, scores, documented.contact, facts, rules)
    if takes:
        _move(scores, takes)
    live = sum(scores.values())
    doubt: State | None = "not_performed" if withdrawn else None
    if lost and not withdrawn and not any(map(_stands, terms)):
        doubt = _greatest(lost, live)
    return Weighing(
        scores=dict(sorted(scores.items(), key=itemgetter(1), reverse=True)) if len(scores) > 1 else scores,
        total=live + rules.confidence.silence,
        terms=terms,
        cancelled=withdrawn or (_each_once(standings) if lost else ()),
        takes=takes,
        settled_by=settled_by,
        muscles=muscles,
        not_performed=bool(withdrawn) or (not live and doubt == "not_performed"),
        doubt=doubt,
        level=next((term.mention.row.level for term in terms if term.mention.row.level is not None), None),
    )


def _asks_where(row: LexiconRow, rules: CodingRules) -> bool:
    """Whether it matters where it was done; most services are the same everywhere."""
    return bool(row.within) or not rules.counted_by_muscle.isdisjoint(row.codes)


def _in_context(readings: list[Reading], region: Reading | None) -> list[Reading]:
    """The readings with each term as it is meant beside the others, and where the region says."""
    mentions = [mention for reading in (*readings, region) if reading is not None for mention in reading.mentions]
    if not any(mention.row.within for mention in mentions):
        return readings
    contexts = {mention.row.gives for mention in mentions}
    return [
        replace(reading, mentions=[_meant(mention, contexts) for mention in reading.mentions]) for reading in readings
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
        others = not sentences and any(mention.row.kind in ("service", "activity") for mention in reading.mentions)
        for mention in reading.mentions:
            if mention.row.kind != "muscle" or others:
                continue
            if not sentences or reading.sentence(mention.first) in sentences:
                if mention.row.gives == _UNCOUNTED:
                    return []
                found.setdefault(mention.row.id, (reading.name, reading.text, mention))
    return list(found.values()) if needled else []


def _meant(mention: Mention, contexts: set[str | None]) -> Mention:
    for context, row in mention.row.in_context.items():
        if context in contexts:
            return mention._replace(row=row)
    return mention


def _lost(readings: Sequence[Reading], standings: Sequence[Sequence[Standing]]) -> dict[State, float]:
    """The weight that was taken out of today, by state."""
    lost: dict[State, float] = {}
    for reading, standing in zip(readings, standings, strict=True):
        for mention, one in zip(reading.mentions, standing, strict=True):
            if one.by is not None and mention.row.codes:
                state = one.by.cue.row.state
                lost[state] = lost.get(state, 0.0) + (1 - one.keep) * max(mention.row.codes.values())
    return lost


def _stands(term: Weighed) -> bool:
    """Whether the term names something done, and no cue lowered it."""
    return not term.lowered and term.mention.row.kind in ("service", "activity")


def _greatest(lost: Mapping[State, float], live: float) -> State | None:
    """The state that took most, where it took more than is left."""
    state = max(lost, key=lost.__getitem__)
    return state if lost[state] > live else None


def _gather(
    readings: Sequence[Reading],
    standings: Sequence[Sequence[Standing] | None],
    confidence: ConfidenceRow,
    unlabelled: str | None,
) -> tuple[list[_Found], set[str]]:
    """Each term once, at the place where most of it is left; and the codes of the purposes stated.

    The first purpose of a sentence is the aim, what follows it a further one: "strength, for stairs".
    """
    best: dict[tuple[str, str], _Found] = {}
    aims: set[str] = set()
    for reading, standing in zip(readings, standings, strict=True):
        aim: Mention | None = None
        for place, mention in enumerate(reading.mentions):
            row = mention.row
            factor, lowered = 1.0, False
            if standing is not None:
                factor, lowered = standing[place].keep, standing[place].by is not None
            if not row.codes or factor <= 0:
                continue
            if row.leads and mention.first > (not reading.words[0]):
                continue
            if row.kind == "service" and reading.name == LABEL:
                if unlabelled is not None and tuple(row.codes) == (unlabelled,):
                    continue
                factor *= confidence.label_factor
            elif row.kind == "purpose":
                if aim is not None and mention.first < reading.sentence(aim.first)[1]:
                    factor *= confidence.later_purpose
                elif not lowered:
                    aim = mention
                    aims.update(row.codes)
            key = row.id, reading.text[mention.start : mention.end].lower()
            if key not in best or factor > best[key].factor:
                names = row.kind in ("service", "activity") or (
                    row.kind == "purpose" and reading.makes_service(mention)
                )
                best[key] = _Found(factor, reading, mention, lowered, names)
    return sorted(best.values(), key=itemgetter(0), reverse=True), aims


def _weigh_terms(found: Sequence[_Found], aims: set[str], confidence: ConfidenceRow) -> list[Weighed]:
    """Terms with their weights. Terms of one row are one sort of evidence: a second and a third count in part."""
    governed = confidence.governed_by_purpose - aims if aims & confidence.governed_by_purpose else _NOTHING
    technique = any(_is_technique(one, confidence) for one in found)
    only_hints = all(one.mention.row.kind == "hint" for one in found)
    only_aims = not any(one.names for one in found)
    terms: list[Weighed] = []
    seen: dict[str, int] = {}
    for factor, reading, mention, lowered, _names in found:
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
            elif only_aims:
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
    facts: Mapping[str, Decimal],
    rules: CodingRules,
) -> tuple[Mapping[str, frozenset[str]], list[ContactRow | FactRow]]:
    """By code: the codes whose weight moves over to it, by the words, by the contact and by figures.

    What the words say stands against the contact. Second, the rows of contact and figures that moved something.
    """
    takes: dict[str, frozenset[str]] = {}
    for term in terms:
        if term.mention.row.takes:
            taker = heaviest(term.weights)
            takes[taker] = takes.get(taker, _NOTHING) | frozenset(term.mention.row.takes)
    spoken = dict(takes)
    settled_by: list[ContactRow | FactRow] = []
    settlers: list[ContactRow | FactRow] = list(rules.contacts.get(contact, ())) if contact is not None else []
    settlers += [row for name, value in facts.items() for row in rules.facts.get(name, ()) if row.holds(value)]
    for row in settlers:
        free = frozenset(code for code in row.takes if code in scores and row.code not in spoken.get(code, _NOTHING))
        if free:
            takes[row.code] = takes.get(row.code, _NOTHING) | free
            settled_by.append(row)
    return {
        taker: frozenset(code for code in codes if taker not in takes.get(code, _NOTHING))
        for taker, codes in takes.items()
    }, settled_by


def _move(scores: dict[str, float], takes: Mapping[str, frozenset[str]]) -> None:
    """Move weights in place. A taker that is itself taken comes first, so that what it took moves on."""
    for taker in sorted(takes, key=lambda code: not any(code in taken for taken in takes.values())):
        moved = sum(scores.pop(code, 0.0) for code in takes[taker])
        if moved:
            scores[taker] = scores.get(taker, 0.0) + moved


def _each_once(standings: Sequence[Sequence[Standing] | None]) -> list[Cancelled]:
    """What lowered some term, each once."""
    found = {id(one.by): one.by for standing in standings for one in standing or () if one.by is not None}
    return list(found.values())
