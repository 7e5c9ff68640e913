"""What the documentation-check service is made of."""

from claimbus.events import Keyed, VisitCompleted, VisitVoided
from claimbus.messaging import Projection, Reading
from claimbus.service import Wiring
from claimbus.settings import Settings

from documentation_check.domain.case_history import CaseHistory, TreatedVisit
from documentation_check.handlers import subscribe
from documentation_check.rule_book import DocumentationRuleBook


def bootstrap(settings: Settings) -> Wiring:
    rules = DocumentationRuleBook.load(overlay=settings.profiles)
    history = CaseHistory(lambda day: rules.on(day).terms)
    visits = Projection(Reading(VisitCompleted, TreatedVisit, history.apply), Reading(VisitVoided, Keyed, history.void))
    return Wiring(subscribe(rules, history), rules.rule_set, projections=(visits,))
