"""One trace for each visit, across all services; ids and counts only.

Our own spans instead of FastStream's: names from subject templates, the causing hop as parent, links
where facts are joined, and no exception text anywhere (ADR 0006). Without an OTLP endpoint no SDK is
configured: the trace context still travels, and a span costs about nothing.
"""

import hashlib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from claimbus.telemetry import registry
from claimbus.telemetry.files import FileExporter

_PROPAGATOR = TraceContextTextMapPropagator()


class _AnyCase(Getter[Mapping[str, str]]):
    """NATS keeps the case of header names, and Go's clients write `Traceparent`."""

    def get(self, carrier: Mapping[str, str], key: str) -> list[str] | None:
        value = carrier.get(key) or carrier.get(key.capitalize())
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, str]) -> list[str]:
        return list(carrier)


_ANY_CASE = _AnyCase()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def configure(resource: Resource, traces: Path | None = None) -> TracerProvider:
    """Send spans to the collector, or write them to files of a folder.

    A collector that is down costs spans and never visits: the exporter works from a bounded queue
    in a thread of its own, and drops what does not fit.
    """
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if traces is None:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=5), max_queue_size=8192))
    else:
        to_file = FileExporter(traces, str(resource.attributes["service.name"]))
        provider.add_span_processor(BatchSpanProcessor(to_file, schedule_delay_millis=200))
    trace.set_tracer_provider(provider)
    return provider


def records() -> bool:
    """Whether spans are made at all; without an SDK only the trace context travels."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


def context_of(headers: Mapping[str, str] | None, stream: str, seq: int) -> Context:
    """The trace that a stored message belongs to.

    A visit published without `traceparent` gets a trace id from its place in the stream, so that all
    services that read it meet in one trace; a replay lies at another place and so is another trace.
    """
    context = _PROPAGATOR.extract(headers or {}, getter=_ANY_CASE)
    if trace.get_current_span(context).get_span_context().is_valid:
        return context
    digest = hashlib.sha256(f"{stream}:{seq}".encode()).digest()
    born = SpanContext(int.from_bytes(digest[:16]), int.from_bytes(digest[16:24]), is_remote=True, trace_flags=_SAMPLED)
    return trace.set_span_in_context(NonRecordingSpan(born))


def new_trace() -> Context:
    """The start of a trace, for whoever publishes a visit.

    With an SDK the publish span itself is the root; without one, ids alone start the trace.
    """
    if records():
        return Context()
    ids = RandomIdGenerator()
    born = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False, trace_flags=_SAMPLED)
    return trace.set_span_in_context(NonRecordingSpan(born))


def inject(headers: MutableMapping[str, str]) -> None:
    """Write the current span's `traceparent` into outgoing headers. No baggage is forwarded."""
    _PROPAGATOR.inject(headers)


def link_to(headers: Mapping[str, str] | None, fact: str, at: tuple[str, int] | None = None) -> Link:
    """A link to the span that published a fact; `at` is its stream and sequence, for one without `traceparent`."""
    context = context_of(headers, *at) if at else _PROPAGATOR.extract(headers or {}, getter=_ANY_CASE)
    return Link(trace.get_current_span(context).get_span_context(), {registry.FACT: fact})


def link(headers: Mapping[str, str] | None, fact: str) -> None:
    """Link the current span to the one that published a stored fact."""
    to = link_to(headers, fact)
    trace.get_current_span().add_link(to.context, to.attributes)


def trace_id() -> str | None:
    """The current trace's id, 32 hexadecimal digits."""
    current = trace.get_current_span().get_span_context()
    return trace.format_trace_id(current.trace_id) if current.is_valid else None


def mark(**attributes: AttributeValue) -> None:
    """Set registered attributes, named as in the registry, on the current span."""
    trace.get_current_span().set_attributes({getattr(registry, name): value for name, value in attributes.items()})


def settled(how: Literal["ack", "retry", "dead-letter"], delay: float | None = None) -> None:
    """Note on the current span what became of the message; `delay` in seconds until the next attempt."""
    mark(SETTLEMENT=how)
    if delay is not None:
        mark(SETTLEMENT_DELAY=delay)


@contextmanager
def span(
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue],
    context: Context | None = None,
    links: tuple[Link, ...] = (),
) -> Iterator[Span]:
    """A current span that records an error's class and never its text."""
    if not records():
        # What the API does without an SDK, without making an object for each span.
        token = attach(context) if context is not None else None
        try:
            yield trace.get_current_span()
        finally:
            if token is not None:
                detach(token)
        return
    with trace.get_tracer("claimbus.messaging").start_as_current_span(
        name,
        context,
        kind,
        attributes,
        links or None,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as exc:
            current.set_attribute(registry.ERROR_TYPE, type(exc).__name__)
            current.set_status(Status(StatusCode.ERROR))
            raise
