"""Claims hears visits, units and documentation, and says one word for each visit revision."""

from datetime import UTC, date, datetime
from decimal import Decimal
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
    Projection,
    Reading,
    Received,
    StalledVisit,
    StalledVisits,
    note_outcome,
    publish_once,
    subscription,
    trace_id,
)
from claimbus.service import Settings
from faststream.nats import NatsRouter

from claims.domain.assemble import decide_claim, retract_claim
from claims.domain.closing import hold_visit, supersede_visit
from claims.domain.history.amendment import ControlNumbers
from claims.domain.history.duplicates import BilledServices
from claims.domain.history.totals import DecidedVisit, Ledger
from claims.rule_book import ClaimRuleBook

RULES = ClaimRuleBook.load(overlay=Settings.read().profiles)


def _threshold_on(day: date) -> Decimal | None:
    row = RULES.on(day).kx_threshold
    return row.amount if row else None


router = NatsRouter()
_ledger = Ledger(_threshold_on)
_services = BilledServices()
_numbers = ControlNumbers()


def _take(decision: DecidedVisit) -> None:
    _ledger.take(decision)
    _services.take(decision)


def _void(voided: Keyed) -> None:
    _ledger.void(voided)
    _services.void(voided)
    _numbers.void(voided)


projections = (
    Projection(
        Reading(ClaimReady, DecidedVisit, _take),
        Reading(ClaimDenialRisk, DecidedVisit, _take),
        Reading(ClaimVoided, Keyed, _void),
    ),
    Projection(
        Reading(ClaimSubmitted, ClaimSubmitted, _numbers.take),
        Reading(ClaimAdjudicated, ClaimAdjudicated, _numbers.take),
    ),
)
_NEEDS = (VisitCoded, UnitsComputed, DocumentationChecked)
_join = Join(VisitCompleted, *_NEEDS)
_DECISIONS = (ClaimReady, ClaimDenialRisk)
_CLOSING = (*_DECISIONS, VisitSuperseded, ClaimVoided)


@router.subscriber(**subscription("claims"))
async def decide(received: Received[VisitCompleted | VisitVoided | UnitsComputed | DocumentationChecked]) -> None:
    """Join the facts of a visit revision and decide when all are there; or take the visit back."""
    if isinstance(received.event, VisitVoided):
        await publish_once(partial(_retract, received.event), terminal=(ClaimVoided,), cause=received)
    else:
        await _join.when_complete(received, partial(_say_decision, received))


@router.subscriber(**subscription("claims", of=ClaimAdjudicated))
async def follow(received: Received[ClaimSubmitted | ClaimAdjudicated]) -> None:
    """Link a payer's answer to the decision that it answers."""
    await note_outcome(received)


async def _hold(waiting: StalledVisit) -> None:
    await publish_once(partial(_held, waiting), terminal=(*_CLOSING, VisitHeld), cause=waiting)


watches = (StalledVisits(*_NEEDS, is_closed=_ledger.has_word_on, hold=_hold),)


def _held(waiting: StalledVisit, _: LatestClaimEvent) -> Event:
    return hold_visit(waiting.event, [kind.fact for kind in waiting.missing], waiting.seconds)


async def _say_decision(received: Received[Event], joined: Joined) -> None:
    await publish_once(
        partial(_decide, joined),
        terminal=_CLOSING,
        since=joined.since,
        links=joined.links(type(received.event)),
        cause=received,
        too_late=partial(_supersede, joined),
    )


def _supersede(joined: Joined, last: LatestClaimEvent) -> Event:
    return supersede_visit(joined[VisitCompleted], last.revision)


def _retract(void: VisitVoided, last: LatestClaimEvent) -> Event:
    number = _numbers.of(void) or (last.decision.claim.payer_control_number if last.decision else None)
    return retract_claim(void, last.decided, _ledger.after_voided(void), payer_number=number)


def _decide(joined: Joined, last: LatestClaimEvent) -> Event:
    visit = joined[VisitCompleted]
    decision = decide_claim(
        visit,
        joined[VisitCoded],
        joined[UnitsComputed],
        joined[DocumentationChecked],
        RULES.on(visit.service_date),
        RULES.rule_set,
        basis=joined.basis,
        event_ids=joined.event_ids,
        supersedes_revision=last.decided,
        decided_at=datetime.now(UTC),
        trace_id=trace_id(),
        totals=_ledger.before(visit),
        later=_ledger.after(visit),
        earlier=last.decision,
        payer_number=_numbers.of(visit, visit.primary.rank),
        elsewhere=_services.beside(visit),
    )
    _ledger.record_pending(decision)  # visits decided before the stream hands it back are to see it
    _services.record_pending(decision)
    return decision
