"""Coding hears completed visits and says which codes their documentation supports."""

from claimbus.events import VisitCompleted
from claimbus.messaging import Received, publish_derived, subscription
from faststream.nats import NatsRouter

from coding.domain.suggest import suggest_codes
from coding.rules import RULES
from coding.suggester import ask

router = NatsRouter()


@router.subscriber(**subscription("coding"))
async def code(received: Received[VisitCompleted]) -> None:
    """Suggest a code for each intervention."""
    visit = received.event
    coded = suggest_codes(visit, received.basis, RULES.on(visit.service_date), RULES.rule_set, await ask(visit))
    await publish_derived(coded, cause=received)
