"""`claimbus dead`: the dead letters."""

import sys

import click
from claimbus.messaging.dead_letters import read_dead_letters

from claimbus_cli.bus.connection import BusError, at_server, on_bus
from claimbus_cli.bus.publishing import FROM_OUTSIDE, original_of, replay
from claimbus_cli.views.show import dead_letters_table
from claimbus_cli.views.terminal import out, progress_bars


@click.group()
def dead() -> None:
    """Messages that a service could not use: what they are, and what is wrong with them."""


@dead.command("list")
@on_bus
async def dead_list() -> None:
    """All dead letters, oldest first."""
    async with at_server() as client:
        dead_letters = await read_dead_letters(client)
    if dead_letters:
        out.print(dead_letters_table(dead_letters))
        out.print("One of them: claimbus dead show NUMBER")
    else:
        out.print("No dead letters.")


@dead.command("show")
@click.argument("number", type=int)
@click.option("--body", is_flag=True, help="Also print the original message. It may hold PHI.")
@on_bus
async def dead_show(number: int, body: bool) -> None:
    """One dead letter, and how to mend it.

    \b
    claimbus dead show 3
    claimbus dead show 3 --body > visit.json     # then mend it and: claimbus publish visit.json
    """
    async with at_server() as client:
        stored = next((stored for stored in await read_dead_letters(client) if stored.number == number), None)
        if stored is None:
            raise BusError(f"there is no dead letter {number}; see: claimbus dead list")
        if body:
            original = await original_of(client, stored)
            sys.stdout.buffer.write((original.data or b"") + b"\n")
            return
    dead_letter = stored.dead_letter
    for name, value in dead_letter.model_dump(mode="json", exclude={"problems"}).items():
        out.print(f"{name:>11}  {value}", highlight=False, soft_wrap=True)
    for problem in dead_letter.problems:
        out.print(f"{'problem':>11}  [bold]{problem.field}[/]: {problem.problem}", highlight=False, soft_wrap=True)
    if dead_letter.why != "invalid":
        out.print(f"\nWhen what stopped it is mended: claimbus dead replay {number}")
        return
    fact = dead_letter.subject.rpartition(".")[2]
    kind = f"--as {fact} " if fact in FROM_OUTSIDE and fact != "completed" else ""
    file = "visit.json" if not kind else f"{fact}.json"
    out.print(f"\nMend it: claimbus dead show {number} --body > {file}")
    out.print(f"         correct the field, then: claimbus publish {kind}{file}")


@dead.command("replay")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter that was not invalid.")
@on_bus
async def dead_replay(numbers: tuple[int, ...], everything: bool) -> None:
    """Publish the messages of dead letters again as they were, once what stopped them is mended.

    An invalid event fails again: mend it and publish it instead, see `claimbus dead show`.
    Replaying is safe: a visit is decided once.

    \b
    claimbus dead replay 3 4
    claimbus dead replay --all
    """
    if not numbers and not everything:
        raise click.UsageError("name the dead letters to replay, or give --all; see: claimbus dead list")
    async with at_server() as client:
        dead_letters = await read_dead_letters(client)
        wanted = [
            stored
            for stored in dead_letters
            if stored.number in numbers or (everything and stored.dead_letter.why != "invalid")
        ]
        if unknown := set(numbers) - {stored.number for stored in dead_letters}:
            raise BusError(f"there is no dead letter {', '.join(map(str, sorted(unknown)))}; see: claimbus dead list")
        with progress_bars() as progress:
            task = progress.add_task("replayed", total=len(wanted))
            new = 0
            for stored in wanted:
                new += await replay(client, stored)
                progress.advance(task)
    out.print(f"{new} replayed, {len(wanted) - new} were replayed a moment ago.")
