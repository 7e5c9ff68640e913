"""Coding subscribes to completed visits and publishes which codes their documentation supports."""

from claimbus.events import VisitCompleted
from claimbus.messaging import Received, publish_derived, subscription
from claimbus.service import Settings
from faststream.nats import NatsRouter

from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from coding.suggester import ask, load_suggester

router = NatsRouter()
_SETTINGS = Settings.read()
RULES = CodingRuleBook.load(overlay=_SETTINGS.profiles)
SUGGESTER = load_suggester(_SETTINGS.suggester)


@router.subscriber(**subscription("coding"))
async def code(received: Received[VisitCompleted]) -> None:
    """Suggest a code for each intervention."""
    visit = received.event
    suggestions = await ask(visit, SUGGESTER)
    coded = suggest_codes(visit, received.basis, RULES.on(visit.service_date), suggestions)
    await publish_derived(coded, cause=received)
