"""What every command does with a terminal: where it prints, and how an expected error looks."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import click
from claimbus.messaging import MessagingError
from claimbus.rules import RuleError
from claimbus.settings import Settings, SettingsError
from claimbus.telemetry.export import exporting
from claimbus.testing.embedded import BrokerError
from claimbus.testing.supervisor import ServiceFailedError
from nats.aio.client import Client
from nats.errors import Error as NatsError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from claimbus_cli.bus.bus import BusError, connected
from claimbus_cli.visit_files import VisitsError

_EXPECTED = (BusError, BrokerError, ServiceFailedError, VisitsError, MessagingError, TimeoutError)

out = Console()
if not out.is_terminal:
    out.width = max(out.width, 120)  # a file or a log is not the 80 columns that are assumed for it


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work; an expected error is one clear line and status 1."""
    try:
        settings = Settings.read()
    except SettingsError as exc:
        work.close()
        raise click.ClickException(str(exc)) from exc
    # One line when spans could not be sent, instead of one for each attempt.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    try:
        # What a command has to say, it says to the person at the terminal.
        exports = replace(settings.exports, signals=settings.exports.signals - {"logs"})
        with exporting("cli", version("claimbus-cli"), exports):
            asyncio.run(work)
    except _EXPECTED as exc:
        raise click.ClickException(str(exc) or type(exc).__name__) from exc
    except NatsError as exc:
        raise click.ClickException(f"the broker cannot do that ({exc}); see: claimbus doctor") from exc
    except KeyboardInterrupt:
        sys.exit(130)


def spell_age(seconds: float) -> str:
    """How long something has waited, in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def at_server() -> AbstractAsyncContextManager[Client]:
    """A connection to the server that the environment names, as the user whose key it names."""
    settings = Settings.read()
    return connected(settings.server, settings.nats_nkey)


@contextlib.contextmanager
def loading_rules() -> Iterator[None]:
    """Around the import of what loads tables and profiles: one that must not be used is one line and status 1."""
    try:
        yield
    except (RuleError, SettingsError) as exc:
        raise click.ClickException(str(exc)) from exc


@contextlib.contextmanager
def counted(what: str, *, while_writing: bool = False) -> Iterator[Callable[[], None]]:
    """Gives a function to call for each of many things; a person at a terminal sees their count go up on stderr.

    `while_writing`: answers go to stdout meanwhile; where that is the terminal too, they show the way themselves.
    """
    if not sys.stderr.isatty() or (while_writing and sys.stdout.isatty()):
        yield lambda: None
        return
    columns = (TextColumn(what), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda: progress.advance(task)
