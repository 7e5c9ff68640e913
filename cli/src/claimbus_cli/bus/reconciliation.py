"""Every visit that came against every event of claims: is there one that has no answer?"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from claimbus.events import Keyed, VisitCompleted, VisitHeld
from claimbus.events.envelope import EnvelopeError, read
from claimbus.events.subjects import ALL_CLAIMS, all_visits_of, every, parse
from claimbus.messaging.dead_letters import StoredDeadLetter, read_dead_letters
from claimbus.messaging.topology import CLAIMS, VISITS
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from claimbus_cli.bus.reading import all_messages

_MOST_ASKED = 200
"""Gaps of which the broker is asked what is there, one by one."""

Status = Literal["answered", "held", "buried", "waiting", "unaccounted"]


class StoredVisit(NamedTuple):
    """A stored visit event and what became of it.

    `answered`: claims decided it or a later revision, voided it, or named what replaced it. `held`: claims published
    that it waits. `buried`: it is a dead letter. `waiting`: no event of claims yet, which is soon enough.
    `unaccounted`: none in time.
    """

    practice_id: str
    visit_id: str
    revision: int
    at: datetime
    """When it was stored."""
    status: Status
    facts: tuple[str, ...] | None = None
    """Of the unaccounted: what the services found out about the visit, whichever revision; null where not asked."""
    dead_letters: tuple[StoredDeadLetter, ...] = ()
    """Of the unaccounted and the buried: dead letters about the visit."""


class Reconciled(NamedTuple):
    counts: Counter[Status]
    gaps: list[StoredVisit]
    """The unaccounted, oldest first."""
    buried: list[StoredVisit]
    """Oldest first."""


async def reconcile_visits(client: Client, older_than: float, advance: Callable[[], None]) -> Reconciled:
    """Read both streams whole and hold them against each other; `advance` is called for each message.

    `older_than` is in seconds. Raises nats-py's errors.
    """
    answered, held = await answered_by_claims(client, advance)
    of_visit: dict[tuple[str, str], list[StoredDeadLetter]] = defaultdict(list)
    of_message: dict[int, list[StoredDeadLetter]] = defaultdict(list)
    for stored in await read_dead_letters(client):
        if stored.dead_letter.stream == VISITS:
            of_visit[stored.visit].append(stored)
            of_message[stored.dead_letter.seq].append(stored)
    counts: Counter[Status] = Counter()
    gaps: list[StoredVisit] = []
    buried: list[StoredVisit] = []
    now = datetime.now(UTC)
    async for msg in all_messages(client, VISITS, every(VisitCompleted)):
        advance()
        address, visit, meta = parse(msg.subject), _keyed(msg), msg.metadata
        key = (address.practice_id, address.visit_id)
        revision, seq = visit.revision if visit else 0, meta.sequence.stream
        if visit and answered.get(key, 0) >= revision:
            status: Status = "answered"
        elif seq in of_message:
            status = "buried"
            buried.append(StoredVisit(*key, revision, meta.timestamp, status, dead_letters=tuple(of_message[seq])))
        elif (*key, revision) in held:
            status = "held"
        elif (now - meta.timestamp).total_seconds() <= older_than:
            status = "waiting"
        else:
            status = "unaccounted"
            gaps.append(StoredVisit(*key, revision, meta.timestamp, status, dead_letters=tuple(of_visit[key])))
        counts[status] += 1
    examined = [gap._replace(facts=await _facts_of(client, gap)) for gap in gaps[:_MOST_ASKED]]
    return Reconciled(counts, examined + gaps[_MOST_ASKED:], buried)


async def answered_by_claims(
    client: Client, advance: Callable[[], None]
) -> tuple[dict[tuple[str, str], int], set[tuple[str, str, int]]]:
    """The newest revision of each visit that was decided, superseded or taken back; and what was held."""
    answered: dict[tuple[str, str], int] = {}
    held: set[tuple[str, str, int]] = set()
    async for msg in all_messages(client, CLAIMS, ALL_CLAIMS):
        advance()
        address = parse(msg.subject)
        event = _keyed(msg)
        if event is None:
            continue
        if address.fact == VisitHeld.fact:
            held.add((event.practice_id, event.visit_id, event.revision))
        else:
            key = (event.practice_id, event.visit_id)
            answered[key] = max(event.revision, answered.get(key, 0))
    return answered, held


async def _facts_of(client: Client, gap: StoredVisit) -> tuple[str, ...]:
    there = all_visits_of(gap.practice_id, gap.visit_id)
    info = await client.jetstream().stream_info(VISITS, subjects_filter=there)
    return tuple(sorted({parse(subject).fact for subject in info.state.subjects or {}} - {VisitCompleted.fact}))


def _keyed(msg: Msg) -> Keyed | None:
    """Null for what no service can read: a dead letter stands for it."""
    try:
        return Keyed.model_validate_json(read(msg.headers, msg.data)[1])
    except (ValidationError, EnvelopeError):
        return None
