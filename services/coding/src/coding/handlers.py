"""Coding hears completed visits and says which codes their documentation supports."""

from claimbus.events import VisitCompleted
from claimbus.messaging import Heard, emit, hears
from faststream.nats import NatsRouter

from coding.domain.suggest import suggest_codes
from coding.rules import RULES
from coding.suggester import ask

router = NatsRouter()


@router.subscriber(**hears("coding"))
async def code(heard: Heard[VisitCompleted]) -> None:
    """Suggest a code for each intervention."""
    visit = heard.event
    coded = suggest_codes(visit, heard.basis, RULES.on(visit.service_date), RULES.rule_set, await ask(visit))
    await emit(coded, cause=heard)
