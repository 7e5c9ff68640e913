"""Suggest a code for each intervention of a visit, with the words behind it."""

import re
from typing import Literal

from claimbus.events import (
    Basis,
    Checked,
    CodedIntervention,
    Intervention,
    MachineSuggestion,
    VisitCoded,
    VisitCompleted,
)
from claimbus.rules import sorted_out

from coding.domain.area import StatedArea, read_area
from coding.domain.checks import check_code, check_discipline, check_level, check_machine_suggestion, report_other_kind
from coding.domain.note import check_note
from coding.domain.opinion import NO_SUGGESTIONS, MachineSuggestions
from coding.domain.suggestion import Suggestion, suggest_from_components, suggest_from_words
from coding.domain.tables import KINDS, CodingRules, Kind

_EVALUATION_ID = "evaluation"
_ASSISTANT = re.compile(r"\bL?PTA\b|\bC?OTA\b")
"""Credentials of a physical or occupational therapy assistant, licensed or certified."""
_ASSISTANT_MODIFIERS = ("CQ", "CO")
_CHOSEN = ("clinician-choice", "The treating clinician selects the code; coding compares it and never replaces it")


def suggest_codes(
    visit: VisitCompleted, basis: Basis, rules: CodingRules, machine_suggestions: MachineSuggestions = NO_SUGGESTIONS
) -> VisitCoded:
    """Code each intervention, and the evaluation where no intervention has its code.

    The clinician's code is never replaced. Without one, a suggestion of the rules is taken as the code
    of an intervention that the EHR lists with a figure, from the confidence on that `confidence.toml`
    calls sure; below it there is a question instead. `machine_suggestions` are recorded, and change no code.
    """
    primary = visit.primary
    coded: list[CodedIntervention] = []
    checked: list[Checked] = []
    coded_kinds: set[Kind] = set()
    for intervention in visit.interventions:
        chosen = (intervention.code or "").strip().upper() or None
        stated = read_area(intervention) if intervention.area_sq_cm is None else None
        suggestion = _suggest(visit, intervention, stated, chosen, rules)
        result = _code_intervention(intervention, stated, chosen, suggestion, rules)
        if (machine := machine_suggestions.get(intervention.id)) is not None:
            result = result.model_copy(update={"machine_suggestion": _with_support(machine, result)})
        checked += check_machine_suggestion(result, rules)
        checked += check_code(result, chosen, suggestion, intervention.charge, rules)
        checked += check_level(result, chosen, suggestion, rules)
        checked += check_discipline(result, visit.discipline, rules)
        coded.append(result)
        if suggestion.kind is not None and (chosen is None or chosen in rules.evaluations.by_code):
            coded_kinds.add(suggestion.kind)
    evaluation = visit.evaluation
    if evaluation is not None and evaluation.kind not in coded_kinds:
        suggestion = suggest_from_components(evaluation, evaluation.kind, visit.discipline, _reason_given(visit), rules)
        result = _code_evaluation(visit, suggestion, other_kind_coded=bool(coded_kinds), rules=rules)
        checked += check_level(result, None, suggestion, rules)
        if coded_kinds:
            checked.append(report_other_kind(result, evaluation.kind, rules))
        coded.append(result)
    checked += check_note(visit.documentation, coded, rules)
    findings, passed = sorted_out(checked)
    return VisitCoded(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        basis=basis,
        service_date=visit.service_date,
        program=primary.program,
        payer_id=primary.payer_id,
        payer_name=primary.payer_name,
        plan_id=primary.plan_id,
        timed_minutes=visit.time.timed_minutes if visit.time is not None else None,
        total_minutes=visit.time.total_minutes if visit.time is not None else None,
        assistant_present=_assistant_took_part(visit),
        interventions=tuple(coded),
        findings=findings,
        passed=passed,
        rule_set=rules.rule_set.reference,
    )


def _assistant_took_part(visit: VisitCompleted) -> bool:
    """Whether anything in the visit names an assistant; whose minutes were whose is another question."""
    signature = visit.documentation.signature if visit.documentation is not None else None
    signers = (visit.rendering_provider, signature)
    return (
        visit.assistant is not None
        or any(_ASSISTANT.search((signer.credential or "").upper()) for signer in signers if signer is not None)
        or any(name.strip().upper() in _ASSISTANT_MODIFIERS for row in visit.interventions for name in row.modifiers)
    )


