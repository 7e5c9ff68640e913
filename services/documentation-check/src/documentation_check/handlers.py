"""Documentation-check hears completed visits and says what their documentation lacks."""

from claimbus.events import Keyed, VisitCompleted, VisitVoided
from claimbus.messaging import Heard, Projection, Reading, emit, hears
from faststream.nats import NatsRouter

from documentation_check.domain.case_history import CaseHistory, TreatedVisit
from documentation_check.domain.check import check_documentation
from documentation_check.rules import RULES

router = NatsRouter()
_history = CaseHistory(lambda day: RULES.on(day).terms)
projections = (
    Projection(Reading(VisitCompleted, TreatedVisit, _history.take), Reading(VisitVoided, Keyed, _history.void)),
)


@router.subscriber(**hears("documentation-check"))
async def check(heard: Heard[VisitCompleted]) -> None:
    """Check each requirement that applies on the date of service."""
    visit = heard.event
    _history.take(visit)  # those heard right after it are to see it, however far the projection has come
    rules = RULES.on(visit.service_date)
    checked = check_documentation(visit, heard.basis, rules, RULES.rule_set, seen=_history.before(visit))
    await emit(checked, cause=heard)
