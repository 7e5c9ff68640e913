"""Spans as lines of OTLP in a folder: what is written, and that it is bounded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from claimbus.settings import Exports
from claimbus.telemetry.export import resource_of
from claimbus.telemetry.files import FileExporter
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Link, format_span_id, format_trace_id


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    provider = TracerProvider(resource=resource_of("units", "1"), shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def a_span(provider: TracerProvider, name: str, *links: Span) -> Span:
    span = provider.get_tracer("test").start_span(name, links=[Link(linked.get_span_context()) for linked in links])
    span.end()
    assert isinstance(span, Span)
    return span


def written(folder: Path) -> list[dict[str, Any]]:
    """The spans in a folder, the oldest first."""
    files = sorted(folder.iterdir(), key=lambda file: ".before." not in file.name)
    requests = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [
        span
        for request in requests
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def test_ids_are_hexadecimal_as_otlp_asks(provider: TracerProvider, tmp_path: Path) -> None:
    first = a_span(provider, "publish")
    second = a_span(provider, "process", first)
    FileExporter(tmp_path, "claimbus-units").export([first, second])
    of_first, of_second = (span.get_span_context() for span in (first, second))
    found = written(tmp_path)
    assert [(span["traceId"], span["spanId"]) for span in found] == [
        (format_trace_id(context.trace_id), format_span_id(context.span_id)) for context in (of_first, of_second)
    ]
    ((link,),) = [span["links"] for span in found if "links" in span]
    assert (link["traceId"], link["spanId"]) == (format_trace_id(of_first.trace_id), format_span_id(of_first.span_id))


def test_two_files_are_kept_and_the_newest_spans_are_in_them(
    provider: TracerProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 4096
    monkeypatch.setattr("claimbus.telemetry.files._MOST_BYTES", most)
    exporter = FileExporter(tmp_path, "claimbus-units")
    names = [f"span {number}" for number in range(100)]
    for name in names:
        assert exporter.export([a_span(provider, name)]) is SpanExportResult.SUCCESS
    assert len(list(tmp_path.iterdir())) == 2
    longest = max(len(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()) + 1
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 2 * (most + longest)
    kept = [span["name"] for span in written(tmp_path)]
    assert 0 < len(kept) < len(names)
    assert kept == names[-len(kept) :]


def test_a_folder_that_cannot_be_written_costs_spans_and_no_error(provider: TracerProvider, tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    exporter = FileExporter(folder, "claimbus-units")
    folder.rmdir()
    assert exporter.export([a_span(provider, "lost")]) is SpanExportResult.FAILURE


def test_the_environment_names_the_folder() -> None:
    assert Exports.read({"CLAIMBUS_TRACES_DIR": "/traces"}) == Exports(traces=Path("/traces"))
    assert Exports.read({"CLAIMBUS_TRACES_DIR": ""}) == Exports()
