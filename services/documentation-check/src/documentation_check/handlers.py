"""Documentation-check subscribes to completed visits and publishes what their documentation lacks."""

from claimbus.events import VisitCompleted
from claimbus.messaging import Received, publish_derived, subscription
from faststream.nats import NatsRouter

from documentation_check.domain.case_history import CaseHistory
from documentation_check.domain.check import check_documentation
from documentation_check.rule_book import DocumentationRuleBook


def subscribe(rules: DocumentationRuleBook, history: CaseHistory) -> NatsRouter:
    """The service's handlers, deciding by these rules and by what earlier visits of a case add up to."""
    router = NatsRouter()

    @router.subscriber(**subscription("documentation-check"))
    async def check(received: Received[VisitCompleted]) -> None:
        """Check each requirement that applies on the date of service."""
        visit = received.event
        history.apply(visit)  # those received right after it are to see it, however far the projection has come
        checked = check_documentation(visit, received.basis, rules.on(visit.service_date), seen=history.before(visit))
        await publish_derived(checked, cause=received)

    return router
