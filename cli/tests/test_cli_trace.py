"""`claimbus trace` on small files that the real SDK and the services' own exporter write."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from claimbus.telemetry import registry
from claimbus.telemetry.export import resource_of
from claimbus.telemetry.files import FileExporter
from claimbus_cli.main import main
from claimbus_cli.spans import TracesError, is_whole, traces_of
from claimbus_cli.views.terminal import out
from claimbus_cli.views.trace import head_of
from click.testing import CliRunner, Result
from opentelemetry import trace
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, Status, StatusCode, Tracer

START = 1_800_000_000_000_000_000
MS = 1_000_000
SUBJECTS = "{practice}.{visit}"
Step = Callable[..., Span]


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    """Writes one span, as a service does: who, what, from and to in milliseconds."""
    providers: dict[str, TracerProvider] = {}

    def tracer_of(service: str) -> Tracer:
        if service not in providers:
            providers[service] = TracerProvider(resource=resource_of(service, "1"), shutdown_on_exit=False)
            exporter = FileExporter(tmp_path, f"claimbus-{service}")
            providers[service].add_span_processor(SimpleSpanProcessor(exporter))
        return providers[service].get_tracer("test")

    def write(
        service: str,
        name: str,
        begin: float,
        end: float,
        parent: Span | None = None,
        links: dict[str, Span] | None = None,
        failed: bool = False,
        **attributes: str | int | float,
    ) -> Span:
        span = tracer_of(service).start_span(
            name,
            trace.set_span_in_context(parent) if parent else trace.Context(),
            attributes={getattr(registry, key): value for key, value in attributes.items()},
            links=[Link(to.get_span_context(), {registry.FACT: fact}) for fact, to in (links or {}).items()],
            start_time=START + int(begin * MS),
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(START + int(end * MS))
        assert isinstance(span, Span)
        return span

    yield write
    for provider in providers.values():
        provider.shutdown()


@pytest.fixture
def visit(step: Step) -> Span:
    """A visit that was retried once and decided after 30 ms; its root, the publish span."""
    root = step("cli", f"publish visits.{SUBJECTS}.completed", 0, 2)
    received = step("coding", f"process visits.{SUBJECTS}.completed", 3, 9, root, VISIT_KEY="p.v1", DELIVERY_COUNT=1)
    coded = step("coding", f"publish visits.{SUBJECTS}.coded", 5, 8, received)
    step(
        "units",
        f"process visits.{SUBJECTS}.coded",
        9,
        11,
        coded,
        failed=True,
        VISIT_KEY="p.v1",
        DELIVERY_COUNT=1,
        SETTLEMENT="retry",
        SETTLEMENT_DELAY=0.2,
        ERROR_TYPE="TimeoutError",
    )
    again = step("units", f"process visits.{SUBJECTS}.coded", 12, 20, coded, VISIT_KEY="p.v1", DELIVERY_COUNT=2)
    computed = step("units", f"publish visits.{SUBJECTS}.units-computed", 14, 18, again)
    last = step("claims", f"process visits.{SUBJECTS}.units-computed", 20, 31, computed, VISIT_KEY="p.v1")
    joined = {"completed": root, "coded": coded}
    decide = step("claims", "decide", 22, 30.5, last, joined, OUTCOME="denial-risk")
    step("claims", f"publish claims.{SUBJECTS}.denial-risk", 25, 30, decide)
    return root


def run(*arguments: str, width: int = 100, **environment: str) -> Result:
    width_before, out.width = out.width, width
    try:
        unset = {"CLAIMBUS_TRACES": None, "CLAIMBUS_TRACES_DIR": None}
        return CliRunner().invoke(main, ["trace", *arguments], env={**unset, **environment})
    finally:
        out.width = width_before


def lines_of(shown: str) -> list[str]:
    return [line.rstrip() for line in shown.splitlines()]


def row(shown: str, step: str) -> str:
    (found,) = [line for line in lines_of(shown) if line.strip().startswith(step)]
    return found


def test_the_tree_tells_who_did_what_when_and_what_was_joined(visit: Span, tmp_path: Path) -> None:
    ran = run("p/v1", "--from", str(tmp_path))
    assert ran.exit_code == 0
    assert "p/v1   30.0 ms from publish to denial-risk" in ran.output
    assert f"trace {trace.format_trace_id(visit.get_span_context().trace_id)}   9 spans" in ran.output
    steps = [line for line in lines_of(ran.output) if " ms " in line and "━" in line]
    indents = [len(line) - len(line.lstrip()) for line in steps]
    assert [depth - indents[0] for depth in indents] == [0, 2, 4, 6, 6, 8, 10, 12, 14]
    assert row(ran.output, "publish units-computed").split()[2:6] == ["14.0", "ms", "4.0", "ms"]
    assert "claims" in row(ran.output, "process units-computed")
    assert row(ran.output, "denial-risk, joins completed, coded")
    assert row(ran.output, "retry in 0.2 s, TimeoutError")
    assert row(ran.output, "delivery 2")


def test_a_trace_is_whole_when_no_cause_is_missing(visit: Span, tmp_path: Path) -> None:
    (found,) = traces_of(str(tmp_path), "p.v1")
    assert is_whole(found)
    causes = {span.parent_id for span in found if span.parent_id}
    for left_out in found:
        rest = [span for span in found if span is not left_out]
        assert is_whole(rest) == (left_out.name != "decide" and left_out.span_id not in causes)


def test_at_80_columns_every_step_still_has_its_times(visit: Span, tmp_path: Path) -> None:
    shown = lines_of(run("v1", "--from", str(tmp_path), width=80).output)
    assert max(map(len, shown)) <= 80
    assert sum(line.count(" ms ") == 2 and "━" in line for line in shown) == 9


def test_a_replay_comes_after_the_trace_that_it_names(visit: Span, step: Step, tmp_path: Path) -> None:
    day = 86_400_000.0
    replayed = {"replayed": visit}
    new = step("cli", f"publish visits.{SUBJECTS}.completed", day, day + 2, links=replayed)
    received = step("claims", f"process visits.{SUBJECTS}.completed", day + 3, day + 4, new, VISIT_KEY="p.v1")
    step("claims", f"publish claims.{SUBJECTS}.ready", day + 60_000, day + 60_001, received)
    shown = run("p.v1", "--from", str(tmp_path)).output
    old = trace.format_trace_id(visit.get_span_context().trace_id)
    assert shown.index(f"trace {old}   9 spans") < shown.index(f"replays trace {old}")
    assert "60.0 s from publish to ready" in shown, "the replay's time, not the day in between"


def test_a_decision_after_a_hold_is_the_end_and_a_publisher_without_spans_is_told(step: Step, tmp_path: Path) -> None:
    unknown = step("elsewhere", "unseen", 0, 1)
    (tmp_path / f"claimbus-elsewhere-{os.getpid()}.jsonl").unlink()
    received = step("claims", f"process visits.{SUBJECTS}.completed", 10, 12, unknown, VISIT_KEY="p.v1")
    step("claims", f"publish claims.{SUBJECTS}.held", 400, 401, received)
    step("claims", f"publish claims.{SUBJECTS}.ready", 800, 810, received)
    (found,) = traces_of(str(tmp_path), "p.v1")
    assert head_of(found, "p/v1").startswith("p/v1   800.0 ms from the first delivery to ready\n")


def test_lines_that_are_no_spans_are_passed_over(visit: Span, tmp_path: Path) -> None:
    whole = [file.read_text() for file in sorted(tmp_path.glob("*.jsonl"))]
    one_file = tmp_path / "all.txt"
    last_line = whole[0].splitlines()[-1]
    cut = last_line[: len(last_line) // 2]
    odd = ['["p.v1"]', '"p.v1"', '{"resourceSpans": 5, "of": "p.v1"}', '{"resourceSpans": [{"p.v1": null}]}', cut]
    one_file.write_text("\n".join(odd) + "\n" + "".join(whole) + cut)
    assert traces_of(str(one_file), "p.v1") == traces_of(str(tmp_path), "p.v1")


def test_json_gives_each_trace_on_a_line(visit: Span, tmp_path: Path) -> None:
    (line,) = run("v1", "--from", str(tmp_path), "--json").output.splitlines()
    printed = json.loads(line)
    decide = next(span for span in printed["spans"] if span["name"] == "decide")
    assert decide["duration_ms"] == 8.5
    assert [link["fact"] for link in decide["links"]] == ["completed", "coded"]
    assert {span["attributes"].get(registry.DELIVERY_COUNT) for span in printed["spans"]} == {None, 1, 2}


def test_the_environment_says_where_traces_are(visit: Span, tmp_path: Path) -> None:
    for name in ("CLAIMBUS_TRACES", "CLAIMBUS_TRACES_DIR"):
        assert run("v1", **{name: str(tmp_path)}).exit_code == 0


@pytest.mark.parametrize("key", ["p/v2", "v", "1", "p", ""])
def test_another_visits_trace_is_never_shown(visit: Span, tmp_path: Path, key: str) -> None:
    ran = run(key, "--from", str(tmp_path))
    assert ran.exit_code == 1
    assert "no trace of that visit" in ran.output
    assert "claimbus up" in ran.output


def test_places_without_traces_are_named() -> None:
    ran = run("v1", "--from", "/nowhere")
    assert ran.exit_code == 1
    assert ran.output.strip() == "Error: /nowhere: cannot be read (No such file or directory)"


@pytest.mark.parametrize(
    ("answer", "key", "complaint"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "p.v1", "is not Jaeger's query service"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<htm", "p.v1", "is not Jaeger's query service"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "p.v1", "404"),
        (b"INFO {}\r\n", "p.v1", "does not answer there"),
        (
            b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"data":null}',
            "p.v1",
            "^p.v1: Jaeger at .* no trace of that visit",
        ),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data":[]}', "v1", "name it as practice/visit"),
    ],
)
def test_what_is_not_jaeger_is_said_in_one_line(answer: bytes, key: str, complaint: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with pytest.raises(TracesError, match=complaint):
            traces_of(f"http://127.0.0.1:{server.server_port}", key)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_one_visit_among_thousands_is_found_without_holding_them(visit: Span, tmp_path: Path) -> None:
    (source,) = tmp_path.glob("claimbus-claims-*.jsonl")
    line = source.read_text().splitlines()[0].replace("p.v1", "p.other")
    trace_id = trace.format_trace_id(visit.get_span_context().trace_id)
    with (tmp_path / "many.jsonl").open("w") as file:
        for number in range(50_000):
            file.write(line.replace(trace_id, f"{number:032x}") + "\n")
    began = time.process_time()
    (found,) = traces_of(str(tmp_path), "p.v1")
    assert len(found) == 9
    assert time.process_time() - began < 5
