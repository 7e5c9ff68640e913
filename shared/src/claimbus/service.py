"""Run one service: settings, telemetry, broker, health, drain."""

import asyncio
import gc
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from faststream import FastStream
from faststream.nats import NatsBroker, NatsRouter
from nats.aio.client import Client
from nats.errors import Error as NatsError

from claimbus.events import RuleSet
from claimbus.messaging.broker import LastFetch, broker, last_fetches
from claimbus.messaging.errors import Drift
from claimbus.messaging.gauges import BrokerGauges
from claimbus.messaging.projection import Projection
from claimbus.messaging.stalled import StalledVisits
from claimbus.messaging.topology import verify
from claimbus.telemetry import logs, registry
from claimbus.telemetry.export import Exports, exporting
from claimbus.telemetry.logs import log
from claimbus.telemetry.metrics import record

_MOST_SECONDS = 7 * 86_400.0
"""The longest time to wait for anything: half of what is looked back at after a start (`messaging.overdue`)."""
_LOOK = 1.0
"""Seconds between two looks at whether the broker was provisioned."""
_SEED = re.compile(rb"SU[A-Z2-7]{56}")
_MISCONFIGURED = 78
"""Exit status EX_CONFIG: starting again would change nothing."""


class SettingsError(ValueError):
    """An environment variable that cannot be used; the text names it and the mend."""


