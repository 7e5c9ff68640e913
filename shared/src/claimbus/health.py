"""Whether a service can work, and the port that says so."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from claimbus.background import BackgroundPart
from claimbus.messaging.errors import Drift
from claimbus.messaging.topology import verify


async def is_healthy(running: NatsBroker, name: str, parts: Iterable[BackgroundPart] = ()) -> bool:
    """Connected, all parts are current, and the consumers that the service reads from exist and are as declared.

    A durable that was deleted under a running pull subscriber makes no error anywhere else.
    """
    client = running.connection
    if not client.is_connected or not all(part.is_current for part in parts):
        return False
    try:
        async with asyncio.timeout(2):
            await verify(client.jetstream(), name)
    except (Drift, TimeoutError, NatsError):
        return False
    return True


async def serve_health(is_ready: Callable[[], Awaitable[bool]], host: str, port: int) -> asyncio.Server:
    """Answer `/ready` with 204 while `is_ready` and else with 503, and `/live` with 204 in any case."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                asked = await reader.readline()
                # Whether to be restarted is another question than whether work can be done: a broker that is away
                # comes back sooner than a service that has to start anew.
                well = asked.startswith(b"GET /live ") or await is_ready()
                status = "204 No Content" if well else "503 Service Unavailable"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port)
