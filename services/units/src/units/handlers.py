"""Units subscribes to coded visits and publishes how many units each code makes."""

from claimbus.events import VisitCoded
from claimbus.messaging import Received, publish_derived, subscription
from faststream.nats import NatsRouter

from units.domain.compute import compute_units
from units.rules import Rules


def subscribe(rules: Rules) -> NatsRouter:
    """The service's handlers, deciding by these rules."""
    router = NatsRouter()

    @router.subscriber(**subscription("units"))
    async def count(received: Received[VisitCoded]) -> None:
        """Compute the units of a visit under its payer's rule."""
        coded = received.event
        await publish_derived(compute_units(coded, rules.on(coded.service_date), rules.rule_set), cause=received)

    return router
