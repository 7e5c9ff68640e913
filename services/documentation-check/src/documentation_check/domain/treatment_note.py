"""What was done, for what, and that it was needed (Pub 100-02 ch.15 s220.3 E, s220.2)."""

import re

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import (
    Answer,
    failed,
    failed_for,
    is_blank,
    iso,
    passed,
    unknown,
    unknown_without_documentation,
)
from documentation_check.domain.case_history import Seen, texts_of_note
from documentation_check.domain.tables import SKILLS, Terms

_WORD = re.compile(r"\w+")
_OF_A_BILL = re.compile(r"[a-z]?\d{4,5}|cpt|hcpcs|code|x?\d{1,3}|units?|mins?|minutes?", re.IGNORECASE)
"""A word of the bill: a code, its units or minutes. It describes nothing that could be compared with the code."""


def check_interventions_described(visit: VisitCompleted, _: Terms) -> Answer | None:
    if not visit.interventions:
        return None
    silent = [
        row.id for row in visit.interventions if not _describes(row.description) and not _describes(row.narrative)
    ]
    if not silent:
        return passed("Each intervention is described.", interventions=len(visit.interventions))
    if _has_note(visit):
        return unknown(
            f"{len(silent)} interventions carry no description of their own; the note may describe them.",
            *(f"interventions[{name}].description" for name in silent),
        )
    return failed_for(
        silent,
        f"{len(silent)} of {len(visit.interventions)} interventions are not described (interventions[].description).",
        not_described=silent,
    )


def _describes(text: str | None) -> bool:
    return any(not _OF_A_BILL.fullmatch(word) for word in _WORD.findall(text or ""))


def _has_note(visit: VisitCompleted) -> bool:
    return any(not is_blank(text) for text in texts_of_note(visit.documentation))


def check_skilled_need_shown(visit: VisitCompleted, terms: Terms) -> Answer:
    """One measure, response, cue, assistance or progression is enough; whether it suffices, a person judges."""
    if visit.documentation is None:
        return unknown_without_documentation()
    texts = [*texts_of_note(visit.documentation), *(row.narrative for row in visit.interventions)]
    if all(map(is_blank, texts)):
        return unknown("The note came without its text.", "documentation.note", "interventions[].narrative")
    shown = next((name for name in SKILLS if terms.shows(name, texts)), None)
    if shown is not None:
        return passed(f"The note shows a therapist's skill, by {shown}.", shown=shown)
    return failed(
        "The note shows no measure, response, cue, assistance or progression (documentation.note); it could have been "
        "written of exercise without a therapist.",
        looked_for=list(SKILLS),
    )


def check_note_differs(_visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer | None:
    """Whether the note repeats an earlier one of the case; not asked where no two can be compared."""
    alike = seen.alike if seen else None
    if alike is None:
        return None
    inputs = {"likeness": alike.percent, "limit": terms.cloned_note_likeness, "earlier": iso(alike.day)}
    if alike.percent >= terms.cloned_note_likeness:
        return failed(
            f"{alike.percent} % of the note's wording stands in the note of {alike.day} (documentation.note).", **inputs
        )
    return passed("The note differs from the case's earlier ones.", **inputs)


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