def _suggest(
    visit: VisitCompleted, intervention: Intervention, stated: StatedArea | None, chosen: str | None, rules: CodingRules
) -> Suggestion:
    area = stated.sq_cm if stated is not None else intervention.area_sq_cm
    words = suggest_from_words(intervention, area, chosen, visit.primary.program, rules)
    row = rules.evaluations.by_code.get(chosen) if chosen is not None else None
    if row is not None:
        kind, discipline = row.kind, row.discipline
    elif words.code in KINDS:
        kind, discipline = next(kind for kind in KINDS if kind == words.code), visit.discipline
    else:
        return words
    suggestion = suggest_from_components(
        visit.evaluation, kind, discipline, _reason_given(visit), rules, words.named_level
    )
    evidenced = row is not None or (suggestion.level is not None and suggestion.level.documented)
    return suggestion._replace(
        evidence=(*words.evidence, *suggestion.evidence),
        question=words.question if words.doubted else suggestion.question,
        confidence=suggestion.confidence if evidenced else min(suggestion.confidence, words.confidence),
        weight=words.weight,
        doubted=words.doubted,
        not_performed=words.not_performed,
    )


def _reason_given(visit: VisitCompleted) -> bool:
    documented = visit.documentation.re_evaluation_reason if visit.documentation is not None else None
    return bool((visit.evaluation is not None and visit.evaluation.reason) or documented)


def _code_intervention(
    intervention: Intervention,
    stated: StatedArea | None,
    chosen: str | None,
    suggestion: Suggestion,
    rules: CodingRules,
) -> CodedIntervention:
    sure = suggestion.code is not None and suggestion.confidence >= rules.confidence.sure_from
    # An evaluation is evidenced by what was found in it: it is documented apart from the line.
    listed = _is_listed(intervention) or (suggestion.level is not None and suggestion.level.documented)
    agreement = _agreement(chosen, suggestion.code, rules)
    settled = agreement == "agree" or (chosen is not None and suggestion.code is None and suggestion.level is None)
    question = suggestion.question if suggestion.doubted or not settled else None
    if chosen is None and sure and not listed:
        question = rules.question_about("not_listed")
    assigned = sure and listed
    rule, citation = _CHOSEN if chosen is not None else (suggestion.rule, suggestion.citation)
    return CodedIntervention(
        intervention_id=intervention.id,
        code=chosen or (suggestion.code if assigned else None),
        chosen_by="clinician" if chosen is not None else "rules" if assigned else None,
        suggested_code=suggestion.code,
        confidence=suggestion.confidence,
        evidence=(*suggestion.evidence, stated.evidence) if stated else suggestion.evidence,
        alternatives=suggestion.alternatives,
        agreement=agreement,
        question=question,
        rule=rule,
        citation=citation,
        inputs=suggestion.inputs,
        minutes=intervention.minutes,
        assistant_minutes=intervention.assistant_minutes,
        joint_minutes=intervention.joint_minutes,
        contact=intervention.contact,
        started_at=intervention.started_at,
        ended_at=intervention.ended_at,
        units=intervention.units,
        area_sq_cm=stated.sq_cm if stated else intervention.area_sq_cm,
        monitored_days=intervention.monitored_days,
        month_minutes=intervention.month_minutes,
    )


def _with_support(machine: MachineSuggestion, coded: CodedIntervention) -> MachineSuggestion:
    supported_by = coded.chosen_by if coded.code == machine.code else None
    return machine.model_copy(update={"supported_by": supported_by})


def _is_listed(intervention: Intervention) -> bool:
    """Whether the EHR gives a figure for it: evidence that it was done, where text alone makes no billable line."""
    figures = (
        intervention.minutes,
        intervention.units,
        intervention.area_sq_cm,
        intervention.monitored_days,
        intervention.month_minutes,
    )
    return any(figures) or (intervention.started_at is not None and intervention.ended_at is not None)


def _code_evaluation(
    visit: VisitCompleted, suggestion: Suggestion, *, other_kind_coded: bool, rules: CodingRules
) -> CodedIntervention:
    """The evaluation as an intervention of its own. Its minutes are unknown: the visit gives none for it.

    Beside an intervention that has a code of the other kind it gets no code: one visit is not both.
    """
    ids = {intervention.id for intervention in visit.interventions}
    name = _EVALUATION_ID
    while name in ids:
        name += "-"
    chosen_by: Literal["rules"] | None = "rules" if suggestion.code is not None and not other_kind_coded else None
    return CodedIntervention(
        intervention_id=name,
        code=suggestion.code if chosen_by is not None else None,
        chosen_by=chosen_by,
        suggested_code=suggestion.code,
        confidence=suggestion.confidence,
        evidence=suggestion.evidence,
        question=rules.question_about("evaluation_kind") if other_kind_coded else suggestion.question,
        rule=suggestion.rule,
        citation=suggestion.citation,
        inputs=suggestion.inputs,
    )


def _agreement(
    chosen: str | None, suggested: str | None, rules: CodingRules
) -> Literal["agree", "disagree", "unknown"]:
    if chosen is None or suggested is None:
        return "unknown"
    same = chosen == suggested or chosen in rules.same_service.get(suggested, ())
    return "agree" if same else "disagree"
