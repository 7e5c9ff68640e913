"""Where commands print, and how they show that they are at work."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

out = Console()
if not out.is_terminal:
    out.width = max(out.width, 120)  # a file or a log is not the 80 columns that are assumed for it


def print_json(data: Any, indent: int | None = 2) -> None:
    """Data for a program; `indent=None`: on one line."""
    sys.stdout.write(to_json(data, indent=indent).decode() + "\n")
    sys.stdout.flush()


def spell_age(seconds: float) -> str:
    """How long something has waited, in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def printable(text: str) -> str:
    """Text as it came from an EHR or a payer may hold what a terminal would obey; that is shown as `?`."""
    return "".join(character if character.isprintable() else "?" for character in text)


def progress_bars() -> Progress:
    """A bar for each of a command's tasks, with how many there are."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=out
    )


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
