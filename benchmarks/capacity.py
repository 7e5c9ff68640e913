"""What a size of load needs: processor, memory and disk of a visit, measured, and the arithmetic up to a national load.

    python benchmarks/capacity.py                        # a few minutes; prints the figures
    python benchmarks/capacity.py --quick --json         # two minutes, rougher
    python benchmarks/capacity.py --write                # also benchmarks/capacity.json and docs/capacity.md
    python benchmarks/capacity.py --page                 # docs/capacity.md anew from the figures of capacity.json

Processor time and latency come from the pipeline at work. Memory and the time of a start come from streams that are
filled with decided visits, each of a patient of its own: the most that a visit can cost.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import nats
from capacity_page import page
from claimbus.events import ClaimDenialRisk, ClaimReady, VisitCompleted
from claimbus.events.subjects import subject_for
from claimbus.messaging.topology import CLAIMS, STREAMS, VISITS, consumer_names, provision
from claimbus.services import SERVICES
from claimbus.testing.embedded import EmbeddedServer
from claimbus_cli.decisions import decide_visit
from claimbus_engine import Rules
from nats.aio.client import Client
from nats.js.api import StreamConfig
from pipeline import flow, measure, product, visit_bodies
from rich.console import Console
from rich.progress import Progress

ROOT = Path(__file__).parent.parent
FIGURES = Path(__file__).with_name("capacity.json")
PAGE = ROOT / "docs/capacity.md"
_BORN = date(1900, 1, 1)
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_SIZE


async def at_work(visits: int, rate: float) -> dict[str, Any]:
    """Processor time, rates, latency and stored bytes of visits that flow through the pipeline."""
    async with product("always") as side:
        measured = await measure(side, visits, rate)
        js = side.client.jetstream()
        stored = {name: (await js.stream_info(name)).state for name in STREAMS}
        decided = stored[CLAIMS].messages
        busy = {}
        for share in (0.25, 0.5, 0.75):
            calm = measured.visits_per_second * share
            _, latencies = await flow(side, visit_bodies(round(calm * 8), f"at{share:.0%}".strip("%")), rate=calm)
            cuts = statistics.quantiles([seconds * 1000 for seconds in latencies.values()], n=100)
            busy[f"{share:.0%}"] = {"p50": cuts[49], "p99": cuts[98]}
    return {
        "cpu_ms_per_visit": measured.cpu_ms_per_visit,
        "visits_per_second": measured.visits_per_second,
        "latency_ms_at": busy,
        "bytes_per_visit": {name: state.bytes / decided for name, state in stored.items() if state.messages},
        "messages_per_visit": {name: state.messages / decided for name, state in stored.items() if state.messages},
    }


@cache
def _models() -> list[tuple[str, str, bytes, type[ClaimReady | ClaimDenialRisk], bytes]]:
    """Of each example the key, the birth date, the visit, and the kind and body of its decision."""
    models = []
    rules = Rules.load()
    for key, body in visit_bodies(40, "model"):
        decision = decide_visit(body, rules)
        born = json.loads(body)["patient"]["birth_date"]
        models.append((key, born, body, type(decision), decision.model_dump_json().encode()))
    return models


def decided_visits(count: int, first: int) -> list[tuple[str, bytes, str, bytes]]:
    """Visits and the decisions on them: subject and body of each. One decision of each example, under many keys."""
    models = _models()
    made = []
    for number in range(first, first + count):
        old, born, visit, kind, said = models[number % len(models)]
        key, day = f"year-{number:07d}", str(_BORN + timedelta(days=number % 40_000))

        def renamed(body: bytes, old: str = old, key: str = key, born: str = born, day: str = day) -> bytes:
            return body.replace(old.encode(), key.encode()).replace(born.encode(), day.encode())

        visit_at = subject_for(VisitCompleted, "northside-pt", key)
        made.append((visit_at, renamed(visit), subject_for(kind, "northside-pt", key), renamed(said)))
    return made


async def fill(client: Client, count: int, first: int) -> None:
    js = client.jetstream()
    gate = asyncio.Semaphore(512)

    async def row(subject: str, body: bytes, stream: str) -> None:
        async with gate:
            await js.publish(subject, body, stream=stream, timeout=60)

    for start in range(first, first + count, 2000):
        some = decided_visits(min(2000, first + count - start), start)
        async with asyncio.TaskGroup() as tasks:
            for visit_at, visit, said_at, said in some:
                tasks.create_task(row(visit_at, visit, VISITS))
                tasks.create_task(row(said_at, said, CLAIMS))


async def started(url: str, service: str) -> tuple[float, int]:
    """Seconds until a service can work, and its memory then."""
    begun = time.perf_counter()
    environment = {**os.environ, "CLAIMBUS_NATS_URL": url, "CLAIMBUS_HELD_AFTER": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", SERVICES[service].module, env=environment, stderr=asyncio.subprocess.PIPE, limit=1 << 20
    )
    assert process.stderr is not None  # noqa: S101
    while b"service.ready" not in await process.stderr.readline():
        pass
    took, memory = time.perf_counter() - begun, resident(process.pid)
    process.kill()
    await process.communicate()
    return took, memory


async def at_start(sizes: list[int], progress: Progress) -> dict[str, Any]:
    """Memory of each service and the time of its start, by how many decided visits the streams hold."""
    task = progress.add_task("starts", total=len(sizes) * len(SERVICES))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SERVICES}
    with (
        tempfile.TemporaryDirectory(prefix="claimbus-capacity-") as folder,
        EmbeddedServer(Path(folder), sync="2m") as server,
    ):
        client = await nats.connect(server.url)
        js = client.jetstream()
        await provision(js)
        there = 0
        for size in sizes:
            await fill(client, size - there, there)
            there = size
            # They begin behind what is stored: what is measured is a start, and no work.
            for stream, name in consumer_names():
                await js.delete_consumer(stream, name)
            await provision_at_end(client)
            for name in SERVICES:
                seconds, memory = await started(server.url, name)
                found[name].append({"visits": size, "seconds": seconds, "bytes": memory})
                progress.advance(task)
        broker = resident(server.pid)
        compressed = await compression(client, Path(folder))
        await client.close()
    return {
        "starts": found,
        "memory_per_million_visits": {name: slope(rows, "bytes") * 1e6 for name, rows in found.items()},
        "start_seconds_per_million_visits": {name: slope(rows, "seconds") * 1e6 for name, rows in found.items()},
        "broker_bytes": broker,
        "compressed_share": compressed,
    }


async def provision_at_end(client: Client) -> None:
    """Consumers as declared, with everything that is stored settled."""
    js = client.jetstream()
    await provision(js)
    for stream, name in consumer_names():
        pull = await js.pull_subscribe_bind(name, stream=stream)
        while (await js.consumer_info(stream, name)).num_pending:
            for msg in await pull.fetch(500, timeout=5):
                await msg.ack()
        await pull.unsubscribe()


def disk_of(folder: Path, stream: str) -> int:
    """Bytes of a stream's files below a broker's folder."""
    return sum(file.stat().st_size for file in folder.glob(f"**/streams/{stream}/msgs/*.blk"))


async def compression(client: Client, folder: Path) -> float:
    """Disk that a stream of the same messages takes compressed, as a share of what it takes as it is."""
    js = client.jetstream()
    sizes = {}
    for name, how in (("plain", None), ("packed", "s2")):
        config = StreamConfig(name=name, subjects=[f"copy.{name}.>"])
        request = config.as_dict() | ({"compression": how} if how else {})
        await client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps(request).encode(), timeout=10)
        for number, (_, visit, _, said) in enumerate(decided_visits(3000, 0)):
            await js.publish(f"copy.{name}.v{number}", visit)
            await js.publish(f"copy.{name}.c{number}", said)
        sizes[name] = disk_of(folder, name)
    return sizes["packed"] / sizes["plain"]


def slope(rows: list[dict[str, float]], of: str) -> float:
    """Growth a visit, by least squares."""
    return statistics.linear_regression([row["visits"] for row in rows], [row[of] for row in rows]).slope


async def figures(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    sizes = [2_000, 6_000, 12_000] if arguments.quick else [5_000, 25_000, 60_000]
    with Progress(console=console) as progress:
        task = progress.add_task("at work", total=1)
        work = await at_work(600 if arguments.quick else 3000, 40.0)
        progress.advance(task)
        start = await at_start(sizes, progress)
    return {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[1],
        "python": sys.version.split()[0],
        **work,
        **start,
    }


def rounded(value: Any) -> Any:
    """To four digits: what is measured is no better."""
    if isinstance(value, dict):
        return {key: rounded(row) for key, row in value.items()}
    if isinstance(value, list):
        return [rounded(row) for row in value]
    if isinstance(value, float) and value:
        return round(value, 3 - math.floor(math.log10(abs(value))))
    return value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=str(__doc__).split("\n\n")[0], epilog=str(__doc__).split("\n\n")[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="fewer visits")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--write", action="store_true", help="keep the figures and make the page of them")
    parser.add_argument("--page", action="store_true", help="measure nothing: make the page of the kept figures")
    arguments = parser.parse_args()
    if arguments.page:
        PAGE.write_text(page(json.loads(FIGURES.read_text())))
        return
    found = rounded(asyncio.run(figures(arguments, Console(stderr=True))))
    if arguments.write:
        FIGURES.write_text(json.dumps(found, indent=2) + "\n")
        PAGE.write_text(page(found))
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        Console().print_json(data=found)


if __name__ == "__main__":
    main()
