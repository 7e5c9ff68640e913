"""The stack that docker-compose.yml describes, on the machine's engine, under a name of its own."""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimbus.messaging.permissions import inbox_of
from claimbus.testing.supervisor import free_port
from claimbus_cli.bus.seeds import public_key
from nats.aio.client import Client

ROOT = Path(__file__).parent.parent
BASE = "python:3.11-slim-bookworm"
NATS = "nats:2-alpine"
BROKERS = {"docker-compose.yml": ("nats",), "docker-compose.cluster.yml": ("nats", "nats-b", "nats-c")}


class StackError(RuntimeError):
    """A command about the stack failed; the text is what it said."""


def engine_is_missing() -> str:
    """Why images cannot be built and run here; empty where they can."""
    try:
        if subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode:
            return "Docker does not answer"
        for image in (BASE, NATS):
            there = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
            if (
                there.returncode
                and subprocess.run(["docker", "pull", "-q", image], capture_output=True, check=False).returncode
            ):
                return f"the image {image} is not here and cannot be pulled"
        if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
            return "docker compose is not installed"
    except (OSError, subprocess.TimeoutExpired):
        return "Docker does not answer"
    return ""


def build_images() -> str:
    """The images of this checkout under a tag of their own; the tag."""
    tag = "tested"
    done = subprocess.run(["make", "images", f"VERSION={tag}"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(done.stdout + done.stderr)
    return tag


async def run(*command: str, env: dict[str, str] | None = None) -> str:
    """What a command says. Raises `StackError` with that when the command fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise StackError(f"{' '.join(command)}\n{output.decode()}")
    return output.decode()


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    project: str
    files: tuple[str, ...]
    environment: dict[str, str]
    keys: Path

    async def compose(self, *arguments: str) -> str:
        files = [part for file in self.files for part in ("-f", file)]
        return await run("docker", "compose", "-p", self.project, *files, *arguments, env=self.environment)

    async def containers(self, service: str) -> list[str]:
        """Ids of a service's containers, all replicas."""
        return (await self.compose("ps", "-q", service)).split()

    async def states(self) -> dict[str, str]:
        """Of each running container its health, or its state where it has no check."""
        lines = (await self.compose("ps", "--format", "json")).splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        return {row["Name"]: row["Health"] or row["State"] for row in rows}

    async def scale(self, **replicas: int) -> None:
        wanted = [f"--scale={name.replace('_', '-')}={count}" for name, count in replicas.items()]
        await self.compose("up", "-d", "--no-build", "--no-recreate", "--wait", *wanted)

    async def roll(self, service: str) -> None:
        """Replace the containers of a service one after the other, each only when the one before it can work."""
        for container in await self.containers(service):
            await run("docker", "restart", "--time", "60", container)
            async with asyncio.timeout(90):
                while (
                    await run("docker", "inspect", "-f", "{{.State.Health.Status}}", container)
                ).strip() != "healthy":
                    await asyncio.sleep(0.5)

    async def url(self) -> str:
        where = (await self.compose("port", "nats", "4222")).split()[-1]
        return f"nats://{where}"

    async def logs(self, *services: str) -> str:
        return await self.compose("logs", "--no-color", *services)

    @contextlib.asynccontextmanager
    async def as_user(self, user: str, **options: Any) -> AsyncIterator[Client]:
        """A connection from outside, with a user's key."""
        seed = self.keys / user / "nkey"
        client = Client()
        await client.connect(
            await self.url(),
            nkeys_seed=str(seed),
            inbox_prefix=inbox_of(public_key(seed)),
            max_reconnect_attempts=-1,
            **options,
        )
        try:
            yield client
        finally:
            await client.close()


@contextlib.asynccontextmanager
async def composed(place: Path, tag: str, *more_files: str, start: tuple[str, ...] = ()) -> AsyncIterator[Stack]:
    """`docker compose up`, healthy, or some services of it; it is taken down at the end, volumes too."""
    # Not 0: a container that starts again would be given another port.
    free = {
        "CLAIMBUS_NATS_PORT": str(free_port()),
        "CLAIMBUS_NATS_MONITOR_PORT": str(free_port()),
        "CLAIMBUS_VERSION": tag,
    }
    project = f"claimbus-test-{secrets.token_hex(3)}"
    stack = Stack(project, ("docker-compose.yml", *more_files), free, place / "keys")
    try:
        await stack.compose("up", "-d", "--no-build", "--wait", *start)
        await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
        await stack.compose("cp", "keys:/keys", str(stack.keys))
        yield stack
    finally:
        await stack.compose("down", "-v", "--timeout", "5")
