"""Every span name, attribute, metric, label and log field that may leave a service. What is not here is not sent.

`docs/telemetry.md` is made from this module. Names without our prefix are OpenTelemetry's semantic conventions for
messaging (status: development); NATS is no system of theirs, so how it fits is ours to say (ADR 16).
"""

from dataclasses import dataclass
from typing import Final, Literal

ATTRIBUTES: Final[dict[str, str]] = {}
"""Every attribute of a span, a link or a metric, with its description."""


def _attribute(name: str, description: str) -> str:
    ATTRIBUTES[name] = description
    return name


SYSTEM: Final = _attribute("messaging.system", "Always `nats`.")
OPERATION_NAME: Final = _attribute("messaging.operation.name", "`publish` or `process`.")
OPERATION_TYPE: Final = _attribute("messaging.operation.type", "`send` or `process`.")
DESTINATION: Final = _attribute("messaging.destination.template", "The subject with practice and visit replaced.")
CONSUMER_GROUP: Final = _attribute("messaging.consumer.group.name", "The durable consumer: the name of a service.")
MESSAGE_ID: Final = _attribute("messaging.message.id", "Where the message lies, as `STREAM:sequence`.")
DELIVERY_COUNT: Final = _attribute("messaging.nats.delivery_count", "1 for the first delivery.")
ERROR_TYPE: Final = _attribute("error.type", "Class of what went wrong; its text is never sent.")
VISIT_KEY: Final = _attribute("claimbus.visit.key", "The opaque keys of practice and visit: `practice.visit`.")
REVISION: Final = _attribute("claimbus.visit.revision", "Revision of the visit.")
FACT: Final = _attribute("claimbus.fact", "On a link: the fact that was joined, or `replayed`.")
OUTCOME: Final = _attribute("claimbus.outcome", "What was published on the visit: `ready`, `denial-risk`, `held` …")
SETTLEMENT: Final = _attribute("claimbus.settlement", "`ack`, `retry` or `dead-letter`.")
SETTLEMENT_DELAY: Final = _attribute("claimbus.settlement.delay_seconds", "Seconds until the next attempt of a retry.")

SPAN_ATTRIBUTES: Final = frozenset(ATTRIBUTES)
"""Attributes of spans and of their links; what comes below is on metrics alone."""

SPANS: Final[dict[str, str]] = {
    "publish": "An event is sent, until the broker acknowledges that it is stored (producer).",
    "process": "A delivered message, up to its settlement (consumer); or a look at an open visit.",
    "decide": "Claims publishes its event on a visit revision, linked to all facts that it joined (internal).",
}
"""First word of every span name; the rest is a subject template."""

PAYER_CLASS: Final = _attribute("claimbus.payer.class", "The program of the primary coverage: `medicare_part_b` …")
PRACTICE: Final = _attribute("claimbus.practice", "The opaque key of the practice.")
TOUCHLESS: Final = _attribute("claimbus.touchless", "`true` where the claim is ready and nobody has to look at it.")
FINDING_ID: Final = _attribute("claimbus.finding.id", "The finding, as in docs/findings.md.")
SEVERITY: Final = _attribute("claimbus.finding.severity", "`block`, `review` or `info`.")
RESULT: Final = _attribute("claimbus.finding.result", "`fail` or `unknown`.")
DIRECTION: Final = _attribute("claimbus.units.direction", "`added` to what the EHR sent, or `removed` from it.")
WHY: Final = _attribute("claimbus.dead_letter.why", "`invalid` or `exhausted`.")
RULE_SET: Final = _attribute("claimbus.rule_set.version", "Version of the rules that the process decides by.")
RULE_SET_DIGEST: Final = _attribute("claimbus.rule_set.sha256", "First 12 digits of their digest.")
STREAM: Final = _attribute("claimbus.stream", "Name of a stream.")

RESOURCE: Final[dict[str, str]] = {
    "service.name": "`claimbus-` and the service.",
    "service.version": "Version of the distribution.",
    "service.instance.id": "One for each process.",
    "deployment.environment.name": "From `OTEL_RESOURCE_ATTRIBUTES`, where it is there.",
    "k8s.namespace.name": "The same.",
    "k8s.pod.name": "The same.",
    "k8s.node.name": "The same.",
}
"""Attributes of whoever sends; nothing else is taken from the environment."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One instrument. `unit` is a UCUM code; in braces it says what is counted and names no unit."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    description: str
    labels: frozenset[str]
    buckets: tuple[float, ...] = ()


METRICS: Final[dict[str, Metric]] = {}


def _metric(
    kind: Literal["counter", "histogram", "gauge"],
    name: str,
    unit: str,
    description: str,
    *labels: str,
    buckets: tuple[float, ...] = (),
) -> Metric:
    METRICS[name] = Metric(name, kind, unit, description, frozenset(labels), buckets)
    return METRICS[name]


_SENT = (SYSTEM, OPERATION_NAME, DESTINATION, ERROR_TYPE)
_RECEIVED = (*_SENT, CONSUMER_GROUP)
_CALLS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds; the boundaries that the conventions ask for."""
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_VISIT = (
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    _MINUTE,
    5 * _MINUTE,
    30 * _MINUTE,
    4 * _HOUR,
    _DAY,
    7 * _DAY,
)
"""Seconds; from one read of a stream to the longest that a visit is looked after."""

