"""Which visits have no decision yet: known by the subjects that the streams hold, without reading a message."""

import json
import time
from datetime import datetime
from typing import NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, VisitCompleted
from claimbus.events.subjects import every, parse, subject_for
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.direct_get import first_of_last
from claimbus.messaging.topology import CLAIMS, VISITS
from nats.aio.client import Client
from nats.errors import Error as NatsError

_CLOSING = (ClaimReady, ClaimDenialRisk, ClaimVoided)
_MOST_SUBJECTS = 500_000
"""Names that are read of one kind of event; five answers of the broker."""
_MOST_OPEN = 10_000
"""Of which the oldest is looked for; ten questions to the broker."""
_SHARE = 20
"""Reading may take a twentieth of the time; until then the answer before is good enough."""
_TIMEOUT = 10.0

Visit = tuple[str, str]
"""Practice and visit."""


class OpenVisits(NamedTuple):
    """Visits of which no revision is decided or taken back; those that are held among them.

    One that became a dead letter is none of them: it waits for a person.
    """

    visits: int
    is_at_least: bool
    """Too many to name each: their number is what must be open at least, and the oldest is not known."""
    oldest: tuple[str, datetime] | None
    """Visit, and when its last revision was stored."""


class OpenVisitsReader:
    """Reads them again and again; with hundreds of thousands of visits less often than it is asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._given_up: set[Visit] = set()
        self._dead_letters_read = 0
        self._found = OpenVisits(0, is_at_least=False, oldest=None)
        self._next = 0.0

    async def read(self) -> OpenVisits:
        """Raises nats-py's errors."""
        began = time.monotonic()
        if began >= self._next:
            self._found = await self._read()
            now = time.monotonic()
            self._next = now + _SHARE * (now - began) if now - began > 0.1 else 0.0
        return self._found

    async def _read(self) -> OpenVisits:
        # Closed ones first: a visit that is decided in between is open for one reading more, and none is missed.
        closed: set[Visit] = set()
        closing = 0
        for kind in _CLOSING:
            total, visits = await _visits_with(self._client, CLAIMS, every(kind))
            closing += total
            closed |= visits
        came, visits = await _visits_with(self._client, VISITS, every(VisitCompleted))
        if max(closing, came) > _MOST_SUBJECTS:
            return OpenVisits(max(0, came - closing), is_at_least=True, oldest=None)
        for stored in await read_dead_letters(self._client, self._dead_letters_read + 1):
            self._dead_letters_read = stored.number
            self._given_up.add(stored.visit)
        undecided = visits - closed - self._given_up
        if not undecided:
            return OpenVisits(0, is_at_least=False, oldest=None)
        subjects = [subject_for(VisitCompleted, *visit) for visit in undecided]
        first = await first_of_last(self._client, VISITS, subjects) if len(subjects) <= _MOST_OPEN else None
        if first is None:
            return OpenVisits(len(undecided), is_at_least=False, oldest=None)
        address = parse(first.subject)
        return OpenVisits(len(undecided), False, (f"{address.practice_id}/{address.visit_id}", first.at))


async def _visits_with(client: Client, stream: str, subject: str) -> tuple[int, set[Visit]]:
    """How many visits a stream holds a kind of event of, and which, if they are not too many to ask."""
    visits: set[Visit] = set()
    read = 0
    while True:
        question = json.dumps({"subjects_filter": subject, "offset": read}).encode()
        msg = await client.request(f"$JS.API.STREAM.INFO.{stream}", question, timeout=_TIMEOUT)
        answer = json.loads(msg.data)
        if "error" in answer:
            raise NatsError(f"{stream}: {answer['error'].get('description')}")
        page = answer["state"].get("subjects") or {}
        read += len(page)
        total = answer.get("total", read)
        visits |= {(address.practice_id, address.visit_id) for address in map(parse, page)}
        if not page or read >= total or total > _MOST_SUBJECTS:
            return total, visits
