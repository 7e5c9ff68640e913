"""Reading single messages that a stream holds, by JetStream's direct get: no consumer is made for it."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from claimbus.messaging.errors import StaleRead

_TIMEOUT = 5.0
_MOST_SUBJECTS = 1000
"""Of one `multi_last` read; the server takes 1,024."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as a stream holds it."""

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
        self._questions: list[_Question] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def read(self, subjects: Iterable[str], *, proof: str, up_to: int) -> dict[str, Stored]:
        """`proof` is the subject of the asker's message, and `up_to` that message's sequence.

        Raises `StaleRead` for an answer older than that, and nats-py's errors.
        """
        question = _Question(tuple(subjects), proof, up_to, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        if len(self._questions) == 1:
            task = asyncio.create_task(self._send_soon())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await question.answer

    async def _send_soon(self) -> None:
        await asyncio.sleep(0)  # let the other handlers of this batch ask as well
        questions, self._questions = deque(self._questions), []
        while questions:
            # First asked, first answered: visits are decided in the order in which they became complete.
            share: list[_Question] = []
            subjects = 1
            while questions and (not share or subjects + len(questions[0].subjects) <= _MOST_SUBJECTS):
                share.append(questions.popleft())
                subjects += len(share[-1].subjects)
            await self._send(share)

    async def _send(self, questions: list[_Question]) -> None:
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
        return {stored.subject: stored for stored in found}


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
            elif status == "503":  # no stream of this name, or none that answers
                raise NoRespondersError
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


async def read_at(client: Client, stream: str, seq: int) -> Stored | None:
    """The message with this sequence in a stream, if it is still there."""
    return await _direct_get(client, stream, {"seq": seq})


async def read_last(client: Client, stream: str, subject: str) -> Stored | None:
    """The last message of a subject; null where the stream holds none."""
    return await _direct_get(client, stream, {"last_by_subj": subject})


async def read_on(client: Client, stream: str, subject: str, *, start: int | datetime, most: int) -> list[Stored]:
    """The next messages of a subject from a sequence or an instant on, oldest first."""
    where = {"seq": start} if isinstance(start, int) else {"start_time": start.isoformat()}
    return await _direct_gets(client, stream, {**where, "next_by_subj": subject, "batch": most})


async def first_of_last(client: Client, stream: str, subjects: Sequence[str]) -> Stored | None:
    """Of the last messages of some subjects the one that was stored first; null where none is stored.

    One request is sent for each 1,000 subjects.
    """
    found: list[Stored] = []
    for start in range(0, len(subjects), _MOST_SUBJECTS):
        share = subjects[start : start + _MOST_SUBJECTS]
        found += await _direct_gets(client, stream, {"multi_last": share, "batch": 1})
    return min(found, key=lambda stored: stored.seq, default=None)


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
