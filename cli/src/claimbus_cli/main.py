"""The `claimbus` command line."""

import asyncio
import contextlib
import signal
import sys
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import click
from claimbus.events import InvalidEvent
from claimbus.messaging import Outgoing
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import provision as apply_topology
from claimbus.settings import Settings
from claimbus.testing.visits import EXAMPLES
from nats.aio.client import Client
from pydantic_core import to_json
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from claimbus_cli.bus.bus import (
    FROM_OUTSIDE,
    BusError,
    connected,
    following,
    original_of,
    outgoing,
    publish_visit,
    replay,
)
from claimbus_cli.bus.pipeline import running_pipeline
from claimbus_cli.commands.code import code
from claimbus_cli.commands.doctor import examine
from claimbus_cli.commands.explain import explain
from claimbus_cli.commands.findings import findings
from claimbus_cli.commands.keys import keys
from claimbus_cli.commands.reconcile import reconcile
from claimbus_cli.commands.render import render
from claimbus_cli.commands.rules import rules
from claimbus_cli.commands.top import top
from claimbus_cli.commands.trace import Span, TracesError, is_whole, show_trace, trace, traces_of
from claimbus_cli.commands.visits import visits
from claimbus_cli.views.show import add_decision, dead_letters_table, decisions_table
from claimbus_cli.views.terminal import at_server, counted, loading_rules, out, run
from claimbus_cli.visit_files import VisitsError, read_visits
from claimbus_cli.whatif import (
    Difference,
    Draft,
    Totals,
    Unreadable,
    as_data,
    compare,
    differences_table,
    lay_draft,
    totals_table,
)

