"""Coding subscribes to completed visits and publishes which codes their documentation supports."""

from claimbus.events import VisitCompleted
from claimbus.messaging import Received, publish_derived, subscription
from faststream.nats import NatsRouter

from coding.domain.opinion import Suggester
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from coding.suggester import ask


def subscribe(rules: CodingRuleBook, suggester: Suggester | None) -> NatsRouter:
    """The service's handlers, deciding by these rules and asking a practice's own suggester, where there is one."""
    router = NatsRouter()

    @router.subscriber(**subscription("coding"))
    async def code(received: Received[VisitCompleted]) -> None:
        """Suggest a code for each intervention."""
        visit = received.event
        suggestions = await ask(visit, suggester)
        coded = suggest_codes(visit, received.basis, rules.on(visit.service_date), suggestions)
        await publish_derived(coded, cause=received)

    return router
