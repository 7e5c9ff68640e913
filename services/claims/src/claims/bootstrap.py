"""What the claims service is made of."""

from claimbus.events import ClaimAdjudicated, ClaimDenialRisk, ClaimReady, ClaimSubmitted, ClaimVoided, Keyed
from claimbus.messaging import Projection, Reading, StalledVisits
from claimbus.service import Wiring
from claimbus.settings import Settings

from claims.domain.history.claim_history import ClaimHistory
from claims.domain.history.decided_visit import DecidedVisit
from claims.handlers import NEEDS, hold, subscribe
from claims.rule_book import ClaimRuleBook


def bootstrap(settings: Settings) -> Wiring:
    rules = ClaimRuleBook.load(overlay=settings.profiles)
    history = ClaimHistory(rules.kx_threshold_on)
    decisions = Projection(
        Reading(ClaimReady, DecidedVisit, history.apply),
        Reading(ClaimDenialRisk, DecidedVisit, history.apply),
        Reading(ClaimVoided, Keyed, history.void),
    )
    answers = Projection(
        Reading(ClaimSubmitted, ClaimSubmitted, history.apply_outcome),
        Reading(ClaimAdjudicated, ClaimAdjudicated, history.apply_outcome),
    )
    stalled = StalledVisits("claims", *NEEDS, is_closed=history.has_claim_event, hold=hold, after=settings.held_after)
    return Wiring(subscribe(rules, history), rules.rule_set, projections=(decisions, answers), watches=(stalled,))
