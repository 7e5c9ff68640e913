"""Units hears coded visits and says how many units each code makes."""

from claimbus.events import VisitCoded
from claimbus.messaging import Heard, emit, hears
from faststream.nats import NatsRouter

from units.domain.compute import compute_units
from units.rules import RULES

router = NatsRouter()


@router.subscriber(**hears("units"))
async def count(heard: Heard[VisitCoded]) -> None:
    """Compute the units of a visit under its payer's rule."""
    coded = heard.event
    await emit(compute_units(coded, RULES.on(coded.service_date), RULES.rule_set), cause=heard)
