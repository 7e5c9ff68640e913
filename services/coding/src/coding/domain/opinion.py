"""What a suggester that is not the rules may be asked, and what it may answer."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, Protocol

from claimbus.events import Evidence, Intervention, MachineSuggestion, VisitCompleted
from claimbus.events.visit_completed import Contact
from claimbus.values import Minutes, Program


class Asked(NamedTuple):
    """One intervention as a suggester sees it: what was documented, and nothing of whom."""

    description: str | None
    narrative: str | None
    body_region: str | None
    contact: Contact | None
    minutes: Minutes | None
    discipline: str
    program: Program
    service_date: date


class Opinion(NamedTuple):
    """A suggester's answer. `confidence` is from 0 to 1; `spans` are field, start and end of the words it relied on."""

    code: str
    confidence: float
    spans: tuple[tuple[str, int, int], ...] = ()


class Suggester(Protocol):
    """A practice's own model. `name` is written beside each of its suggestions: take one with a version."""

    name: str

    async def suggest(self, asked: Asked) -> Opinion | None:
        """The code that this documentation supports, or None; what it raises is no answer, and logged by its class."""


MachineSuggestions = Mapping[str, MachineSuggestion]
"""By intervention id: what the practice's own suggester answered."""
NO_SUGGESTIONS: MachineSuggestions = {}


def describe_interventions(visit: VisitCompleted) -> dict[str, Asked]:
    """By intervention id: what a suggester is asked."""
    return {
        intervention.id: Asked(
            description=intervention.description,
            narrative=intervention.narrative,
            body_region=intervention.body_region,
            contact=intervention.contact,
            minutes=intervention.minutes,
            discipline=visit.discipline,
            program=visit.primary.program,
            service_date=visit.service_date,
        )
        for intervention in visit.interventions
    }


def check_opinion(suggester: str, opinion: Opinion, intervention: Intervention) -> MachineSuggestion:
    """The opinion as it goes into the event. Raises `ValueError` where it breaks the protocol."""
    code = opinion.code.strip().upper()
    if not (len(code) == 5 and code.isascii() and code.isalnum()):
        raise ValueError("code: five letters and digits")
    evidence = []
    for field, start, end in opinion.spans:
        text = getattr(intervention, field) if field in ("description", "narrative", "body_region") else None
        if text is None or not 0 <= start < end <= len(text):
            raise ValueError("spans: a field of the intervention, and offsets inside it")
        evidence.append(Evidence(field=field, start=start, end=end, text=text[start:end], rule=suggester))
    return MachineSuggestion(
        suggester=suggester,
        code=code,
        confidence=float(opinion.confidence),
        evidence=tuple(evidence),
        supported_by=None,
    )
