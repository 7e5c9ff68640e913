"""What a visit costs: the product beside a baseline that does the same hops and no work.

Both run in turn on fresh servers, round by round, so that a machine that drifts drifts for both.
Counted are the processor seconds of the services and of the broker while the visits flow; start-up,
the publisher and the follower are not. Rates depend on the machine: quote the ratio.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import baseline
import nats
from claimbus.events import VisitCompleted
from claimbus.events.envelope import Envelope, to_headers
from claimbus.events.subjects import ALL_CLAIMS, subject_for
from claimbus.messaging.topology import VISITS
from claimbus.testing.bus import emptied_bus
from claimbus.testing.embedded import EmbeddedServer
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visits
from claimbus_cli.bus.publishing import outgoing
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic_core import to_json
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

_TICKS = os.sysconf("SC_CLK_TCK")
_LONGEST = 120.0


@dataclass(frozen=True)
class Side:
    """One of the two pipelines while it runs."""

    name: str
    client: Client
    pids: dict[str, int]
    stream: str
    outcomes: str
    address: Callable[[str], str]
    visit_token: int


@dataclass(frozen=True)
class Measured:
    """One round of one side."""

    side: str
    visits_per_second: float
    visits_per_cpu_second: float
    cpu_ms_per_visit: dict[str, float]
    latency_ms: dict[str, float]


def visit_bodies(count: int, prefix: str) -> list[tuple[str, bytes]]:
    """Valid visits made from the examples, by their keys.

    A clinic's day is many patients with a visit each; one patient with a thousand visits would measure the search for
    duplicates among them.
    """
    return [(visit["visit_id"], to_json(visit)) for visit in visits(count, prefix=prefix)]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _publish(side: Side, key: str, body: bytes) -> None:
    if side.stream == VISITS:
        visit = outgoing(body)
        envelope = Envelope(id=visit.id, source="/ehr/bench", type=VisitCompleted.type, revision="1")
        headers = to_headers(envelope) | {"Nats-Msg-Id": visit.id}
    else:
        headers = {"Nats-Msg-Id": f"{key}.completed"}
    await side.client.jetstream().publish(side.address(key), body, stream=side.stream, timeout=30, headers=headers)


async def flow(side: Side, bodies: list[tuple[str, bytes]], *, rate: float | None) -> tuple[float, dict[str, float]]:
    """Publish visits, at `rate` a second or as fast as they go; seconds in all, and seconds of each."""
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    keys = {key for key, _ in bodies}
    done = asyncio.Event()

    async def seen(msg: Msg) -> None:
        key = msg.subject.split(".")[side.visit_token]
        if key in keys and key not in ended:
            ended[key] = time.perf_counter()
            if len(ended) == len(bodies):
                done.set()

    follower = await side.client.subscribe(side.outcomes, cb=seen)
    start = time.perf_counter()
    gate = asyncio.Semaphore(256)

    async def row(key: str, body: bytes) -> None:
        async with gate:
            began[key] = time.perf_counter()
            await _publish(side, key, body)

    async with asyncio.TaskGroup() as tasks:
        for number, (key, body) in enumerate(bodies):
            if rate is not None:
                await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
            elif number % 64 == 0:
                await asyncio.sleep(0)
            tasks.create_task(row(key, body))
    async with asyncio.timeout(_LONGEST):
        await done.wait()
    elapsed = time.perf_counter() - start
    await follower.unsubscribe()
    return elapsed, {key: ended[key] - began[key] for key in ended}


async def measure(side: Side, count: int, rate: float) -> Measured:
    await flow(side, visit_bodies(200, "warm"), rate=None)
    before = {name: cpu_seconds(pid) for name, pid in side.pids.items()}
    elapsed, _ = await flow(side, visit_bodies(count, "load"), rate=None)
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in side.pids.items()}
    _, visits = await flow(side, visit_bodies(round(rate * 10), "calm"), rate=rate)
    cuts = statistics.quantiles([seconds * 1000 for seconds in visits.values()], n=100)
    return Measured(
        side.name,
        visits_per_second=count / elapsed,
        visits_per_cpu_second=count / sum(spent.values()),
        cpu_ms_per_visit={name: 1000 * seconds / count for name, seconds in spent.items()},
        latency_ms={"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]},
    )


@asynccontextmanager
async def product(sync: str, environment: dict[str, str] | None = None) -> AsyncIterator[Side]:
    with (
        tempfile.TemporaryDirectory(prefix="claimbus-bench-") as folder,
        EmbeddedServer(Path(folder) / "nats", sync=sync) as server,
    ):
        logs = Path(folder) / "logs"
        async with emptied_bus(server.url) as bus, Supervisor(server.url, logs, environment=environment) as supervisor:
            yield Side(
                "claimbus",
                bus.client,
                {**supervisor.pids(), "broker": server.pid},
                VISITS,
                ALL_CLAIMS,
                lambda key: subject_for(VisitCompleted, "northside-pt", key),
                2,
            )


@asynccontextmanager
async def _baseline(sync: str) -> AsyncIterator[Side]:
    with (
        tempfile.TemporaryDirectory(prefix="claimbus-bench-") as folder,
        EmbeddedServer(Path(folder) / "nats", sync=sync) as server,
    ):
        client = await nats.connect(server.url)
        await baseline.provision(client.jetstream())
        stages = {
            name: subprocess.Popen([sys.executable, baseline.__file__, server.url, name])  # noqa: ASYNC220
            for name in baseline.STAGES
        }
        try:
            pids = {**{name: stage.pid for name, stage in stages.items()}, "broker": server.pid}
            yield Side(
                "baseline",
                client,
                pids,
                baseline.STREAM,
                baseline.OUTCOMES,
                lambda key: baseline.subject(key, "completed"),
                1,
            )
        finally:
            await client.close()
            for stage in stages.values():
                stage.terminate()
            for stage in stages.values():
                stage.wait(10)


async def _rounds(arguments: argparse.Namespace, console: Console) -> list[Measured]:
    measured = []
    with Progress(console=console) as progress:
        task = progress.add_task("rounds", total=2 * arguments.rounds)
        for _ in range(arguments.rounds):
            async with product(arguments.sync) as side:
                measured.append(await measure(side, arguments.visits, arguments.rate))
            progress.advance(task)
            async with _baseline(arguments.sync) as side:
                measured.append(await measure(side, arguments.visits, arguments.rate))
            progress.advance(task)
    return measured


def summarise(measured: list[Measured], arguments: argparse.Namespace) -> dict[str, Any]:
    """Medians over the rounds; the ratio is the median of the rounds' own ratios."""
    ours = [row for row in measured if row.side == "claimbus"]
    theirs = [row for row in measured if row.side == "baseline"]
    pairs = [a.visits_per_cpu_second / b.visits_per_cpu_second for a, b in zip(ours, theirs, strict=True)]

    def medians(rounds: list[Measured]) -> dict[str, object]:
        return {
            "visits_per_second": statistics.median(row.visits_per_second for row in rounds),
            "visits_per_cpu_second": statistics.median(row.visits_per_cpu_second for row in rounds),
            "cpu_ms_per_visit": {
                name: statistics.median(row.cpu_ms_per_visit[name] for row in rounds)
                for name in rounds[0].cpu_ms_per_visit
            },
            "latency_ms": {
                name: statistics.median(row.latency_ms[name] for row in rounds) for name in rounds[0].latency_ms
            },
        }

    return {
        "ratio": round(statistics.median(pairs), 3),
        "ratio_by_round": [round(pair, 3) for pair in pairs],
        "claimbus": medians(ours),
        "baseline": medians(theirs),
        "visits": arguments.visits,
        "rounds": arguments.rounds,
        "sync": arguments.sync,
        "calm_rate_per_second": arguments.rate,
        "measured": [asdict(row) for row in measured],
    }


