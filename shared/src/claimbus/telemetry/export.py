"""Traces, metrics and logs to a collector by OTLP over HTTP, for as long as a process runs."""

import contextlib
import os
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
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


def wanted(environment: Mapping[str, str]) -> frozenset[Signal]:
    """The signals that an endpoint is named for: for all, or for one of them."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return frozenset()
    everything = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return frozenset(
        one for one in SIGNALS if everything or environment.get(f"OTEL_EXPORTER_OTLP_{one.upper()}_ENDPOINT")
    )


def resource(service: str, version: str, environment: Mapping[str, str] = os.environ) -> Resource:
    """Who sends: what `RESOURCE` lists and no more, since a command line or a host's name may tell anything."""
    pairs = (pair.partition("=") for pair in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    given = {name.strip(): value.strip() for name, _, value in pairs if name.strip() in RESOURCE and value.strip()}
    own = {"service.name": f"claimbus-{service}", "service.version": version, "service.instance.id": str(uuid.uuid4())}
    return Resource({**given, **own})


@contextlib.contextmanager
def exporting(service: str, version: str, signals: Collection[Signal], traces: Path | None = None) -> Iterator[None]:
    """Send these signals; what is still in hand at the end is sent before it returns, within 6 seconds.

    `traces` is a folder for spans where none are sent. A collector that is down or slow costs telemetry and never a
    visit: each signal has a bounded queue and a thread of its own, drops what does not fit, and waits 5 seconds for an
    answer.
    """
    of = resource(service, version)
    providers: list[_Provider] = []
    if "traces" in signals or traces is not None:
        providers.append(tracing.configure(of, None if "traces" in signals else traces))
    if "metrics" in signals:
        providers.append(metrics.configure(of))
    if "logs" in signals:
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
