"""Disaster recovery drill: back up under load, lose the whole stack, restore into a new one, account for every visit.

usage: make drill
       python tools/drill.py --visits 2000 --rate 40

Needs Docker, the images' bases, and `nats` (github.com/nats-io/natscli) on the PATH or in NATS_CLI. Two stacks of
docker-compose.yml are made under names of their own and removed. Ends with 1 if a visit was lost or decided twice.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from claimbus.events.subjects import ALL_CLAIMS, every, parse
from claimbus.events.visit_completed import VisitCompleted
from claimbus.messaging.topology import CLAIMS, DEAD, OUTCOMES, RULES, VISITS
from claimbus.testing.bus import Bus
from claimbus.testing.visits import visits
from claimbus_cli.bus.reading import all_messages, count_of
from composed import Stack, build_images, composed, engine_is_missing, run
from nats.aio.client import Client

ORDER = (VISITS, OUTCOMES, CLAIMS, DEAD, RULES)
"""VISITS before CLAIMS: what the backup says was handled, the later one then holds the decision of."""


async def publish(client: Client, some: list[dict[str, Any]], rate: float) -> None:
    begun = time.monotonic()
    for number, visit in enumerate(some):
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        await Bus(client).publish(visit)


async def decided(client: Client) -> Counter[str]:
    """How many claim events each visit has."""
    return Counter([parse(msg.subject).visit_id async for msg in all_messages(client, CLAIMS, ALL_CLAIMS)])


async def until_decided(client: Client, wanted: int, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while len(await decided(client)) < wanted:
            await asyncio.sleep(1)


class Cli:
    """The `nats` command as the administrator of a stack."""

    def __init__(self, program: str, stack: Stack, url: str) -> None:
        self._command = (program, "--server", url, "--nkey", str(stack.keys / "admin" / "nkey"))

    async def back_up(self, folder: Path) -> None:
        for stream in ORDER:
            await run(*self._command, "backup", "stream", stream, str(folder / stream), "--no-progress")

    async def restore(self, folder: Path) -> None:
        for stream in ORDER:
            await run(*self._command, "backup", "restore", "stream", str(folder / stream), "--no-progress")


async def drill(program: str, count: int, rate: float) -> dict[str, Any]:
    tag = build_images()
    everything = list(visits(count))
    before, during, after = (everything[start : start + count // 3] for start in range(0, count, count // 3))
    figures: dict[str, Any] = {"visits": len(before) + len(during) + len(after)}
    with tempfile.TemporaryDirectory() as folder:
        place, backup = Path(folder), Path(folder) / "backup"
        async with composed(place / "one", tag) as stack, stack.as_user("operator") as client:
            await publish(client, before, rate)
            running = asyncio.create_task(publish(client, during, rate))
            await asyncio.sleep(1)
            begun = time.monotonic()
            await Cli(program, stack, await stack.url()).back_up(backup)
            figures["backup_seconds"] = time.monotonic() - begun
            figures["backup_bytes"] = sum(file.stat().st_size for file in backup.rglob("*") if file.is_file())
            await running
            await publish(client, after, rate)
            figures["stored_bytes"] = sum(
                [(await client.jetstream().stream_info(stream)).state.bytes for stream in ORDER]
            )
        # All of it is gone, the keys too: what is left is the backup, and what EHRs can send again.
        begun = time.monotonic()
        async with composed(place / "two", tag, start=("nats",)) as stack:
            await Cli(program, stack, await stack.url()).restore(backup)
            figures["restore_seconds"] = time.monotonic() - begun
            await stack.compose("up", "-d", "--no-build", "--wait")
            figures["until_healthy_seconds"] = time.monotonic() - begun
            async with stack.as_user("operator") as client:
                kept = await count_of(client, VISITS, every(VisitCompleted))
                figures["visits_in_backup"] = kept
                # What the two snapshots do not agree on is found and sent again; what came later, by its EHR.
                left = await stack.compose("run", "--rm", "--no-TTY", "--quiet", "cli", "visits", "--undecided")
                undecided = [line for line in left.splitlines() if line.startswith("{")]
                figures["undecided_after_restore"] = len(undecided)
                for visit in [*before, *during, *after]:
                    await Bus(client).publish(visit)
                await until_decided(client, figures["visits"], 300)
                await asyncio.sleep(5)
                counts = await decided(client)
    figures["lost"] = figures["visits"] - len(counts)
    figures["decided_twice"] = sum(count > 1 for count in counts.values())
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog=__doc__.partition("usage:")[2].rpartition("\n\n")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--visits", type=int, default=1500, help="how many, a third of them after the backup [1500]")
    parser.add_argument("--rate", type=float, default=60.0, help="visits a second [60]")
    arguments = parser.parse_args()
    program = os.environ.get("NATS_CLI") or shutil.which("nats")
    if why := engine_is_missing() or ("" if program else "the command `nats` is not on the PATH; see NATS_CLI"):
        sys.stderr.write(f"no drill: {why}\n")
        return 2
    figures = asyncio.run(drill(str(program), arguments.visits, arguments.rate))
    for name, value in figures.items():
        sys.stdout.write(
            f"{name.replace('_', ' '):28} {value:,.1f}\n"
            if isinstance(value, float)
            else f"{name.replace('_', ' '):28} {value:,}\n"
        )
    return int(bool(figures["lost"] or figures["decided_twice"]))


if __name__ == "__main__":
    sys.exit(main())
