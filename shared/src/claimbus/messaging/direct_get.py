"""Reading what the streams hold: the last message of each subject, or one further back."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from claimbus.events import (
    ClaimDenialRisk,
    ClaimReady,
    ClaimVoided,
    Event,
    VisitSuperseded,
    decision_adapter,
)
from claimbus.events.envelope import read
from claimbus.events.subjects import all_claims_of, parse, subject_for
from claimbus.messaging.errors import StaleRead
from claimbus.messaging.topology import CLAIMS
from claimbus.telemetry.logs import log

_TIMEOUT = 5.0
_MOST_SUBJECTS = 1000
"""Of one `multi_last` read; the server takes 1,024."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it lies in a stream."""

    subject: str
    seq: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def at(self) -> datetime:
        """When the broker stored it."""
        return datetime.fromisoformat(self.headers["Nats-Time-Stamp"])


def _stored(msg: Msg) -> Stored:
    headers = msg.headers or {}
    return Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, msg.data)


@dataclass
class _Question:
    subjects: tuple[str, ...]
    proof: str
    up_to: int
    answer: asyncio.Future[dict[str, Stored]]


class LastMessages:
    """Last message of each of some subjects as of the asker's own message, in one consistent read.

    Questions asked in the same turn of the event loop share one request: a batch of visits costs one
    round trip. On a cluster a follower may answer that has not reached the asker's message yet;
    that message is asked for too, and an answer without it is refused (`StaleRead`).
    """

    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._asked: list[_Question] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def read(self, subjects: Iterable[str], *, proof: str, up_to: int) -> dict[str, Stored]:
        """`proof` is the subject of the asker's message, and `up_to` that message's sequence.

        Raises `StaleRead` for an answer older than that, and nats-py's errors.
        """
        question = _Question(tuple(subjects), proof, up_to, asyncio.get_running_loop().create_future())
        self._asked.append(question)
        if len(self._asked) == 1:
            task = asyncio.create_task(self._ask_soon())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await question.answer

    async def _ask_soon(self) -> None:
        await asyncio.sleep(0)  # let the other handlers of this batch ask as well
        asked, self._asked = deque(self._asked), []
        while asked:
            # First asked, first answered: visits are decided in the order in which they became complete.
            share: list[_Question] = []
            subjects = 1
            while asked and (not share or subjects + len(asked[0].subjects) <= _MOST_SUBJECTS):
                share.append(asked.popleft())
                subjects += len(share[-1].subjects)
            await self._ask(share)

    async def _ask(self, questions: list[_Question]) -> None:
        newest = max(questions, key=lambda question: question.up_to)
        subjects = {subject for question in questions for subject in question.subjects} | {newest.proof}
        try:
            found = await self._multi_last(sorted(subjects), newest.up_to)
            if newest.proof not in found or found[newest.proof].seq < newest.up_to:
                raise StaleRead(f"{self._stream}: an answer from before sequence {newest.up_to}")
        except Exception as exc:
            for question in questions:
                if not question.answer.done():
                    question.answer.set_exception(exc)
            return
        for question in questions:
            if not question.answer.done():
                question.answer.set_result({name: found[name] for name in question.subjects if name in found})

    async def _multi_last(self, subjects: list[str], up_to: int) -> dict[str, Stored]:
        found = await _direct_gets(self._client, self._stream, {"multi_last": subjects, "up_to_seq": up_to})
        return {one.subject: one for one in found}


