"""Traces, metrics and logs to a collector by OTLP over HTTP, for as long as a process runs."""

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from threading import Thread
from typing import Protocol

from opentelemetry.sdk.resources import Resource

from claimbus.settings import Exports
from claimbus.telemetry import logs, metrics, tracing

_LAST_WORDS = 6.0
"""Seconds at the end for what is still in hand: one answer of a slow collector."""


class _Provider(Protocol):
    def shutdown(self) -> None: ...


def resource_of(service: str, version: str, attributes: Mapping[str, str] | None = None) -> Resource:
    """Who sends. A command line or a host's name may hold anything, and is not in it."""
    identity = {"service.name": f"claimbus-{service}", "service.version": version}
    return Resource({**(attributes or {}), **identity, "service.instance.id": str(uuid.uuid4())})


@contextlib.contextmanager
def exporting(service: str, version: str, exports: Exports) -> Iterator[None]:
    """Send what is to be sent; what is still in hand at the end is sent before it returns, within 6 seconds.

    A collector that is down or slow costs telemetry and never a visit: each signal has a bounded queue and a thread of
    its own, drops what does not fit, and waits 5 seconds for an answer.
    """
    of = resource_of(service, version, exports.attributes)
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
