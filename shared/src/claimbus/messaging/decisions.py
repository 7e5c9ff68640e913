"""What the claims service has published about a visit so far."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from nats.aio.client import Client
from pydantic import ValidationError

from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, Event, VisitSuperseded, decision_adapter
from claimbus.events.envelope import read
from claimbus.events.subjects import all_claims_of, parse, subject_for
from claimbus.messaging.direct_get import Stored, read_last, walk
from claimbus.messaging.topology import CLAIMS
from claimbus.telemetry.logs import log

_DECISIONS = (ClaimReady.fact, ClaimDenialRisk.fact)


@dataclass(frozen=True, slots=True)
class LatestClaimEvent:
    """The last claim event of a visit; sequence 0 where there is none.

    `visit superseded` is about a revision that came too late: it moves the sequence on and is otherwise passed
    over, so that the event before it, on a later revision, stays terminal for what it was terminal for (ADR 14).
    """

    seq: int = 0
    fact: str = ""
    revision: int = 0
    decided: int | None = None
    """Revision of the decision in force: the last one, unless the visit was voided after it."""
    decision: ClaimReady | ClaimDenialRisk | None = None
    """That decision; null where there is none, or it is of a release whose decisions cannot be read any more."""
    revisions: frozenset[int] = frozenset()
    """Revisions that the claim events which were read are about: all there are by `all_claim_events`."""

    def is_terminal_for(self, revision: int, kinds: Iterable[type[Event]]) -> bool:
        """Whether nothing more may be published about a revision, given the kinds of event that are terminal."""
        is_terminal = self.fact in {kind.fact for kind in kinds}
        return self.revision > revision or (self.revision == revision and is_terminal)


async def latest_claim_event(client: Client, practice_id: str, visit_id: str) -> LatestClaimEvent:
    """The last claim event of a visit. May be old on a cluster: a guarded publish finds that out.

    Raises `StaleRead` when a replica that lags answers in between.
    """
    subject = all_claims_of(practice_id, visit_id)
    newest = await read_last(client, CLAIMS, subject)
    if newest is None:
        return LatestClaimEvent()
    latest = _summarize([newest])
    if latest.fact in (*_DECISIONS, ClaimVoided.fact):
        return latest
    # It is about a pause or a late revision: the events before it hold the decision in force.
    stored = await walk(client, CLAIMS, subject, at_least=newest.seq)
    return _summarize([message for message in stored if message.seq <= newest.seq])


async def all_claim_events(client: Client, practice_id: str, visit_id: str) -> LatestClaimEvent:
    """The last claim event, with every revision that has one. May be old, as `latest_claim_event`."""
    return _summarize(await walk(client, CLAIMS, all_claims_of(practice_id, visit_id)))


def _summarize(messages: list[Stored]) -> LatestClaimEvent:
    """What some claim events of a visit, oldest first, come to."""
    latest = LatestClaimEvent()
    revisions: set[int] = set()
    in_force: Stored | None = None
    for message in messages:
        fact, revision = parse(message.subject).fact, _revision_of(message)
        revisions.add(revision)
        if fact == VisitSuperseded.fact:
            latest = replace(latest, seq=message.seq)
            continue
        latest = replace(latest, seq=message.seq, fact=fact, revision=revision)
        if fact in _DECISIONS:
            in_force, latest = message, replace(latest, decided=revision)
        elif fact == ClaimVoided.fact:
            in_force, latest = None, replace(latest, decided=None)
    decision = None if in_force is None else _decision_in(in_force)
    return replace(latest, decision=decision, revisions=frozenset(revisions))


def _revision_of(message: Stored) -> int:
    envelope, _ = read(message.headers, message.body)
    return int(envelope.revision or 1) if envelope else 1


def _decision_in(message: Stored) -> ClaimReady | ClaimDenialRisk | None:
    try:
        return decision_adapter.validate_json(message.body)
    except ValidationError as exc:
        # Published by another release: the new decision still replaces it, and cannot say in what it differs.
        log().warning("claim.unreadable", stream=CLAIMS, seq=message.seq, error_type=type(exc).__name__)
        return None


async def decision_of(client: Client, practice_id: str, visit_id: str, revision: int) -> Stored | None:
    """The decision on a visit revision as it is stored; null where there is none, or a replica that lags answers."""
    for kind in (ClaimReady, ClaimDenialRisk):
        for message in await walk(client, CLAIMS, subject_for(kind, practice_id, visit_id)):
            if _revision_of(message) == revision:
                return message
    return None
