"""What the claims service is made of."""

from datetime import date
from decimal import Decimal

from claimbus.events import ClaimAdjudicated, ClaimDenialRisk, ClaimReady, ClaimSubmitted, ClaimVoided, Keyed
from claimbus.messaging import Projection, Reading, StalledVisits
from claimbus.service import Wiring
from claimbus.settings import Settings

from claims.domain.history.amendment import ControlNumbers
from claims.domain.history.duplicates import BilledServices
from claims.domain.history.totals import DecidedVisit, Ledger
from claims.handlers import NEEDS, History, hold, subscribe
from claims.rules import RULES


def bootstrap(settings: Settings) -> Wiring:
    history = History(Ledger(_threshold_on), BilledServices(), ControlNumbers())
    decisions = Projection(
        Reading(ClaimReady, DecidedVisit, history.apply),
        Reading(ClaimDenialRisk, DecidedVisit, history.apply),
        Reading(ClaimVoided, Keyed, history.void),
    )
    answers = Projection(
        Reading(ClaimSubmitted, ClaimSubmitted, history.numbers.take),
        Reading(ClaimAdjudicated, ClaimAdjudicated, history.numbers.take),
    )
    stalled = StalledVisits(
        "claims", *NEEDS, is_closed=history.ledger.has_word_on, hold=hold, after=settings.held_after
    )
    return Wiring(subscribe(RULES, history), RULES.rule_set, projections=(decisions, answers), watches=(stalled,))


def _threshold_on(day: date) -> Decimal | None:
    row = RULES.on(day).kx_threshold
    return row.amount if row else None
