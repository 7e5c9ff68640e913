"""`claimbus explain`: a person's account of one decision."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from claimbus.events import ClaimAdjudicated, ClaimSubmitted, ClaimVoided, InvalidEvent, VisitHeld
from claimbus.messaging.dead_letters import StoredDeadLetter, read_dead_letters
from rich.console import Console

from claimbus_cli.bus.bus import BusError, Word, outcomes_of, words_on
from claimbus_cli.decisions import decision_of
from claimbus_cli.views.account import account_of, changes_in
from claimbus_cli.views.answers import answers_of
from claimbus_cli.views.terminal import at_server, out, run
from claimbus_cli.visit_files import VisitsError, read_visits

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
    run(_explain_on_bus(visit, page))


def _explain_file(source: str, page: Console) -> int:
    failed = False
    try:
        for place, (line, body) in enumerate(read_visits(source)):
            if place:
                page.rule(style="dim")
            try:
                page.print(account_of(decision_of(body)), highlight=False)
            except InvalidEvent as exc:
                failed = True
                click.echo(f"line {line}: {exc}", err=True)
    except VisitsError as exc:
        raise click.ClickException(str(exc)) from exc
    return int(failed)


async def _explain_on_bus(name: str, page: Console) -> None:
    practice, _, visit = name.rpartition("/")
    async with at_server() as client:
        words = await words_on(client, practice or None, visit)
        outcomes = [
            one for said in {word.practice_id for word in words} for one in await outcomes_of(client, said, visit)
        ]
        dead_letters = [stored for stored in await read_dead_letters(client) if stored.visit[1] == visit]
    practices = dict.fromkeys(word.practice_id for word in words)
    if len(practices) > 1:
        full = " or ".join(f"{one}/{visit}" for one in practices)
        raise BusError(f"{visit} is a visit of several practices: name {full}")
    if not words:
        raise BusError(f"no file {name}, and claims has said nothing of such a visit; see: claimbus dead list")
    for part in _pages(words, outcomes, [stored for stored in dead_letters if stored.visit[0] in practices]):
        page.print(part, highlight=False)


def _pages(
    words: list[Word], outcomes: list[ClaimSubmitted | ClaimAdjudicated], dead_letters: list[StoredDeadLetter]
) -> Iterator[object]:
    """The last word, and where that is no decision the last decision before it; then what the payer answered."""
    late = [word for word in words if word.fact == "superseded"]
    last = next((word for word in reversed(words) if word.fact != "superseded"), words[-1])
    decision = next((word.decision for word in reversed(words) if word.decision is not None), None)
    if last.decision is None:
        yield f"{last.practice_id}/{last.visit_id}: {last.fact}. {_CLOSED.get(last.fact, '')}"
        yield from _closing(last, dead_letters)
        if decision is not None:
            yield "What was decided before that, and holds no more:\n"
    if decision is not None:
        yield account_of(decision)
        yield from changes_in(decision)
    for word in late:
        if word.closed is not None:
            yield f"\nRevision {word.closed.revision} came too late. {word.closed.reason}"
    decisions = {word.decision.claim_id: word.decision for word in words if word.decision is not None}
    yield from answers_of(outcomes, decisions)


def _closing(last: Word, dead_letters: list[StoredDeadLetter]) -> Iterator[str]:
    """Why it is held and what it waits for, or what is to be sent to the payer of a visit that was taken back."""
    if isinstance(last.closed, VisitHeld):
        yield last.closed.reason
        if last.closed.waits_for:
            yield f"It waits for: {', '.join(last.closed.waits_for)}."
        for stored in dead_letters:
            yield f"Dead letter {stored.number} is of this visit; see: claimbus dead show {stored.number}"
    if isinstance(last.closed, ClaimVoided) and last.closed.payer_control_number:
        yield f"The payer is to void its claim {last.closed.payer_control_number} (frequency code 8)."
