"""What coding finds out about a visit, as findings a person can act on."""

from collections.abc import Iterator
from decimal import Decimal

from claimbus.events import CodedIntervention, Finding
from claimbus.values import Result, Severity

from coding.domain.evaluation import EvaluationRow, LevelAnswer
from coding.domain.suggestion import Suggestion
from coding.domain.tables import CodingRules

_COVERAGE_NEEDS_A_CODE = "Pub 100-04 ch.5 s20: outpatient therapy is billed by HCPCS code"
_NOTE_SUPPORTS_THE_CODE = "Pub 100-02 ch.15 s220.3 E: the treatment note supports the service billed"


def find_about_code(
    coded: CodedIntervention, chosen: str | None, suggestion: Suggestion, charge: Decimal | None, rules: CodingRules
) -> Iterator[Finding]:
    """Whether there is a code, and whether the words agree with the clinician's."""
    if coded.code is None:
        if finding := _no_code(coded, suggestion, charge):
            yield finding
    elif chosen is not None and suggestion.not_performed:
        yield Finding(
            id="coding.not-performed",
            result=Result.FAIL,
            severity=Severity.REVIEW,
            intervention_id=coded.intervention_id,
            message=f"The service bears {chosen}, and its words say that it was not performed.",
            fix="Take the service off the visit, or document what was delivered.",
            rule=suggestion.rule,
            citation=_NOTE_SUPPORTS_THE_CODE,
            inputs={"intervention": coded.intervention_id, "code": chosen, "minutes": coded.minutes},
        )
    elif chosen is not None and chosen not in rules.evaluations.by_code and suggestion.code is not None:
        clear = (
            suggestion.confidence >= rules.confidence.clear_from and suggestion.weight >= rules.confidence.clear_weight
        )
        if coded.agreement == "disagree" and clear:
            yield _agreement(coded, chosen, suggestion, Result.FAIL)
        elif coded.agreement == "agree" and suggestion.confidence >= rules.confidence.sure_from:
            yield _agreement(coded, chosen, suggestion, Result.PASS)


def find_about_machine(coded: CodedIntervention) -> Iterator[Finding]:
    """Whether a suggester other than the rules says what neither rules nor clinician say."""
    machine = coded.machine_suggestion
    if machine is None or machine.supported_by is not None:
        return
    yield Finding(
        id="coding.machine-suggestion",
        result=Result.UNKNOWN,
        severity=Severity.REVIEW if coded.code is None else Severity.INFO,
        intervention_id=coded.intervention_id,
        message=f"{machine.suggester} suggests {machine.code}; no rule and no person says so.",
        fix="Choose the code, or leave the line as it is.",
        rule="machine-suggestion",
        citation="A machine's suggestion enters a claim only where a rule or a person agrees (ADR 0009)",
        inputs={"code": coded.code, "machine": machine.code, "confidence": machine.confidence},
    )


def find_about_level(
    coded: CodedIntervention, chosen: str | None, suggestion: Suggestion, rules: CodingRules
) -> Iterator[Finding]:
    """Whether the components of an evaluation support its level."""
    level = suggestion.level
    row = rules.evaluations.by_code.get(chosen) if chosen is not None else None
    if level is None or (chosen is not None and row is None):
        return
    if not level.by_components:
        if chosen is None and level.row is None:
            yield _level(coded, "evaluation.code-undecided", Result.UNKNOWN, suggestion, level)
    elif level.reaches_no_level or (row is not None and _unsupported(row, level)):
        yield _level(coded, "evaluation.level-unsupported", Result.FAIL, suggestion, level)
    elif level.row is None:
        yield _level(coded, "evaluation.component-missing", Result.UNKNOWN, suggestion, level)
    elif row is not None:
        yield _level(coded, "evaluation.level-unsupported", Result.PASS, suggestion, level)