SENT = _metric("counter", "messaging.client.sent.messages", "{message}", "Messages that were sent.", *_SENT)
OPERATION = _metric(
    "histogram",
    "messaging.client.operation.duration",
    "s",
    "How long it took until the broker had stored a message.",
    *_SENT,
    buckets=_CALLS,
)
CONSUMED = _metric(
    "counter", "messaging.client.consumed.messages", "{message}", "Messages that were delivered.", *_RECEIVED
)
PROCESS = _metric(
    "histogram", "messaging.process.duration", "s", "How long a message was in hand.", *_RECEIVED, buckets=_CALLS
)
RETRIES = _metric(
    "counter", "claimbus.retries", "{message}", "Messages put back for another attempt.", CONSUMER_GROUP, ERROR_TYPE
)
DEAD_LETTERS = _metric("counter", "claimbus.dead_letters", "{message}", "Messages given up.", CONSUMER_GROUP, WHY)

DECISION_TIME = _metric(
    "histogram",
    "claimbus.visit.decision.duration",
    "s",
    "From the moment the broker stored a visit to its decision.",
    OUTCOME,
    PAYER_CLASS,
    buckets=_VISIT,
)
DECISIONS = _metric(
    "counter",
    "claimbus.decisions",
    "{decision}",
    "Decisions, those on later revisions included.",
    OUTCOME,
    PAYER_CLASS,
    PRACTICE,
    TOUCHLESS,
)
CLAIM_EVENTS = _metric(
    "counter",
    "claimbus.claim_events",
    "{event}",
    "Events that claims published: decisions, and what takes their place.",
    OUTCOME,
)
FINDINGS = _metric("counter", "claimbus.findings", "{finding}", "Findings in decisions.", FINDING_ID, SEVERITY, RESULT)
FINDING_AT_RISK = _metric(
    "counter",
    "claimbus.finding.amount_at_risk",
    "{USD}",
    "Dollars that each finding endangers; a line that several endanger counts in each.",
    FINDING_ID,
    PAYER_CLASS,
)
AT_RISK = _metric(
    "counter",
    "claimbus.decision.amount_at_risk",
    "{USD}",
    "Expected dollars of lines that a blocking finding endangers, each line once.",
    PAYER_CLASS,
    PRACTICE,
)
UNITS_CHANGED = _metric(
    "counter",
    "claimbus.units.changed",
    "{unit}",
    "Units in which the payer's rule differs from what the EHR sent.",
    DIRECTION,
    PAYER_CLASS,
)

OPEN = _metric(
    "gauge", "claimbus.visits.open", "{visit}", "Visit revisions of half a minute or older without a decision."
)
OLDEST_OPEN = _metric(
    "gauge", "claimbus.visits.oldest_open.age", "s", "Age of the oldest of them; 0 where none is open."
)
UNACCOUNTED = _metric(
    "gauge",
    "claimbus.visits.unaccounted",
    "{visit}",
    "Visit revisions past the time to be held about which claims has published nothing: the reconciliation gap.",
)
RULE_SET_INFO = _metric(
    "gauge",
    "claimbus.rule_set.info",
    "{rule_set}",
    "1, with the rules that the process decides by.",
    RULE_SET,
    RULE_SET_DIGEST,
)
_CONSUMER = (CONSUMER_GROUP, STREAM)
PENDING = _metric(
    "gauge", "claimbus.consumer.pending", "{message}", "Stored and not delivered yet: the lag.", *_CONSUMER
)
ACK_PENDING = _metric("gauge", "claimbus.consumer.ack_pending", "{message}", "Delivered and not settled.", *_CONSUMER)
ACK_PENDING_LIMIT = _metric(
    "gauge", "claimbus.consumer.ack_pending.limit", "{message}", "The most that may be.", *_CONSUMER
)
REDELIVERED = _metric(
    "gauge", "claimbus.consumer.redelivered", "{message}", "Delivered more than once, not settled.", *_CONSUMER
)
STREAM_SIZE = _metric("gauge", "claimbus.stream.size", "By", "Bytes that a stream holds.", STREAM)
STREAM_LIMIT = _metric("gauge", "claimbus.stream.size.limit", "By", "Bytes after which it refuses events.", STREAM)
STREAM_MESSAGES = _metric("gauge", "claimbus.stream.messages", "{message}", "Messages that a stream holds.", STREAM)

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
        "task",
        "dropped",
    }
)
"""Fields of a log line, printed or sent. Everything else is dropped, and only its name is logged."""
