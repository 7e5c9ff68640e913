"""The `claimbus` command line."""

import asyncio
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path

import click
from claimbus.messaging import Outgoing, Poison
from claimbus.messaging.topology import provision as apply_topology
from claimbus.service import Settings
from nats.aio.client import Client
from pydantic_core import to_json
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from claimbus_cli.bus import BusError, connected, dead_letters, following, original_of, outgoing, publish_visit, replay
from claimbus_cli.code import code
from claimbus_cli.doctor import examine
from claimbus_cli.explain import explain
from claimbus_cli.pipeline import running_pipeline
from claimbus_cli.render import render
from claimbus_cli.rules import rules
from claimbus_cli.show import add_decision, decisions_table, letters_table
from claimbus_cli.terminal import loading_rules, out, run, server
from claimbus_cli.visits import VisitsError, read_visits

_LONGEST_DEMO = 120.0
"""Seconds until the demo gives up waiting for its visits."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("claimbus-cli"), prog_name="claimbus")
def main() -> None:
    """Completed physical-therapy visits in, claim decisions with their reasons out.

    CLAIMBUS_NATS_URL points every command at a NATS server that already runs; without it, `up` and
    `demo` start one of their own and the others look at nats://127.0.0.1:4222. CLAIMBUS_PROFILES names
    a folder of payer profiles of your own, for the services and for every command that decides.
    """


main.add_command(code)
main.add_command(explain)
main.add_command(render)
main.add_command(rules)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the embedded server.  [default: a free one]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".claimbus"),
    show_default=True,
    help="Folder for streams and logs; the same folder goes on where it stopped.",
)
def up(port: int | None, data: Path) -> None:
    r"""Start broker and services, and keep them running until Ctrl-C.

    \b
    claimbus up
    claimbus up --port 4222 --data /var/lib/claimbus
    CLAIMBUS_NATS_URL=nats://10.0.0.5:4222 claimbus up     # services only, on that server
    """
    run(_up(port, data))


async def _up(port: int | None, data: Path) -> None:
    stop = _stop_on_signals()
    out.print("Starting broker and services.")
    async with running_pipeline(Settings.read().given_nats_url, data, port) as running:
        out.print(f"[green]Running.[/] Broker: {running.url}   logs: {running.folder / 'logs'}", soft_wrap=True)
        out.print(
            "In another terminal:",
            f"  export CLAIMBUS_NATS_URL={running.url}",
            "  claimbus watch",
            "  claimbus publish examples/visits",
            "Ctrl-C stops everything.",
            sep="\n",
        )
        failed = running.supervisor.failed
        await asyncio.wait((stop, failed), return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            await failed
        out.print("Stopping: finishing what is in hand.")


def _stop_on_signals() -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _resolve, stop)
    return stop


def _resolve(stop: asyncio.Future[None]) -> None:
    if not stop.done():
        stop.set_result(None)


@main.command()
@click.argument("visits", required=False)
@click.option("--exit", "leave", is_flag=True, help="End by itself when every visit has its answer.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the embedded server.  [default: a free one]")
def demo(visits: str | None, leave: bool, port: int | None) -> None:
    r"""Start everything, publish the example visits, show the decisions as they come.

    \b
    claimbus demo
    claimbus demo --exit
    claimbus demo my-visits.jsonl
    """
    run(_demo(visits or _examples(), leave, port))


def _examples() -> str:
    folder = Path("examples/visits")
    if not folder.is_dir():
        raise click.ClickException("no folder examples/visits here; name a file or folder of visits")
    return str(folder)


async def _demo(source: str, leave: bool, port: int | None) -> None:
    stop = _stop_on_signals()
    visits = [outgoing(body) for _, body in read_visits(source)]
    out.print("Starting broker and services.")
    async with running_pipeline(Settings.read().given_nats_url, None, port) as running:
        async with connected(running.url) as client:
            await _publish_and_show(client, visits, stop)
        if not leave and not stop.done():
            out.print(f"\nStill running on {running.url}; Ctrl-C stops it.", soft_wrap=True)
            await stop


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out
    )


async def _publish_and_show(client: Client, visits: list[Outgoing], stop: asyncio.Future[None]) -> None:
    table = decisions_table()
    progress = _progress()
    published = progress.add_task("published", total=len(visits))
    answered = progress.add_task("answered", total=len(visits))
    waiting = {(visit.practice_id, visit.visit_id) for visit in visits}
    total = len(waiting)
    progress.update(answered, total=total)
    # From the start: on a server of one's own these visits may have been decided by an earlier demo.
    async with asyncio.TaskGroup() as tasks, following(client, from_start=True) as words:

        async def show() -> None:
            async for word in words:
                if (word.practice_id, word.visit_id) in waiting:
                    add_decision(table, word)
                    waiting.discard((word.practice_id, word.visit_id))

        showing = tasks.create_task(show())
        with Live(Group(progress, table), console=out, refresh_per_second=10):
            for visit in visits:
                await publish_visit(client, visit)
                progress.advance(published)
            deadline = time.monotonic() + _LONGEST_DEMO
            while waiting and not stop.done() and time.monotonic() < deadline:
                await asyncio.sleep(0.2)
                waiting -= {buried.visit for buried in await dead_letters(client)}
                progress.update(answered, completed=total - len(waiting))
        showing.cancel()
    if letters := await dead_letters(client):
        out.print("\n", letters_table(letters), sep="")
    if waiting and not stop.done():
        raise BusError(f"{len(waiting)} visits have no answer after {_LONGEST_DEMO:.0f} seconds")
    _say_how_to_look_further()


def _say_how_to_look_further() -> None:
    out.print(
        "\n[bold]Look further[/]",
        "  claimbus evaluate examples/visits/03-mixed-remainders.json | python -m json.tool",
        "      the whole decision: every line, unit, modifier and finding with rule, citation and inputs",
        "  claimbus explain examples/visits/18-distinct-service.json",
        "      the same as a page for a person",
        "  claimbus up, then in another terminal: claimbus watch, claimbus publish FILE, claimbus dead show NUMBER",
        "  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 claimbus demo    sends each visit's trace to a collector",
        sep="\n",
        highlight=False,
        soft_wrap=True,
    )


@main.command()
@click.argument("visits", default="-")
def evaluate(visits: str) -> None:
    r"""Decide visits without a broker: one visit a line in, one decision a line out.

    A visit that is not valid gives {"error": ..., "line": n}, and status 1 at the end.

    \b
    claimbus evaluate visits.jsonl > decisions.jsonl
    cat visit.json | claimbus evaluate -
    """
    with loading_rules():
        from claimbus_cli.evaluate import evaluate_visit
    failed = False
    try:
        for line, body in read_visits(visits):
            try:
                answer = evaluate_visit(body).model_dump_json().encode()
            except Poison as exc:
                failed = True
                answer = to_json({"error": str(exc), "line": line})
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
    except VisitsError as exc:
        raise click.ClickException(str(exc)) from exc
    sys.exit(1 if failed else 0)


@main.command()
@click.argument("visits")
def publish(visits: str) -> None:
    r"""Publish visits of a file, a folder, or standard input (-) as visit-completed events.

    Publishing the same visit again is safe: it is decided once.

    \b
    claimbus publish examples/visits
    claimbus publish corrected-visit.json
    """
    run(_publish(visits))


async def _publish(source: str) -> None:
    visits = [(line, body) for line, body in read_visits(source)]
    new = 0
    async with connected(server()) as client:
        with _progress() as progress:
            task = progress.add_task("published", total=len(visits))
            for line, body in visits:
                try:
                    new += await publish_visit(client, outgoing(body))
                except BusError as exc:
                    raise BusError(f"line {line}: {exc} (the {new} visits before it are published)") from None
                progress.advance(task)
    out.print(f"{new} published, {len(visits) - new} the broker already had.")


@main.command()
@click.option("--all", "from_start", is_flag=True, help="Begin with the first decision in the stream.")
@click.option("--json", "as_json", is_flag=True, help="One decision a line, whole.")
def watch(from_start: bool, as_json: bool) -> None:
    r"""Follow decisions as they are made, until Ctrl-C.

    \b
    claimbus watch
    claimbus watch --all --json | jq .outcome
    """
    run(_watch(from_start, as_json))


async def _watch(from_start: bool, as_json: bool) -> None:
    async with connected(server()) as client, following(client, from_start=from_start) as words:
        async for word in words:
            if not as_json:
                row = Table.grid(
                    Column(min_width=24), Column(min_width=11), Column(min_width=20), Column(), padding=(0, 2)
                )
                add_decision(row, word)
                out.print(row)
            elif word.decision is not None:
                sys.stdout.write(word.decision.model_dump_json() + "\n")
                sys.stdout.flush()


@main.command()
@click.option("--replicas", type=click.Choice(["1", "3", "5"]), default="1", show_default=True, help="Stream copies.")
def provision(replicas: str) -> None:
    r"""Create or update the streams and consumers. Safe to repeat.

    \b
    CLAIMBUS_NATS_URL=nats://nats:4222 claimbus provision --replicas 3
    """
    run(_provision(int(replicas)))


async def _provision(replicas: int) -> None:
    async with connected(server()) as client:
        changed = await apply_topology(client.jetstream(), replicas)
    out.print("\n".join(changed) or "Nothing to change: everything is as declared.")


@main.command()
def doctor() -> None:
    """Look at server, streams, consumers, dead letters and clock; say what to do. Status 1 if unfit."""
    run(_doctor())


async def _doctor() -> None:
    async with connected(server()) as client:
        answers = await examine(client)
    table = Table(box=None)
    for column in ("", "what", "found", "do"):
        table.add_column(column, overflow="fold")
    marks = {True: "[green]ok[/]", False: "[red]no[/]", None: "[yellow]look[/]"}
    for answer in answers:
        table.add_row(marks[answer.ok], answer.what, answer.found, answer.todo)
    out.print(table)
    if any(answer.ok is False for answer in answers):
        raise BusError("the broker is not fit to run the pipeline")


@main.group()
def dead() -> None:
    """Messages that a service could not use: what they are, and what is wrong with them."""


@dead.command("list")
def dead_list() -> None:
    """All dead letters, oldest first."""
    run(_dead_list())


async def _dead_list() -> None:
    async with connected(server()) as client:
        letters = await dead_letters(client)
    if letters:
        out.print(letters_table(letters))
        out.print("One of them: claimbus dead show NUMBER")
    else:
        out.print("No dead letters.")


@dead.command("show")
@click.argument("number", type=int)
@click.option("--body", is_flag=True, help="Also print the original message. It may hold PHI.")
def dead_show(number: int, body: bool) -> None:
    r"""One dead letter, and how to mend it.

    \b
    claimbus dead show 3
    claimbus dead show 3 --body > visit.json     # then mend it and: claimbus publish visit.json
    """
    run(_dead_show(number, body))


async def _dead_show(number: int, body: bool) -> None:
    async with connected(server()) as client:
        buried = next((one for one in await dead_letters(client) if one.number == number), None)
        if buried is None:
            raise BusError(f"there is no dead letter {number}; see: claimbus dead list")
        if body:
            original = await original_of(client, buried)
            sys.stdout.buffer.write((original.data or b"") + b"\n")
            return
    letter = buried.letter
    for name, value in letter.model_dump(mode="json", exclude={"problems"}).items():
        out.print(f"{name:>11}  {value}", highlight=False, soft_wrap=True)
    for problem in letter.problems:
        out.print(f"{'problem':>11}  [bold]{problem.field}[/]: {problem.problem}", highlight=False, soft_wrap=True)
    if letter.why != "invalid":
        out.print(f"\nWhen what stopped it is mended: claimbus dead replay {number}")
        return
    out.print(f"\nMend it: claimbus dead show {number} --body > visit.json")
    out.print("         correct the field, then: claimbus publish visit.json")


@dead.command("replay")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter that was not invalid.")
def dead_replay(numbers: tuple[int, ...], everything: bool) -> None:
    r"""Publish buried messages again as they were, once what stopped them is mended.

    An invalid event fails again: mend it and publish it instead, see `claimbus dead show`.
    Replaying is safe: a visit is decided once.

    \b
    claimbus dead replay 3 4
    claimbus dead replay --all
    """
    if not numbers and not everything:
        raise click.UsageError("name the letters to replay, or give --all; see: claimbus dead list")
    run(_dead_replay(numbers, everything))


async def _dead_replay(numbers: tuple[int, ...], everything: bool) -> None:
    async with connected(server()) as client:
        letters = await dead_letters(client)
        wanted = [one for one in letters if one.number in numbers or (everything and one.letter.why != "invalid")]
        if unknown := set(numbers) - {one.number for one in letters}:
            raise BusError(f"there is no dead letter {', '.join(map(str, sorted(unknown)))}; see: claimbus dead list")
        with _progress() as progress:
            task = progress.add_task("replayed", total=len(wanted))
            new = 0
            for one in wanted:
                new += await replay(client, one)
                progress.advance(task)
    out.print(f"{new} replayed, {len(wanted) - new} were replayed a moment ago.")
