"""Is the broker fit to run the pipeline, and if not, what to do about it."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from claimbus.events import VisitHeld
from claimbus.events.subjects import every, parse
from claimbus.messaging.decisions import latest_claim_event
from claimbus.messaging.errors import Drift
from claimbus.messaging.topology import (
    ATTEMPTS,
    CLAIMS,
    DEAD,
    VISITS,
    consumer_names,
    verify_consumer,
    verify_streams,
)
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError

OLDEST_SERVER = (2, 12)
"""The oldest nats-server line with the guarded publish that keeps decisions single; run on 2.15."""
_MOST_SKEW = 2.0
_FULL = 0.7
_AT_ONCE = 64
"""Questions to the broker at the same time."""


@dataclass(frozen=True)
class Answer:
    """One thing looked at. `ok` is None where it deserves a look but stops nothing."""

    what: str
    ok: bool | None
    found: str
    todo: str = ""


async def examine(client: Client) -> list[Answer]:
    """All answers, in the order in which a person would mend things."""
    answers = [_version(client)]
    try:
        await client.jetstream().account_info()
    except (APIError, NatsError):
        answers.append(Answer("JetStream", False, "off", "start nats-server with -js or a jetstream {} block"))
        return answers
    answers.append(Answer("JetStream", True, "on"))
    answers += await _streams(client)
    for stream, name in consumer_names():
        answers.append(await _consumer(client, stream, name))
    answers.append(await _letters(client))
    answers.append(await _held(client))
    answers.append(await _clock(client))
    return answers


def _version(client: Client) -> Answer:
    version = client.connected_server_version
    found = f"nats-server {version.major}.{version.minor}.{version.patch}"
    if (version.major, version.minor) >= OLDEST_SERVER:
        return Answer("server version", True, found)
    return Answer("server version", False, found, f"upgrade to {'.'.join(map(str, OLDEST_SERVER))} or newer")


async def _streams(client: Client) -> list[Answer]:
    js = client.jetstream()
    wrong = await verify_streams(js)
    if wrong:
        return [Answer("streams", False, text, "run: claimbus provision") for text in wrong]
    info = await js.stream_info(VISITS)
    limit = info.config.max_bytes or 0
    share = info.state.bytes / limit if limit > 0 else 0.0
    found = f"as declared; {info.state.messages} events, {share:.1%} of {VISITS} used"
    if share > _FULL:
        return [Answer("streams", None, found, "a full stream refuses visits: archive, or raise its max_bytes")]
    return [Answer("streams", True, found)]


async def _consumer(client: Client, stream: str, name: str) -> Answer:
    js = client.jetstream()
    what = f"consumer {name}" if stream == VISITS else f"consumer {name} on {stream}"
    try:
        await verify_consumer(js, stream, name)
        info = await js.consumer_info(stream, name)
    except (Drift, NotFoundError) as exc:
        return Answer(what, False, str(exc).partition(";")[0], "run: claimbus provision")
    found = f"{info.num_pending} waiting, {info.num_ack_pending} in hand, {info.num_redelivered} redelivered"
    if info.num_pending and not info.num_waiting:
        return Answer(what, None, found, f"nothing reads from it: is the {name} service running?")
    if info.num_redelivered:
        return Answer(what, None, found, f"messages fail and are tried {ATTEMPTS} times: see the log")
    return Answer(what, True, found)


async def _letters(client: Client) -> Answer:
    try:
        count = (await client.jetstream().stream_info(DEAD)).state.messages
    except NotFoundError:
        return Answer("dead letters", False, f"stream {DEAD} does not exist", "run: claimbus provision")
    return Answer("dead letters", None if count else True, str(count), "see: claimbus dead list" if count else "")


async def _held(client: Client) -> Answer:
    """Visits of which the last word is that they are held."""
    try:
        info = await client.jetstream().stream_info(CLAIMS, subjects_filter=every(VisitHeld))
    except NotFoundError:
        return Answer("held visits", False, f"stream {CLAIMS} does not exist", "run: claimbus provision")
    ever = [parse(subject) for subject in info.state.subjects or {}]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_held(practice_id: str, visit_id: str) -> bool:
        async with gate:
            return (await latest_claim_event(client, practice_id, visit_id)).fact == VisitHeld.fact

    held = sum(await asyncio.gather(*(is_held(one.practice_id, one.visit_id) for one in ever)))
    found = f"{held}; {len(ever) - held} were held and are decided"
    todo = "a service is down or a message is buried: claimbus explain VISIT says what each waits for" if held else ""
    return Answer("held visits", None if held else True, found, todo)


async def _clock(client: Client) -> Answer:
    before = datetime.now(UTC)
    msg = await client.request(f"$JS.API.STREAM.INFO.{VISITS}", b"", timeout=3)
    server = json.loads(msg.data).get("ts")
    if server is None:
        return Answer("clock", None, "the server's time could not be read")
    skew = abs((datetime.fromisoformat(server) - before).total_seconds())
    found = f"{skew:.3f} s from the server's"
    todo = "" if skew <= _MOST_SKEW else "synchronise this machine's clock (NTP): durations would be wrong"
    return Answer("clock", skew <= _MOST_SKEW, found, todo)
