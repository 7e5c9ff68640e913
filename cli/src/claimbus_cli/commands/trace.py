"""The spans of a visit, from files of OTLP in JSON or from Jaeger, and as a tree for a terminal."""

import contextlib
import json
import sys
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
from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus.telemetry import registry
from pydantic_core import to_json
from rich.console import Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from claimbus_cli.views.terminal import out

_BAR = 12
"""Characters of a bar for the whole time of a trace."""
_TIMEOUT = 10.0
_MOST_TRACES = 50
_LOOK_BACK = 31 * 86_400.0
"""Seconds; longer than telemetry should be kept."""
_SKEW = 3600.0
"""Seconds that another machine's clock may be ahead."""
_REPLAYED = "replayed"
_DECISIONS = (f".{ClaimReady.fact}", f".{ClaimDenialRisk.fact}")
_SERVICE = "claimbus-claims"
"""Hears each visit, so that every trace of one can be found by it."""


class TracesError(RuntimeError):
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
    return sorted((sorted(trace, key=lambda one: one.start) for trace in found), key=lambda trace: trace[0].start)


def _ids_of(spans: Iterable[Span], key: str) -> set[str]:
    """Traces in which a span names the visit; not every span of a trace does."""
    names = ((span.trace_id, str(span.attributes.get(registry.VISIT_KEY, ""))) for span in spans)
    return {trace_id for trace_id, named in names if key and key in (named, named.partition(".")[2])}


def _of_files(place: Path, key: str) -> Iterator[Span]:
    """Looks through the files twice: they may hold thousands of visits, and few lines are about this one."""
    ids = _ids_of(_in_lines(place, lambda line: key in line), key)
    if ids:
        yield from (
            span for span in _in_lines(place, lambda line: any(one in line for one in ids)) if span.trace_id in ids
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
    return {one["key"]: _value(one.get("value", {})) for one in attributes}


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
    parents = [one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"]
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
        tuple(Link(one["traceID"], one["spanID"]) for one in span["references"] if one["refType"] != "CHILD_OF"),
    )


def is_whole(trace: Trace) -> bool:
    """Whether a visit's trace has its decision, and every span that caused another: each process writes its own."""
    known = {one.span_id for one in trace}
    return any(one.name == "decide" for one in trace) and all(one.parent_id in known for one in trace if one.parent_id)


def tree_of(trace: Trace) -> Table:
    """The spans of a trace as a tree: who did what, when it began, how long it took, and what it joined.

    A service stands where the work comes to it, and what is to be noted under its step, so that it fits 80 columns.
    """
    start, end = min(one.start for one in trace), max(one.end for one in trace)
    table = Table(
        Column("step", overflow="fold"),
        Column("at", justify="right", no_wrap=True),
        Column("took", justify="right", no_wrap=True),
        Column("", no_wrap=True, min_width=_BAR),
        box=None,
    )
    by_id = {one.span_id: one for one in trace}
    for depth, span in _in_order(trace):
        parent = by_id.get(span.parent_id)
        step = Text("  " * depth + span.step, style="red" if span.failed else "")
        if parent is None or parent.service != span.service:
            step.append(f"  {span.service.removeprefix('claimbus-')}", style="cyan")
        notes = Text(notes_of(span, trace), style="red" if span.failed else "dim")
        table.add_row(
            Group(step, Padding(notes, (0, 0, 0, 2 * depth + 2))) if notes else step,
            _spell(span.start - start),
            _spell(span.end - span.start),
            Text(_bar(span, start, end), style="red" if span.failed else "cyan"),
        )
    return table


def _spell(nanoseconds: int) -> str:
    """A visit takes milliseconds, or days where its documentation comes late."""
    milliseconds = nanoseconds / 1e6
    return f"{milliseconds:.1f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:,.1f} s"


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
    before = min(int(_BAR * (span.start - start) / whole), _BAR - 1)
    return " " * before + "━" * max(1, min(round(_BAR * (span.end - span.start) / whole), _BAR - before))


def notes_of(span: Span, trace: Trace) -> str:
    """What is to be said of a step beside its times: outcome, what it joined, that it was tried again, what failed."""
    by_id = {one.span_id: one for one in trace}
    said = span.attributes
    links = [link for link in span.links if link.span_id != span.parent_id]  # a sender is linked to and parent
    facts = [fact for link in links if (fact := _fact_of(link, by_id)) not in ("", _REPLAYED)]
    replayed = [link.trace_id for link in links if link.fact == _REPLAYED or _leads_away(link, span)]
    deliveries = int(said.get(registry.DELIVERY_COUNT, 1))
    settlement = said.get(registry.SETTLEMENT, "ack")
    delay = said.get(registry.SETTLEMENT_DELAY)
    notes = [
        str(said.get(registry.OUTCOME, "")),
        f"joins {', '.join(facts)}" if facts else "",
        "" if not replayed else f"replays trace {replayed[0]}" if int(replayed[0], 16) else "a replay",
        f"delivery {deliveries}" if deliveries > 1 else "",
        (settlement if delay is None else f"{settlement} in {float(delay):.1f} s") if settlement != "ack" else "",
        str(said.get(registry.ERROR_TYPE, "")),
    ]
    return ", ".join(filter(None, notes))


def _fact_of(link: Link, by_id: dict[str, Span]) -> str:
    if link.fact or link.span_id not in by_id:
        return link.fact
    return by_id[link.span_id].step.partition(" ")[2]


def _leads_away(link: Link, span: Span) -> bool:
    """How a replay looks where links have no attributes: its publish span, the root, links to another trace."""
    return not link.fact and not span.parent_id and link.trace_id != span.trace_id


def head_of(trace: Trace, key: str) -> str:
    """What stands above a tree: how long the visit took to its decision, and which trace this is."""
    first = min(trace, key=lambda one: one.start)
    said = [one for one in trace if one.name.startswith("publish claims.") and not one.failed]
    decisions = [one for one in said if one.name.endswith(_DECISIONS)]
    word = min(decisions or said, key=lambda one: one.end, default=None)
    # Whoever published it may have written no spans; then the way begins where a service received of it.
    began = "publish" if first.name.startswith("publish ") else "the first delivery"
    took = f"{_spell(word.end - first.start)} from {began} to {word.step.partition(' ')[2]}" if word else ""
    return f"{key}   {took or 'no word of claims yet'}\ntrace {first.trace_id}   {len(trace)} spans"


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
                "links": [{**link._asdict(), "fact": link.fact or None} for link in one.links],
            }
            for depth, one in _in_order(trace)
        ],
    }


@click.command()
@click.argument("visit")
@click.option(
    "--from",
    "source",
    envvar=["CLAIMBUS_TRACES", "CLAIMBUS_TRACES_DIR"],
    default=".claimbus/traces",
    show_default=True,
    metavar="FOLDER|FILE|URL",
    help="Traces of `claimbus up`, a file of OTLP lines, or the address of Jaeger; CLAIMBUS_TRACES says it for good, "
    "and else CLAIMBUS_TRACES_DIR.",
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
