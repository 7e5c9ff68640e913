"""How the pipeline does right now, from cheap questions to the broker: rates, lag, outcomes, what is oldest."""

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click
from claimbus.events import ClaimDenialRisk, ClaimReady, ClaimVoided, Event, VisitCompleted, VisitHeld, VisitSuperseded
from claimbus.events.subjects import every, parse
from claimbus.messaging.direct_get import Stored, read_on
from claimbus.messaging.topology import CLAIMS, DEAD, STREAMS, VISITS, consumer_names, consumers
from nats.aio.client import Client
from pydantic_core import to_json
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from claimbus_cli.bus.bus import count_of
from claimbus_cli.bus.open_visits import OpenVisits, OpenVisitsLook
from claimbus_cli.views.terminal import at_server, out, run, spell_age

_WORDS: tuple[type[Event], ...] = (ClaimReady, ClaimDenialRisk, VisitHeld, VisitSuperseded, ClaimVoided)
_NEARLY_FULL = 0.7


class ConsumerNow(NamedTuple):
    stream: str
    name: str
    delivered: int
    """Deliveries since it was made, those that were repeated included."""
    pending: int
    in_hand: int
    in_hand_limit: int
    redelivered: int


class StreamNow(NamedTuple):
    name: str
    messages: int
    bytes: int
    limit: int


class Now(NamedTuple):
    """One look. `read_at` is seconds of a clock that only goes forward."""

    read_at: float
    consumers: tuple[ConsumerNow, ...]
    streams: tuple[StreamNow, ...]
    visits: int
    words: dict[str, int]
    """What claims has said, by kind; one visit may have several."""
    dead_letters: int
    open_visits: OpenVisits
    oldest: tuple[str, float] | None
    """The message longest stored that some service has not settled: its visit, and its age in seconds."""


async def look(client: Client, open_visits: OpenVisitsLook) -> Now:
    """Raises nats-py's errors."""
    js = client.jetstream()
    infos = await asyncio.gather(*(js.consumer_info(stream, name) for stream, name in consumer_names()))
    streams = await asyncio.gather(*(js.stream_info(name) for name in STREAMS))
    counts = await asyncio.gather(*(count_of(client, CLAIMS, every(kind)) for kind in _WORDS))
    unsettled = [info for info in infos if info.num_pending or info.num_ack_pending]
    firsts = [one for info in unsettled if (one := await _first_unsettled(client, info)) is not None]
    oldest = min(firsts, key=lambda one: one.at, default=None)
    return Now(
        time.monotonic(),
        tuple(
            ConsumerNow(
                info.stream_name,
                info.name,
                info.delivered.consumer_seq if info.delivered else 0,
                info.num_pending or 0,
                info.num_ack_pending or 0,
                info.config.max_ack_pending or 0,
                info.num_redelivered or 0,
            )
            for info in infos
        ),
        tuple(
            StreamNow(str(one.config.name), one.state.messages, one.state.bytes, one.config.max_bytes or 0)
            for one in streams
        ),
        await count_of(client, VISITS, every(VisitCompleted)),
        {kind.fact: count for kind, count in zip(_WORDS, counts, strict=True)},
        next(stream.state.messages for stream in streams if stream.config.name == DEAD),
        await open_visits.look(),
        None if oldest is None else (_visit_of(oldest), _age_of(oldest.at)),
    )


async def _first_unsettled(client: Client, info: Any) -> Stored | None:
    start = (info.ack_floor.stream_seq if info.ack_floor else 0) + 1
    found: list[Stored] = []
    for subject in consumers(info.stream_name)[info.name].filter_subjects or ():
        found += await read_on(client, info.stream_name, subject, start=start, most=1)
    return min(found, key=lambda one: one.seq, default=None)


def _visit_of(stored: Stored) -> str:
    address = parse(stored.subject)
    return f"{address.practice_id}/{address.visit_id}"


def _age_of(at: datetime) -> float:
    """In seconds, by this machine's clock, which may be a little behind the broker's."""
    return max(0.0, (datetime.now(UTC) - at).total_seconds())


def rates(before: Now, now: Now) -> dict[tuple[str, str], float]:
    """Deliveries a second of each consumer between two looks."""
    seconds = max(now.read_at - before.read_at, 1e-3)
    earlier = {(one.stream, one.name): one.delivered for one in before.consumers}
    return {
        key: max(0.0, (one.delivered - earlier.get(key, one.delivered)) / seconds)
        for one in now.consumers
        for key in ((one.stream, one.name),)
    }


