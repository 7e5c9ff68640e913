"""The examples do what their documents say."""

import asyncio
import os
import sys
from pathlib import Path

from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import example_bodies

SUBSCRIBER = Path(__file__).parents[2] / "examples" / "subscriber.py"


async def test_the_subscriber_acts_once_on_each_decision(bus: Bus, services: Supervisor) -> None:
    bodies = list(example_bodies().values())
    for body in bodies:
        await bus.publish(body)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SUBSCRIBER),
        "northside-pt",
        "--count",
        str(len(bodies)),
        env={**os.environ, "CLAIMBUS_NATS_URL": bus.url},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    lines = told.decode().splitlines()
    assert process.returncode == 0
    assert len(lines) == len({line.split(":")[0] for line in lines}) == len(bodies)
    assert any(line.startswith("submit") and "97110 x2, 97140 x1, 182.00 USD" in line for line in lines)
    assert any(line.startswith("to the worklist") and line.endswith("signature.missing") for line in lines)
