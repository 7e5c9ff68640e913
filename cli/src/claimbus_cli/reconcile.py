"""Every visit that came against every word of claims: is there one that nothing was said of?"""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import click
from claimbus.events import Keyed, VisitCompleted, VisitHeld
from claimbus.events.envelope import EnvelopeError, read
from claimbus.events.subjects import ALL_CLAIMS, every, parse
from claimbus.messaging.topology import CLAIMS, VISITS
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from pydantic_core import to_json
from rich.table import Table

from claimbus_cli.bus import all_messages, connected, dead_letters
from claimbus_cli.terminal import counted, out, run, server

Stands = Literal["answered", "held", "buried", "waiting", "unaccounted"]


class Standing(NamedTuple):
    """How a stored visit event stands.

    `answered`: claims decided it or a later revision, took it back, or said what replaced it. `held`: it waits, and
    claims said so. `buried`: it is a dead letter. `waiting`: nothing was said yet, which is soon enough.
    `unaccounted`: nothing was said in time.
    """

    practice_id: str
    visit_id: str
    revision: int
    at: datetime
    stands: Stands


class Reconciled(NamedTuple):
    counts: Counter[Stands]
    gaps: list[Standing]
    """The unaccounted, oldest first."""


async def hold_against(client: Client, older_than: float, tell: Callable[[], None]) -> Reconciled:
    """Read both streams whole and hold them against each other; `tell` is called for each message.

    `older_than` is in seconds. Raises nats-py's errors.
    """
    answered: dict[tuple[str, str], int] = {}
    held: set[tuple[str, str, int]] = set()
    async for msg in all_messages(client, CLAIMS, ALL_CLAIMS):
        tell()
        address = parse(msg.subject)
        said = _keyed(msg)
        if said is None:
            continue
        if address.fact == VisitHeld.fact:
            held.add((said.practice_id, said.visit_id, said.revision))
        else:
            key = (said.practice_id, said.visit_id)
            answered[key] = max(said.revision, answered.get(key, 0))
    buried = {one.letter.seq for one in await dead_letters(client) if one.letter.stream == VISITS}
    counts: Counter[Stands] = Counter()
    gaps: list[Standing] = []
    now = datetime.now(UTC)
    async for msg in all_messages(client, VISITS, every(VisitCompleted)):
        tell()
        address, visit, meta = parse(msg.subject), _keyed(msg), msg.metadata
        revision = visit.revision if visit else 0
        if visit and answered.get((visit.practice_id, visit.visit_id), 0) >= revision:
            stands: Stands = "answered"
        elif meta.sequence.stream in buried:
            stands = "buried"
        elif (address.practice_id, address.visit_id, revision) in held:
            stands = "held"
        elif (now - meta.timestamp).total_seconds() <= older_than:
            stands = "waiting"
        else:
            stands = "unaccounted"
            gaps.append(Standing(address.practice_id, address.visit_id, revision, meta.timestamp, stands))
        counts[stands] += 1
    return Reconciled(counts, gaps)


def _keyed(msg: Msg) -> Keyed | None:
    """Null for what no service can read: a dead letter stands for it."""
    try:
        return Keyed.model_validate_json(read(msg.headers, msg.data)[1])
    except (ValidationError, EnvelopeError):
        return None


@click.command()
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="A younger visit without a word is only waiting.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def reconcile(older_than: float, as_json: bool) -> None:
    """Hold every stored visit against what claims has said. Status 1 if nothing was said of one in time.

    \b
    claimbus reconcile
    claimbus reconcile --older-than 60 --json | jq .unaccounted
    """
    run(_reconcile(older_than, as_json))


async def _reconcile(older_than: float, as_json: bool) -> None:
    async with connected(server()) as client:
        with counted("read") as tell:
            found = await hold_against(client, older_than, tell)
    if as_json:
        answer = {"counts": found.counts, "unaccounted": [one._asdict() for one in found.gaps]}
        sys.stdout.write(to_json(answer, indent=2).decode() + "\n")
    else:
        out.print(_picture(found))
    if found.gaps:
        sys.exit(1)


_MEANINGS: dict[Stands, str] = {
    "answered": "claims decided it, took it back, or said what replaced it",
    "held": "claims says what it waits for: claimbus explain VISIT",
    "buried": "a dead letter: claimbus dead list",
    "waiting": "nothing said yet, and not late",
    "unaccounted": "nothing said in time: see docs/runbooks/reconciliation-gap.md",
}
_SHOWN = 20


def _picture(found: Reconciled) -> Table:
    table = Table("visits", "stand", "which means", box=None)
    for stands, meaning in _MEANINGS.items():
        if count := found.counts[stands]:
            colour = "red" if stands == "unaccounted" else "default"
            table.add_row(f"{count:,}", f"[{colour}]{stands}[/]", meaning)
    if not found.counts:
        table.add_row("0", "", "the visits stream is empty")
    for one in found.gaps[:_SHOWN]:
        table.add_row(
            "", f"{one.practice_id}/{one.visit_id}", f"revision {one.revision}, stored {one.at:%Y-%m-%d %H:%M} UTC"
        )
    if len(found.gaps) > _SHOWN:
        table.add_row("", f"and {len(found.gaps) - _SHOWN} more", "--json names all")
    return table
