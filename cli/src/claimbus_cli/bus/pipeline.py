"""Broker and services together, for `up` and `demo`."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from claimbus.messaging.topology import provision
from claimbus.settings import Exports, Settings
from claimbus.telemetry.export import exporting
from claimbus.testing.embedded import EmbeddedServer
from claimbus.testing.supervisor import Supervisor

from claimbus_cli.bus.connection import connected


@dataclass(frozen=True)
class Pipeline:
    """A running pipeline."""

    url: str
    folder: Path
    supervisor: Supervisor


@contextlib.asynccontextmanager
async def running_pipeline(url: str | None, folder: Path | None, port: int | None) -> AsyncIterator[Pipeline]:
    """Start what is needed, provision it, wait until it can work; stop all of it in order at the end.

    `url` names a server that already runs; without one the embedded server is started. `folder` keeps
    its streams, the logs and, where nobody else is sent them, the traces; without one they go when the pipeline ends.
    """
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="claimbus-")))
        if url is None:
            url = stack.enter_context(EmbeddedServer(place / "nats", port)).url
        async with connected(url) as client:
            await provision(client.jetstream())
        environment = {}
        if not Settings.read().exports.signals:
            environment["CLAIMBUS_TRACES_DIR"] = str(place / "traces")
            stack.enter_context(exporting("cli", version("claimbus-cli"), Exports(traces=place / "traces")))
        async with Supervisor(url, place / "logs", environment=environment) as supervisor:
            yield Pipeline(url, place, supervisor)


def stop_on_signals() -> asyncio.Future[None]:
    """Done when the process is asked to stop."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _resolve, stop)
    return stop


def _resolve(stop: asyncio.Future[None]) -> None:
    if not stop.done():
        stop.set_result(None)
