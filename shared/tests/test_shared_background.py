"""A task beside the handlers that ends makes its service unready, loudly, and is restarted if its owner says so."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import structlog
from claimbus.background import BackgroundTask
from claimbus.health import is_healthy, serve_health
from claimbus.messaging import broker
from claimbus.telemetry import logs
from nats.aio.client import Client
from nats.errors import Error as NatsError

CANARY = "Zebulon-Canary-1931"
Work = Callable[[], Awaitable[None]]


class Part:
    """A part of a service that is nothing but its task."""

    def __init__(self, work: Work, restart_after: float | None) -> None:
        self.task = BackgroundTask("test", work, restart_after)

    @property
    def is_current(self) -> bool:
        return self.task.is_running

    async def start(self, client: Client) -> None:
        self.task.start()

    async def stop(self) -> None:
        await self.task.stop()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("claimbus")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], root.level, ours.level = before[0], before[1], before[2]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


async def status_of(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def health_of(nats_url: str, part: Part) -> AsyncIterator[int]:
    """The port of a service with this part."""
    running = broker(nats_url, "claims")
    await running.start()
    await part.start(running.connection)

    async def is_ready() -> bool:
        return await is_healthy(running, "claims", [part])

    server = await serve_health(is_ready, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await part.stop()
        await running.stop()


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


ENDS = (
    ValueError(CANARY), KeyError(CANARY), AssertionError(CANARY), RuntimeError(CANARY), TimeoutError(CANARY),
    MemoryError(CANARY), NatsError(CANARY), ExceptionGroup(CANARY, [ValueError(CANARY)]),
    asyncio.CancelledError(CANARY), StopAsyncIteration(CANARY), None,
)  # fmt: skip


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
async def test_a_task_that_ends_makes_the_service_unready_and_is_logged_by_its_class(
    end: BaseException | None, nats_url: str, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("claims")
    let_go = asyncio.Event()

    async def work() -> None:
        await let_go.wait()
        if end is not None:
            raise end

    async with health_of(nats_url, Part(work, restart_after=None)) as port:
        assert await status_of(port, "/ready") == 204
        let_go.set()

        async def is_unready() -> bool:
            return await status_of(port, "/ready") == 503

        await until(is_unready)
        assert await status_of(port, "/live") == 204, "a restart of the process is not what is asked for"
    printed = capsys.readouterr().err
    (line,) = (json.loads(line) for line in printed.splitlines() if "background.ended" in line)
    assert (line["level"], line["task"]) == ("error", "test")
    assert line["error_type"] == (type(end).__name__ if end else None)
    assert CANARY not in printed


async def test_a_task_is_restarted_where_its_owner_says_so_and_the_service_is_ready_again(
    nats_url: str, client: Client
) -> None:
    started = 0

    async def work() -> None:
        nonlocal started
        started += 1
        if started == 1:
            raise ValueError
        await forever()

    async with health_of(nats_url, Part(work, restart_after=0.3)) as port:

        async def answers(status: int) -> bool:
            return await status_of(port, "/ready") == status

        await until(lambda: answers(503))
        await until(lambda: answers(204))
    assert started == 2


async def test_a_task_that_is_stopped_ends_without_a_line_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            return  # swallowed, as Python 3.11's wait_for may

    logs.configure("claims")
    for stubborn in (work, forever):
        task = BackgroundTask("test", stubborn, restart_after=0.0)
        task.start()
        await asyncio.sleep(0)
        assert task.is_running
        await task.stop()
        assert not task.is_running
    assert capsys.readouterr().err == ""
