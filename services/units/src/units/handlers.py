"""Units subscribes to coded visits and publishes how many units each code makes."""

from claimbus.events import VisitCoded
from claimbus.messaging import Received, publish_derived, subscription
from claimbus.service import Settings
from faststream.nats import NatsRouter

from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook

router = NatsRouter()
RULES = UnitRuleBook.load(overlay=Settings.read().profiles)


@router.subscriber(**subscription("units"))
async def count_units(received: Received[VisitCoded]) -> None:
    """Compute the units of a visit under its payer's rule."""
    coded = received.event
    await publish_derived(compute_units(coded, RULES.on(coded.service_date)), cause=received)
