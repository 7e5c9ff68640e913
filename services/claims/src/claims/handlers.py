"""Claims subscribes to visits, units and documentation, and publishes one decision for each visit revision."""

from dataclasses import replace
from datetime import UTC, date, datetime
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

from claims.domain.assemble import Facts, decide_claim, retract_claim
from claims.domain.closing import hold_visit, supersede_visit
from claims.domain.history.claim_history import ClaimHistory
from claims.domain.history.decided_visit import DecidedVisit
from claims.rule_book import ClaimRuleBook

RULES = ClaimRuleBook.load(overlay=Settings.read().profiles)
router = NatsRouter()
_history = ClaimHistory(RULES.kx_threshold_on)
projections = (
    Projection(
        Reading(ClaimReady, DecidedVisit, _history.apply),
        Reading(ClaimDenialRisk, DecidedVisit, _history.apply),
        Reading(ClaimVoided, Keyed, _history.void),
    ),
    Projection(
        Reading(ClaimSubmitted, ClaimSubmitted, _history.apply_outcome),
        Reading(ClaimAdjudicated, ClaimAdjudicated, _history.apply_outcome),
    ),
)
_NEEDS = (VisitCoded, UnitsComputed, DocumentationChecked)
_join = Join(VisitCompleted, *_NEEDS)
_TERMINAL = (ClaimReady, ClaimDenialRisk, VisitSuperseded, ClaimVoided)


@router.subscriber(**subscription("claims"))
async def decide(received: Received[VisitCompleted | VisitVoided | UnitsComputed | DocumentationChecked]) -> None:
    """Join the facts of a visit revision and decide when all are there; or take the visit back."""
    if isinstance(received.event, VisitVoided):
        await publish_once(partial(_retract, received.event), terminal=(ClaimVoided,), cause=received)
    else:
        await _join.when_complete(received, partial(_publish_decision, received))


@router.subscriber(**subscription("claims", of=ClaimAdjudicated))
async def follow(received: Received[ClaimSubmitted | ClaimAdjudicated]) -> None:
    """Link a payer's answer to the decision that it answers."""
    await note_outcome(received)


async def _hold(stalled: StalledVisit) -> None:
    await publish_once(partial(_held, stalled), terminal=(*_TERMINAL, VisitHeld), cause=stalled)


watches = (StalledVisits(*_NEEDS, is_closed=_history.has_claim_event, hold=_hold),)


def _held(stalled: StalledVisit, _: LatestClaimEvent) -> Event:
    return hold_visit(stalled.event, [kind.fact for kind in stalled.missing], stalled.seconds)


async def _publish_decision(received: Received[Event], joined: Joined) -> None:
    await publish_once(
        partial(_decide, joined),
        terminal=_TERMINAL,
        since=joined.since,
        links=joined.links(type(received.event)),
        cause=received,
        too_late=partial(_supersede, joined),
    )


def _supersede(joined: Joined, last: LatestClaimEvent) -> Event:
    return supersede_visit(joined[VisitCompleted], last.revision)


def _retract(void: VisitVoided, last: LatestClaimEvent) -> Event:
    history = replace(_history.of_voided(void), earlier=last.decision, supersedes_revision=last.decided)
    return retract_claim(void, RULES.on(date.max), history)  # a void names no date of service


def _decide(joined: Joined, last: LatestClaimEvent) -> Event:
    facts = _facts_of(joined)
    history = replace(_history.of(facts.visit), earlier=last.decision, supersedes_revision=last.decided)
    rules = RULES.on(facts.visit.service_date)
    decision = decide_claim(facts, rules, history, decided_at=datetime.now(UTC), trace_id=trace_id())
    _history.record_pending(decision)  # visits decided before the stream hands it back are to see it
    return decision


def _facts_of(joined: Joined) -> Facts:
    coded, units, documentation = joined[VisitCoded], joined[UnitsComputed], joined[DocumentationChecked]
    return Facts(
        visit=joined[VisitCompleted],
        coded=coded,
        units=units,
        documentation=documentation,
        basis=joined.basis,
        event_ids=joined.event_ids,
        rule_sets=(coded.rule_set, units.rule_set, documentation.rule_set),
    )
