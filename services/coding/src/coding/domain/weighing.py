"""How much the words of one intervention speak for each code."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from claimbus.events.visit_completed import Contact

from coding.domain.lexicon import Cue, Mention, Reading, State
from coding.domain.rulebook import CodingRules, ConfidenceRow

LABEL = "description"
"""The field that names the service; the narrative says what was done."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A term where it stands, and the weight that each of its codes has left."""

    field: str
    text: str
    mention: Mention
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Words that took a term out of today, where they stand."""

    field: str
    text: str
    cue: Cue


@dataclass(frozen=True, slots=True)
class Weighing:
    """Weights by code, heaviest first, with the words behind them.

    `not_performed`: the words say that nothing of it was delivered. `doubt`: why words were set
    aside, where they outweigh those that are left.
    """

    scores: Mapping[str, float]
    silence: float
    terms: Sequence[Weighed] = ()
    cancelled: Sequence[Cancelled] = ()
    takes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    not_performed: bool = False
    doubt: State | None = None

    @property
    def best(self) -> str | None:
        return next(iter(self.scores), None)

    def share(self, code: str) -> float:
        """Confidence: the code's part of all weight, silence included; 0 to 1."""
        return self.scores.get(code, 0.0) / (sum(self.scores.values()) + self.silence)

    def speaks_for(self, code: str) -> list[Weighed]:
        """Terms behind a code, heaviest first: its own, and those whose weight moved over to it."""
        codes = {code} | self.takes.get(code, frozenset())
        found = [(max(term.weights.get(one, 0.0) for one in codes), term) for term in self.terms]
        return [term for weight, term in sorted(found, key=lambda pair: -pair[0]) if weight > 0]


@dataclass(slots=True)
class _Standing:
    """What is left of one mention: the share kept, and what took the rest."""

    keep: float = 1.0
    by: Cancelled | None = None


def weigh(
    texts: Iterable[tuple[str, str | None]], contact: Contact | None, rules: CodingRules, unlabelled: str | None = None
) -> Weighing:
    """Weigh the named texts of one intervention; `unlabelled` leaves out labels that name that code alone."""
    readings = [rules.lexicon.read(name, text) for name, text in texts if text]
    silence = rules.confidence.silence
    if not any(reading.mentions or reading.cues for reading in readings):
        return Weighing({}, silence)
    standings = [[_Standing() for _ in reading.mentions] for reading in readings]
    withdrawn = [
        cancelled
        for reading, standing in zip(readings, standings, strict=True)
        if reading.cues
        for cancelled in _apply_cues(reading, standing)
    ]
    if withdrawn:
        for standing in standings:
            for one in standing:
                one.keep, one.by = 0.0, withdrawn[0]
    elif any(reading.cues for reading in readings):
        _withdraw_labels(readings, standings)
    terms, lost = _weigh_terms(readings, standings, rules.confidence, unlabelled)
    scores: dict[str, float] = {}
    for term in terms:
        for code, weight in term.weights.items():
            scores[code] = scores.get(code, 0.0) + weight
    takes = _takes(terms, scores, contact, rules)
    _move(scores, takes)
    heaviest = sorted(((code, weight) for code, weight in scores.items() if weight > 0), key=lambda pair: -pair[1])
    live = sum(weight for _code, weight in heaviest)
    doubt = max(lost, key=lambda state: lost[state]) if lost and max(lost.values()) > live else None
    return Weighing(
        scores=dict(heaviest),
        silence=silence,
        terms=terms,
        cancelled=withdrawn or (_cancelled(standings) if lost else ()),
        takes=takes,
        not_performed=bool(withdrawn) or (not heaviest and doubt == "not_performed"),
        doubt="not_performed" if withdrawn else doubt,
    )


def _apply_cues(reading: Reading, standing: list[_Standing]) -> list[Cancelled]:
    """Lower what the cues of one text reach; give back those that speak of the whole intervention.

    Cues of one row share a stretch of words (the last one reaches furthest back, the first one
    furthest on), so that the work is bounded by rows times words.
    """
    withdrawn: list[Cancelled] = []
    firsts = [mention.first for mention in reading.mentions]
    stretches: dict[tuple[str, str, int], tuple[int, int, Cue]] = {}
    for cue in reading.cues:
        row = cue.row
        sentence = reading.sentence(cue.first)
        clause = reading.clause(cue.first)[0]
        if row.reach:
            stretches[row.id, "near", cue.first] = (cue.last, min(cue.last + row.reach, sentence[1]), cue)
        elif row.side == "around" and bisect_left(firsts, clause) < bisect_left(firsts, cue.first):
            stretches[row.id, "before", clause] = (clause, cue.first, cue)
        else:
            stretches.setdefault((row.id, "after", sentence[0]), (cue.last, sentence[1], cue))
            if row.followed_by and _stands_alone(reading, cue, firsts, sentence):
                withdrawn.append(Cancelled(reading.name, reading.text, cue))
    for low, high, cue in stretches.values():
        cancelled = Cancelled(reading.name, reading.text, cue)
        for place in range(bisect_left(firsts, low), bisect_left(firsts, high)):
            one = standing[place]
            if cue.row.keep < one.keep and not cue.row.spares_any(reading.mentions[place].row.codes):
                one.keep, one.by = cue.row.keep, cancelled
    return withdrawn


