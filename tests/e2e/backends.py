"""The real back ends of telemetry as child processes, with the configuration that is deployed."""

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from claimbus.testing.supervisor import free_port

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "k8s" / "config"
_PLACES = (os.environ.get("CLAIMBUS_BACKENDS"), str(ROOT / ".backends"))


def program(name: str) -> str:
    """Where a back end's program is; skips the test, with the way to get it, where it is not."""
    for place in filter(None, _PLACES):
        if found := shutil.which(name, path=place):
            return found
    pytest.skip(f"{name} is not built here: make backends (needs Go), or name its folder in CLAIMBUS_BACKENDS")


def ask(url: str) -> Any:
    """The JSON that an address answers. Raises `urllib.error.URLError`."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (our own server on loopback)
        return json.load(answer)


@contextlib.contextmanager
def _running(
    arguments: list[str], log: Path, ready: str, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=out, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(ready, timeout=2):  # noqa: S310
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{arguments[0]} is not ready:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Backends:
    """Where the back ends answer."""

    otlp: str
    jaeger: str
    prometheus: str
    collector: subprocess.Popen[bytes]

    def trace(self, trace_id: str) -> Any:
        """Jaeger's answer about one trace; null where it has none."""
        try:
            return ask(f"{self.jaeger}/api/traces/{trace_id}")["data"][0]
        except (urllib.error.HTTPError, IndexError):
            return None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that Prometheus finds for an expression now."""
        answer = ask(f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return list(answer["data"]["result"])


@contextlib.contextmanager
def running_backends(folder: Path) -> Iterator[Backends]:
    """Collector, Jaeger and Prometheus on free ports of loopback, until the end of the block."""
    otelcol, jaeger, prometheus = map(program, ("otelcol", "jaeger", "prometheus"))
    otlp, health, query, query_grpc, traces, metrics = (free_port() for _ in range(6))
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            _running(
                [jaeger, "--config", str(CONFIG / "jaeger.yaml")],
                folder / "jaeger.log",
                f"http://127.0.0.1:{query}/api/services",
                {
                    "JAEGER_QUERY": f"127.0.0.1:{query}",
                    "JAEGER_QUERY_GRPC": f"127.0.0.1:{query_grpc}",
                    "JAEGER_OTLP_LISTEN": f"127.0.0.1:{traces}",
                },
            )
        )
        stack.enter_context(
            _running(
                [
                    prometheus,
                    f"--config.file={CONFIG / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={folder / 'prometheus'}",
                    f"--web.listen-address=127.0.0.1:{metrics}",
                    "--web.enable-otlp-receiver",
                    "--enable-feature=exemplar-storage",
                ],
                folder / "prometheus.log",
                f"http://127.0.0.1:{metrics}/-/ready",
                {},
            )
        )
        collector = stack.enter_context(
            _running(
                [otelcol, f"--config={CONFIG / 'collector.yaml'}"],
                folder / "collector.log",
                f"http://127.0.0.1:{health}",
                {
                    "COLLECTOR_HTTP": f"127.0.0.1:{otlp}",
                    "COLLECTOR_HEALTH": f"127.0.0.1:{health}",
                    "JAEGER_OTLP": f"127.0.0.1:{traces}",
                    "PROMETHEUS_OTLP": f"http://127.0.0.1:{metrics}/api/v1/otlp",
                },
            )
        )
        yield Backends(
            f"http://127.0.0.1:{otlp}", f"http://127.0.0.1:{query}", f"http://127.0.0.1:{metrics}", collector
        )
