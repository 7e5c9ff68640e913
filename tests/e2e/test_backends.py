"""The pipeline with the real back ends: what ops see there, and that losing them costs no visit."""

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from backends import CONFIG, Backends, program, running_backends
from claimbus.services import SERVICES
from claimbus.telemetry import registry
from claimbus.telemetry.export import resource_of
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import STOP_SECONDS, Supervisor
from claimbus.testing.visits import example_bodies, visit_data, visits
from claimbus_cli.spans import TracesError, traces_of
from claimbus_cli.views.trace import head_of, notes_of
from dashboards import expressions
from nats.aio.client import Client
from observing import decisions_are_in, eventually, words_of_claims
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

_METRIC = re.compile(r"[a-z_]+(?=[{\[)\s]|$)")
_SPAN_METRICS = {"claimbus_spans_duration_seconds_bucket"}
_SPAN_LABELS = {"collector.instance.id", "span.kind", "span.name", "status.code"}
"""What the collector's span metrics have of their own."""


def prometheus_names() -> set[str]:
    """Names that Prometheus gives the metrics of the registry."""
    names = set()
    for metric in registry.METRICS.values():
        name = metric.name.replace(".", "_") + {"s": "_seconds", "By": "_bytes"}.get(metric.unit, "")
        endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}[metric.kind]
        names |= {name + ending for ending in endings}
    return names


