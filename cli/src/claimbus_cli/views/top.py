"""The pipeline at work, for a person and for a program."""

from typing import Any

from claimbus.messaging.topology import DEAD, VISITS
from rich.console import Group
from rich.table import Table
from rich.text import Text

from claimbus_cli.bus.open_visits import OpenVisits
from claimbus_cli.bus.snapshot import Snapshot, age_of, rates
from claimbus_cli.views.terminal import spell_age

_NEARLY_FULL = 0.7


def as_data(before: Snapshot, now: Snapshot) -> dict[str, Any]:
    """Two snapshots for a program."""
    per_second = rates(before, now)
    return {
        "consumers": [
            {**consumer._asdict(), "per_second": round(per_second[consumer.stream, consumer.name], 2)}
            for consumer in now.consumers
        ],
        "streams": [stream._asdict() for stream in now.streams],
        "visits": now.visits,
        "words": now.claim_events,
        "dead_letters": now.dead_letters,
        "open": {
            "visits": now.open_visits.visits,
            "is_at_least": now.open_visits.is_at_least,
            "oldest": None if (oldest := now.open_visits.oldest) is None else _aged(oldest[0], age_of(oldest[1])),
        },
        "oldest_unsettled": None if now.oldest is None else _aged(*now.oldest),
    }


def _aged(visit: str, seconds: float) -> dict[str, Any]:
    return {"visit": visit, "seconds": round(seconds, 3)}


def _open_text(visits: OpenVisits) -> str:
    if not visits.visits:
        return "0"
    oldest = f", the oldest {visits.oldest[0]} for {spell_age(age_of(visits.oldest[1]))}" if visits.oldest else ""
    return f"{'at least ' if visits.is_at_least else ''}{visits.visits:,}{oldest}"


def activity_page(before: Snapshot, now: Snapshot) -> Group:
    """Two snapshots for a person."""
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
    for consumer in now.consumers:
        capped = 0 < consumer.in_hand_limit <= consumer.in_hand
        consumers_table.add_row(
            consumer.name if consumer.stream == VISITS else f"{consumer.name} on {consumer.stream}",
            f"{per_second[consumer.stream, consumer.name]:.1f}",
            f"{consumer.pending:,}",
            Text(f"{consumer.in_hand:,} of {consumer.in_hand_limit:,}", style="red" if capped else ""),
            f"[yellow]{consumer.redelivered:,}[/]" if consumer.redelivered else "0",
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
    published = "   ".join(f"{fact} {count:,}" for fact, count in now.claim_events.items() if count) or "nothing yet"
    oldest = "none: everything is settled" if now.oldest is None else f"{now.oldest[0]}, {spell_age(now.oldest[1])}"
    return Group(
        f"[bold]Visits[/] {now.visits:,}   [bold]Claims said[/] {published}",
        f"[bold]Open[/] {_open_text(now.open_visits)}",
        f"[bold]Oldest not settled[/] {oldest}",
        f"[bold]Dead letters[/] {now.dead_letters:,}" + ("   see: claimbus dead list" if now.dead_letters else ""),
        "",
        consumers_table,
        "",
        streams_table,
    )