def _table(summary: dict[str, Any]) -> Table:
    table = Table(title="Claimbus beside a hand-written nats-py pipeline without domain work", title_justify="left")
    table.add_column("")
    table.add_column("claimbus", justify="right")
    table.add_column("baseline", justify="right")
    ours, theirs = summary["claimbus"], summary["baseline"]
    for name, label in (("visits_per_second", "visits a second"), ("visits_per_cpu_second", "visits a CPU-second")):
        table.add_row(label, f"{ours[name]:.0f}", f"{theirs[name]:.0f}")
    names = dict.fromkeys((*ours["cpu_ms_per_visit"], *theirs["cpu_ms_per_visit"]))
    for name in names:
        cells = [
            f"{side['cpu_ms_per_visit'][name]:.3f}" if name in side["cpu_ms_per_visit"] else ""
            for side in (ours, theirs)
        ]
        table.add_row(f"CPU ms a visit, {name}", *cells)
    for name in ("p50", "p95", "p99"):
        label = f"ms from publish to decision, {name} at {summary['calm_rate_per_second']:.0f}/s"
        table.add_row(label, f"{ours['latency_ms'][name]:.1f}", f"{theirs['latency_ms'][name]:.1f}")
    table.add_section()
    table.add_row("[bold]ratio of visits a CPU-second", f"[bold]{summary['ratio']}", "1")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=3000, help="visits under load, a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side, in turn")
    parser.add_argument("--rate", type=float, default=40.0, help="visits a second when latency is measured")
    parser.add_argument("--sync", default="always", help="sync_interval of the broker: always, or a time as in 2m")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    arguments = parser.parse_args()
    summary = summarise(asyncio.run(_rounds(arguments, Console(stderr=True))), arguments)
    if arguments.json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        Console().print(_table(summary))


if __name__ == "__main__":
    main()
