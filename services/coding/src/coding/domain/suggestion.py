"""What supports which code: the words of an intervention, or the components of an evaluation."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from claimbus.events import Alternative, Evaluation, Evidence, Intervention
from claimbus.values import Program

from coding.domain.cancellation import LABEL
from coding.domain.evaluation import COMPONENTS, LevelAnswer, decide_level
from coding.domain.tables import KINDS, CodingRules, ContactRow, Fact, FactRow, Kind
from coding.domain.weighing import Documented, Weighed, Weighing, weigh

_DECIMALS = 3
_NO_WORDS = ("coding-lexicon", "No words of the lexicon speak for a code")


class Suggestion(NamedTuple):
    """A code or none, and why. `rule` and `citation` name what it rests on.

    `weight` is the lexicon weight behind the code. `doubted`: the words say that nothing was
    delivered, or speak more of another time than of today. For an evaluation, `kind` says which and
    `level` what its components support; `level` is None where the kind itself is in doubt.
    """

    code: str | None
    inputs: dict[str, Any]
    confidence: float = 0.0
    rule: str = _NO_WORDS[0]
    citation: str = _NO_WORDS[1]
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    question: str | None = None
    weight: float = 0.0
    doubted: bool = False
    not_performed: bool = False
    kind: Kind | None = None
    level: LevelAnswer | None = None
    named_level: int | None = None


def suggest_from_words(
    intervention: Intervention, area: Decimal | None, chosen: str | None, program: Program, rules: CodingRules
) -> Suggestion:
    """Read what is documented of an intervention; `area` is its wound surface in square centimeters.

    `code` may be a `Kind`: the words name an evaluation, and `named_level` the level that they claim.
    """
    weighing = _weigh_against(_documented(intervention, area), chosen, rules)
    limits = rules.confidence
    program_codes = rules.program_codes.get(program, {})
    best = weighing.best
    terms = weighing.terms_for(best) if best is not None else []
    confidence = limits.of(weighing.share(best)) if best is not None else 0.0
    doubted = weighing.doubt is not None
    suggested = best if confidence >= limits.suggest_from and not doubted else None
    alternatives = [code for code in weighing.scores if code != suggested and code not in KINDS]
    rule, citation = (terms[0].mention.row.id, terms[0].mention.row.source) if terms else _NO_WORDS
    return Suggestion(
        code=None if suggested is None else program_codes.get(suggested, suggested),
        inputs={
            "weights": {program_codes.get(code, code): round(weight, 2) for code, weight in weighing.scores.items()}
        },
        confidence=round(confidence, _DECIMALS) if suggested is not None else 0.0,
        rule=rule,
        citation=citation,
        evidence=_evidence(terms, weighing, intervention, rules),
        alternatives=tuple(
            Alternative(code=program_codes.get(code, code), confidence=round(weighing.share(code), _DECIMALS))
            for code in alternatives[: limits.most_alternatives]
        ),
        question=_question(weighing, rules) if suggested is None or confidence < limits.sure_from else None,
        weight=weighing.scores[best] if best is not None else 0.0,
        doubted=doubted,
        not_performed=weighing.not_performed,
        named_level=weighing.level,
    )


def _documented(intervention: Intervention, area: Decimal | None) -> Documented:
    facts: dict[Fact, Decimal] = {} if area is None else {"area_sq_cm": area}
    if intervention.monitored_days is not None:
        facts["monitored_days"] = Decimal(intervention.monitored_days)
    return Documented(
        texts=((LABEL, intervention.description), ("narrative", intervention.narrative)),
        body_region=intervention.body_region,
        contact=intervention.contact,
        facts=facts,
    )


def suggest_from_components(
    evaluation: Evaluation | None,
    kind: Kind,
    discipline: str,
    reason_given: bool,
    rules: CodingRules,
    named_level: int | None = None,
) -> Suggestion:
    """The code of an evaluation: its level where components decide it, else the one code of its kind.

    Where components are missing, `named_level`, the level that the words claim, is suggested as far
    as the known ones allow it, and asked about.
    """
    if evaluation is not None and evaluation.kind != kind:
        return Suggestion(
            None,
            rule="evaluation-levels",
            citation="CPT 97161-97164",
            question=rules.question_about("evaluation_kind"),
            inputs={"kind": evaluation.kind},
            kind=kind,
        )
    level = decide_level(evaluation, kind, discipline, rules.evaluations)
    row, confidence = level.row, 1.0
    if row is None and named_level is not None and named_level <= (level.ceiling or named_level):
        ladder = rules.evaluations.of_kind(kind, discipline)
        row = next((row for row in ladder if row.level == named_level), None)
        confidence = rules.confidence.named_level
    question = None
    if level.row is None:
        question = rules.question_about("evaluation_components" if level.by_components else "evaluation_discipline")
    elif kind == "re_evaluation" and not reason_given:
        question = rules.question_about("re_evaluation_reason")
    components = {} if evaluation is None else {name: getattr(evaluation, name) for name in COMPONENTS}
    return Suggestion(
        code=row.code if row is not None else None,
        confidence=confidence if row is not None else 0.0,
        rule="evaluation-levels",
        citation=row.source if row is not None else "CPT 97161-97164",
        evidence=tuple(
            Evidence(
                field=f"evaluation.{name}", start=0, end=len(str(value)), text=str(value), rule="evaluation-levels"
            )
            for name, value in components.items()
            if value is not None and level.by_components
        ),
        question=question,
        inputs={"kind": kind, **components} if level.by_components else {"kind": kind, "reason_given": reason_given},
        kind=kind,
        level=level,
    )


def _weigh_against(documented: Documented, chosen: str | None, rules: CodingRules) -> Weighing:
    """Weigh the words; a label that only repeats the clinician's code does not outweigh a clear narrative."""
    weighing = weigh(documented, rules)
    limits = rules.confidence
    if chosen is None or chosen not in weighing.scores:
        return weighing
    rival = max((weight for code, weight in weighing.scores.items() if code != chosen), default=0.0)
    if rival < limits.against_label_weight:
        return weighing
    without = weigh(documented, rules, unlabelled=chosen)
    best = without.best
    if best is None or best == chosen or without.scores[best] < limits.against_label_weight:
        return weighing
    return without if limits.of(without.share(best)) >= limits.clear_from else weighing


