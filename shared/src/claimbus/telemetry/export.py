"""Traces, metrics and logs to a collector by OTLP over HTTP, for as long as a process runs."""

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Final, Literal, Protocol

from opentelemetry.sdk.resources import Resource

from claimbus.telemetry import logs, metrics, tracing
from claimbus.telemetry.registry import RESOURCE

Signal = Literal["traces", "metrics", "logs"]
_LAST_WORDS = 6.0
"""Seconds at the end for what is still in hand: one answer of a slow collector."""
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")


class _Provider(Protocol):
    def shutdown(self) -> None: ...


@dataclass(frozen=True)
class Exports:
    """What a process sends of itself, as its environment says."""

    signals: frozenset[Signal] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of the resource."""
    traces: Path | None = None
    """Folder that spans are written to where none are sent."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Exports":
        """An endpoint is named for all signals, or for one of them; of the resource what `RESOURCE` lists is taken."""
        everything = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        pairs = (pair.partition("=") for pair in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
        folder = environment.get("CLAIMBUS_TRACES_DIR")
        return cls(
            frozenset(
                one
                for one in SIGNALS
                if not is_off and (everything or environment.get(f"OTEL_EXPORTER_OTLP_{one.upper()}_ENDPOINT"))
            ),
            {name.strip(): value.strip() for name, _, value in pairs if name.strip() in RESOURCE and value.strip()},
            Path(folder) if folder else None,
        )

    def resource(self, service: str, version: str) -> Resource:
        """Who sends. A command line or a host's name may tell anything, and is not in it."""
        own = {"service.name": f"claimbus-{service}", "service.version": version}
        return Resource({**self.attributes, **own, "service.instance.id": str(uuid.uuid4())})


@contextlib.contextmanager
def exporting(service: str, version: str, exports: Exports) -> Iterator[None]:
    """Send what is to be sent; what is still in hand at the end is sent before it returns, within 6 seconds.

    A collector that is down or slow costs telemetry and never a visit: each signal has a bounded queue and a thread of
    its own, drops what does not fit, and waits 5 seconds for an answer.
    """
    of = exports.resource(service, version)
    providers: list[_Provider] = []
    if "traces" in exports.signals or exports.traces is not None:
        providers.append(tracing.configure(of, None if "traces" in exports.signals else exports.traces))
    if "metrics" in exports.signals:
        providers.append(metrics.configure(of))
    if "logs" in exports.signals:
        providers.append(logs.send(of))
    try:
        yield
    finally:
        # A full queue for a collector that hangs would be waited for batch by batch, past any grace period.
        endings = [Thread(target=provider.shutdown, daemon=True) for provider in providers]
        for ending in endings:
            ending.start()
        deadline = time.monotonic() + _LAST_WORDS
        for ending in endings:
            ending.join(max(0.0, deadline - time.monotonic()))
