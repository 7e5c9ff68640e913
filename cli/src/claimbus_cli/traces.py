"""The spans of a visit, from files of OTLP in JSON or from Jaeger, and as a tree for a terminal."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from claimbus.telemetry import registry
from pydantic_core import to_json
from rich.table import Column, Table
from rich.text import Text

from claimbus_cli.terminal import out

_BAR = 16
"""Characters of a bar for the whole time of a trace."""
_TIMEOUT = 10.0
_MOST_TRACES = 50
_SERVICE = "claimbus-claims"
"""Hears each visit, so that every trace of one can be found by it."""


class TracesError(RuntimeError):
    """There are no traces to show; the text says where they could come from."""


@dataclass(frozen=True)
class Span:
    """One step of a visit. Times are nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any] = field(repr=False)
    links: tuple[tuple[str, str], ...]
    """Trace and span of what it links to."""

    @property
    def step(self) -> str:
        """The name without what all subjects begin with: `process completed`."""
        doing, _, subject = self.name.partition(" ")
        return f"{doing} {subject.rpartition('.')[2]}".strip()


Trace = list[Span]


def traces_of(source: str, key: str) -> list[Trace]:
    """Every trace of a visit, `key` being `practice.visit` or a visit alone, the oldest first.

    `source` is a folder or file of OTLP lines, or the address of Jaeger's query service. Raises `TracesError`.
    """
    if source.startswith(("http://", "https://")):
        spans = list(_of_jaeger(source, key))
        where = f"Jaeger at {source} has"
    else:
        spans = list(_of_files(Path(source)))
        where = f"the files in {source} hold"
    by_trace: dict[str, Trace] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    found = [trace for trace in by_trace.values() if any(_is_of(span, key) for span in trace)]
    if not found:
        raise TracesError(
            f"{key}: {where} no trace of that visit. Was it published to this pipeline, and did it run with its "
            "traces kept (claimbus up) or sent (OTEL_EXPORTER_OTLP_ENDPOINT)?"
        )
    return sorted((sorted(trace, key=lambda one: one.start) for trace in found), key=lambda trace: trace[0].start)


def _is_of(span: Span, key: str) -> bool:
    named = str(span.attributes.get(registry.VISIT_KEY, ""))
    return named == key or named.partition(".")[2] == key


def _of_files(place: Path) -> Iterator[Span]:
    files = sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
    try:
        for file in files:
            for line in file.read_text(errors="replace").splitlines():
                try:
                    request = json.loads(line)
                except ValueError:
                    continue  # the line that is being written
                yield from _of_request(request)
    except OSError as exc:
        raise TracesError(f"{place}: cannot be read ({exc.strerror})") from None


def _of_request(request: dict[str, Any]) -> Iterator[Span]:
    for resource in request.get("resourceSpans", ()):
        service = _plain(resource.get("resource", {}).get("attributes", ())).get("service.name", "")
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield Span(
                    span["traceId"],
                    span["spanId"],
                    span.get("parentSpanId", ""),
                    str(service),
                    span["name"],
                    int(span["startTimeUnixNano"]),
                    int(span["endTimeUnixNano"]),
                    span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR"),
                    _plain(span.get("attributes", ())),
                    tuple((link["traceId"], link["spanId"]) for link in span.get("links", ())),
                )


def _plain(attributes: Any) -> dict[str, Any]:
    return {one["key"]: next(iter(one.get("value", {}).values()), None) for one in attributes}


def _of_jaeger(address: str, key: str) -> Iterator[Span]:
    query = {"service": _SERVICE, "limit": str(_MOST_TRACES), "lookback": "168h"}
    if "." in key:
        query["tags"] = json.dumps({registry.VISIT_KEY: key})
    url = f"{address.rstrip('/')}/api/traces?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310  (http or https, by the caller)
            traces = json.load(answer)["data"] or ()
    except (OSError, ValueError, KeyError) as exc:
        raise TracesError(f"{address}: Jaeger's query service does not answer there ({exc})") from None
    for trace in traces:
        for span in trace["spans"]:
            parents = [one for one in span["references"] if one["refType"] == "CHILD_OF"]
            tags = {tag["key"]: tag["value"] for tag in span["tags"]}
            yield Span(
                span["traceID"],
                span["spanID"],
                parents[0]["spanID"] if parents else "",
                trace["processes"][span["processID"]]["serviceName"],
                span["operationName"],
                span["startTime"] * 1000,
                (span["startTime"] + span["duration"]) * 1000,
                tags.get("error") is True,
                tags,
                tuple((one["traceID"], one["spanID"]) for one in span["references"] if one["refType"] != "CHILD_OF"),
            )


