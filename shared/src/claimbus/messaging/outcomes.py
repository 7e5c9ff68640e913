"""What payers answered, linked to the decision that it answers."""

from claimbus.events import ClaimAdjudicated, ClaimSubmitted
from claimbus.messaging.decisions import decision_of
from claimbus.messaging.decode import Received
from claimbus.telemetry import tracing
from claimbus.telemetry.logs import log


async def note_outcome(received: Received[ClaimSubmitted | ClaimAdjudicated]) -> None:
    """Link the trace of a payer's answer to the one of the decision, and log what it was.

    An answer to a claim that no decision here made is noted as that: it may be older than the stream.
    """
    event = received.event
    decision = await decision_of(received.client, event.practice_id, event.visit_id, event.revision)
    tracing.mark(REVISION=event.revision, OUTCOME=event.status)
    if decision is None:
        log().warning("outcome.of-no-decision", outcome=event.status, revision=event.revision)
        return
    tracing.link(decision.headers, decision.subject.rpartition(".")[2])
    log().info("outcome.received", outcome=event.status, revision=event.revision)
