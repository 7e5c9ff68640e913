"""Documentation-check hears completed visits and says what their documentation lacks."""

from claimbus.events import VisitCompleted
from claimbus.messaging import basis_of, emit, hears
from faststream.nats import NatsMessage, NatsRouter

from documentation_check.domain.check import check_documentation
from documentation_check.rules import RULES

router = NatsRouter()


@router.subscriber(**hears("documentation-check"))
async def check(visit: VisitCompleted, msg: NatsMessage) -> None:
    """Check each requirement that applies on the date of service."""
    await emit(check_documentation(visit, basis_of(msg), RULES.on(visit.service_date), RULES.rule_set), cause=msg)
