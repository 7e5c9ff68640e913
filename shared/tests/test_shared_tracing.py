"""One trace for each visit, in which nothing stands that the registry does not list."""

import json

import pytest
from claimbus.settings import Exports
from claimbus.telemetry import metrics, registry, tracing
from claimbus.telemetry.export import exporting, resource_of
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider, SpanContext, SpanKind, StatusCode

CANARY = "Zebulon-Quartz-4711"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """The spans that end in a test. A provider can be set only once in a process, so it is put in place by hand."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


@pytest.fixture
def _no_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", NoOpTracerProvider())


def at(headers: dict[str, str] | None, stream: str = "VISITS", seq: int = 7) -> SpanContext:
    return trace.get_current_span(tracing.context_of(headers, stream, seq)).get_span_context()


def the(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = spans.get_finished_spans()
    assert set(span.attributes or {}) <= registry.SPAN_ATTRIBUTES
    assert span.name.split()[0] in registry.SPANS
    assert span.events == ()
    assert CANARY not in span.to_json()
    return span


def test_a_message_with_a_traceparent_belongs_to_that_trace() -> None:
    context = at(PARENT)
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE, SPAN)
    assert at(PARENT, seq=8) == context


def test_a_traceparent_is_read_in_any_case() -> None:
    assert at({"Traceparent": PARENT["traceparent"]}) == at(PARENT)


@pytest.mark.parametrize(
    "headers", [None, {}, {"traceparent": "nonsense"}, {"traceparent": f"00-{'0' * 32}-{SPAN}-01"}]
)
def test_a_message_without_one_belongs_to_the_trace_of_its_place(headers: dict[str, str] | None) -> None:
    assert at(headers) == at(None)
    assert at(headers).is_valid
    assert at(headers).trace_flags.sampled


@given(st.lists(st.tuples(st.sampled_from(["VISITS", "CLAIMS"]), st.integers(1, 10**12)), unique=True, max_size=20))
def test_another_place_is_another_trace(places: list[tuple[str, int]]) -> None:
    assert len({at(None, *place).trace_id for place in places}) == len(places)


@pytest.mark.usefixtures("_no_sdk")
def test_a_new_trace_is_new_each_time_and_travels_without_an_sdk() -> None:
    first, second = (trace.get_current_span(tracing.new_trace()).get_span_context() for _ in range(2))
    assert first.is_valid
    assert first.trace_id != second.trace_id
    headers: dict[str, str] = {}
    with tracing.span("publish x", SpanKind.PRODUCER, {}, tracing.new_trace()):
        tracing.inject(headers)
        assert headers["traceparent"].split("-")[1] == tracing.trace_id()


def test_with_an_sdk_the_publish_span_is_the_root_of_a_new_trace(spans: InMemorySpanExporter) -> None:
    with (
        tracing.span("process x", SpanKind.CONSUMER, {}, tracing.context_of(PARENT, "VISITS", 1)),
        tracing.span("publish x", SpanKind.PRODUCER, {}, tracing.new_trace()),
    ):
        pass
    inner, outer = spans.get_finished_spans()
    assert inner.parent is None
    assert inner.context.trace_id != outer.context.trace_id == int(TRACE, 16)


def test_what_is_injected_is_extracted_again(spans: InMemorySpanExporter) -> None:
    headers = {"ce-id": "7"}
    with tracing.span("publish x", SpanKind.PRODUCER, {}, tracing.context_of(PARENT, "VISITS", 1)):
        tracing.inject(headers)
        assert tracing.trace_id() == TRACE
    sent = the(spans).context
    assert set(headers) == {"ce-id", "traceparent"}
    assert (at(headers).trace_id, at(headers).span_id) == (sent.trace_id, sent.span_id)


def test_outside_a_span_nothing_is_injected_and_there_is_no_trace() -> None:
    headers: dict[str, str] = {}
    tracing.inject(headers)
    assert headers == {}
    assert tracing.trace_id() is None


def test_a_joined_fact_is_linked_by_its_publish_span() -> None:
    link = tracing.link_to(PARENT, "coded")
    assert f"{link.context.span_id:016x}" == SPAN
    assert link.attributes == {registry.FACT: "coded"}
    assert not tracing.link_to(None, "coded").context.is_valid


def test_a_span_has_its_name_kind_attributes_and_links(spans: InMemorySpanExporter) -> None:
    link = tracing.link_to(PARENT, "coded")
    with tracing.span("decide", SpanKind.INTERNAL, {registry.REVISION: 3}, links=(link,)):
        tracing.mark(OUTCOME="ready")
        tracing.settled("retry", 0.5)
    span = the(spans)
    assert (span.name, span.kind) == ("decide", SpanKind.INTERNAL)
    assert span.attributes == {
        registry.REVISION: 3,
        registry.OUTCOME: "ready",
        registry.SETTLEMENT: "retry",
        registry.SETTLEMENT_DELAY: 0.5,
    }
    assert [linked.context.span_id for linked in span.links] == [int(SPAN, 16)]
    assert span.status.status_code is StatusCode.UNSET


def test_a_span_records_the_class_of_an_error_and_not_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(LookupError), tracing.span("process x", SpanKind.CONSUMER, {}):
        raise LookupError(CANARY)
    span = the(spans)
    assert span.attributes == {registry.ERROR_TYPE: "LookupError"}
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None


def test_an_attribute_that_is_not_registered_cannot_be_marked() -> None:
    with pytest.raises(AttributeError):
        tracing.mark(PATIENT_NAME=CANARY)


def test_without_an_endpoint_nothing_is_set_up() -> None:
    before = trace.get_tracer_provider()
    with exporting("units", "1", Exports.read({})):
        assert trace.get_tracer_provider() is before
        assert not metrics.are_sent()


@pytest.mark.parametrize(
    ("environment", "signals"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, {"traces", "metrics", "logs"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318"}, {"metrics"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, set()),
    ],
)
def test_what_is_sent_is_what_an_endpoint_is_named_for(environment: dict[str, str], signals: set[str]) -> None:
    assert Exports.read(environment).signals == signals


def test_of_the_environment_only_listed_resource_attributes_are_sent() -> None:
    given = {"OTEL_RESOURCE_ATTRIBUTES": f"k8s.pod.name=claims-1, service.name=x,host.name={CANARY}"}
    of = resource_of("claims", "1.2", Exports.read(given).attributes)
    assert set(of.attributes) <= set(registry.RESOURCE)
    assert of.attributes["k8s.pod.name"] == "claims-1"
    assert of.attributes["service.name"] == "claimbus-claims"


def test_metrics_are_recorded_with_the_registrys_unit_and_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_recorders", {})
    reader = InMemoryMetricReader()
    metrics.use(MeterProvider([reader]).get_meter("test"))
    for metric in registry.METRICS.values():
        metrics.record(metric, 0.3, dict.fromkeys(metric.labels, "x"))
    read = json.loads(reader.get_metrics_data().to_json())
    found = {row["name"]: row for row in read["resource_metrics"][0]["scope_metrics"][0]["metrics"]}
    assert set(found) == set(registry.METRICS)
    for name, metric in registry.METRICS.items():
        (point,) = found[name]["data"]["data_points"]
        assert found[name]["unit"] == metric.unit
        assert set(point["attributes"]) == metric.labels <= set(registry.ATTRIBUTES)
        assert tuple(point.get("explicit_bounds", ())) == metric.buckets
