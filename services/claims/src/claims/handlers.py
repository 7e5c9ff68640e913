"""Claims subscribes to visits, units and documentation, and publishes one decision on each visit revision."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    ClaimVoided,
    DocumentationChecked,
    Event,
    Keyed,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitHeld,
    VisitSuperseded,
    VisitVoided,
)
from claimbus.messaging import (
    Join,
    Joined,
    LatestClaimEvent,
    Received,
    StalledVisit,
    note_outcome,
    publish_once,
    subscription,
    trace_id,
)
from faststream.nats import NatsRouter

from claims.domain.assemble import decide_claim, retract_claim
from claims.domain.closing import hold_visit, supersede_visit
from claims.domain.history.amendment import ControlNumbers
from claims.domain.history.duplicates import BilledServices
from claims.domain.history.totals import DecidedVisit, Ledger
from claims.rules import Rules


@dataclass(frozen=True)
class History:
    """What earlier decisions and payers' answers add up to, in memory."""

    ledger: Ledger
    services: BilledServices
    numbers: ControlNumbers

    def apply(self, decision: DecidedVisit) -> None:
        self.ledger.take(decision)
        self.services.take(decision)

    def void(self, voided: Keyed) -> None:
        self.ledger.void(voided)
        self.services.void(voided)
        self.numbers.void(voided)

    def record_pending(self, decision: ClaimReady | ClaimDenialRisk) -> None:
        """Visits that are decided before the stream hands this one back are to see it."""
        self.ledger.record_pending(decision)
        self.services.record_pending(decision)


NEEDS = (VisitCoded, UnitsComputed, DocumentationChecked)
"""Facts that a decision joins, beside the visit."""
_DECISIONS = (ClaimReady, ClaimDenialRisk)
_TERMINAL = (*_DECISIONS, VisitSuperseded, ClaimVoided)


def subscribe(rules: Rules, history: History) -> NatsRouter:
    """The service's handlers, deciding by these rules and this history."""
    router = NatsRouter()
    join = Join(VisitCompleted, *NEEDS)

    @router.subscriber(**subscription("claims"))
    async def decide(received: Received[VisitCompleted | VisitVoided | UnitsComputed | DocumentationChecked]) -> None:
        """Join the facts of a visit revision and decide when all are there; or take the visit back."""
        if isinstance(received.event, VisitVoided):
            await publish_once(partial(_retract, history, received.event), terminal=(ClaimVoided,), cause=received)
        else:
            await join.when_complete(received, partial(_publish_decision, rules, history, received))

    @router.subscriber(**subscription("claims", of=ClaimAdjudicated))
    async def follow(received: Received[ClaimSubmitted | ClaimAdjudicated]) -> None:
        """Link a payer's answer to the decision that it answers."""
        await note_outcome(received)

    return router


async def hold(stalled: StalledVisit) -> None:
    """Publish what a visit waits for, unless a claim event came meanwhile."""
    await publish_once(partial(_held, stalled), terminal=(*_TERMINAL, VisitHeld), cause=stalled)


def _held(stalled: StalledVisit, _: LatestClaimEvent) -> Event:
    return hold_visit(stalled.event, [kind.fact for kind in stalled.missing], stalled.seconds)


async def _publish_decision(rules: Rules, history: History, received: Received[Event], joined: Joined) -> None:
    await publish_once(
        partial(_decide, rules, history, joined),
        terminal=_TERMINAL,
        since=joined.since,
        links=joined.links(type(received.event)),
        cause=received,
        too_late=partial(_supersede, joined),
    )


def _supersede(joined: Joined, latest: LatestClaimEvent) -> Event:
    return supersede_visit(joined[VisitCompleted], latest.revision)


def _retract(history: History, void: VisitVoided, latest: LatestClaimEvent) -> Event:
    number = history.numbers.of(void) or (latest.decision.claim.payer_control_number if latest.decision else None)
    return retract_claim(void, latest.decided, history.ledger.after_voided(void), payer_number=number)


def _decide(rules: Rules, history: History, joined: Joined, latest: LatestClaimEvent) -> Event:
    visit = joined[VisitCompleted]
    decision = decide_claim(
        visit,
        joined[VisitCoded],
        joined[UnitsComputed],
        joined[DocumentationChecked],
        rules.on(visit.service_date),
        rules.rule_set,
        basis=joined.basis,
        event_ids=joined.event_ids,
        supersedes_revision=latest.decided,
        decided_at=datetime.now(UTC),
        trace_id=trace_id(),
        totals=history.ledger.before(visit),
        later=history.ledger.after(visit),
        earlier=latest.decision,
        payer_number=history.numbers.of(visit, visit.primary.rank),
        elsewhere=history.services.beside(visit),
    )
    history.record_pending(decision)
    return decision