@dataclass(frozen=True)
class Settings:
    """What a process takes from its environment, read once."""

    given_nats_url: str | None
    health_host: str
    health_port: int | None
    log_level: str
    exports: Exports
    profiles: Path | None = None
    """Folder of payer profiles of one's own."""
    suggester: str | None = None
    """A suggester of one's own, as `module:name`; coding alone asks it."""
    nkey: Path | None = None
    """File of the seed that proves to the server who this is."""
    wait: float = 0.0
    """Seconds that a service waits, when it starts, for its consumers to be as declared."""
    held_after: float = 300.0
    """Seconds after which claims holds a visit that a fact is missing of; 0: never. Claims alone looks."""

    @property
    def nats_url(self) -> str:
        """The server to use; where none is given, the usual port of this machine."""
        return self.given_nats_url or "nats://127.0.0.1:4222"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises `SettingsError`."""
        port = environment.get("CLAIMBUS_HEALTH_PORT", "")
        if port and not (port.isdigit() and int(port) < 65536):
            raise SettingsError(f"CLAIMBUS_HEALTH_PORT: {port!r} is not a port from 0 to 65535")
        return cls(
            given_nats_url=environment.get("CLAIMBUS_NATS_URL") or None,
            health_host=environment.get("CLAIMBUS_HEALTH_HOST") or "127.0.0.1",
            health_port=int(port) if port else None,
            log_level=environment.get("CLAIMBUS_LOG_LEVEL") or "INFO",
            exports=Exports.read(environment),
            profiles=Path(folder) if (folder := environment.get("CLAIMBUS_PROFILES")) else None,
            suggester=environment.get("CLAIMBUS_SUGGESTER") or None,
            nkey=_key_file(environment.get("CLAIMBUS_NATS_NKEY")),
            wait=_seconds(environment, "CLAIMBUS_WAIT", 0.0),
            held_after=_seconds(environment, "CLAIMBUS_HELD_AFTER", 300.0),
        )


def _key_file(given: str | None) -> Path | None:
    if not given:
        return None
    path = Path(given)
    try:
        seed = path.read_bytes()
    except OSError as exc:
        raise SettingsError(f"CLAIMBUS_NATS_NKEY: {given}: {exc.strerror}; see: claimbus keys --help") from None
    if not _SEED.fullmatch(seed.strip()):
        raise SettingsError(f"CLAIMBUS_NATS_NKEY: {given} holds no seed of a user: SU and 56 more letters and digits")
    return path


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    given = environment.get(name, "").strip()
    if not given:
        return default
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:
        raise SettingsError(
            f"{name}: {given!r} is not a number of seconds from 0 to {_MOST_SECONDS:.0f}; 0 turns it off"
        )
    return seconds


async def is_healthy(running: NatsBroker, name: str, projections: Iterable[Projection] = ()) -> bool:
    """Connected, its projections are current, and the consumer that it reads from exists and is as declared.

    A durable that was deleted under a running pull subscriber makes no error anywhere else.
    """
    client = running.connection
    if not client.is_connected or not all(projection.is_current for projection in projections):
        return False
    try:
        async with asyncio.timeout(2):
            await verify(client.jetstream(), name)
    except (Drift, TimeoutError, NatsError):
        return False
    return True


async def _serve_health(
    running: NatsBroker, name: str, projections: Iterable[Projection], host: str, port: int
) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                asked = await reader.readline()
                # Whether to be restarted is another question than whether work can be done: a broker that is away
                # comes back sooner than a service that has to start anew.
                well = asked.startswith(b"GET /live ") or await is_healthy(running, name, projections)
                status = "204 No Content" if well else "503 Service Unavailable"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port)


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


async def _serve(
    name: str,
    router: NatsRouter,
    projections: tuple[Projection, ...],
    watches: tuple[StalledVisits, ...],
    settings: Settings,
) -> None:
    running = broker(settings.nats_url, name, router, nkey=settings.nkey)
    app = FastStream(running, logger=None)
    health: list[asyncio.Server] = []
    gauges: list[BrokerGauges] = []
    fetches: list[LastFetch] = []

    @app.on_startup
    async def _check() -> None:
        client = await running.connect()
        await _provisioned(client, name, settings.wait)
        for projection in projections:
            await projection.start(client)

    @app.after_startup
    async def _ready() -> None:
        _settle_memory()
        fetches.extend(last_fetches(running))
        if settings.health_port is not None:
            health.append(await _serve_health(running, name, projections, settings.health_host, settings.health_port))
        for watch in watches:
            await watch.start(running.connection, name, settings.held_after)
        gauges.append(BrokerGauges(running.connection))
        log().info("service.ready", version=version("claimbus"))

    @app.on_shutdown
    async def _draining() -> None:
        log().info("service.draining")
        await asyncio.gather(*(fetch.end() for fetch in fetches))
        for watch in watches:
            await watch.stop()
        for one in gauges:
            await one.stop()
        for projection in projections:
            await projection.stop()

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


def run(name: str, package: str) -> None:
    """Run a service until SIGTERM or SIGINT, then finish what is in hand and stop.

    The `router` of the package's module `handlers` hears for it; the projections in its `projections`, if it has
    some, are rebuilt before it begins to hear, and its `watches` look from then on. Exits with status 78
    (configuration) when a setting,
    a table, a payer profile or the broker's topology is wrong, and with 1 when the broker refuses.
    """
    try:
        settings = Settings.read()
        logs.configure(name, settings.log_level)
        module = import_module(f"{package}.handlers")
        router: NatsRouter = module.router
        projections: tuple[Projection, ...] = getattr(module, "projections", ())
        watches: tuple[StalledVisits, ...] = getattr(module, "watches", ())
    except ValueError as exc:
        _give_up(name, exc, _MISCONFIGURED)
    with exporting(name, version("claimbus"), settings.exports):
        _tell_rules(package)
        try:
            asyncio.run(_serve(name, router, projections, watches, settings))
        except Drift as exc:
            _give_up(name, exc, _MISCONFIGURED)
        except NatsError as exc:
            _give_up(name, exc, 1)


def _tell_rules(package: str) -> None:
    rules: RuleSet = import_module(f"{package}.rules").RULES.rule_set
    record(registry.RULE_SET_INFO, 1, {registry.RULE_SET: rules.version, registry.RULE_SET_DIGEST: rules.sha256[:12]})


def _give_up(name: str, reason: Exception, status: int) -> NoReturn:
    sys.stderr.write(f"claimbus {name}: {reason}\n")
    sys.exit(status)