def as_data(before: Now, now: Now) -> dict[str, Any]:
    """Two looks for a program."""
    per_second = rates(before, now)
    return {
        "consumers": [
            {**one._asdict(), "per_second": round(per_second[one.stream, one.name], 2)} for one in now.consumers
        ],
        "streams": [one._asdict() for one in now.streams],
        "visits": now.visits,
        "words": now.words,
        "dead_letters": now.dead_letters,
        "open": {
            "visits": now.open_visits.visits,
            "is_at_least": now.open_visits.is_at_least,
            "oldest": None if (oldest := now.open_visits.oldest) is None else _aged(oldest[0], _age_of(oldest[1])),
        },
        "oldest_unsettled": None if now.oldest is None else _aged(*now.oldest),
    }


def _aged(visit: str, seconds: float) -> dict[str, Any]:
    return {"visit": visit, "seconds": round(seconds, 3)}


def _open_in_words(visits: OpenVisits) -> str:
    if not visits.visits:
        return "0"
    oldest = f", the oldest {visits.oldest[0]} for {spell_age(_age_of(visits.oldest[1]))}" if visits.oldest else ""
    return f"{'at least ' if visits.is_at_least else ''}{visits.visits:,}{oldest}"


def picture(before: Now, now: Now) -> Group:
    """Two looks for a person."""
    per_second = rates(before, now)
    consumers_table = Table(box=None)
    for column, justify in (
        ("consumer", "left"),
        ("a second", "right"),
        ("waiting", "right"),
        ("in hand", "right"),
        ("redelivered", "right"),
    ):
        consumers_table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for one in now.consumers:
        capped = 0 < one.in_hand_limit <= one.in_hand
        consumers_table.add_row(
            one.name if one.stream == VISITS else f"{one.name} on {one.stream}",
            f"{per_second[one.stream, one.name]:.1f}",
            f"{one.pending:,}",
            Text(f"{one.in_hand:,} of {one.in_hand_limit:,}", style="red" if capped else ""),
            f"[yellow]{one.redelivered:,}[/]" if one.redelivered else "0",
        )
    streams_table = Table(box=None)
    for column in ("stream", "messages", "MiB", "full"):
        streams_table.add_column(column, justify="left" if column == "stream" else "right")
    for stream in now.streams:
        share = stream.bytes / stream.limit if stream.limit > 0 else 0.0
        colour = "red" if share > _NEARLY_FULL or (stream.name == DEAD and stream.messages) else "default"
        streams_table.add_row(
            stream.name, f"[{colour}]{stream.messages:,}[/]", f"{stream.bytes / 2**20:,.1f}", f"{share:.1%}"
        )
    said = "   ".join(f"{fact} {count:,}" for fact, count in now.words.items() if count) or "nothing yet"
    oldest = "none: everything is settled" if now.oldest is None else f"{now.oldest[0]}, {spell_age(now.oldest[1])}"
    return Group(
        f"[bold]Visits[/] {now.visits:,}   [bold]Claims said[/] {said}",
        f"[bold]Open[/] {_open_in_words(now.open_visits)}",
        f"[bold]Oldest not settled[/] {oldest}",
        f"[bold]Dead letters[/] {now.dead_letters:,}" + ("   see: claimbus dead list" if now.dead_letters else ""),
        "",
        consumers_table,
        "",
        streams_table,
    )


@click.command()
@click.option("--once", is_flag=True, help="Two looks, one picture, and no more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of the picture.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.2),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
def top(once: bool, as_json: bool, interval: float) -> None:
    """Watch the pipeline at work until Ctrl-C: rates, what waits, what claims said, open visits, what is oldest.

    \b
    claimbus top
    claimbus top --once --json | jq .open
    """
    run(_top(once, as_json, interval))


async def _top(once: bool, as_json: bool, interval: float) -> None:
    async with at_server() as client:
        open_visits = OpenVisitsLook(client)
        before = await look(client, open_visits)
        with contextlib.nullcontext() if once or as_json else Live(console=out, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(interval)
                now = await look(client, open_visits)
                if as_json:
                    sys.stdout.write(to_json(as_data(before, now)).decode() + "\n")
                    sys.stdout.flush()
                elif live is None:
                    out.print(picture(before, now))
                else:
                    live.update(picture(before, now), refresh=True)
                if once:
                    return
                before = now