def tree_of(trace: Trace) -> Table:
    """The spans of a trace as a tree: who did what, when it began, how long it took, and what it joined."""
    start, end = min(one.start for one in trace), max(one.end for one in trace)
    table = Table(
        Column("step", no_wrap=True),
        Column("service", no_wrap=True),
        Column("at ms", justify="right"),
        Column("took ms", justify="right"),
        Column("", no_wrap=True, min_width=_BAR),
        Column("", min_width=20, overflow="fold"),
        box=None,
    )
    by_id = {one.span_id: one for one in trace}
    for depth, span in _in_order(trace):
        table.add_row(
            Text("  " * depth + span.step),
            span.service.removeprefix("claimbus-"),
            f"{(span.start - start) / 1e6:.1f}",
            f"{(span.end - span.start) / 1e6:.1f}",
            Text(_bar(span, start, end), style="red" if span.failed else "cyan"),
            Text(_notes(span, by_id), style="red" if span.failed else ""),
        )
    return table


def _in_order(trace: Trace) -> Iterator[tuple[int, Span]]:
    """Every span under the one that caused it, with how deep it stands."""
    known = {one.span_id for one in trace}
    children: dict[str, Trace] = defaultdict(list)
    for one in trace:
        children[one.parent_id if one.parent_id in known else ""].append(one)

    def below(parent: str, depth: int) -> Iterator[tuple[int, Span]]:
        for one in children[parent]:
            yield depth, one
            yield from below(one.span_id, depth + 1)

    return below("", 0)


def _bar(span: Span, start: int, end: int) -> str:
    whole = max(end - start, 1)
    before = int(_BAR * (span.start - start) / whole)
    return " " * before + "━" * max(1, round(_BAR * (span.end - span.start) / whole))


def _notes(span: Span, by_id: dict[str, Span]) -> str:
    said = span.attributes
    joined = [by_id[to].step.partition(" ")[2] for _, to in span.links if to in by_id and to != span.parent_id]
    others = sorted({trace for trace, _ in span.links if trace != span.trace_id})
    settlement = said.get(registry.SETTLEMENT, "ack")
    delay = said.get(registry.SETTLEMENT_DELAY)
    notes = [
        str(said.get(registry.OUTCOME, "")),
        f"joins {', '.join(joined)}" if joined else "",
        f"replays trace {others[0]}" if others else "",
        f"delivery {said[registry.DELIVERY_COUNT]}" if int(said.get(registry.DELIVERY_COUNT, 1)) > 1 else "",
        (settlement if delay is None else f"{settlement} in {float(delay):.1f} s") if settlement != "ack" else "",
        str(said.get(registry.ERROR_TYPE, "")),
    ]
    return ", ".join(filter(None, notes))


def head_of(trace: Trace, key: str) -> str:
    """One line above a tree: which trace, and how long the visit took to its decision."""
    start = min(one.start for one in trace)
    said = [one for one in trace if one.name.startswith("publish claims.")]
    took = f"{(min(one.end for one in said) - start) / 1e6:.1f} ms to {said[0].step.partition(' ')[2]}" if said else ""
    return f"{key}   trace {trace[0].trace_id}   {len(trace)} spans   {took or 'no word of claims yet'}"


def as_data(trace: Trace) -> dict[str, Any]:
    """A trace for a program: its spans in the order of the tree."""
    return {
        "trace_id": trace[0].trace_id,
        "spans": [
            {
                "depth": depth,
                "span_id": one.span_id,
                "parent_id": one.parent_id or None,
                "service": one.service,
                "name": one.name,
                "start_unix_nano": one.start,
                "duration_ms": (one.end - one.start) / 1e6,
                "failed": one.failed,
                "attributes": one.attributes,
                "links": [{"trace_id": to, "span_id": span} for to, span in one.links],
            }
            for depth, one in _in_order(trace)
        ],
    }


@click.command()
@click.argument("visit")
@click.option(
    "--from",
    "source",
    envvar="CLAIMBUS_TRACES",
    default=".claimbus/traces",
    show_default=True,
    metavar="FOLDER|FILE|URL",
    help="Traces of `claimbus up`, a file of OTLP lines, or the address of Jaeger; CLAIMBUS_TRACES says it for good.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a trace.")
def trace(visit: str, source: str, as_json: bool) -> None:
    """Show every step of a visit: who did it, when, for how long, and what it joined.

    VISIT is the visit's key, or practice/visit. A visit that was replayed or amended has several traces, the newest
    last.

    \b
    claimbus trace demo-01
    claimbus trace northside-pt/demo-01 --from http://127.0.0.1:16686
    """
    key = visit.replace("/", ".", 1)
    try:
        found = traces_of(source, key)
    except TracesError as exc:
        raise click.ClickException(str(exc)) from None
    for one in found:
        if as_json:
            sys.stdout.write(to_json(as_data(one)).decode() + "\n")
        else:
            show_trace(one, visit)


def show_trace(trace: Trace, visit: str) -> None:
    """Print a trace for a person."""
    out.print(head_of(trace, visit), style="bold", highlight=False, soft_wrap=True)
    out.print(tree_of(trace))
    out.print()