def _stands_alone(reading: Reading, cue: Cue, firsts: list[int], sentence: tuple[int, int]) -> bool:
    """Whether the cue's sentence names no service, and what follows the cue gives a reason or ends it."""
    if bisect_left(firsts, sentence[0]) != bisect_left(firsts, sentence[1]):
        return False
    after = reading.words[cue.last] if cue.last < reading.clause(cue.first)[1] else ""
    return after in cue.row.followed_by


def _withdraw_labels(readings: list[Reading], standings: list[list[_Standing]]) -> None:
    """A label falls with the narrative: `Gait training` above `refused to ambulate` names no service of today."""
    refused: dict[str, Cancelled] = {}
    delivered: set[str] = set()
    for reading, standing in zip(readings, standings, strict=True):
        if reading.name != LABEL:
            for mention, one in zip(reading.mentions, standing, strict=True):
                if one.by is None:
                    delivered.update(mention.row.codes)
                elif one.by.cue.row.state == "not_performed":
                    refused |= dict.fromkeys(mention.row.codes, one.by)
    refused = {code: cancelled for code, cancelled in refused.items() if code not in delivered}
    if not refused:
        return
    for reading, standing in zip(readings, standings, strict=True):
        if reading.name == LABEL:
            for mention, one in zip(reading.mentions, standing, strict=True):
                if mention.row.codes and _heaviest(mention.row.codes) in refused:
                    one.keep, one.by = 0.0, refused[_heaviest(mention.row.codes)]


def _heaviest(codes: Mapping[str, float]) -> str:
    return max(codes, key=lambda code: codes[code])


def _weigh_terms(
    readings: list[Reading], standings: list[list[_Standing]], confidence: ConfidenceRow, unlabelled: str | None
) -> tuple[list[Weighed], dict[State, float]]:
    """One entry for each row, at the place where most of it is left; and the weight lost, by state."""
    best: dict[str, tuple[float, Reading, Mention]] = {}
    lost: dict[State, float] = {}
    aims: set[str] = set()
    for reading, standing in zip(readings, standings, strict=True):
        sentence_with_aim = -1
        for mention, one in zip(reading.mentions, standing, strict=True):
            row = mention.row
            if not row.codes:
                continue
            factor = one.keep
            if one.by is not None:
                state = one.by.cue.row.state
                lost[state] = lost.get(state, 0.0) + (1 - factor) * max(row.codes.values())
            if row.kind == "service" and reading.name == LABEL:
                if unlabelled is not None and tuple(row.codes) == (unlabelled,):
                    continue
                factor *= confidence.label_factor
            elif row.kind == "purpose" and factor > 0:
                sentence = reading.sentence(mention.first)[0]
                if sentence == sentence_with_aim:
                    factor *= confidence.later_purpose
                elif one.by is None:
                    sentence_with_aim = sentence
                    aims.update(row.codes)
            if factor > 0 and (row.id not in best or factor > best[row.id][0]):
                best[row.id] = (factor, reading, mention)
    governed = confidence.governed_by_purpose - aims if aims & confidence.governed_by_purpose else frozenset()
    terms = []
    for factor, reading, mention in best.values():
        yields = mention.row.kind in ("activity", "hint")
        terms.append(
            Weighed(
                reading.name,
                reading.text,
                mention,
                {
                    code: weight * factor * (confidence.beside_purpose if yields and code in governed else 1.0)
                    for code, weight in mention.row.codes.items()
                },
            )
        )
    return terms, lost


def _takes(
    terms: list[Weighed], scores: Mapping[str, float], contact: Contact | None, rules: CodingRules
) -> dict[str, frozenset[str]]:
    """By code: the codes whose weight moves over to it, by the words and by the contact that the EHR gives."""
    takes: dict[str, frozenset[str]] = {}
    for term in terms:
        if term.mention.row.takes:
            taker = _heaviest(term.weights)
            takes[taker] = takes.get(taker, frozenset()) | frozenset(term.mention.row.takes)
    spoken = dict(takes)
    for row in rules.contacts.get(contact, ()) if contact is not None else ():
        free = frozenset(code for code in row.takes if code in scores and row.code not in spoken.get(code, ()))
        if free:
            takes[row.code] = takes.get(row.code, frozenset()) | free
    return {
        taker: frozenset(code for code in codes if taker not in takes.get(code, frozenset()))
        for taker, codes in takes.items()
    }


def _move(scores: dict[str, float], takes: Mapping[str, frozenset[str]]) -> None:
    """Move weights in place. A taker that is itself taken comes first, so that what it took moves on."""
    for taker in sorted(takes, key=lambda code: not any(code in taken for taken in takes.values())):
        moved = sum(scores.pop(code, 0.0) for code in takes[taker])
        if moved:
            scores[taker] = scores.get(taker, 0.0) + moved


def _cancelled(standings: list[list[_Standing]]) -> list[Cancelled]:
    """What lowered some term, each once."""
    found = {id(one.by): one.by for standing in standings for one in standing if one.by is not None}
    return list(found.values())
