"""Tasks that run beside the handlers of a service, and must not end by themselves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from nats.aio.client import Client

from claimbus.telemetry.logs import log

_LOOK = 0.5
"""Seconds between two requests to end: Python 3.11's `wait_for` drops a cancellation that meets its answer."""


class BackgroundPart(Protocol):
    """A part of a service that runs beside its handlers: a projection, the look at stalled visits, gauges."""

    @property
    def is_current(self) -> bool:
        """Whether it runs and is as far as it should be; the service is ready only while all are."""

    async def start(self, client: Client) -> None: ...

    async def stop(self) -> None: ...


class BackgroundTask:
    """Runs `work` until it is stopped. Work that ends unasked, by an error or not, is logged as an error.

    While it does not run, `is_running` is false, and the service that it belongs to is not ready. `restart_after` is in
    seconds; null: it is not restarted. The text of an error may repeat input, so only its class is logged.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], restart_after: float | None = None) -> None:
        self._name = name
        self._work = work
        self._restart_after = restart_after
        self._task: asyncio.Task[None] | None = None
        self.is_running = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)
        self.is_running = True

    async def stop(self) -> None:
        """End the work; it is cancelled where it waits."""
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=_LOOK)

    async def _run(self) -> None:
        while True:
            self.is_running = True
            ended_by = None
            try:
                await self._work()
            except (asyncio.CancelledError, Exception) as exc:
                ended_by = type(exc).__name__
            finally:
                self.is_running = False
            # A cancellation may also come out of the work itself, from what it waits for: nobody asked for that end.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                return
            log().error("background.ended", task=self._name, error_type=ended_by)
            if self._restart_after is None:
                return
            await asyncio.sleep(self._restart_after)
