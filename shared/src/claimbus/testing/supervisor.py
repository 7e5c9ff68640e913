"""The services as processes: start, wait until they can work, restart one that dies, stop in order."""

import asyncio
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from claimbus.probe import answers
from claimbus.services import SERVICES

_MISCONFIGURED = 78
STOP_SECONDS = 30.0
"""More than a service takes for what it has in hand, and then for its last telemetry."""
_MOST_BACKOFF = 5.0


class ServiceFailedError(RuntimeError):
    """A service that is not installed, or cannot run as configured; the text says why."""


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class _Child:
    name: str
    log: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Runs every service once, or `replicas` times, against one broker, while its block runs."""

    def __init__(self, nats_url: str, logs: Path, replicas: int = 1, environment: dict[str, str] | None = None) -> None:
        self._environment = {**os.environ, **(environment or {}), "CLAIMBUS_NATS_URL": nats_url}
        self.logs = logs
        names = [(name, "" if number == 1 else f"-{number}") for name in SERVICES for number in range(1, replicas + 1)]
        self._children = [_Child(name, logs / f"{name}{suffix}.log") for name, suffix in names]
        self._stopping = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises `ServiceFailedError` when a service refuses its configuration."""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, timeout: float = 30.0) -> None:
        """Start all and wait until each is healthy. Raises `ServiceFailedError` or `TimeoutError`."""
        if missing := [f"claimbus-{name}" for name, row in SERVICES.items() if find_spec(row.module) is None]:
            raise ServiceFailedError(f"not installed; run: pip install {' '.join(missing)}")
        self.logs.mkdir(parents=True, exist_ok=True)
        for child in self._children:
            child.watcher = asyncio.create_task(self._keep_alive(child))
        ready = {asyncio.create_task(self._until_healthy(child)): child for child in self._children}
        everyone = asyncio.gather(*ready)
        await asyncio.wait((everyone, self.failed), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        late = [child.name for task, child in ready.items() if not task.done()]
        everyone.cancel()
        await asyncio.gather(everyone, return_exceptions=True)
        if self.failed.done():
            await self.failed
        if late:
            raise TimeoutError(f"{', '.join(late)}: cannot work after {timeout:.0f} s; the logs are in {self.logs}")

    async def _keep_alive(self, child: _Child) -> None:
        backoff = 0.2
        while not self._is_stopping():
            started = time.monotonic()
            child.port = free_port()
            with child.log.open("ab") as log:
                child.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    SERVICES[child.name].module,
                    stdout=log,
                    stderr=log,
                    env={**self._environment, "CLAIMBUS_HEALTH_PORT": str(child.port)},
                    start_new_session=True,
                )
            status = await child.process.wait()
            if self._is_stopping():
                return
            if status == _MISCONFIGURED:
                last = child.log.read_text(errors="replace").splitlines()[-1:]
                if not self.failed.done():
                    self.failed.set_exception(ServiceFailedError(last[0] if last else f"{child.name} would not start"))
                return
            child.restarts += 1
            backoff = 0.2 if time.monotonic() - started > 10 else min(backoff * 2, _MOST_BACKOFF)
            await asyncio.sleep(backoff)

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _until_healthy(self, child: _Child) -> None:
        while not await asyncio.to_thread(answers, child.port):
            await asyncio.sleep(0.05)

    def pid_of(self, name: str) -> int:
        """Process id of a service as it runs now."""
        process = next(child.process for child in self._children if child.name == name)
        assert process is not None  # noqa: S101  (asked of a started service only)
        return process.pid

    def port_of(self, name: str) -> int:
        """Port of a service's health answer."""
        return next(child.port for child in self._children if child.name == name)

    def pids(self) -> dict[str, int]:
        return {child.log.stem: child.process.pid for child in self._children if child.process is not None}

    def restarts(self) -> dict[str, int]:
        """How often each service was restarted."""
        return {child.log.stem: child.restarts for child in self._children}

    async def stop(self) -> None:
        """SIGTERM to all, wait for them to finish what they have in hand, then SIGKILL to the rest."""
        self._stopping = True
        running = [child.process for child in self._children if child.process and child.process.returncode is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))
        except TimeoutError:
            for process in running:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        for child in self._children:
            if child.watcher is not None:
                child.watcher.cancel()
        await asyncio.gather(*(child.watcher for child in self._children if child.watcher), return_exceptions=True)
