"""What claims has decided before: of each visit the newest revision counts, and a voided visit counts no more.

It is rebuilt from the streams when a process starts; any order of the events of different visits makes it equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    Keyed,
    RunningTotals,
    VisitCompleted,
)

from claims.domain.history.amendment import ControlNumbers
from claims.domain.history.decided_visit import DecidedVisit, VisitKey, key_of
from claims.domain.history.duplicates import BilledServices, Elsewhere
from claims.domain.history.totals import LaterVisit, Ledger


@dataclass(frozen=True, kw_only=True)
class History:
    """What earlier events say of one visit and its patient; each is left out where nothing is known."""

    earlier: ClaimReady | ClaimDenialRisk | None = None
    """The decision that stands, where it can be read."""
    supersedes_revision: int | None = None
    """Revision of the decision that stands."""
    totals: RunningTotals | None = None
    """What visits of earlier days add up to."""
    later: tuple[LaterVisit, ...] = ()
    """Decided visits of later days whose totals the visit may change."""
    elsewhere: Elsewhere | None = None
    """What other visits were decided with."""
    payer_number: str | None = None
    """The payer's own number of the claim that it holds of the visit, by its own answers."""


NO_HISTORY = History()


class _Known(NamedTuple):
    revision: int
    stored: bool
    """Whether it came from the stream; a decision that is about to be published is kept until it does."""


class ClaimHistory:
    """Decisions, voids and payers' answers of all visits, and what they mean for the next one."""

    def __init__(self, threshold_on: Callable[[date], Decimal | None]) -> None:
        """`threshold_on` gives the dollars of a day's year above which KX is needed, where they are known."""
        self._known: dict[VisitKey, _Known] = {}
        self._ledger = Ledger(threshold_on)
        self._services = BilledServices()
        self._numbers = ControlNumbers()

    def apply(self, decision: DecidedVisit) -> None:
        """A decision as the stream holds it."""
        self._record(decision, stored=True)

    def record_pending(self, decision: ClaimReady | ClaimDenialRisk) -> None:
        """A decision that is about to be published, so that visits decided at the same moment see it.

        What the stream holds of that revision takes its place.
        """
        self._record(decision, stored=False)

    def void(self, voided: Keyed) -> None:
        """Nothing of this revision or an older one counts any more."""
        known = self._known.get(key_of(voided))
        if known is None or known.revision <= voided.revision:
            self._known[key_of(voided)] = _Known(voided.revision, stored=True)
            self._ledger.remove(key_of(voided))
            self._services.remove(key_of(voided))
        self._numbers.void(voided)

    def apply_outcome(self, outcome: ClaimSubmitted | ClaimAdjudicated) -> None:
        """A payer's answer as its stream holds it."""
        self._numbers.apply(outcome)

    def of(self, visit: VisitCompleted) -> History:
        """What is known for the decision on a visit."""
        return History(
            totals=self._ledger.before(visit),
            later=self._ledger.after(visit),
            elsewhere=self._services.beside(visit),
            payer_number=self._numbers.of(visit, visit.primary.rank),
        )

    def of_voided(self, voided: Keyed) -> History:
        """What is known for taking a visit back."""
        return History(later=self._ledger.after_voided(voided), payer_number=self._numbers.of(voided))

    def has_claim_event(self, visit: Keyed) -> bool:
        """Whether a decision or a void of this revision, or of a later one, is known from the stream."""
        known = self._known.get(key_of(visit))
        return known is not None and known.stored and known.revision >= visit.revision

    def _record(self, decision: DecidedVisit | ClaimReady | ClaimDenialRisk, *, stored: bool) -> None:
        known = self._known.get(key_of(decision))
        if known is None or (known.revision, known.stored) < (decision.revision, True):
            self._known[key_of(decision)] = _Known(decision.revision, stored)
            self._ledger.put(decision)
            self._services.put(decision)
