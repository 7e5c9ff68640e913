"""Every span name, attribute and log field that may leave a service. What is not here is not sent."""

from typing import Final

SYSTEM: Final = "messaging.system"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.template"
CONSUMER_GROUP: Final = "messaging.consumer.group.name"
MESSAGE_ID: Final = "messaging.message.id"
DELIVERY_COUNT: Final = "messaging.nats.delivery_count"
ERROR_TYPE: Final = "error.type"
VISIT_KEY: Final = "claimbus.visit.key"
REVISION: Final = "claimbus.visit.revision"
FACT: Final = "claimbus.fact"
OUTCOME: Final = "claimbus.outcome"
SETTLEMENT: Final = "claimbus.settlement"
SETTLEMENT_DELAY: Final = "claimbus.settlement.delay_seconds"

SPAN_ATTRIBUTES: Final = frozenset(
    {
        SYSTEM,
        OPERATION_NAME,
        OPERATION_TYPE,
        DESTINATION,
        CONSUMER_GROUP,
        MESSAGE_ID,
        DELIVERY_COUNT,
        ERROR_TYPE,
        VISIT_KEY,
        REVISION,
        FACT,
        OUTCOME,
        SETTLEMENT,
        SETTLEMENT_DELAY,
    }
)

SPAN_OPERATIONS: Final = frozenset({"process", "publish", "decide"})
"""First word of every span name; the rest is a subject template."""

EVENTS: Final = {"settle": frozenset({SETTLEMENT, SETTLEMENT_DELAY})}
"""Span events and their attributes."""

LOG_FIELDS: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "service",
        "trace_id",
        "span_id",
        "visit",
        "revision",
        "fact",
        "outcome",
        "consumer",
        "stream",
        "seq",
        "deliveries",
        "delay",
        "why",
        "error_type",
        "port",
        "version",
        "dropped",
    }
)
"""Fields of a log line. Everything else is dropped, and only its name is logged."""
