"""What the documentation-check service is made of."""

from claimbus.events import Keyed, VisitCompleted, VisitVoided
from claimbus.messaging import Projection, Reading
from claimbus.service import Wiring
from claimbus.settings import Settings

from documentation_check.domain.case_history import CaseHistory, TreatedVisit
from documentation_check.handlers import subscribe
from documentation_check.rules import RULES


def bootstrap(settings: Settings) -> Wiring:  # noqa: ARG001  (every service's has it)
    history = CaseHistory(lambda day: RULES.on(day).terms)
    visits = Projection(Reading(VisitCompleted, TreatedVisit, history.take), Reading(VisitVoided, Keyed, history.void))
    return Wiring(subscribe(RULES, history), RULES.rule_set, projections=(visits,))
