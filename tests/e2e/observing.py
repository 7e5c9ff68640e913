"""What the end-to-end tests publish, and what they look with."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claimbus.events import VisitCompleted
from claimbus.events.subjects import parse, subject_for
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import CLAIMS, VISITS, consumer_names
from claimbus.testing.bus import Bus
from nats.aio.client import Client
from nats.errors import Error as NatsError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from pydantic_core import to_json


async def eventually(condition: Callable[[], Any], seconds: float = 30.0, every: float = 0.1) -> Any:
    """Wait until an async or plain condition holds, and give its value."""
    async with asyncio.timeout(seconds):
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(every)


async def words_of_claims(client: Client) -> Counter[str]:
    """How many messages lie on each subject of the claims stream."""
    info = await client.jetstream().stream_info(CLAIMS, subjects_filter=">")
    return Counter(info.state.subjects or {})


@dataclass
class SpanSeen:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, object]
    links: tuple[str, ...]
    link_attributes: set[str]
    status: int
    events: tuple[str, ...]


@dataclass
class PointSeen:
    service: str
    instance: str
    metric: str
    kind: str
    unit: str
    labels: dict[str, str]
    value: float
    """Of a histogram, how many values it holds."""
    exemplars: tuple[str, ...]
    """Trace ids."""


@dataclass
class LineSeen:
    service: str
    event: str
    level: str
    trace_id: str
    fields: dict[str, object]


def _plain(attributes: Iterable[KeyValue]) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in attributes}


@dataclass
class Collector:
    """A receiver of OTLP over HTTP, as a collector is one."""

    endpoint: str = ""
    spans: list[SpanSeen] = field(default_factory=list)
    points: list[PointSeen] = field(default_factory=list)
    lines: list[LineSeen] = field(default_factory=list)
    resources: set[str] = field(default_factory=set)
    """Names of all attributes of whoever sent."""
    bodies: list[bytes] = field(default_factory=list)
    """All that came, as it came."""

    def take(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        {"/v1/traces": self._take_spans, "/v1/metrics": self._take_points, "/v1/logs": self._take_lines}[path](body)

    def total(self, metric: str, **labels: str) -> float:
        """The newest sum of a counter, or count of a histogram, over all who sent it and all labels that fit."""
        newest: dict[tuple[object, ...], float] = {}
        for point in self.points:
            if point.metric == metric and labels.items() <= point.labels.items():
                newest[point.instance, *sorted(point.labels.items())] = point.value
        return sum(newest.values())

    def _take_points(self, body: bytes) -> None:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            names = _plain(resource.resource.attributes)
            self.resources |= set(names)
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    kind = metric.WhichOneof("data")
                    assert kind is not None
                    for point in getattr(metric, kind).data_points:
                        value = point.count if kind == "histogram" else point.as_double or float(point.as_int)
                        self.points.append(
                            PointSeen(
                                str(names["service.name"]),
                                str(names["service.instance.id"]),
                                metric.name,
                                kind,
                                metric.unit,
                                {name: str(value) for name, value in _plain(point.attributes).items()},
                                value,
                                tuple(one.trace_id.hex() for one in point.exemplars),
                            )
                        )

    def _take_lines(self, body: bytes) -> None:
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
            names = _plain(resource.resource.attributes)
            self.resources |= set(names)
            for scope in resource.scope_logs:
                for line in scope.log_records:
                    self.lines.append(
                        LineSeen(
                            str(names["service.name"]),
                            line.body.string_value,
                            line.severity_text,
                            line.trace_id.hex(),
                            _plain(line.attributes),
                        )
                    )

    def _take_spans(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = _plain(resource.resource.attributes)
            self.resources |= set(names)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        SpanSeen(
                            str(names["service.name"]),
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            _plain(span.attributes),
                            tuple(link.span_id.hex() for link in span.links),
                            {name for link in span.links for name in _plain(link.attributes)},
                            span.status.code,
                            tuple(event.name for event in span.events),
                        )
                    )


async def decisions_are_in(client: Client, count: int, seconds: float = 30.0, logs: Path | None = None) -> None:
    """Wait until claims has said that many words. A failure says where the visits without one stand."""

    async def enough() -> bool:
        try:
            return sum((await words_of_claims(client)).values()) >= count
        except NatsError:
            return False  # no leader yet, or none any more

    try:
        await eventually(enough, seconds)
    except TimeoutError:
        raise AssertionError(await undecided(client, logs)) from None


async def undecided(client: Client, logs: Path | None = None) -> str:
    """The visits that claims said nothing of: what is stored of each, what is left to do, what was logged of it."""
    js = client.jetstream()
    decided = {parse(subject).visit_id for subject in await words_of_claims(client)}
    stored: dict[str, list[str]] = {}
    for address in map(parse, (await js.stream_info(VISITS, subjects_filter=">")).state.subjects or {}):
        if address.visit_id not in decided:
            stored.setdefault(address.visit_id, []).append(address.fact)
    infos = [await js.consumer_info(stream, name) for stream, name in consumer_names()]
    return "\n".join(
        [
            f"{len(stored)} visits without a word of claims",
            *(f"{visit}: stored {', '.join(sorted(facts))}" for visit, facts in sorted(stored.items())),
            *(f"{info.name}: {info.num_pending} to deliver, {info.num_ack_pending} to settle" for info in infos),
            *(f"dead letter: {found.dead_letter.model_dump_json()}" for found in await read_dead_letters(client)),
            *(line for line in (lines_of(logs) if logs else ()) if any(f'.{visit}"' in line for visit in stored)),
        ]
    )


def lines_of(logs: Path) -> Iterator[str]:
    """What all services logged, each line with the name of its file."""
    for log in sorted(logs.glob("*.log")):
        yield from (f"{log.name}: {line}" for line in log.read_text().splitlines())


async def publish_twice(client: Client, visit: dict[str, Any]) -> None:
    """Publish a visit, and again without an id: the broker cannot tell the second from a new one."""
    await Bus(client).publish(visit)
    subject = subject_for(VisitCompleted, visit["practice_id"], visit["visit_id"])
    await client.jetstream().publish(subject, to_json(visit), timeout=30)


async def until_stored(publish: Callable[[], Awaitable[object]]) -> None:
    """As an EHR does: without the broker's word that a visit is stored, send it again."""
    while True:
        try:
            await publish()
        except NatsError:
            await asyncio.sleep(0.1)
        else:
            return


async def quiet(_: Exception) -> None:
    """Error callback of a connection whose broker is meant to go away."""
