"""How a command comes to the broker: a connection, and what goes wrong as one line for a person."""

import asyncio
import contextlib
import functools
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec

import click
import nats
from claimbus.messaging import MessagingError
from claimbus.messaging.permissions import inbox_of
from claimbus.settings import Settings, SettingsError
from claimbus.telemetry.export import exporting
from claimbus.testing.embedded import BrokerError
from claimbus.testing.supervisor import ServiceFailedError
from nats.aio.client import DEFAULT_INBOX_PREFIX, Client
from nats.errors import Error as NatsError
from nats.errors import NoServersError

from claimbus_cli.bus.seeds import public_key

P = ParamSpec("P")
_EXPECTED = (BrokerError, ServiceFailedError, MessagingError, SettingsError, TimeoutError)
_LONGEST_CONNECT = 15.0


class BusError(click.ClickException):
    """The broker cannot be used, or a visit cannot be put on it; the text says what to do."""


def on_bus(work: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a command of what it does on the bus; an expected error is one clear line and status 1."""

    @functools.wraps(work)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        _run(functools.partial(work, *args, **kwargs))

    return command


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    # One line when spans could not be sent, instead of one for each attempt.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    try:
        # What a command reports, it reports to the person at the terminal.
        exports = Settings.read().exports
        with exporting("cli", version("claimbus-cli"), replace(exports, signals=exports.signals - {"logs"})):
            asyncio.run(work())
    except _EXPECTED as exc:
        raise click.ClickException(str(exc) or type(exc).__name__) from exc
    except NatsError as exc:
        raise click.ClickException(f"the broker cannot do that ({exc}); see: claimbus doctor") from exc
    except KeyboardInterrupt:
        sys.exit(130)


def at_server() -> AbstractAsyncContextManager[Client]:
    """A connection to the server that the environment names, as the user whose key it names."""
    settings = Settings.read()
    return connected(settings.server, settings.nats_nkey)


@contextlib.asynccontextmanager
async def connected(url: str, nkey: Path | None = None) -> AsyncIterator[Client]:
    """A connection for one command, as the user of a seed's file if one is given.

    Raises `BusError` when no server answers, or it lets nobody in without a key, or not with this one.
    """
    errors: list[str] = []

    async def collect(exc: Exception) -> None:
        """nats-py would print a traceback for each attempt; the error below names it once."""
        errors.append(str(exc))

    try:
        # nats-py 2.16 waits for ever after a certificate that it does not trust.
        async with asyncio.timeout(_LONGEST_CONNECT):
            client = await nats.connect(
                url,
                name="claimbus-cli",
                max_reconnect_attempts=2,
                connect_timeout=3,
                error_cb=collect,
                nkeys_seed=str(nkey) if nkey else None,
                inbox_prefix=inbox_of(public_key(nkey)) if nkey else DEFAULT_INBOX_PREFIX,
            )
    except (NoServersError, OSError, TimeoutError) as exc:
        raise BusError(_why_not(url, " ".join(errors).lower())) from exc
    except NatsError as exc:
        raise BusError(f"CLAIMBUS_NATS_URL: {url!r} cannot be used: {exc}") from exc
    try:
        yield client
    finally:
        await client.close()


def _why_not(url: str, errors: str) -> str:
    if "authorization" in errors:
        return f"{url} lets in only who has a key, and not this one: set CLAIMBUS_NATS_NKEY"
    if "certificate" in errors:
        return f"{url} has a certificate that is not trusted: set SSL_CERT_FILE to the file of its authority"
    return f"no NATS server answers at {url}; start one with: claimbus up"
