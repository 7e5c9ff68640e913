"""Documentation-check hears completed visits and says what their documentation lacks."""

from claimbus.events import Keyed, VisitCompleted, VisitVoided
from claimbus.messaging import Projection, Reading, Received, publish_derived, subscription
from faststream.nats import NatsRouter

from documentation_check.domain.case_history import CaseHistory, TreatedVisit
from documentation_check.domain.check import check_documentation
from documentation_check.rules import RULES

router = NatsRouter()
_history = CaseHistory(lambda day: RULES.on(day).terms)
projections = (
    Projection(Reading(VisitCompleted, TreatedVisit, _history.take), Reading(VisitVoided, Keyed, _history.void)),
)


@router.subscriber(**subscription("documentation-check"))
async def check(received: Received[VisitCompleted]) -> None:
    """Check each requirement that applies on the date of service."""
    visit = received.event
    _history.take(visit)  # those received right after it are to see it, however far the projection has come
    rules = RULES.on(visit.service_date)
    checked = check_documentation(visit, received.basis, rules, RULES.rule_set, seen=_history.before(visit))
    await publish_derived(checked, cause=received)
