"""Supervision of an assistant (42 CFR 410.60(c), Pub 100-02 ch.15 s230.5): what the setting asks for on the day.

General supervision means that the therapist could be reached; a therapist who is named as rendering the visit stands
for that. Direct supervision means being there, which only the record can say.
"""

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import Answer, failed_for, passed, unknown
from documentation_check.domain.tables import Terms

_FIELD = "documentation.assistant_supervision"
_ASSISTANT_MODIFIERS = ("CQ", "CO")


def check_assistant_supervised(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if not _assistant_took_part(visit, terms):
        return None
    given = visit.documentation.assistant_supervision if visit.documentation else None
    asked = terms.supervision.get(visit.facility or "")
    levels = {asked} if asked else set(terms.supervision.values())
    inputs = {"supervision": given, "asked": asked, "facility": visit.facility}
    of_assistant = [row.id for row in visit.interventions if row.assistant_minutes]
    if given == "none":
        return failed_for(of_assistant, f"The assistant worked without supervision ({_FIELD}).", **inputs)
    if given == "direct" or (given == "general" and levels == {"general"}):
        return passed(f"The assistant was under {given} supervision, as the setting asks.", **inputs)
    if given == "general" and asked == "direct":
        text = f"The setting asked for direct supervision on that day; it was general ({_FIELD})."
        return failed_for(of_assistant, text, **inputs)
    if given is None and levels == {"general"} and _therapist_is_named(visit, terms):
        return passed("A supervising therapist is named; the setting asks for general supervision.", **inputs)
    return unknown(
        "Whether the assistant was supervised as the setting asked on that day is not known.",
        *(("facility",) if asked is None and len(levels) > 1 else ()),
        *((_FIELD,) if given is None else ()),
        **inputs,
    )


def _assistant_took_part(visit: VisitCompleted, terms: Terms) -> bool:
    signature = visit.documentation.signature if visit.documentation else None
    signers = (visit.rendering_provider, signature)
    return (
        visit.assistant is not None
        or any(row.assistant_minutes for row in visit.interventions)
        or any(terms.role_of(one.credential, visit.discipline) == "assistant" for one in signers if one is not None)
        or any(name.strip().upper() in _ASSISTANT_MODIFIERS for row in visit.interventions for name in row.modifiers)
    )


def _therapist_is_named(visit: VisitCompleted, terms: Terms) -> bool:
    documentation = visit.documentation
    named = (
        visit.rendering_provider,
        documentation.signature if documentation else None,
        documentation.cosignature if documentation else None,
    )
    return any(terms.role_of(one.credential, visit.discipline) == "therapist" for one in named if one is not None)
