"""Supervision of an assistant (42 CFR 410.60(c), Pub 100-02 ch.15 s230.5): what the setting requires on the day.

General supervision means that the therapist could be reached; a therapist who is named as rendering the visit is proof
of that. Direct supervision means being there, which only the record can show.
"""

from claimbus.events import VisitCompleted

from documentation_check.domain.answer import PASSED, Answer, failed, unknown
from documentation_check.domain.tables import Terms

_FIELD = "documentation.assistant_supervision"
_ASSISTANT_MODIFIERS = ("CQ", "CO")


def check_assistant_supervised(visit: VisitCompleted, terms: Terms) -> Answer | None:
    if not _assistant_took_part(visit, terms):
        return None
    given = visit.documentation.assistant_supervision if visit.documentation else None
    required = terms.supervision.get(visit.facility or "")
    levels = {required} if required else set(terms.supervision.values())
    inputs = {"supervision": given, "asked": required, "facility": visit.facility}
    of_assistant = [row.id for row in visit.interventions if row.assistant_minutes]
    if given == "none":
        return failed("none-given", interventions=of_assistant, inputs=inputs)
    if given == "direct" or (given == "general" and levels == {"general"}):
        return PASSED
    if given == "general" and required == "direct":
        return failed(interventions=of_assistant, inputs=inputs)
    if given is None and levels == {"general"} and _therapist_is_named(visit, terms):
        return PASSED
    return unknown(
        *(("facility",) if required is None and len(levels) > 1 else ()),
        *((_FIELD,) if given is None else ()),
        inputs=inputs,
    )


def _assistant_took_part(visit: VisitCompleted, terms: Terms) -> bool:
    signature = visit.documentation.signature if visit.documentation else None
    signers = (visit.rendering_provider, signature)
    return (
        visit.assistant is not None
        or any(row.assistant_minutes for row in visit.interventions)
        or any(
            terms.role_of(signer.credential, visit.discipline) == "assistant"
            for signer in signers
            if signer is not None
        )
        or any(name.strip().upper() in _ASSISTANT_MODIFIERS for row in visit.interventions for name in row.modifiers)
    )


def _therapist_is_named(visit: VisitCompleted, terms: Terms) -> bool:
    documentation = visit.documentation
    named = (
        visit.rendering_provider,
        documentation.signature if documentation else None,
        documentation.cosignature if documentation else None,
    )
    return any(
        terms.role_of(person.credential, visit.discipline) == "therapist" for person in named if person is not None
    )
