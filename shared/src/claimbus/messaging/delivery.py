"""What becomes of a delivered message, with its span and its log context around it.

Acknowledgement, retry and dead letter are decided here and nowhere else. A handler that returns is
acknowledged, after everything it published was acknowledged; one that raises is tried again after a
growing delay, and after the last attempt the message becomes a dead letter. A process that dies before
it settles a message gets it, or another does, again.
"""

import random
import time
from typing import Any, Literal

import structlog
from faststream import BaseMiddleware
from faststream.message import StreamMessage
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue
from pydantic import ValidationError

from claimbus.events import InvalidEvent
from claimbus.events.subjects import template
from claimbus.messaging.dead_letters import publish_dead_letter
from claimbus.messaging.topology import ATTEMPTS, RETRY_DELAYS
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record


class Settlement(BaseMiddleware):
    """FastStream middleware around each delivery; see the module."""

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        raw: Msg = msg.raw_message
        meta = raw.metadata
        where = template(raw.subject)
        tokens = raw.subject.split(".")
        visit = ".".join(tokens[1:3])
        attributes: dict[str, AttributeValue] = {
            registry.SYSTEM: "nats",
            registry.OPERATION_NAME: "process",
            registry.OPERATION_TYPE: "process",
            registry.DESTINATION: where,
            registry.CONSUMER_GROUP: meta.consumer,
            registry.MESSAGE_ID: f"{meta.stream}:{meta.sequence.stream}",
            registry.DELIVERY_COUNT: meta.num_delivered,
            registry.VISIT_KEY: visit,
        }
        context = tracing.context_of(raw.headers, meta.stream, meta.sequence.stream)
        labels = {registry.SYSTEM: "nats", registry.OPERATION_NAME: "process", registry.DESTINATION: where}
        labels[registry.CONSUMER_GROUP] = meta.consumer
        with (
            structlog.contextvars.bound_contextvars(visit=visit, fact=tokens[-1]),
            tracing.span(f"process {where}", SpanKind.CONSUMER, attributes, context),
        ):
            begun = time.perf_counter()
            record(registry.CONSUMED, 1, labels)
            try:
                await call_next(msg)
            except Exception as exc:
                # Settlement is not a fault of the handler's span, and the text of an error may repeat
                # input: only the class of the error goes on from here.
                labels[registry.ERROR_TYPE] = type(exc).__name__
                tracing.mark(ERROR_TYPE=type(exc).__name__)
                await _settle(raw, exc)
            else:
                await raw.ack()
                tracing.settled("ack")
            finally:
                record(registry.PROCESS, time.perf_counter() - begun, labels)


async def _settle(raw: Msg, exc: Exception) -> None:
    delivered = raw.metadata.num_delivered
    if isinstance(exc, InvalidEvent | ValidationError):
        await _give_up(raw, "invalid", exc)
    elif delivered < ATTEMPTS:
        await _retry(raw, RETRY_DELAYS[delivered - 1], exc)
    else:
        await _give_up(raw, "exhausted", exc)


async def _retry(raw: Msg, delay: float, exc: Exception) -> None:
    delay *= random.uniform(1.0, 1.2)  # noqa: S311  (jitter, not a secret)
    tracing.settled("retry", delay)
    log().warning(
        "delivery.retry", deliveries=raw.metadata.num_delivered, delay=round(delay, 3), error_type=type(exc).__name__
    )
    await raw.nak(delay=delay)
    record(
        registry.RETRIES, 1, {registry.CONSUMER_GROUP: raw.metadata.consumer, registry.ERROR_TYPE: type(exc).__name__}
    )


async def _give_up(raw: Msg, why: Literal["invalid", "exhausted"], exc: Exception) -> None:
    meta = raw.metadata
    try:
        await publish_dead_letter(raw, why, exc)
    except NatsError as refused:
        await _retry(raw, RETRY_DELAYS[-2], refused)
        return
    tracing.settled("dead-letter")
    log().error("delivery.dead-letter", why=why, seq=meta.sequence.stream, error_type=type(exc).__name__)
    await raw.term()
    record(registry.DEAD_LETTERS, 1, {registry.CONSUMER_GROUP: meta.consumer, registry.WHY: why})