_LONGEST_DEMO = 120.0
"""Seconds until the demo gives up waiting for its visits."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("claimbus-cli"), prog_name="claimbus")
def main() -> None:
    """Completed physical-therapy visits in, claim decisions with their reasons out.

    CLAIMBUS_NATS_URL points every command at a NATS server that already runs; without it, `up` and
    `demo` start one of their own and the others look at nats://127.0.0.1:4222. CLAIMBUS_PROFILES names
    a folder of payer profiles of your own, for the services and for every command that decides.
    CLAIMBUS_NATS_NKEY names the file of the seed to connect with, where the server asks for one.
    """


main.add_command(code)
main.add_command(explain)
main.add_command(render)
main.add_command(findings)
main.add_command(rules)
main.add_command(visits)
main.add_command(trace)
main.add_command(top)
main.add_command(reconcile)
main.add_command(keys)


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
    """Start broker and services, and keep them running until Ctrl-C.

    \b
    claimbus up
    claimbus up --port 4222 --data /var/lib/claimbus
    CLAIMBUS_NATS_URL=nats://10.0.0.5:4222 claimbus up     # services only, on that server
    """
    run(_up(port, data))


async def _up(port: int | None, data: Path) -> None:
    stop = _stop_on_signals()
    out.print("Starting broker and services.")
    async with running_pipeline(Settings.read().nats_url, data, port) as running:
        out.print(f"[green]Running.[/] Broker: {running.url}   logs: {running.folder / 'logs'}", soft_wrap=True)
        is_sent = bool(Settings.read().exports.signals)
        out.print(
            "In another terminal:",
            f"  export CLAIMBUS_NATS_URL={running.url}",
            # Also for `publish`: its span is where the trace of a visit begins.
            *([] if is_sent else [f"  export CLAIMBUS_TRACES_DIR={(running.folder / 'traces').absolute()}"]),
            "  claimbus watch",
            "  claimbus publish examples/visits",
            f"  claimbus trace VISIT{' --from http://JAEGER:16686' if is_sent else ''}",
            "  claimbus top",
            "Ctrl-C stops everything.",
            sep="\n",
            soft_wrap=True,
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
    """Start everything, publish the example visits, show the decisions as they come.

    \b
    claimbus demo
    claimbus demo --exit
    claimbus demo my-visits.jsonl
    """
    run(_demo(visits or str(EXAMPLES), leave, port))


async def _demo(source: str, leave: bool, port: int | None) -> None:
    stop = _stop_on_signals()
    visits = [outgoing(body) for _, body in read_visits(source)]
    if not visits:
        raise VisitsError(f"{source}: no visit in it")
    out.print("Starting broker and services.")
    async with running_pipeline(Settings.read().nats_url, None, port) as running:
        async with connected(running.url) as client:
            await _publish_and_show(client, visits, stop)
            await _show_one_trace(running.folder / "traces", visits[0])
        _say_how_to_look_further()
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
                waiting -= {stored.visit for stored in await read_dead_letters(client)}
                progress.update(answered, completed=total - len(waiting))
        showing.cancel()
    if dead_letters := await read_dead_letters(client):
        out.print("\n", dead_letters_table(dead_letters), sep="")
    if waiting and not stop.done():
        raise BusError(f"{len(waiting)} visits have no answer after {_LONGEST_DEMO:.0f} seconds")


async def _show_one_trace(folder: Path, visit: Outgoing) -> None:
    """The way of a visit through the services, once all of them have written what they did."""
    key = f"{visit.practice_id}.{visit.visit_id}"
    if Settings.read().exports.signals:
        return  # they were sent to a collector
    spans: list[Span] = []
    for _ in range(20):
        await asyncio.sleep(0.2)
        with contextlib.suppress(TracesError):
            found = traces_of(str(folder), key)[-1]
            if len(found) == len(spans) and is_whole(found):
                break
            spans = found
    if spans:
        out.print()
        show_trace(spans, f"{visit.practice_id}/{visit.visit_id}")


def _say_how_to_look_further() -> None:
    out.print(
        "\n[bold]Look further[/]",
        "  claimbus evaluate examples/visits/03-mixed-remainders.json | python -m json.tool",
        "      the whole decision: every line, unit, modifier and finding with rule, citation and inputs",
        "  claimbus explain examples/visits/18-distinct-service.json",
        "      the same as a page for a person",
        "  claimbus up, then in another terminal: claimbus watch, claimbus publish FILE, claimbus dead show NUMBER",
        "  claimbus trace VISIT, claimbus top: each step of a visit, and the pipeline at work",
        "  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 claimbus demo    sends all telemetry to a collector",
        sep="\n",
        highlight=False,
        soft_wrap=True,
    )


@main.command()
@click.argument("visits", default="-")
@click.option(
    "--rules",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draft rules: payer profiles laid over ours, as with `rules check --profiles`; and in a folder named as a "
    "service, files that stand in for its tables: DIR/claims/mue.csv.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="By the rules of this date of service, whatever the visit's own is; its dates stay as they are.",
)
@click.option("--compare", "compares", is_flag=True, help="Against today's rules, print what would change instead.")
@click.option("--json", "as_json", is_flag=True, help="With --compare: one JSON object instead of tables.")
def evaluate(visits: str, folder: Path | None, as_of: datetime | None, compares: bool, as_json: bool) -> None:
    """Decide visits without a broker: one visit a line in, one decision a line out.

    A visit that is not valid gives {"error": ..., "line": n}, and status 1 at the end. What earlier visits add up to
    is known on the bus alone: here each visit stands for itself.

    \b
    claimbus evaluate visits.jsonl > decisions.jsonl
    cat visit.json | claimbus evaluate -
    claimbus evaluate october.jsonl --rules ./drafts --compare
    claimbus visits --since 2026-10-01 | claimbus evaluate - --as-of 2027-01-01 --compare --json
    """
    draft = Draft(folder, as_of.date() if as_of else None)
    if as_json and not compares:
        raise click.UsageError("--json goes with --compare; without it the answer is JSON lines already")
    if not compares:
        sys.exit(_decide_all(visits, draft))
    if draft == (None, None):
        raise click.UsageError("--compare needs something to compare with: give --rules, --as-of or both")
    sys.exit(_compare_all(visits, draft, as_json))


def _decide_all(visits: str, draft: Draft) -> int:
    with loading_rules():
        if draft.rules is not None:
            lay_draft(draft.rules)
        from claimbus_cli.evaluate import evaluate_visit
    failed = False
    try:
        with counted("decided", while_writing=True) as tell:
            for line, body in read_visits(visits):
                try:
                    answer = evaluate_visit(body, draft.as_of).model_dump_json().encode()
                except InvalidEvent as exc:
                    failed = True
                    answer = to_json({"error": str(exc), "line": line})
                sys.stdout.buffer.write(answer + b"\n")
                sys.stdout.buffer.flush()
                tell()
    except VisitsError as exc:
        raise click.ClickException(str(exc)) from exc
    return int(failed)


def _compare_all(visits: str, draft: Draft, as_json: bool) -> int:
    totals = Totals()
    differing: list[Difference] = []
    unreadable: list[Unreadable] = []
    try:
        with loading_rules(), counted("compared") as tell:
            for one in compare(read_visits(visits), draft):
                tell()
                if isinstance(one, Unreadable):
                    unreadable.append(one)
                    continue
                totals.take(one)
                if one.is_one:
                    differing.append(one)
    except VisitsError as exc:
        raise click.ClickException(str(exc)) from exc
    if as_json:
        errors = [one._asdict() for one in unreadable]
        answer = {"visits": list(map(as_data, differing)), "total": totals.as_data(), "errors": errors}
        sys.stdout.write(to_json(answer, indent=2).decode() + "\n")
        return int(bool(unreadable))
    if differing:
        out.print(differences_table(differing))
        out.print()
    out.print(totals_table(totals))
    out.print(f"{totals.changed} of {totals.visits} visits would change.", highlight=False)
    if totals.dollars_not_known:
        out.print(f"Of {totals.dollars_not_known} the dollars are not known; they are in neither sum.", highlight=False)
    for one in unreadable:
        click.echo(f"line {one.line}: {one.error}", err=True)
    return int(bool(unreadable))


@main.command()
@click.argument("visits")
@click.option(
    "--as", "fact", type=click.Choice([*FROM_OUTSIDE]), default="completed", show_default=True, help="What they say."
)
def publish(visits: str, fact: str) -> None:
    """Publish visits of a file, a folder, or standard input (-) as visit-completed events.

    Publishing the same visit again is safe: it is decided once. With --as, the file says that visits were voided, or
    what became of claims: submitted (277CA) or adjudicated (835).

    \b
    claimbus publish examples/visits
    claimbus publish corrected-visit.json
    claimbus publish --as adjudicated examples/outcomes/01-adjudicated.json
    """
    run(_publish(visits, fact))


async def _publish(source: str, fact: str) -> None:
    visits = [(line, body) for line, body in read_visits(source)]
    new = 0
    async with at_server() as client:
        with _progress() as progress:
            task = progress.add_task("published", total=len(visits))
            for line, body in visits:
                try:
                    new += await publish_visit(client, outgoing(body, FROM_OUTSIDE[fact]))
                except BusError as exc:
                    raise BusError(f"line {line}: {exc} (the {new} before it are published)") from None
                progress.advance(task)
    out.print(f"{new} published, {len(visits) - new} the broker already had.")


@main.command()
@click.option("--all", "from_start", is_flag=True, help="Begin with the first decision in the stream.")
@click.option("--json", "as_json", is_flag=True, help="One decision a line, whole.")
def watch(from_start: bool, as_json: bool) -> None:
    """Follow decisions as they are made, until Ctrl-C.

    \b
    claimbus watch
    claimbus watch --all --json | jq .outcome
    """
    run(_watch(from_start, as_json))


async def _watch(from_start: bool, as_json: bool) -> None:
    async with at_server() as client, following(client, from_start=from_start) as words:
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
@click.option(
    "--room",
    type=click.FloatRange(min=0.05),
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="What streams may hold, as a multiple of what is declared; room that they have is never taken away.",
)
def provision(replicas: str, room: float) -> None:
    """Create or update the streams and consumers. Safe to repeat.

    \b
    CLAIMBUS_NATS_URL=nats://nats:4222 claimbus provision --replicas 3
    claimbus provision --room 4         # VISITS may hold 32 GiB instead of 8
    """
    run(_provision(int(replicas), room))


async def _provision(replicas: int, room: float) -> None:
    async with at_server() as client:
        changed = await apply_topology(client.jetstream(), replicas, room)
    out.print("\n".join(changed) or "Nothing to change: everything is as declared.")


@main.command()
def doctor() -> None:
    """Look at server, streams, consumers, dead letters and clock; say what to do. Status 1 if unfit."""
    run(_doctor())


async def _doctor() -> None:
    async with at_server() as client:
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
def dead_show(number: int, body: bool) -> None:
    """One dead letter, and how to mend it.

    \b
    claimbus dead show 3
    claimbus dead show 3 --body > visit.json     # then mend it and: claimbus publish visit.json
    """
    run(_dead_show(number, body))


async def _dead_show(number: int, body: bool) -> None:
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
def dead_replay(numbers: tuple[int, ...], everything: bool) -> None:
    """Publish the messages of dead letters again as they were, once what stopped them is mended.

    An invalid event fails again: mend it and publish it instead, see `claimbus dead show`.
    Replaying is safe: a visit is decided once.

    \b
    claimbus dead replay 3 4
    claimbus dead replay --all
    """
    if not numbers and not everything:
        raise click.UsageError("name the dead letters to replay, or give --all; see: claimbus dead list")
    run(_dead_replay(numbers, everything))


async def _dead_replay(numbers: tuple[int, ...], everything: bool) -> None:
    async with at_server() as client:
        dead_letters = await read_dead_letters(client)
        wanted = [
            stored
            for stored in dead_letters
            if stored.number in numbers or (everything and stored.dead_letter.why != "invalid")
        ]
        if unknown := set(numbers) - {stored.number for stored in dead_letters}:
            raise BusError(f"there is no dead letter {', '.join(map(str, sorted(unknown)))}; see: claimbus dead list")
        with _progress() as progress:
            task = progress.add_task("replayed", total=len(wanted))
            new = 0
            for stored in wanted:
                new += await replay(client, stored)
                progress.advance(task)
    out.print(f"{new} replayed, {len(wanted) - new} were replayed a moment ago.")