def _evidence(
    terms: Sequence[Weighed], weighing: Weighing, intervention: Intervention, rules: CodingRules
) -> tuple[Evidence, ...]:
    """The words behind the best code, heaviest first; the contact and figures that moved it; then what lowered it."""
    found: list[Evidence] = []
    for name, text, mention, _weights, _lowered in terms[: rules.confidence.most_evidence]:
        words = text[mention.start : mention.end]
        found.append(Evidence(field=name, start=mention.start, end=mention.end, text=words, rule=mention.row.id))
    for row in weighing.moved_by:
        if row.code == weighing.best:
            found += _moving_evidence(row, intervention, weighing)
    for cancelled in weighing.cancelled[: rules.confidence.most_evidence]:
        cue, words = cancelled.cue, cancelled.text[cancelled.cue.start : cancelled.cue.end]
        rule = f"delivery.{cue.row.id}"
        found.append(Evidence(field=cancelled.field, start=cue.start, end=cue.end, text=words, rule=rule))
    return tuple(found)


def _moving_evidence(row: ContactRow | FactRow, intervention: Intervention, weighing: Weighing) -> Iterator[Evidence]:
    """The contact or the figure by which a row moved weight, as the visit has it."""
    if isinstance(row, ContactRow):
        yield Evidence(field="contact", start=0, end=len(row.contact), text=row.contact, rule="coding-contact")
    elif row.fact == "muscles":
        for name, text, mention in weighing.muscles:
            words = text[mention.start : mention.end]
            yield Evidence(field=name, start=mention.start, end=mention.end, text=words, rule="coding-facts")
    elif (figure := getattr(intervention, row.fact)) is not None:
        yield Evidence(field=row.fact, start=0, end=len(str(figure)), text=str(figure), rule="coding-facts")


def _question(weighing: Weighing, rules: CodingRules) -> str | None:
    if weighing.doubt is not None:
        return rules.question_about(weighing.doubt)
    ranked = list(weighing.scores.items())
    rivals = [code for code, weight in ranked[1:] if weight >= rules.confidence.rival_from * ranked[0][1]]
    if not ranked:
        return rules.question_about("silent")
    if not rivals:
        return rules.question_about("weak")
    return rules.question_about(ranked[0][0], rivals[0]) or rules.question_about("split")
