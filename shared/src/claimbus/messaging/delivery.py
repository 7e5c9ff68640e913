"""One delivery of one message: its span, its log context, and what becomes of it when it fails.

Retry and dead letter are decided here and nowhere else. A handler that returns is acknowledged after
everything it published was acknowledged; one that raises is tried again after a growing delay, and
after the last attempt the message is buried: a letter that says where it lies, never what it holds.
"""

import random
from datetime import UTC, datetime
from typing import Any

import structlog
from faststream import BaseMiddleware
from faststream.exceptions import HandlerException, NackMessage, RejectMessage
from faststream.message import StreamMessage
from faststream.nats import NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue
from pydantic import ValidationError

from claimbus.events import Basis, DeadLetter, Event
from claimbus.events.subjects import dead, template
from claimbus.messaging.decode import decode
from claimbus.messaging.errors import Poison, problems_of
from claimbus.messaging.topology import ATTEMPTS, DEAD, RETRY_DELAYS
from claimbus.telemetry import registry, tracing
from claimbus.telemetry.logs import log

PUBLISH_TIMEOUT = 5.0
"""Seconds to wait for the broker's acknowledgement of a publish."""


def client_of(msg: NatsMessage) -> Client:
    """The connection that a message came on."""
    return msg.raw_message._client  # noqa: SLF001  (nats-py has no public name for it)


async def decode_event(msg: NatsMessage) -> Event:
    """FastStream decoder: the event, with its identity kept for `basis_of`."""
    event, basis = decode(msg.raw_message.subject, msg.headers, msg.body)
    msg.message_id = basis.event_id
    msg.path["sha256"] = basis.sha256
    return event


def basis_of(msg: NatsMessage) -> Basis:
    """Identity of the event being handled: its id, and the digest of its body."""
    return Basis(event_id=msg.message_id, sha256=msg.path["sha256"])


class Delivery(BaseMiddleware):
    """Middleware around each delivery; see the module."""

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        raw: Msg = msg.raw_message
        meta = raw.metadata
        where = template(raw.subject)
        tokens = raw.subject.split(".")
        attributes: dict[str, AttributeValue] = {
            registry.SYSTEM: "nats",
            registry.OPERATION_NAME: "process",
            registry.OPERATION_TYPE: "process",
            registry.DESTINATION: where,
            registry.CONSUMER_GROUP: meta.consumer,
            registry.MESSAGE_ID: f"{meta.stream}:{meta.sequence.stream}",
            registry.DELIVERY_COUNT: meta.num_delivered,
            registry.VISIT_KEY: ".".join(tokens[1:3]),
        }
        context = tracing.context_of(msg.headers, meta.stream, meta.sequence.stream)
        with (
            structlog.contextvars.bound_contextvars(visit=attributes[registry.VISIT_KEY], fact=tokens[-1]),
            tracing.span(f"process {where}", SpanKind.CONSUMER, attributes, context),
        ):
            try:
                return await call_next(msg)
            except Exception as exc:
                verdict = await self._settle(raw, exc)
        # Outside the span: a retry or a dead letter is settlement, not a fault of the handler's span.
        # `from None`: the original text may repeat input, and whoever logs the verdict would print it.
        raise verdict from None

    async def _settle(self, raw: Msg, exc: Exception) -> HandlerException:
        tracing.mark(ERROR_TYPE=type(exc).__name__)
        if isinstance(exc, Poison | ValidationError):
            return await self._bury(raw, "invalid", exc)
        delivered = raw.metadata.num_delivered
        if delivered < ATTEMPTS:
            return self._retry(RETRY_DELAYS[delivered - 1], delivered, exc)
        return await self._bury(raw, "exhausted", exc)

    def _retry(self, delay: float, delivered: int, exc: Exception) -> HandlerException:
        delay *= random.uniform(1.0, 1.2)  # noqa: S311  (jitter, not a secret)
        tracing.settled("retry", delay)
        log().warning("delivery.retry", deliveries=delivered, delay=round(delay, 3), error_type=type(exc).__name__)
        return NackMessage(delay=delay)

    async def _bury(self, raw: Msg, why: str, exc: Exception) -> HandlerException:
        meta = raw.metadata
        letter = DeadLetter(
            stream=meta.stream,
            seq=meta.sequence.stream,
            subject=raw.subject,
            consumer=meta.consumer,
            deliveries=meta.num_delivered,
            why=why,
            error=type(exc).__name__,
            problems=problems_of(exc),
            at=datetime.now(UTC),
        )
        # An invalid event is invalid for all its readers: one letter, whoever finds it first.
        finder = "" if why == "invalid" else meta.consumer
        headers = {"Nats-Msg-Id": f"{meta.stream}:{meta.sequence.stream}:{why}:{finder}"}
        tracing.inject(headers)
        try:
            await raw._client.jetstream().publish(  # noqa: SLF001
                dead(meta.consumer, why),
                letter.model_dump_json().encode(),
                stream=DEAD,
                timeout=PUBLISH_TIMEOUT,
                headers=headers,
            )
        except (APIError, NatsError) as refused:
            return self._retry(RETRY_DELAYS[-2], meta.num_delivered, refused)
        tracing.settled("dead-letter")
        log().error("delivery.dead-letter", why=why, seq=meta.sequence.stream, error_type=type(exc).__name__)
        return RejectMessage()
