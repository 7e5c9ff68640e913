"""Claims hears visits, units and documentation, and says one word for each visit revision."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

from claimbus.events import (
    ClaimDenialRisk,
    ClaimReady,
    ClaimVoided,
    DocumentationChecked,
    Event,
    Keyed,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitSuperseded,
    VisitVoided,
)
from claimbus.messaging import Heard, Join, Joined, LastWord, Projection, Reading, hears, say_once, trace_id
from faststream.nats import NatsRouter

from claims.domain.decide import decide_claim, retract_claim
from claims.domain.totals import DecidedVisit, Ledger
from claims.rules import RULES


def _threshold_on(day: date) -> Decimal | None:
    row = RULES.on(day).kx_threshold
    return row.amount if row else None


router = NatsRouter()
_ledger = Ledger(_threshold_on)
projections = (
    Projection(
        Reading(ClaimReady, DecidedVisit, _ledger.take),
        Reading(ClaimDenialRisk, DecidedVisit, _ledger.take),
        Reading(ClaimVoided, Keyed, _ledger.void),
    ),
)
_join = Join(VisitCompleted, VisitCoded, UnitsComputed, DocumentationChecked)
_DECISIONS = (ClaimReady, ClaimDenialRisk)


@router.subscriber(**hears("claims"))
async def decide(heard: Heard[VisitCompleted | VisitVoided | UnitsComputed | DocumentationChecked]) -> None:
    """Join the facts of a visit revision and decide when all are there; or take the visit back."""
    if isinstance(heard.event, VisitVoided):
        await say_once(partial(_retract, heard.event), closed_by=(ClaimVoided,), cause=heard)
    else:
        await _join.when_complete(heard, partial(_say_decision, heard))


async def _say_decision(heard: Heard[Event], joined: Joined) -> None:
    closed_by = (*_DECISIONS, VisitSuperseded, ClaimVoided)
    await say_once(partial(_decide, joined), closed_by=closed_by, links=joined.links(type(heard.event)), cause=heard)


def _retract(void: VisitVoided, last: LastWord) -> Event:
    return retract_claim(void, last.revision_if(*_DECISIONS), _ledger.after_voided(void))


def _decide(joined: Joined, last: LastWord) -> Event:
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
        supersedes_revision=last.revision_if(*_DECISIONS),
        decided_at=datetime.now(UTC),
        trace_id=trace_id(),
        totals=_ledger.before(visit),
        later=_ledger.after(visit),
    )
    _ledger.expect(decision)  # visits decided before the stream hands it back are to see it
    return decision
