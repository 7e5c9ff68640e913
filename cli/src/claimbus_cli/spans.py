"""The spans of a visit, from files of OTLP in JSON or from Jaeger."""

import contextlib
import json
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import click
from claimbus.telemetry import registry

_TIMEOUT = 10.0
_MOST_TRACES = 50
_LOOK_BACK = 31 * 86_400.0
"""Seconds; longer than telemetry should be kept."""
_SKEW = 3600.0
"""Seconds that another machine's clock may be ahead."""
_SERVICE = "claimbus-claims"
"""Receives each visit, so that every trace of a visit can be found by it."""


class TracesError(click.ClickException):
    """There are no traces to show; the text says where they could come from."""


class Link(NamedTuple):
    """To the span that published a fact; Jaeger does not tell which fact."""

    trace_id: str
    span_id: str
    fact: str = ""


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
    links: tuple[Link, ...]

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
        spans = _of_jaeger(source, key)
        where = f"Jaeger at {source} has"
        if "." not in key:
            where = f"among {_MOST_TRACES} traces (name it as practice/visit, and all are searched) {where}"
    else:
        spans = list(_of_files(Path(source), key))
        where = f"the files in {source} hold"
    by_trace: dict[str, Trace] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    found = [trace for trace in by_trace.values() if _ids_of(trace, key)]
    if not found:
        raise TracesError(
            f"{key}: {where} no trace of that visit. Was it published to this pipeline, and did it run with its "
            "traces kept (claimbus up) or sent (OTEL_EXPORTER_OTLP_ENDPOINT)?"
        )
    return sorted((sorted(trace, key=lambda span: span.start) for trace in found), key=lambda trace: trace[0].start)


def _ids_of(spans: Iterable[Span], key: str) -> set[str]:
    """Traces in which a span names the visit; not every span of a trace does."""
    names = ((span.trace_id, str(span.attributes.get(registry.VISIT_KEY, ""))) for span in spans)
    return {trace_id for trace_id, named in names if key and key in (named, named.partition(".")[2])}


def _of_files(place: Path, key: str) -> Iterator[Span]:
    """Looks through the files twice: they may hold thousands of visits, and few lines are about this one."""
    ids = _ids_of(_in_lines(place, lambda line: key in line), key)
    if ids:
        yield from (
            span
            for span in _in_lines(place, lambda line: any(trace_id in line for trace_id in ids))
            if span.trace_id in ids
        )


def _in_lines(place: Path, is_wanted: Callable[[str], bool]) -> Iterator[Span]:
    is_folder = place.is_dir()
    try:
        for path in sorted(place.glob("*.jsonl")) if is_folder else [place]:
            try:
                with path.open(errors="replace") as file:
                    for line in filter(is_wanted, file):
                        # The last line may be half written, and a file named by hand may hold anything.
                        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                            yield from list(_of_request(json.loads(line)))
            except FileNotFoundError:
                if not is_folder:  # else its service put it aside in this moment
                    raise
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
                    tuple(map(_link, span.get("links", ()))),
                )


def _link(link: dict[str, Any]) -> Link:
    return Link(link["traceId"], link["spanId"], str(_plain(link.get("attributes", ())).get(registry.FACT, "")))


def _plain(attributes: Any) -> dict[str, Any]:
    return {attribute["key"]: _value(attribute.get("value", {})) for attribute in attributes}


def _value(given: dict[str, Any]) -> Any:
    """OTLP spells whole numbers as text."""
    return int(given["intValue"]) if "intValue" in given else next(iter(given.values()), None)


def _of_jaeger(address: str, key: str) -> list[Span]:
    # Left out, Jaeger would look two days back; it counts microseconds.
    now = time.time_ns() // 1000
    since, until = now - int(_LOOK_BACK * 1e6), now + int(_SKEW * 1e6)
    query = {"service": _SERVICE, "limit": str(_MOST_TRACES), "start": str(since), "end": str(until)}
    if "." in key:
        query["tags"] = json.dumps({registry.VISIT_KEY: key})
    url = f"{address.rstrip('/')}/api/traces?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310  (http or https, by the caller)
            traces = json.load(answer)["data"] or ()
        return [_of_jaegers(span, trace["processes"]) for trace in traces for span in trace["spans"]]
    except (OSError, HTTPException) as exc:
        raise TracesError(f"{address}: Jaeger's query service does not answer there ({exc or exc!r:.80})") from None
    except (ValueError, TypeError, KeyError):
        raise TracesError(f"{address}: what answers there is not Jaeger's query service") from None


def _of_jaegers(span: dict[str, Any], processes: dict[str, Any]) -> Span:
    references = span["references"]
    parents = [reference["spanID"] for reference in references if reference["refType"] == "CHILD_OF"]
    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
    return Span(
        span["traceID"],
        span["spanID"],
        parents[0] if parents else "",
        processes[span["processID"]]["serviceName"],
        span["operationName"],
        span["startTime"] * 1000,
        (span["startTime"] + span["duration"]) * 1000,
        tags.get("error") is True,
        tags,
        tuple(
            Link(reference["traceID"], reference["spanID"])
            for reference in references
            if reference["refType"] != "CHILD_OF"
        ),
    )


def is_whole(trace: Trace) -> bool:
    """Whether a visit's trace has its decision, and every span that caused another: each process writes its own."""
    known = {span.span_id for span in trace}
    decided = any(span.name == "decide" for span in trace)
    return decided and all(span.parent_id in known for span in trace if span.parent_id)
