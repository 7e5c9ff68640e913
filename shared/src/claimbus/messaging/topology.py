"""Streams and consumers as data. `provision` applies them; services only `verify` theirs."""

from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from claimbus.events import ClaimAdjudicated, ClaimReady, VisitCompleted
from claimbus.events.subjects import ALL_CLAIMS, ALL_DEAD, ALL_OUTCOMES, ALL_RULE_SETS, ALL_VISITS, every
from claimbus.messaging.errors import Drift
from claimbus.services import SERVICES

VISITS, CLAIMS, OUTCOMES, DEAD, RULES = "VISITS", "CLAIMS", "OUTCOMES", "DEAD", "RULES"
STREAM_OF = {VisitCompleted.family: VISITS, ClaimReady.family: CLAIMS, ClaimAdjudicated.family: OUTCOMES}
"""The stream that keeps a family of events."""
STREAMS = (*STREAM_OF.values(), DEAD, RULES)
"""Every stream."""

DAY = 86_400.0
KEPT = 400 * DAY
"""Seconds that events are kept: running totals of a calendar year are rebuilt from them (ADR 0008)."""
DEAD_LETTERS_KEPT = 90 * DAY
"""Seconds that dead letters are kept."""
MAX_EVENT_BYTES = 256 * 1024

ATTEMPTS = 6
RETRY_DELAYS = (0.2, 1.0, 5.0, 30.0, 120.0)
"""Seconds before the second, third, ... attempt; each with up to a fifth of jitter."""
PUBLISH_TIMEOUT = 5.0
"""Seconds to wait for the broker's acknowledgement of a publish."""
ACK_WAIT = 15.0
"""Seconds until a message whose process died is delivered again; three times the publish timeout."""
MAX_DELIVER = 10
"""Above `ATTEMPTS`: a net for processes that die before they can settle a message."""
DUPLICATE_WINDOW = 600.0
"""Longer than all attempts of a message take: no retry can publish its fact a second time."""
BATCH = 64
"""Messages asked for at once; also how many handlers run side by side in a process."""


def streams(replicas: int = 1, room: float = 1.0) -> tuple[StreamConfig, ...]:
    """The declared streams. A full stream refuses new events; it never forgets old ones.

    `room` multiplies what they may hold: how much that has to be follows from the load (docs/capacity.md).
    """
    common: dict[str, Any] = {
        "storage": StorageType.FILE,
        "num_replicas": replicas,
        "retention": RetentionPolicy.LIMITS,
        "discard": DiscardPolicy.NEW,
        "allow_direct": True,
        "duplicate_window": DUPLICATE_WINDOW,
    }
    facts: dict[str, Any] = common | {"max_age": KEPT, "max_msg_size": MAX_EVENT_BYTES}
    # A consumer that gives a message up after MAX_DELIVER crashes publishes an advisory. It would be
    # lost if nobody listened at that moment, so the dead-letter stream keeps it.
    given_up = [
        f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.*" for stream in STREAM_OF.values() if consumers(stream)
    ]
    dead_letters: dict[str, Any] = common | {"max_age": DEAD_LETTERS_KEPT, "max_msg_size": 16 * 1024}
    return (
        StreamConfig(name=VISITS, subjects=[ALL_VISITS], max_bytes=int(room * (8 << 30)), **facts),
        StreamConfig(name=CLAIMS, subjects=[ALL_CLAIMS], max_bytes=int(room * (4 << 30)), **facts),
        StreamConfig(name=OUTCOMES, subjects=[ALL_OUTCOMES], max_bytes=int(room * (1 << 30)), **facts),
        StreamConfig(name=DEAD, subjects=[ALL_DEAD, *given_up], max_bytes=1 << 28, **dead_letters),
        # One small message a rule set, for as long as facts and decisions name it.
        StreamConfig(
            name=RULES,
            subjects=[ALL_RULE_SETS],
            max_bytes=1 << 26,
            max_msg_size=16 * 1024,
            max_msgs_per_subject=1,
            **common,
        ),
    )


