"""Documentation-check hears completed visits and says what their documentation lacks."""

from claimbus.events import VisitCompleted
from claimbus.messaging import Heard, emit, hears
from faststream.nats import NatsRouter

from documentation_check.domain.check import check_documentation
from documentation_check.rules import RULES

router = NatsRouter()


@router.subscriber(**hears("documentation-check"))
async def check(heard: Heard[VisitCompleted]) -> None:
    """Check each requirement that applies on the date of service."""
    visit = heard.event
    await emit(check_documentation(visit, heard.basis, RULES.on(visit.service_date), RULES.rule_set), cause=heard)
