"""Reading what the streams hold: the last message of each subject, or one further back."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg

from claimbus.events import Event
from claimbus.events.envelope import read
from claimbus.events.subjects import all_claims_of, parse
from claimbus.messaging.errors import Stale
from claimbus.messaging.topology import CLAIMS

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
    that message is asked for too, and an answer without it is refused (`Stale`).
    """

    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._asked: list[_Question] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def read(self, subjects: Iterable[str], *, proof: str, up_to: int) -> dict[str, Stored]:
        """`proof` is the subject of the asker's message, and `up_to` that message's sequence.

        Raises `Stale` for an answer older than that, and nats-py's errors.
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
                raise Stale(f"{self._stream}: an answer from before sequence {newest.up_to}")
        except Exception as exc:
            for question in questions:
                if not question.answer.done():
                    question.answer.set_exception(exc)
            return
        for question in questions:
            if not question.answer.done():
                question.answer.set_result({name: found[name] for name in question.subjects if name in found})

    async def _multi_last(self, subjects: list[str], up_to: int) -> dict[str, Stored]:
        inbox = self._client.new_inbox()
        answers = await self._client.subscribe(inbox)
        try:
            request = json.dumps({"multi_last": subjects, "up_to_seq": up_to}).encode()
            await self._client.publish(f"$JS.API.DIRECT.GET.{self._stream}", request, reply=inbox)
            found: dict[str, Stored] = {}
            while True:
                msg = await answers.next_msg(timeout=_TIMEOUT)
                status = (msg.headers or {}).get("Status")
                if status is None:
                    stored = _stored(msg)
                    found[stored.subject] = stored
                elif status in ("204", "404"):
                    return found
                else:
                    raise RuntimeError(f"direct get on {self._stream} answered {status}")
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


async def walk(client: Client, stream: str, subject: str, *, at_least: int = 0) -> list[Stored]:
    """Every message of one subject, oldest first. For subjects of a visit, which hold a handful.

    Raises `Stale` when it ends before sequence `at_least`: on a cluster each step may be answered by another
    replica, and one that lags knows less.
    """
    found: list[Stored] = []
    seq = 1
    while stored := await _direct_get(client, stream, {"seq": seq, "next_by_subj": subject}):
        found.append(stored)
        seq = stored.seq + 1
    if seq <= at_least:
        raise Stale(f"{stream}: a walk that ended before sequence {at_least}")
    return found


@dataclass(frozen=True, slots=True)
class LastWord:
    """The last thing that claims said of a visit; sequence 0 where it has said nothing."""

    seq: int = 0
    fact: str = ""
    revision: int = 0

    def closes(self, revision: int, kinds: Iterable[type[Event]]) -> bool:
        """Whether nothing more may be said of a revision, given the kinds of word that close it."""
        return self.revision > revision or (self.revision == revision and self._is(kinds))

    def revision_if(self, *kinds: type[Event]) -> int | None:
        """The revision it was said of, if it is of one of these kinds."""
        return self.revision if self._is(kinds) else None

    def _is(self, kinds: Iterable[type[Event]]) -> bool:
        return self.fact in {kind.fact for kind in kinds}


async def last_word(client: Client, practice_id: str, visit_id: str) -> LastWord:
    """What claims said last of a visit. May be old on a cluster: a guarded publish finds that out."""
    said = await _direct_get(client, CLAIMS, {"last_by_subj": all_claims_of(practice_id, visit_id)})
    if said is None:
        return LastWord()
    envelope, _ = read(said.headers, said.body)
    return LastWord(said.seq, parse(said.subject).fact, int(envelope.revision or 1) if envelope else 1)