async def _direct_gets(client: Client, stream: str, question: Mapping[str, object]) -> list[Stored]:
    """Several stored messages in one answer."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    try:
        await client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(question).encode(), reply=inbox)
        found: list[Stored] = []
        while True:
            msg = await answers.next_msg(timeout=_TIMEOUT)
            status = (msg.headers or {}).get("Status")
            if status is None:
                found.append(_stored(msg))
            elif status in ("204", "404"):
                return found
            else:
                raise RuntimeError(f"direct get on {stream} answered {status}")
    finally:
        await answers.unsubscribe()


async def _direct_get(client: Client, stream: str, question: dict[str, str | int]) -> Stored | None:
    """One stored message; none where the stream holds none that is asked for."""
    msg = await client.request(f"$JS.API.DIRECT.GET.{stream}", json.dumps(question).encode(), timeout=_TIMEOUT)
    status = (msg.headers or {}).get("Status")
    if status is None:
        return _stored(msg)
    if status == "404":
        return None
    raise RuntimeError(f"direct get on {stream} answered {status}")


async def read_one(client: Client, stream: str, seq: int) -> Stored | None:
    """The message at a place in a stream, if it is still there."""
    return await _direct_get(client, stream, {"seq": seq})


async def read_on(client: Client, stream: str, subject: str, *, start: int | datetime, most: int) -> list[Stored]:
    """The next messages of a subject from a sequence or an instant on, oldest first."""
    where = {"seq": start} if isinstance(start, int) else {"start_time": start.isoformat()}
    return await _direct_gets(client, stream, {**where, "next_by_subj": subject, "batch": most})


async def first_of_last(client: Client, stream: str, subjects: Sequence[str]) -> Stored | None:
    """Of the last messages of some subjects the one that was stored first; null where none is stored.

    A message each 1,000 subjects is sent.
    """
    found: list[Stored] = []
    for start in range(0, len(subjects), _MOST_SUBJECTS):
        share = subjects[start : start + _MOST_SUBJECTS]
        found += await _direct_gets(client, stream, {"multi_last": share, "batch": 1})
    return min(found, key=lambda one: one.seq, default=None)


async def walk(client: Client, stream: str, subject: str, *, at_least: int = 0) -> list[Stored]:
    """Every message of one subject, oldest first. For subjects of a visit, which hold a handful.

    Raises `StaleRead` when it ends before sequence `at_least`: on a cluster each step may be answered by another
    replica, and one that lags knows less.
    """
    found: list[Stored] = []
    seq = 1
    while stored := await _direct_get(client, stream, {"seq": seq, "next_by_subj": subject}):
        found.append(stored)
        seq = stored.seq + 1
    if seq <= at_least:
        raise StaleRead(f"{stream}: a walk that ended before sequence {at_least}")
    return found


_DECISIONS = (ClaimReady.fact, ClaimDenialRisk.fact)


@dataclass(frozen=True, slots=True)
class LatestClaimEvent:
    """The last thing that claims said of a visit; sequence 0 where it has said nothing.

    `visit superseded` is about a revision that came too late: it moves the sequence on and is otherwise passed
    over, so that the word before it, on a later revision, still closes what it closed (ADR 14).
    """

    seq: int = 0
    fact: str = ""
    revision: int = 0
    decided: int | None = None
    """Revision of the decision that stands: the last one, unless the visit was taken back after it."""
    decision: ClaimReady | ClaimDenialRisk | None = None
    """That decision; null where there is none, or it is of a release whose decisions cannot be read any more."""
    said_of: frozenset[int] = frozenset()
    """Revisions that a word was said of, among the words that were read: all of them by `all_claim_events`."""

    def closes(self, revision: int, kinds: Iterable[type[Event]]) -> bool:
        """Whether nothing more may be said of a revision, given the kinds of word that close it."""
        return self.revision > revision or (self.revision == revision and self._is(kinds))

    def revision_if(self, *kinds: type[Event]) -> int | None:
        """The revision it was said of, if it is of one of these kinds."""
        return self.revision if self._is(kinds) else None

    def _is(self, kinds: Iterable[type[Event]]) -> bool:
        return self.fact in {kind.fact for kind in kinds}


async def latest_claim_event(client: Client, practice_id: str, visit_id: str) -> LatestClaimEvent:
    """What claims said last of a visit. May be old on a cluster: a guarded publish finds that out.

    Raises `StaleRead` when a replica that lags answers in between.
    """
    subject = all_claims_of(practice_id, visit_id)
    said = await _direct_get(client, CLAIMS, {"last_by_subj": subject})
    if said is None:
        return LatestClaimEvent()
    last = _understood([said])
    if last.fact in (*_DECISIONS, ClaimVoided.fact):
        return last
    # A pause or a late revision: what stands is told by the words before it.
    words = [one for one in await walk(client, CLAIMS, subject, at_least=said.seq) if one.seq <= said.seq]
    return _understood(words)


async def all_claim_events(client: Client, practice_id: str, visit_id: str) -> LatestClaimEvent:
    """The last word, and every revision that something was said of. May be old, as `latest_claim_event`."""
    return _understood(await walk(client, CLAIMS, all_claims_of(practice_id, visit_id)))


def _understood(words: list[Stored]) -> LatestClaimEvent:
    """What some words, oldest first, come to."""
    last = LatestClaimEvent()
    said_of: set[int] = set()
    standing: Stored | None = None
    for word in words:
        fact, revision = parse(word.subject).fact, _revision_of(word)
        said_of.add(revision)
        if fact == VisitSuperseded.fact:
            last = replace(last, seq=word.seq)
            continue
        last = replace(last, seq=word.seq, fact=fact, revision=revision)
        if fact in _DECISIONS:
            standing, last = word, replace(last, decided=revision)
        elif fact == ClaimVoided.fact:
            standing, last = None, replace(last, decided=None)
    decision = None if standing is None else _decision_in(standing)
    return replace(last, decision=decision, said_of=frozenset(said_of))


def _revision_of(word: Stored) -> int:
    envelope, _ = read(word.headers, word.body)
    return int(envelope.revision or 1) if envelope else 1


def _decision_in(word: Stored) -> ClaimReady | ClaimDenialRisk | None:
    try:
        return decision_adapter.validate_json(word.body)
    except ValidationError as exc:
        # Said by another release: the new decision still replaces it, and cannot say in what it differs.
        log().warning("claim.unreadable", stream=CLAIMS, seq=word.seq, error_type=type(exc).__name__)
        return None


async def decision_of(client: Client, practice_id: str, visit_id: str, revision: int) -> Stored | None:
    """The decision on a visit revision as it is stored; null where there is none, or a replica that lags answers."""
    for kind in (ClaimReady, ClaimDenialRisk):
        for word in await walk(client, CLAIMS, subject_for(kind, practice_id, visit_id)):
            if _revision_of(word) == revision:
                return word
    return None
