"""Fixtures for pytest with pytest-asyncio: `pytest_plugins = ["claimbus.testing.fixtures"]` in a `conftest.py`.

The one module of the distribution that imports pytest, which it does not ask for.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest  # architecture: allow declared-dependencies because who uses fixtures has it
import pytest_asyncio  # architecture: allow declared-dependencies because who uses fixtures has it

from claimbus.testing.bus import Bus, emptied_bus
from claimbus.testing.embedded import EmbeddedServer
from claimbus.testing.supervisor import Supervisor


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server for the whole session; override it for another one, whose streams `bus` then empties."""
    with EmbeddedServer(tmp_path_factory.mktemp("nats"), sync="2m") as server:
        yield server.url


@pytest_asyncio.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """A bus with the streams as declared, which nothing has been published to."""
    async with emptied_bus(nats_url) as bus:
        yield bus


@pytest_asyncio.fixture
async def services(bus: Bus, tmp_path: Path) -> AsyncIterator[Supervisor]:
    """All services of Claimbus as processes on that bus, healthy; the test needs them installed."""
    async with Supervisor(bus.url, tmp_path / "logs") as supervisor:
        yield supervisor
