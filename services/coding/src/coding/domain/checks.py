"""What coding checks in each intervention: whether it has a code, and whether what is documented supports it."""

from collections.abc import Iterator
from decimal import Decimal

from claimbus.events import Checked, CodedIntervention, Finding

from coding.domain.evaluation import LevelAnswer
from coding.domain.findings import CodingFinding
from coding.domain.suggestion import Suggestion
from coding.domain.tables import CodingRules, EvaluationRow, Kind


def check_code(
    coded: CodedIntervention, chosen: str | None, suggestion: Suggestion, charge: Decimal | None, rules: CodingRules
) -> Iterator[Checked]:
    """Whether there is a code, and whether the words agree with the one that the clinician chose."""
    limits = rules.confidence
    if coded.code is None:
        if coded.minutes or (coded.minutes is None and not suggestion.not_performed):
            yield _no_code(coded, suggestion, charge, rules)
    elif chosen is not None and suggestion.not_performed:
        yield rules.findings[CodingFinding.NOT_PERFORMED].fail(
            intervention_id=coded.intervention_id,
            codes=(chosen,),
            rule=suggestion.rule,
            inputs={"intervention": coded.intervention_id, "code": chosen, "minutes": coded.minutes},
        )
    elif chosen is not None and chosen not in rules.evaluations.by_code and suggestion.code is not None:
        clear = suggestion.confidence >= limits.clear_from and suggestion.weight >= limits.clear_weight
        if coded.agreement == "disagree" and clear:
            yield rules.findings[CodingFinding.DISAGREEMENT].fail(
                intervention_id=coded.intervention_id,
                codes=(chosen,),
                rule=suggestion.rule,
                citation=suggestion.citation,
                inputs={"code": chosen, "suggested": suggestion.code, "confidence": suggestion.confidence},
            )
        elif coded.agreement == "agree" and suggestion.confidence >= limits.sure_from:
            yield rules.findings[CodingFinding.DISAGREEMENT].passed()


def check_machine_suggestion(coded: CodedIntervention, rules: CodingRules) -> Iterator[Checked]:
    """Whether a practice's own suggester names a code that neither a rule nor the clinician names."""
    machine = coded.machine_suggestion
    if machine is not None and machine.supported_by is None:
        yield rules.findings[CodingFinding.MACHINE_SUGGESTION].unknown(
            "" if coded.code is None else "beside-a-code",
            intervention_id=coded.intervention_id,
            codes=(machine.code,),
            inputs={"code": coded.code, "machine": machine.code, "confidence": machine.confidence},
            text={"suggester": machine.suggester},
        )


def check_level(
    coded: CodedIntervention, chosen: str | None, suggestion: Suggestion, rules: CodingRules
) -> Iterator[Checked]:
    """Whether the components of an evaluation support its level."""
    level = suggestion.level
    row = rules.evaluations.by_code.get(chosen) if chosen is not None else None
    if level is None or (chosen is not None and row is None):
        return
    if not level.by_components:
        if chosen is None and level.row is None:
            yield _level_unknown(CodingFinding.CODE_UNDECIDED, coded, suggestion, level, rules)
    elif level.reaches_no_level or (row is not None and _is_unsupported(row, level)):
        yield rules.findings[CodingFinding.LEVEL_UNSUPPORTED].fail(
            _unsupported_variant(suggestion, level),
            intervention_id=coded.intervention_id,
            codes=() if coded.code is None else (coded.code,),
            citation=suggestion.citation,
            inputs=_level_inputs(coded, suggestion, level),
            text={"question": suggestion.question or ""},
        )
    elif level.row is None:
        yield _level_unknown(CodingFinding.COMPONENT_MISSING, coded, suggestion, level, rules)
    elif row is not None:
        yield rules.findings[CodingFinding.LEVEL_UNSUPPORTED].passed()


def check_discipline(coded: CodedIntervention, discipline: str, rules: CodingRules) -> Iterator[Checked]:
    """Whether an evaluation's code is one of the visit's discipline."""
    row = rules.evaluations.by_code.get(coded.code) if coded.code is not None else None
    if row is not None and row.discipline != discipline:
        yield rules.findings[CodingFinding.DISCIPLINE_DIFFERS].fail(
            intervention_id=coded.intervention_id,
            codes=(row.code,),
            field="discipline",
            citation=row.source,
            inputs={"code": row.code, "code_discipline": row.discipline, "discipline": discipline},
        )


def report_other_kind(coded: CodedIntervention, kind: Kind, rules: CodingRules) -> Finding:
    """The visit documents one kind of evaluation, and an intervention has the code of the other."""
    return rules.findings[CodingFinding.KIND_DIFFERS].fail(
        intervention_id=coded.intervention_id,
        field="evaluation.kind",
        inputs={"kind": kind, "suggested": coded.suggested_code},
    )


def _no_code(coded: CodedIntervention, suggestion: Suggestion, charge: Decimal | None, rules: CodingRules) -> Finding:
    row = rules.findings[CodingFinding.NO_CODE]
    return (row.unknown if coded.minutes is None else row.fail)(
        intervention_id=coded.intervention_id,
        field="interventions.code",
        amount_at_risk=charge,
        rule=suggestion.rule,
        inputs={"intervention": coded.intervention_id, "minutes": coded.minutes, "suggested": suggestion.code},
        text={"question": suggestion.question or ""},
    )


def _level_unknown(
    id_: CodingFinding, coded: CodedIntervention, suggestion: Suggestion, level: LevelAnswer, rules: CodingRules
) -> Finding:
    return rules.findings[id_].unknown(
        intervention_id=coded.intervention_id,
        codes=() if coded.code is None else (coded.code,),
        field="evaluation",
        citation=suggestion.citation,
        inputs=_level_inputs(coded, suggestion, level),
        text={"question": suggestion.question or "", "missing": ", ".join(level.missing)},
    )


def _is_unsupported(row: EvaluationRow, level: LevelAnswer) -> bool:
    """Above what the known components allow, or, all being known, another level than theirs."""
    if level.row is not None:
        return row.code != level.row.code
    return level.ceiling is not None and row.level > level.ceiling


def _unsupported_variant(suggestion: Suggestion, level: LevelAnswer) -> str:
    if level.reaches_no_level:
        return "no-level"
    if suggestion.code is None:
        return "lower-level"
    return "with-question" if suggestion.question else ""


def _level_inputs(coded: CodedIntervention, suggestion: Suggestion, level: LevelAnswer) -> dict[str, object]:
    return {
        **suggestion.inputs,
        "code": coded.code,
        "supported": suggestion.code,
        "missing": list(level.missing),
        "governed_by": list(level.governed_by),
    }