def consumers(stream: str = VISITS) -> dict[str, ConsumerConfig]:
    """The declared durable pull consumers on a stream, by the name of the service whose they are."""
    filters = {
        row.name: [every(event) for event in row.subscribes if STREAM_OF[event.family] == stream]
        for row in SERVICES.values()
    }
    return {
        name: ConsumerConfig(
            durable_name=name,
            filter_subjects=subjects,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_deliver=MAX_DELIVER,
            max_ack_pending=BATCH * 16,
        )
        for name, subjects in filters.items()
        if subjects
    }


def consumer_names() -> list[tuple[str, str]]:
    """Every declared consumer as stream and name."""
    return [(stream, name) for stream in STREAM_OF.values() for name in consumers(stream)]


def _name(stream: str, consumer: str) -> str:
    """What messages call a consumer: by its stream too where that is not the visits stream."""
    return consumer if stream == VISITS else f"{consumer} on {stream}"


def drift(have: object, want: object) -> dict[str, tuple[object, object]]:
    """Declared fields that differ, as name -> (found, declared)."""
    unset: tuple[object, ...] = (None, -1, 0, False, [], "")
    found = {
        name: (getattr(have, name), value)
        for name, value in vars(want).items()
        if value not in unset and getattr(have, name) != value
    }
    # One filter comes back in the singular field, several in the plural one.
    single = getattr(have, "filter_subject", None)
    if single and found.get("filter_subjects", (None, None))[1] == [single]:
        del found["filter_subjects"]
    return found


async def provision(js: JetStreamContext, replicas: int = 1, room: float = 1.0) -> list[str]:
    """Create or update every stream and consumer; returns what was changed, a line each. Safe to repeat.

    A stream that has more room than is asked for keeps it: whoever gave it had a reason.
    Raises what the server refuses, such as a change of a field that cannot change.
    """
    changed = []
    for stream in streams(replicas, room):
        name = str(stream.name)
        try:
            have = (await js.stream_info(name)).config
        except NotFoundError:
            await js.add_stream(stream)
            changed.append(f"created stream {name}")
        else:
            stream.max_bytes = max(stream.max_bytes or 0, have.max_bytes or 0)
            if drift(have, stream):
                await js.update_stream(stream)
                changed.append(f"updated stream {name}")
    for on, name in consumer_names():
        consumer = consumers(on)[name]
        try:
            found = (await js.consumer_info(on, name)).config
        except NotFoundError:
            await js.add_consumer(on, consumer)
            changed.append(f"created consumer {_name(on, name)}")
        else:
            if drift(found, consumer):
                await js.add_consumer(on, consumer)
                changed.append(f"updated consumer {_name(on, name)}")
    return changed


async def verify(js: JetStreamContext, service: str) -> None:
    """Raises `Drift` unless each consumer of the service is as declared."""
    for stream, name in consumer_names():
        if name == service:
            await verify_consumer(js, stream, name)


async def verify_consumer(js: JetStreamContext, stream: str, name: str) -> None:
    """Raises `Drift` unless it is as declared."""
    try:
        have = (await js.consumer_info(stream, name)).config
    except NotFoundError:
        raise Drift(f"consumer {name} does not exist on stream {stream}; run: claimbus provision") from None
    if found := drift(have, consumers(stream)[name]):
        raise Drift(f"consumer {_name(stream, name)} is not as declared: {_text_of(found)}; run: claimbus provision")


async def verify_streams(js: JetStreamContext) -> list[str]:
    """What is wrong with the streams, one line each; replicas and more room are the operator's choice."""
    wrong = []
    for stream in streams():
        try:
            have = (await js.stream_info(str(stream.name))).config
        except NotFoundError:
            wrong.append(f"stream {stream.name} does not exist")
            continue
        found = drift(have, stream)
        found.pop("num_replicas", None)
        if (have.max_bytes or 0) > (stream.max_bytes or 0):
            found.pop("max_bytes", None)
        if found:
            wrong.append(f"stream {stream.name} is not as declared: {_text_of(found)}")
    return wrong


def _text_of(found: dict[str, tuple[object, object]]) -> str:
    return ", ".join(f"{name} is {is_!r}, declared {declared!r}" for name, (is_, declared) in found.items())