def find_other_discipline(coded: CodedIntervention, discipline: str, rules: CodingRules) -> Iterator[Finding]:
    """An evaluation code of another discipline than the visit's."""
    row = rules.evaluations.by_code.get(coded.code) if coded.code is not None else None
    if row is not None and row.discipline != discipline:
        yield Finding(
            id="evaluation.discipline-differs",
            result=Result.FAIL,
            severity=Severity.REVIEW,
            intervention_id=coded.intervention_id,
            message=f"{coded.code} is an evaluation of {row.discipline}, and the visit is one of {discipline}.",
            fix="Correct the code or the visit's discipline.",
            rule="evaluation-levels",
            citation=row.source,
            inputs={"code": coded.code, "code_discipline": row.discipline, "discipline": discipline},
        )


def find_other_kind(coded: CodedIntervention, kind: str) -> Finding:
    """The visit documents one kind of evaluation, and an intervention bears a code of the other."""
    return Finding(
        id="evaluation.kind-differs",
        result=Result.FAIL,
        severity=Severity.REVIEW,
        intervention_id=coded.intervention_id,
        message="The visit documents one kind of evaluation and bears the code of the other.",
        fix="Say whether it was an evaluation or a re-evaluation.",
        rule="evaluation-levels",
        citation="CPT 97161-97164",
        inputs={"kind": kind, "suggested": coded.suggested_code},
    )


def _unsupported(row: EvaluationRow, level: LevelAnswer) -> bool:
    """Above what the known components allow, or, all being known, another level than theirs."""
    if level.row is not None:
        return row.code != level.row.code
    return level.ceiling is not None and row.level > level.ceiling


def _no_code(coded: CodedIntervention, suggestion: Suggestion, charge: Decimal | None) -> Finding | None:
    if coded.minutes == 0 or (coded.minutes is None and suggestion.not_performed):
        return None
    known = coded.minutes is not None
    return Finding(
        id="coding.no-code",
        result=Result.FAIL if known else Result.UNKNOWN,
        severity=Severity.BLOCK if known else Severity.REVIEW,
        intervention_id=coded.intervention_id,
        message="The service has no code, and its words do not name one surely enough.",
        fix=suggestion.question,
        amount_at_risk=charge,
        rule=suggestion.rule,
        citation=_COVERAGE_NEEDS_A_CODE,
        inputs={"intervention": coded.intervention_id, "minutes": coded.minutes, "suggested": suggestion.code},
    )


def _agreement(coded: CodedIntervention, chosen: str, suggestion: Suggestion, result: Result) -> Finding:
    failed = result is Result.FAIL
    return Finding(
        id="coding.disagreement",
        result=result,
        severity=Severity.REVIEW,
        intervention_id=coded.intervention_id,
        message=f"The service bears {chosen}; its words speak for {suggestion.code}.",
        fix="Correct the code, or document what makes it this service." if failed else None,
        rule=suggestion.rule,
        citation=suggestion.citation,
        inputs={"code": chosen, "suggested": suggestion.code, "confidence": suggestion.confidence},
    )


def _level(coded: CodedIntervention, name: str, result: Result, suggestion: Suggestion, level: LevelAnswer) -> Finding:
    messages = {
        "evaluation.code-undecided": "The code of this evaluation does not follow from what the visit says of it.",
        "evaluation.component-missing": f"The level cannot be decided without: {', '.join(level.missing)}.",
        "evaluation.level-unsupported": (
            "The components reach no level of evaluation."
            if level.reaches_no_level
            else f"The components support {suggestion.code or 'a lower level'}; the service bears {coded.code}."
        ),
    }
    failed = result is not Result.PASS
    return Finding(
        id=name,
        result=result,
        severity=Severity.REVIEW,
        intervention_id=coded.intervention_id,
        message=messages[name],
        fix=(suggestion.question or "Correct the level, or document the components that support it.")
        if failed
        else None,
        rule=suggestion.rule,
        citation=suggestion.citation,
        inputs={
            **suggestion.inputs,
            "code": coded.code,
            "supported": suggestion.code,
            "missing": list(level.missing),
            "governed_by": list(level.governed_by),
        },
    )
