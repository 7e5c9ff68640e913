"""What was done, for what, and that it was needed (Pub 100-02 ch.15 s220.3 E, s220.2)."""

import re

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, PASSED, Answer, failed, is_blank, iso, unknown
from documentation_check.domain.case_history import Seen, texts_of_note
from documentation_check.domain.tables import SKILLS, Terms

_WORD = re.compile(r"\w+")
_OF_A_BILL = re.compile(r"[a-z]?\d{4,5}|cpt|hcpcs|code|x?\d{1,3}|units?|mins?|minutes?", re.IGNORECASE)
"""A word of the bill: a code, its units or minutes. It describes nothing that could be compared with the code."""
_ATTESTED = "documentation.medical_necessity_attested"


def check_interventions_described(visit: VisitCompleted, _: Terms) -> Answer | None:
    if not visit.interventions:
        return None
    undescribed = [
        row.id for row in visit.interventions if not _describes(row.description) and not _describes(row.narrative)
    ]
    if not undescribed:
        return PASSED
    counts = {"undescribed": len(undescribed), "interventions": len(visit.interventions)}
    if _has_note(visit):
        return unknown(*(f"interventions[{name}].description" for name in undescribed), text=counts)
    return failed(interventions=undescribed, text=counts, inputs={"not_described": undescribed})


def _describes(text: str | None) -> bool:
    return any(not _OF_A_BILL.fullmatch(word) for word in _WORD.findall(text or ""))


def _has_note(visit: VisitCompleted) -> bool:
    return any(not is_blank(text) for text in texts_of_note(visit.documentation))


def check_skilled_need_shown(visit: VisitCompleted, terms: Terms) -> Answer:
    """One measure, response, cue, assistance or progression is enough; whether it suffices, a person decides."""
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    texts = [*texts_of_note(visit.documentation), *(row.narrative for row in visit.interventions)]
    if all(map(is_blank, texts)):
        return unknown("documentation.note", "interventions[].narrative")
    if any(terms.shows(skill, texts) for skill in SKILLS):
        return PASSED
    return failed(inputs={"looked_for": list(SKILLS)})


def check_note_differs(_visit: VisitCompleted, terms: Terms, seen: Seen | None) -> Answer | None:
    """Whether the note repeats an earlier one of the case; null where no two can be compared."""
    alike = seen.alike if seen else None
    if alike is None:
        return None
    if alike.percent < terms.cloned_note_likeness:
        return PASSED
    return failed(inputs={"likeness": alike.percent, "limit": terms.cloned_note_likeness, "earlier": iso(alike.day)})


def check_diagnosis_present(visit: VisitCompleted, _: Terms) -> Answer:
    return failed(inputs={"diagnoses": 0}) if all(is_blank(row.code) for row in visit.diagnoses) else PASSED


def check_necessity_attested(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    attested = visit.documentation.medical_necessity_attested
    if attested is None:
        return unknown(_ATTESTED)
    return PASSED if attested else failed(inputs={"attested": False})
