"""Run one service: what it is wired of, from its start to its end."""

import asyncio
import gc
import sys
import time
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from faststream import FastStream
from faststream.nats import NatsRouter
from nats.aio.client import Client
from nats.errors import Error as NatsError

from claimbus.background import BackgroundPart
from claimbus.events import RuleSet
from claimbus.health import is_healthy, serve_health
from claimbus.messaging.broker import LastFetch, broker, last_fetches
from claimbus.messaging.errors import Drift
from claimbus.messaging.gauges import BrokerGauges
from claimbus.messaging.projection import Projection
from claimbus.messaging.rule_sets import store_rule_set
from claimbus.messaging.stalled import StalledVisits
from claimbus.messaging.topology import verify
from claimbus.services import SERVICES
from claimbus.settings import Settings
from claimbus.telemetry import logs, registry
from claimbus.telemetry.export import exporting
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record

_LOOK = 1.0
"""Seconds between two looks at whether the broker was provisioned."""
_MISCONFIGURED = 78
"""Exit status EX_CONFIG: starting again would change nothing."""


@dataclass(frozen=True)
class Wiring:
    """All that a service is made of, built once by its `bootstrap(settings)`."""

    router: NatsRouter
    """Its handlers, subscribed."""
    rule_set: RuleSet
    """The rules that it decides by."""
    projections: tuple[Projection, ...] = ()
    """Rebuilt before the handlers are given anything."""
    watches: tuple[StalledVisits, ...] = ()


async def _provisioned(client: Client, name: str, wait: float) -> None:
    """Wait until the consumers are as declared. Raises `Drift` when they are not in time."""
    deadline = time.monotonic() + wait
    while True:
        try:
            return await verify(client.jetstream(), name)
        except Drift:
            if time.monotonic() >= deadline:
                raise
        log().info("service.waiting", why="topology")
        await asyncio.sleep(_LOOK)


async def _serve(name: str, wiring: Wiring, settings: Settings) -> None:
    running = broker(settings.server, name, wiring.router, nkey=settings.nats_nkey)
    app = FastStream(running, logger=None)
    beside: tuple[BackgroundPart, ...] = (*wiring.watches, BrokerGauges())
    parts = (*wiring.projections, *beside)
    health: list[asyncio.Server] = []
    fetches: list[LastFetch] = []

    @app.on_startup
    async def _check() -> None:
        client = await running.connect()
        await _provisioned(client, name, settings.wait)
        await store_rule_set(client, name, wiring.rule_set)
        for projection in wiring.projections:
            await projection.start(client)

    @app.after_startup
    async def _ready() -> None:
        _settle_memory()
        fetches.extend(last_fetches(running))
        for part in beside:
            await part.start(running.connection)
        if settings.health_port is not None:
            is_ready = partial(is_healthy, running, name, parts)
            health.append(await serve_health(is_ready, settings.health_host, settings.health_port))
        log().info("service.ready", version=version("claimbus"))

    @app.on_shutdown
    async def _draining() -> None:
        log().info("service.draining")
        await asyncio.gather(*(fetch.end() for fetch in fetches))
        for part in parts:
            await part.stop()

    try:
        await app.run()
    finally:
        for server in health:
            server.close()


def _settle_memory() -> None:
    """Keep the garbage collector away from what lives as long as the process.

    Models, tables and libraries are a large heap that never dies; walking it for each batch of events
    took a fifth of a service's processor time (benchmarks/).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def run(name: str) -> None:
    """Run a service of the table until SIGTERM or SIGINT, then finish what is in hand and stop.

    The function `bootstrap` of its module `bootstrap` is given the settings and builds it. Exits with status 78
    (configuration) when a setting, a table, a payer profile or the broker's topology is wrong, and with 1 when the
    broker refuses.
    """
    try:
        settings = Settings.read()
        logs.configure(name, settings.log_level)
        wiring: Wiring = import_module(f"{SERVICES[name].module}.bootstrap").bootstrap(settings)
    except ValueError as exc:
        _give_up(name, exc, _MISCONFIGURED)
    with exporting(name, version("claimbus"), settings.exports):
        rules = {
            registry.RULE_SET: wiring.rule_set.version,
            registry.RULE_SET_DIGEST: wiring.rule_set.sha256[:12],
        }
        record(registry.RULE_SET_INFO, 1, rules)
        try:
            asyncio.run(_serve(name, wiring, settings))
        except Drift as exc:
            _give_up(name, exc, _MISCONFIGURED)
        except NatsError as exc:
            _give_up(name, exc, 1)


def _give_up(name: str, reason: Exception, status: int) -> NoReturn:
    sys.stderr.write(f"claimbus {name}: {reason}\n")
    sys.exit(status)