def metrics_in(node: Any) -> Iterator[str]:
    """Names of the metrics that an expression selects."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name
    for child in ("expr", "lhs", "rhs", "vs", "vector_selector"):
        if (below := getattr(node, child, None)) is not None:
            yield from metrics_in(below)
    for one in getattr(node, "args", ()) or ():
        yield from metrics_in(one)


def filled(expression: str) -> str:
    """As Grafana would send it."""
    return expression.replace("$__rate_interval", "1m").replace("$__range", "5m")


@pytest.mark.parametrize(("board", "panel", "expression"), list(expressions()))
def test_an_expression_is_promql_of_metrics_that_are_sent(board: str, panel: str, expression: str) -> None:
    found = set(metrics_in(promql_parser.parse(filled(expression))))
    assert found, (board, panel)
    assert found <= prometheus_names() | _SPAN_METRICS


@pytest.mark.parametrize("file", sorted((CONFIG / "alerts").glob("*.yaml")), ids=lambda file: file.stem)
def test_an_alert_is_of_metrics_that_are_sent_and_has_its_page(file: Path) -> None:
    for group in yaml.safe_load(file.read_text())["groups"]:
        for rule in group["rules"]:
            assert set(metrics_in(promql_parser.parse(rule["expr"]))) <= prometheus_names()
            page, _, anchor = rule["annotations"]["runbook"].partition("#")
            text = (CONFIG.parents[2] / page).read_text()
            assert not anchor
            assert rule["alert"] in text


def test_the_collector_lets_through_what_is_registered_and_nothing_else() -> None:
    config = yaml.safe_load((CONFIG / "collector.yaml").read_text())
    of_the_record = {"event", "level", "timestamp", "trace_id", "span_id", "service"}
    labels = {label for metric in registry.METRICS.values() for label in metric.labels}
    of_span_metrics = {one["name"] for one in config["connectors"]["span_metrics"]["dimensions"]} | _SPAN_LABELS
    for pipe, processor, keys in (
        ("traces", "redaction", registry.SPAN_ATTRIBUTES),
        ("metrics", "redaction/metrics", labels | of_span_metrics),
        ("logs", "redaction/logs", registry.LOG_FIELDS - of_the_record),
    ):
        assert processor in config["service"]["pipelines"][pipe]["processors"]
        net = config["processors"][processor]
        assert not net["allow_all_keys"]
        assert set(net["allowed_keys"]) == keys | set(registry.RESOURCE)


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[Backends]:
    with running_backends(tmp_path) as running:
        yield running


def too_large() -> dict[str, Any]:
    """A visit that the broker takes, and whose decision it does not: the one failure that needs no broken part."""
    row = visit_data()["interventions"][0] | {"narrative": "quad sets " * 20}
    return visit_data(visit_id="too-large", interventions=[row | {"id": str(number)} for number in range(500)])


@asynccontextmanager
async def pipeline(nats_url: str, backends: Backends, logs: Path) -> AsyncIterator[Supervisor]:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": backends.otlp,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    async with Supervisor(nats_url, logs, environment=environment) as supervisor:
        yield supervisor


async def test_every_panel_shows_something_and_every_visit_is_one_trace_in_jaeger(
    nats_url: str, client: Client, backends: Backends, tmp_path: Path
) -> None:
    bodies = example_bodies()
    async with pipeline(nats_url, backends, tmp_path / "logs"):
        await Bus(client).publish(too_large())
        await client.jetstream().publish("visits.p.bad.completed", b'{"visit_id": ')
        for body in bodies.values():
            await Bus(client).publish(body)
        await decisions_are_in(client, len(bodies), logs=tmp_path / "logs")
        counts = await all_series(backends)
        for (board, panel, expression), count in counts.items():
            print(f"{count:3d} series  {board}: {panel}  {expression}")  # noqa: T201  (shown with pytest -s)
        assert [one for one, count in counts.items() if not count] == []

    visit = json.loads(bodies["01-medicare-plain"])
    trace = await eventually(lambda: decided_trace(backends, f"{visit['practice_id']}.{visit['visit_id']}"))
    services = Counter(trace["processes"][span["processID"]]["serviceName"] for span in trace["spans"])
    print(f"Jaeger: {dict(services)}")  # noqa: T201
    assert set(services) == {f"claimbus-{name}" for name in SERVICES}
    assert len([span for span in trace["spans"] if span["operationName"] == "decide"]) == 1
    kinds = [{one["refType"] for one in span["references"]} for span in trace["spans"]]
    assert all("CHILD_OF" in found for found in kinds), "each span hangs under the one that caused it"
    (told,) = traces_of(backends.jaeger, f"{visit['practice_id']}.{visit['visit_id']}")
    assert {one.span_id for one in told} == {span["spanID"] for span in trace["spans"]}
    assert " to ready" in head_of(told, "it")
    assert [note for one in told if (note := notes_of(one, told)).startswith("ready, joins ")] == [
        "ready, joins coded, documentation-checked"
    ], "the publisher wrote no spans, so that Jaeger does not name what it published"
    exemplars = {one["labels"]["trace_id"] for one in exemplars_of(backends)}
    assert exemplars
    assert all(backends.trace(one) for one in exemplars), "a dot on a panel leads to its trace"


async def test_a_visit_of_last_week_is_found_in_jaeger_by_its_whole_key(backends: Backends) -> None:
    provider = TracerProvider(resource=resource_of("claims", "1"), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{backends.otlp}/v1/traces")))
    tracer = provider.get_tracer("test")
    week = time.time_ns() - 7 * 86_400 * 10**9
    tracer.start_span("decide", attributes={registry.VISIT_KEY: "p.old"}, start_time=week).end(week + 10**6)
    await asyncio.to_thread(provider.shutdown)

    def found() -> Any:
        with contextlib.suppress(TracesError):
            return traces_of(backends.jaeger, "p.old")

    ((span_found,),) = await eventually(found)
    assert span_found.start == week // 1000 * 1000, "Jaeger counts microseconds"


async def all_series(backends: Backends, seconds: float = 60.0) -> dict[tuple[str, str, str], int]:
    """How many series each expression has, as soon as all have some or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = {one: len(await asyncio.to_thread(backends.query, filled(one[2]))) for one in expressions()}
        if all(found.values()) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(1)


def decided_trace(backends: Backends, key: str) -> Any:
    tags = urllib.request.quote(json.dumps({"claimbus.visit.key": key}))
    with urllib.request.urlopen(  # noqa: S310  (our own server on loopback)
        f"{backends.jaeger}/api/traces?service=claimbus-claims&limit=20&tags={tags}", timeout=10
    ) as answer:
        traces = json.load(answer)["data"] or []
    return next((one for one in traces if any(span["operationName"] == "decide" for span in one["spans"])), None)


