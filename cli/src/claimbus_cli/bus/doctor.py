"""Is the broker fit to run the pipeline, and if not, what to do about it."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from claimbus.events import VisitHeld
from claimbus.events.subjects import every, parse
from claimbus.messaging.decisions import latest_claim_event
from claimbus.messaging.errors import Drift
from claimbus.messaging.topology import ATTEMPTS, CLAIMS, DEAD, VISITS, consumer_names, verify_consumer, verify_streams
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
class Check:
    """One thing looked at. `ok` is None where it deserves a look but stops nothing."""

    what: str
    ok: bool | None
    found: str
    todo: str = ""


async def examine_broker(client: Client) -> list[Check]:
    """All checks, in the order in which a person would fix things."""
    checks = [_version(client)]
    try:
        await client.jetstream().account_info()
    except (APIError, NatsError):
        checks.append(Check("JetStream", False, "off", "start nats-server with -js or a jetstream {} block"))
        return checks
    checks.append(Check("JetStream", True, "on"))
    checks += await _streams(client)
    for stream, name in consumer_names():
        checks.append(await _consumer(client, stream, name))
    checks.append(await _dead_letters(client))
    checks.append(await _held(client))
    checks.append(await _clock(client))
    return checks


def _version(client: Client) -> Check:
    version = client.connected_server_version
    found = f"nats-server {version.major}.{version.minor}.{version.patch}"
    if (version.major, version.minor) >= OLDEST_SERVER:
        return Check("server version", True, found)
    return Check("server version", False, found, f"upgrade to {'.'.join(map(str, OLDEST_SERVER))} or newer")


async def _streams(client: Client) -> list[Check]:
    js = client.jetstream()
    wrong = await verify_streams(js)
    if wrong:
        return [Check("streams", False, text, "run: claimbus provision") for text in wrong]
    info = await js.stream_info(VISITS)
    limit = info.config.max_bytes or 0
    share = info.state.bytes / limit if limit > 0 else 0.0
    found = f"as declared; {info.state.messages} events, {share:.1%} of {VISITS} used"
    if share > _FULL:
        return [Check("streams", None, found, "a full stream refuses visits: archive, or raise its max_bytes")]
    return [Check("streams", True, found)]


async def _consumer(client: Client, stream: str, name: str) -> Check:
    js = client.jetstream()
    what = f"consumer {name}" if stream == VISITS else f"consumer {name} on {stream}"
    try:
        await verify_consumer(js, stream, name)
        info = await js.consumer_info(stream, name)
    except (Drift, NotFoundError) as exc:
        return Check(what, False, str(exc).partition(";")[0], "run: claimbus provision")
    found = f"{info.num_pending} waiting, {info.num_ack_pending} in hand, {info.num_redelivered} redelivered"
    if info.num_pending and not info.num_waiting:
        return Check(what, None, found, f"nothing reads from it: is the {name} service running?")
    if info.num_redelivered:
        return Check(what, None, found, f"messages fail and are tried {ATTEMPTS} times: see the log")
    return Check(what, True, found)


async def _dead_letters(client: Client) -> Check:
    try:
        count = (await client.jetstream().stream_info(DEAD)).state.messages
    except NotFoundError:
        return Check("dead letters", False, f"stream {DEAD} does not exist", "run: claimbus provision")
    return Check("dead letters", None if count else True, str(count), "see: claimbus dead list" if count else "")


async def _held(client: Client) -> Check:
    """Visits whose latest event is that they are held."""
    try:
        info = await client.jetstream().stream_info(CLAIMS, subjects_filter=every(VisitHeld))
    except NotFoundError:
        return Check("held visits", False, f"stream {CLAIMS} does not exist", "run: claimbus provision")
    addresses = [parse(subject) for subject in info.state.subjects or {}]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_held(practice_id: str, visit_id: str) -> bool:
        async with gate:
            return (await latest_claim_event(client, practice_id, visit_id)).fact == VisitHeld.fact

    held = sum(await asyncio.gather(*(is_held(address.practice_id, address.visit_id) for address in addresses)))
    found = f"{held}; {len(addresses) - held} were held and are decided"
    todo = "a service is down or a message is buried: claimbus explain VISIT says what each waits for" if held else ""
    return Check("held visits", None if held else True, found, todo)


async def _clock(client: Client) -> Check:
    before = datetime.now(UTC)
    msg = await client.request(f"$JS.API.STREAM.INFO.{VISITS}", b"", timeout=3)
    server = json.loads(msg.data).get("ts")
    if server is None:
        return Check("clock", None, "the server's time could not be read")
    skew = abs((datetime.fromisoformat(server) - before).total_seconds())
    found = f"{skew:.3f} s from the server's"
    todo = "" if skew <= _MOST_SKEW else "synchronise this machine's clock (NTP): durations would be wrong"
    return Check("clock", skew <= _MOST_SKEW, found, todo)
