"""Every visit that came against every word of claims: is there one that nothing was said of?"""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import click
from claimbus.events import Keyed, VisitCompleted, VisitHeld
from claimbus.events.envelope import EnvelopeError, read
from claimbus.events.subjects import ALL_CLAIMS, all_visits_of, every, parse
from claimbus.messaging.dead_letters import StoredDeadLetter, read_dead_letters
from claimbus.messaging.topology import CLAIMS, VISITS
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from pydantic_core import to_json
from rich.table import Table

from claimbus_cli.bus.bus import all_messages
from claimbus_cli.views.terminal import at_server, counted, out, run, spell_age

_MOST_ASKED = 200
"""Gaps of which the broker is asked what is there, one by one."""

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
    """When it was stored."""
    stands: Stands
    facts: tuple[str, ...] | None = None
    """Of the unaccounted: what the services found out about the visit, whichever revision; null where not asked."""
    dead_letters: tuple[StoredDeadLetter, ...] = ()
    """Of the unaccounted and the buried: dead letters about the visit."""


class Reconciled(NamedTuple):
    counts: Counter[Stands]
    gaps: list[Standing]
    """The unaccounted, oldest first."""
    buried: list[Standing]
    """Oldest first."""


async def hold_against(client: Client, older_than: float, tell: Callable[[], None]) -> Reconciled:
    """Read both streams whole and hold them against each other; `tell` is called for each message.

    `older_than` is in seconds. Raises nats-py's errors.
    """
    answered, held = await said_by_claims(client, tell)
    of_visit: dict[tuple[str, str], list[StoredDeadLetter]] = defaultdict(list)
    of_message: dict[int, list[StoredDeadLetter]] = defaultdict(list)
    for stored in await read_dead_letters(client):
        if stored.dead_letter.stream == VISITS:
            of_visit[stored.visit].append(stored)
            of_message[stored.dead_letter.seq].append(stored)
    counts: Counter[Stands] = Counter()
    gaps: list[Standing] = []
    buried: list[Standing] = []
    now = datetime.now(UTC)
    async for msg in all_messages(client, VISITS, every(VisitCompleted)):
        tell()
        address, visit, meta = parse(msg.subject), _keyed(msg), msg.metadata
        key = (address.practice_id, address.visit_id)
        revision, seq = visit.revision if visit else 0, meta.sequence.stream
        if visit and answered.get(key, 0) >= revision:
            stands: Stands = "answered"
        elif seq in of_message:
            stands = "buried"
            buried.append(Standing(*key, revision, meta.timestamp, stands, dead_letters=tuple(of_message[seq])))
        elif (*key, revision) in held:
            stands = "held"
        elif (now - meta.timestamp).total_seconds() <= older_than:
            stands = "waiting"
        else:
            stands = "unaccounted"
            gaps.append(Standing(*key, revision, meta.timestamp, stands, dead_letters=tuple(of_visit[key])))
        counts[stands] += 1
    told = [gap._replace(facts=await _facts_of(client, gap)) for gap in gaps[:_MOST_ASKED]]
    return Reconciled(counts, told + gaps[_MOST_ASKED:], buried)


async def said_by_claims(
    client: Client, tell: Callable[[], None]
) -> tuple[dict[tuple[str, str], int], set[tuple[str, str, int]]]:
    """The newest revision of each visit that was decided, superseded or taken back; and what was held."""
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
    return answered, held


async def _facts_of(client: Client, gap: Standing) -> tuple[str, ...]:
    there = all_visits_of(gap.practice_id, gap.visit_id)
    info = await client.jetstream().stream_info(VISITS, subjects_filter=there)
    return tuple(sorted({parse(subject).fact for subject in info.state.subjects or {}} - {VisitCompleted.fact}))


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
    async with at_server() as client:
        with counted("read") as tell:
            found = await hold_against(client, older_than, tell)
    if as_json:
        answer = {
            "counts": found.counts,
            "unaccounted": list(map(_as_data, found.gaps)),
            "buried": list(map(_as_data, found.buried)),
        }
        sys.stdout.write(to_json(answer, indent=2).decode() + "\n")
    else:
        out.print(_counts_table(found.counts))
        for title, named in (("Unaccounted", found.gaps), ("Buried", found.buried)):
            if named:
                out.print()
                out.print(_visits_table(title, named))
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


def _counts_table(counts: Counter[Stands]) -> Table:
    table = Table("visits", "stand", "which means", box=None)
    for stands, meaning in _MEANINGS.items():
        if count := counts[stands]:
            colour = "red" if stands == "unaccounted" else "default"
            table.add_row(f"{count:,}", f"[{colour}]{stands}[/]", meaning)
    if not counts:
        table.add_row("0", "", "the visits stream is empty")
    return table


def _visits_table(title: str, named: list[Standing]) -> Table:
    table = Table("visit", "revision", "age", "what is there", title=title, title_justify="left", box=None)
    table.columns[0].overflow = "fold"
    for one in named[:_SHOWN]:
        dead_letters = [f"dead letter {stored.number} ({stored.dead_letter.consumer})" for stored in one.dead_letters]
        facts = () if one.facts is None else one.facts or ("the visit alone",)
        there = ", ".join((*facts, *dead_letters))
        visit = f"{one.practice_id}/{one.visit_id}"
        table.add_row(visit, str(one.revision or "?"), spell_age(_age_of(one)), there)
    if len(named) > _SHOWN:
        table.add_row(f"and {len(named) - _SHOWN:,} more", "", "", "--json names all")
    return table


def _age_of(one: Standing) -> float:
    return max(0.0, (datetime.now(UTC) - one.at).total_seconds())


def _as_data(one: Standing) -> dict[str, Any]:
    dead_letters = [
        {"number": stored.number, "consumer": stored.dead_letter.consumer, "why": stored.dead_letter.why}
        for stored in one.dead_letters
    ]
    return {
        "practice_id": one.practice_id,
        "visit_id": one.visit_id,
        "revision": one.revision or None,
        "at": one.at,
        "age_seconds": round(_age_of(one), 3),
        "stands": one.stands,
        "facts": one.facts,
        "dead_letters": dead_letters,
    }
