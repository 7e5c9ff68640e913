"""Coding hears completed visits and says which codes their documentation supports."""

from claimbus.events import VisitCompleted
from claimbus.messaging import basis_of, emit, hears
from faststream.nats import NatsMessage, NatsRouter

from coding.domain.suggest import suggest_codes
from coding.rules import RULES

router = NatsRouter()


@router.subscriber(**hears("coding"))
async def code(visit: VisitCompleted, msg: NatsMessage) -> None:
    """Suggest a code for each intervention."""
    await emit(suggest_codes(visit, basis_of(msg), RULES.on(visit.service_date), RULES.rule_set), cause=msg)