def exemplars_of(backends: Backends) -> list[dict[str, Any]]:
    now = time.time()
    url = (
        f"{backends.prometheus}/api/v1/query_exemplars?query=claimbus_visit_decision_duration_seconds_bucket"
        f"&start={now - 300}&end={now}"
    )
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        return [one for series in json.load(answer)["data"] for one in series["exemplars"]]


async def test_what_is_not_registered_does_not_get_through_the_collector(backends: Backends) -> None:
    code = """if True:
        from claimbus.settings import Exports
        from claimbus.telemetry.export import exporting
        from opentelemetry import trace
        with exporting("claims", "1", Exports(frozenset({"traces"}))):
            with trace.get_tracer("x").start_as_current_span("decide") as span:
                span.set_attributes({"claimbus.outcome": "ready", "patient.name": "Zebulon-Canary"})
                print(format(span.get_span_context().trace_id, "032x"))
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env={"OTEL_EXPORTER_OTLP_ENDPOINT": backends.otlp}, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    trace = await eventually(lambda: backends.trace(told.decode().strip()))
    (span,) = trace["spans"]
    assert "claimbus.outcome" in {tag["key"] for tag in span["tags"]}
    assert "Zebulon" not in json.dumps(trace)


async def test_a_label_that_is_not_registered_does_not_get_through_the_collector(backends: Backends) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{backends.otlp}/v1/metrics"))
    provider = MeterProvider([reader], Resource({"service.name": "claimbus-claims"}), shutdown_on_exit=False)
    labels = {registry.OUTCOME: "ready", "patient.name": "Zebulon-Canary"}
    provider.get_meter("x").create_counter(registry.DECISIONS.name).add(1, labels)
    await asyncio.to_thread(provider.shutdown)
    (series,) = await eventually(lambda: backends.query("claimbus_decisions_total"))
    assert series["metric"]["claimbus_outcome"] == "ready"
    assert "Zebulon" not in json.dumps(series)


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["hangs", "dies"])
async def test_a_collector_that_hangs_or_dies_costs_no_visit(
    nats_url: str, client: Client, backends: Backends, tmp_path: Path, how: signal.Signals
) -> None:
    many = list(visits(300))
    async with pipeline(nats_url, backends, tmp_path / "logs") as supervisor:
        for number, visit in enumerate(many):
            if number == len(many) // 3:
                backends.collector.send_signal(how)
            await Bus(client).publish(visit)
        await decisions_are_in(client, len(many), seconds=90, logs=tmp_path / "logs")
        words = await words_of_claims(client)
        assert {subject.split(".")[2]: said for subject, said in words.items()} == {
            visit["visit_id"]: 1 for visit in many
        }
        assert set(supervisor.restarts().values()) == {0}
        began = time.monotonic()
    took = time.monotonic() - began
    print(f"{len(words)} visits decided, services stopped in {took:.1f} s")  # noqa: T201
    assert took < STOP_SECONDS, "a service had to be killed"
    for log in (tmp_path / "logs").glob("*.log"):
        logged = log.read_text()
        assert '"service.draining"' in logged
        assert "Traceback" not in logged


def test_each_alert_fires_on_what_it_is_for() -> None:
    promtool = program("promtool")
    tests = sorted((CONFIG / "alerts" / "tests").glob("*.yaml"))
    tested = subprocess.run([promtool, "test", "rules", *tests], capture_output=True, text=True, check=False)
    print(tested.stdout)  # noqa: T201  (shown with pytest -s)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    named = {case["alertname"] for file in tests for test in yaml.safe_load(file.read_text())["tests"]
             for case in test["alert_rule_test"] if "exp_alerts" in case}  # fmt: skip
    rules = yaml.safe_load((CONFIG / "alerts" / "claimbus.yaml").read_text())["groups"]
    assert named == {rule["alert"] for group in rules for rule in group["rules"]}
