"""A broker that lets in only who has a key, from the very files that Compose and Kubernetes mount, and its services."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from claimbus.messaging.permissions import inbox_of
from claimbus.services import SERVICES
from claimbus.testing.embedded import server_binary
from claimbus_cli.bus.key_folder import KeyFolder
from claimbus_cli.bus.seeds import public_key
from nats.aio.client import Client
from nats.errors import Error as NatsError

CONFIG = Path(__file__).parents[2] / "deploy/k8s/config/nats"


class KeyedServer:
    """One server on loopback; `keys` is the folder that `claimbus keys` makes."""

    def __init__(self, place: Path, keys: KeyFolder, transport: str = "plain.conf") -> None:
        self.place, self.keys, self.transport = place, keys, transport
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.place / "nats.log").read_text()

    def lay_out(self, variant: str = "one.conf") -> None:
        """Put the files where the server looks for them."""
        self.place.mkdir()
        # As deployed but for the ports: tests run side by side.
        given = (CONFIG / "nats.conf").read_text()
        free = given.replace("0.0.0.0:4222", "127.0.0.1:-1").replace("0.0.0.0:8222", "127.0.0.1:-1")
        (self.place / "nats.conf").write_text(free)
        shutil.copy(CONFIG / variant, self.place / "variant.conf")
        given = (CONFIG / self.transport).read_text().replace("/etc/nats/tls", str(self.place.parent / "tls"))
        (self.place / "transport.conf").write_text(given)
        (self.place / "auth").symlink_to(self.keys.place / "server")

    def start(self) -> None:
        self.lay_out()
        (self.place / "nats.log").touch()
        command = [server_binary(), "-c", "nats.conf", "--ports_file_dir", ".", "-l", "nats.log"]
        environment = {"SERVER_NAME": "keyed", "STORE_DIR": str(self.place / "data"), "STORE_LIMIT": "20GB"}
        self._process = subprocess.Popen(command, cwd=self.place, env={**os.environ, **environment})
        deadline = time.monotonic() + 10
        while not self.url:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            for file in self.place.glob("*.ports"):
                with contextlib.suppress(ValueError, KeyError):
                    self.url = _client_url(file)
            time.sleep(0.02)

    def reload(self) -> None:
        """Read keys and permissions anew, and wait until the server says that it has."""
        assert self._process is not None
        before = self.log.count("Reloaded server configuration")
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while self.log.count("Reloaded server configuration") == before:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def seed(self, user: str) -> Path:
        return self.keys.place / user / "nkey"

    async def connect(self, user: str, seed: Path | None = None) -> tuple[Client, list[str]]:
        """A connection as a user, and what the server objected to so far."""
        objections: list[str] = []

        async def note(exc: Exception) -> None:
            objections.append(str(exc))

        seed = seed or self.seed(user)
        inbox = inbox_of(user if user in SERVICES else public_key(seed))
        client = Client()
        try:
            await client.connect(
                self.url, nkeys_seed=str(seed), inbox_prefix=inbox, error_cb=note, max_reconnect_attempts=1
            )
        except NatsError:
            await client.close()  # whom the server does not let in is left with an open socket
            raise
        return client, objections


def _client_url(file: Path) -> str:
    return str(json.loads(file.read_text())["nats"][0])


@contextlib.contextmanager
def keyed_server(place: Path, *practices: str) -> Iterator[KeyedServer]:
    keys = KeyFolder(place / "keys")
    keys.complete(*practices)
    server = KeyedServer(place / "server", keys)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def services_with_keys(server: KeyedServer, logs: Path, **environment: str) -> AsyncIterator[None]:
    """All services, each with its own key; they wait until somebody has provisioned. Their logs go to a folder."""
    running = []
    for name, row in SERVICES.items():
        given = {"CLAIMBUS_NATS_URL": server.url, "CLAIMBUS_NATS_NKEY": str(server.seed(name)), "CLAIMBUS_WAIT": "30"}
        with (logs / f"{name}.log").open("ab") as log:
            running.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", row.module, stdout=log, stderr=log, env={**os.environ, **environment, **given}
                )
            )
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in running))
