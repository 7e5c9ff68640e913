"""What was done, for what, and that it was needed (Pub 100-02 ch.15 s220.3 E, s220.2)."""

from claimbus.events import VisitCompleted
from claimbus.values import Result

from documentation_check.domain.answer import (
    Answer,
    failed,
    is_blank,
    passed,
    unknown,
    unknown_without_documentation,
)
from documentation_check.domain.terms import Terms


def check_interventions_described(visit: VisitCompleted, _: Terms) -> Answer | None:
    if not visit.interventions:
        return None
    silent = [row.id for row in visit.interventions if is_blank(row.description) and is_blank(row.narrative)]
    if not silent:
        return passed("Each intervention is described.", interventions=len(visit.interventions))
    if _has_note(visit):
        return unknown(
            f"{len(silent)} interventions carry no description of their own; the note may describe them.",
            *(f"interventions[{name}].description" for name in silent),
        )
    return Answer(
        Result.FAIL,
        f"{len(silent)} of {len(visit.interventions)} interventions are not described (interventions[].description).",
        {"not_described": silent},
        intervention_id=silent[0] if len(silent) == 1 else None,
    )


def _has_note(visit: VisitCompleted) -> bool:
    note = None if visit.documentation is None else visit.documentation.note
    return note is not None and not all(
        is_blank(text) for text in (note.text, note.subjective, note.objective, note.assessment, note.plan)
    )


def check_diagnosis_present(visit: VisitCompleted, _: Terms) -> Answer:
    count = sum(not is_blank(row.code) for row in visit.diagnoses)
    if not count:
        return failed("The visit has no diagnosis (diagnoses).", diagnoses=0)
    return passed("The visit has a diagnosis.", diagnoses=count)


def check_necessity_attested(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.documentation is None:
        return unknown_without_documentation()
    field = "documentation.medical_necessity_attested"
    attested = visit.documentation.medical_necessity_attested
    if attested is None:
        return unknown("Whether the therapist attested medical necessity is not known.", field)
    if not attested:
        return failed(f"The therapist did not attest medical necessity ({field}).", attested=False)
    return passed("The therapist attested medical necessity.", attested=True)


def check_re_evaluation_justified(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """A re-evaluation needs a new finding, a significant change or no response (Pub 100-02 ch.15 s220.3 C)."""
    evaluation, documentation = visit.evaluation, visit.documentation
    billed = any((row.code or "").strip().upper() in terms.re_evaluation_codes for row in visit.interventions)
    if not billed and (evaluation is None or evaluation.kind != "re_evaluation"):
        return None
    if evaluation is not None and not is_blank(evaluation.reason):
        return passed("The re-evaluation has its reason.", field="evaluation.reason")
    if documentation is None:
        return unknown_without_documentation()
    if is_blank(documentation.re_evaluation_reason):
        return failed(
            "The re-evaluation has no reason (evaluation.reason or documentation.re_evaluation_reason).", billed=billed
        )
    return passed("The re-evaluation has its reason.", field="documentation.re_evaluation_reason")
