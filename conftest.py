"""A real NATS server for every test that needs one: a container where Docker answers, embedded elsewhere."""

import os
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from claimbus.testing.bus import Bus
from claimbus.testing.embedded import EmbeddedServer
from nats.aio.client import Client

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

pytest_plugins = ["claimbus.testing.fixtures"]

IMAGE = "nats:2-alpine"
_engine = "not needed"


def _docker_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _start_container() -> "DockerContainer | None":
    """The server in a container; none where the engine cannot give it, with the reason for the last line."""
    global _engine
    if not _docker_answers():
        _engine = "embedded (Docker does not answer)"
        return None
    # The reaper is an image of its own; the container is stopped below, whatever happens.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    server = DockerContainer(IMAGE).with_command("-js").with_exposed_ports(4222)
    try:
        started = server.waiting_for(LogMessageWaitStrategy("Server is ready")).start()
    except Exception as exc:
        _engine = f"embedded (Docker answers, but {IMAGE} did not start: {type(exc).__name__})"
        return None
    _engine = f"container {IMAGE}"
    return started


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's server."""
    if container := _start_container():
        yield f"nats://{container.get_container_host_ip()}:{container.get_exposed_port(4222)}"
        container.stop()
        return
    with EmbeddedServer(tmp_path_factory.mktemp("nats"), sync="2m") as server:
        yield server.url


@pytest.fixture
def client(bus: Bus) -> Client:
    """The connection of the bus."""
    return bus.client


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"NATS server of the tests: {_engine}")
