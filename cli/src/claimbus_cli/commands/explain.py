"""`claimbus explain`: a person's account of one decision."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from claimbus.events import (
    ClaimAdjudicated,
    ClaimSubmitted,
    ClaimVoided,
    Decision,
    InvalidEvent,
    VisitHeld,
    VisitSuperseded,
)
from claimbus.messaging.dead_letters import StoredDeadLetter, read_dead_letters
from rich.console import Console

from claimbus_cli.bus.connection import BusError, at_server, on_bus
from claimbus_cli.bus.reading import ClaimEvent, claim_events_of, outcomes_of
from claimbus_cli.decisions import DecisionReader
from claimbus_cli.views.account import account_of, changes_in
from claimbus_cli.views.answers import answers_of
from claimbus_cli.views.terminal import out
from claimbus_cli.visit_files import read_visits

_CLOSED = {
    "voided": "The EHR took this visit back: nothing of it may be billed.",
    "superseded": "A newer revision took this one's place.",
    "held": "The visit is held: claims waits for a fact that has not come.",
}


@click.command()
@click.argument("visit")
@click.option(
    "--width", type=click.IntRange(60, 400), help="Columns to write in.  [default: the terminal's; 120 in a pipe]"
)
def explain(visit: str, width: int | None) -> None:
    """Tell why a visit's claim is what it is: what decides, the worksheet, every line with its reasons.

    VISIT is a file with visits or decisions (- is standard input), or a visit on the bus: PRACTICE/VISIT,
    or the visit's key alone.

    \b
    claimbus explain examples/visits/03-mixed-remainders.json
    claimbus explain northside-pt/v12-above-threshold
    claimbus watch --json | head -1 | claimbus explain -
    """
    page = Console(width=width, highlight=False) if width else out
    if visit == "-" or Path(visit).exists():
        sys.exit(_explain_file(visit, page))
    if Path(visit).suffix in (".json", ".jsonl"):
        raise click.ClickException(f"{visit}: No such file or directory")
    _explain_on_bus(visit, page)


def _explain_file(source: str, page: Console) -> int:
    failed = False
    decisions = DecisionReader()
    for place, (line, body) in enumerate(read_visits(source)):
        if place:
            page.rule(style="dim")
        try:
            page.print(account_of(decisions.read(body)), highlight=False)
        except InvalidEvent as exc:
            failed = True
            click.echo(f"line {line}: {exc}", err=True)
    return int(failed)


@on_bus
async def _explain_on_bus(name: str, page: Console) -> None:
    practice, _, visit = name.rpartition("/")
    async with at_server() as client:
        events = await claim_events_of(client, practice or None, visit)
        practices = list(dict.fromkeys(event.practice_id for event in events))
        outcomes = [outcome for key in practices for outcome in await outcomes_of(client, key, visit)]
        dead_letters = [stored for stored in await read_dead_letters(client) if stored.visit[1] == visit]
    if len(practices) > 1:
        full = " or ".join(f"{key}/{visit}" for key in practices)
        raise BusError(f"{visit} is a visit of several practices: name {full}")
    if not events:
        raise BusError(f"no file {name}, and claims has said nothing of such a visit; see: claimbus dead list")
    for part in _pages(events, outcomes, [stored for stored in dead_letters if stored.visit[0] in practices]):
        page.print(part, highlight=False)


def _pages(
    events: list[ClaimEvent], outcomes: list[ClaimSubmitted | ClaimAdjudicated], dead_letters: list[StoredDeadLetter]
) -> Iterator[object]:
    """The latest event, and where that is no decision the decision before it; then what the payer answered."""
    late = [event for event in events if isinstance(event, VisitSuperseded)]
    last = next((event for event in reversed(events) if not isinstance(event, VisitSuperseded)), events[-1])
    decisions = [event for event in events if isinstance(event, Decision)]
    if not isinstance(last, Decision):
        yield f"{last.practice_id}/{last.visit_id}: {last.fact}. {_CLOSED.get(last.fact, '')}"
        yield from _closing(last, dead_letters)
        if decisions:
            yield "What was decided before that, and holds no more:\n"
    if decisions:
        yield account_of(decisions[-1])
        yield from changes_in(decisions[-1])
    for event in late:
        yield f"\nRevision {event.revision} came too late. {event.reason}"
    yield from answers_of(outcomes, {decision.claim_id: decision for decision in decisions})


def _closing(last: ClaimEvent, dead_letters: list[StoredDeadLetter]) -> Iterator[str]:
    """Why it is held and what it waits for, or what is to be sent to the payer of a visit that was taken back."""
    if isinstance(last, VisitHeld):
        yield last.reason
        if last.waits_for:
            yield f"It waits for: {', '.join(last.waits_for)}."
        for stored in dead_letters:
            yield f"Dead letter {stored.number} is of this visit; see: claimbus dead show {stored.number}"
    if isinstance(last, ClaimVoided) and last.payer_control_number:
        yield f"The payer is to void its claim {last.payer_control_number} (frequency code 8)."
