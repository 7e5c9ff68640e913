"""Units subscribes to coded visits and publishes how many units each code makes."""

from claimbus.events import VisitCoded
from claimbus.messaging import Received, publish_derived, subscription
from faststream.nats import NatsRouter

from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook


def subscribe(rules: UnitRuleBook) -> NatsRouter:
    """The service's handlers, deciding by these rules."""
    router = NatsRouter()

    @router.subscriber(**subscription("units"))
    async def count_units(received: Received[VisitCoded]) -> None:
        """Compute the units of a visit under its payer's rule."""
        coded = received.event
        await publish_derived(compute_units(coded, rules.on(coded.service_date)), cause=received)

    return router
