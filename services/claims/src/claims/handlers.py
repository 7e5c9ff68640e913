"""Claims subscribes to visits, units and documentation, and publishes one decision on each visit revision."""

from dataclasses import dataclass, field, replace
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
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitHeld,
    VisitSuperseded,
    VisitVoided,
)
from claimbus.events.upgrade import upgraded
from claimbus.messaging import (
    Join,
    Joined,
    LatestClaimEvent,
    Received,
    RuleSets,
    StalledVisit,
    note_outcome,
    publish_once,
    subscription,
    trace_id,
)
from faststream.nats import NatsRouter

from claims.domain.assemble import Facts, decide_claim, retract_claim
from claims.domain.closing import hold_visit, supersede_visit
from claims.domain.history.claim_history import ClaimHistory
from claims.rule_book import ClaimRuleBook

NEEDS = (VisitCoded, UnitsComputed, DocumentationChecked)
"""Facts that a decision joins, beside the visit."""
_TERMINAL = (ClaimReady, ClaimDenialRisk, VisitSuperseded, ClaimVoided)


def subscribe(rules: ClaimRuleBook, history: ClaimHistory) -> NatsRouter:
    """The service's handlers, deciding by these rules and this history."""
    router, join, decider = NatsRouter(), Join(VisitCompleted, *NEEDS), _Decider(rules, history)

    @router.subscriber(**subscription("claims"))
    async def decide(received: Received[VisitCompleted | VisitVoided | UnitsComputed | DocumentationChecked]) -> None:
        """Join the facts of a visit revision and decide when all are there; or take the visit back."""
        if isinstance(received.event, VisitVoided):
            await publish_once(partial(decider.retract, received.event), terminal=(ClaimVoided,), cause=received)
        else:
            await join.when_complete(received, partial(decider.publish, received))

    @router.subscriber(**subscription("claims", of=ClaimAdjudicated))
    async def follow(received: Received[ClaimSubmitted | ClaimAdjudicated]) -> None:
        """Link a payer's answer to the decision that it answers."""
        await note_outcome(received)

    return router


async def hold(stalled: StalledVisit) -> None:
    """Publish what a visit waits for."""
    await publish_once(partial(_held, stalled), terminal=(*_TERMINAL, VisitHeld), cause=stalled)


def _held(stalled: StalledVisit, _: LatestClaimEvent) -> Event:
    return hold_visit(stalled.event, [kind.fact for kind in stalled.missing], stalled.seconds)


@dataclass(frozen=True)
class _Decider:
    """Composes claim events from the facts of a visit revision and what was decided before."""

    rules: ClaimRuleBook
    history: ClaimHistory
    rule_sets: RuleSets = field(default_factory=RuleSets)

    async def publish(self, received: Received[Event], joined: Joined) -> None:
        facts = await self._facts_of(received, joined)
        await publish_once(
            partial(self._decide, facts),
            terminal=_TERMINAL,
            since=joined.since,
            links=joined.links(type(received.event)),
            cause=received,
            too_late=partial(_supersede, facts.visit),
        )

    def retract(self, void: VisitVoided, latest: LatestClaimEvent) -> Event:
        history = replace(self.history.of_voided(void), earlier=latest.decision, supersedes_revision=latest.decided)
        return retract_claim(void, self.rules.on(date.max), history)  # a void names no date of service

    def _decide(self, facts: Facts, latest: LatestClaimEvent) -> Event:
        history = replace(self.history.of(facts.visit), earlier=latest.decision, supersedes_revision=latest.decided)
        rules = self.rules.on(facts.visit.service_date)
        decision = decide_claim(facts, rules, history, decided_at=datetime.now(UTC), trace_id=trace_id())
        self.history.record_pending(decision)  # visits decided before the stream hands it back are to see it
        return decision

    async def _facts_of(self, received: Received[Event], joined: Joined) -> Facts:
        coded, units = upgraded(joined[VisitCoded]), upgraded(joined[UnitsComputed])
        documentation = upgraded(joined[DocumentationChecked])
        return Facts(
            visit=joined[VisitCompleted],
            coded=coded,
            units=units,
            documentation=documentation,
            basis=joined.basis,
            event_ids=joined.event_ids,
            rule_sets=await self.rule_sets.of_facts(received.client, coded, units, documentation),
        )


def _supersede(visit: VisitCompleted, latest: LatestClaimEvent) -> Event:
    return supersede_visit(visit, latest.revision)
