"""The spans of a visit as a tree for a terminal, and as data."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus.telemetry import registry
from rich.console import Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from claimbus_cli.spans import Link, Span, Trace
from claimbus_cli.views.terminal import out

_BAR = 12
"""Characters of a bar for the whole time of a trace."""
_REPLAYED = "replayed"
_DECISIONS = (f".{ClaimReady.fact}", f".{ClaimDenialRisk.fact}")


def tree_of(trace: Trace) -> Table:
    """The spans of a trace as a tree: who did what, when it began, how long it took, and what it joined.

    A service stands where the work comes to it, and what is to be noted under its step, so that it fits 80 columns.
    """
    start, end = min(span.start for span in trace), max(span.end for span in trace)
    table = Table(
        Column("step", overflow="fold"),
        Column("at", justify="right", no_wrap=True),
        Column("took", justify="right", no_wrap=True),
        Column("", no_wrap=True, min_width=_BAR),
        box=None,
    )
    by_id = {span.span_id: span for span in trace}
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
    known = {span.span_id for span in trace}
    children: dict[str, Trace] = defaultdict(list)
    for span in trace:
        children[span.parent_id if span.parent_id in known else ""].append(span)

    def below(parent: str, depth: int) -> Iterator[tuple[int, Span]]:
        for span in children[parent]:
            yield depth, span
            yield from below(span.span_id, depth + 1)

    return below("", 0)


def _bar(span: Span, start: int, end: int) -> str:
    whole = max(end - start, 1)
    before = min(int(_BAR * (span.start - start) / whole), _BAR - 1)
    return " " * before + "━" * max(1, min(round(_BAR * (span.end - span.start) / whole), _BAR - before))


def notes_of(span: Span, trace: Trace) -> str:
    """What is to be noted of a step beside its times: outcome, what it joined, that it was tried again, what failed."""
    by_id = {span.span_id: span for span in trace}
    attributes = span.attributes
    links = [link for link in span.links if link.span_id != span.parent_id]  # a sender is linked to and parent
    facts = [fact for link in links if (fact := _fact_of(link, by_id)) not in ("", _REPLAYED)]
    replayed = [link.trace_id for link in links if link.fact == _REPLAYED or _leads_away(link, span)]
    deliveries = int(attributes.get(registry.DELIVERY_COUNT, 1))
    settlement = attributes.get(registry.SETTLEMENT, "ack")
    delay = attributes.get(registry.SETTLEMENT_DELAY)
    notes = [
        str(attributes.get(registry.OUTCOME, "")),
        f"joins {', '.join(facts)}" if facts else "",
        "" if not replayed else f"replays trace {replayed[0]}" if int(replayed[0], 16) else "a replay",
        f"delivery {deliveries}" if deliveries > 1 else "",
        (settlement if delay is None else f"{settlement} in {float(delay):.1f} s") if settlement != "ack" else "",
        str(attributes.get(registry.ERROR_TYPE, "")),
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
    first = min(trace, key=lambda span: span.start)
    published = [span for span in trace if span.name.startswith("publish claims.") and not span.failed]
    decisions = [span for span in published if span.name.endswith(_DECISIONS)]
    answer = min(decisions or published, key=lambda span: span.end, default=None)
    # Whoever published it may have written no spans; then the way begins where a service received of it.
    began = "publish" if first.name.startswith("publish ") else "the first delivery"
    took = f"{_spell(answer.end - first.start)} from {began} to {answer.step.partition(' ')[2]}" if answer else ""
    return f"{key}   {took or 'no word of claims yet'}\ntrace {first.trace_id}   {len(trace)} spans"


def as_data(trace: Trace) -> dict[str, Any]:
    """A trace for a program: its spans in the order of the tree."""
    return {
        "trace_id": trace[0].trace_id,
        "spans": [
            {
                "depth": depth,
                "span_id": span.span_id,
                "parent_id": span.parent_id or None,
                "service": span.service,
                "name": span.name,
                "start_unix_nano": span.start,
                "duration_ms": (span.end - span.start) / 1e6,
                "failed": span.failed,
                "attributes": span.attributes,
                "links": [{**link._asdict(), "fact": link.fact or None} for link in span.links],
            }
            for depth, span in _in_order(trace)
        ],
    }


def show_trace(trace: Trace, visit: str) -> None:
    """Print a trace for a person."""
    out.print(head_of(trace, visit), style="bold", highlight=False, soft_wrap=True)
    out.print(tree_of(trace))
    out.print()
