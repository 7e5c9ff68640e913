"""Reading visits from files: JSON lines, one JSON document, a list of them, or a folder."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click
from pydantic_core import from_json, to_json


class VisitsError(click.ClickException):
    """A file or folder that holds no visits; the text names it."""


def read_visits(source: str) -> Iterator[tuple[int, bytes]]:
    """Raw visits with the line each begins on, in order; `-` is standard input.

    What is not JSON comes out as it stands: whoever uses it says what is wrong with it.
    Raises `VisitsError` for a path that cannot be read.
    """
    if source == "-":
        yield from _read(sys.stdin.buffer)
        return
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".json", ".jsonl"))
        if not files:
            raise VisitsError(f"{source}: no .json or .jsonl file in this folder")
    else:
        files = [path]
    for file in files:
        try:
            with file.open("rb") as stream:
                yield from _read(stream)
        except OSError as exc:
            raise VisitsError(f"{file}: {exc.strerror}") from exc


def _read(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    first = b""
    number = 0
    while not first.strip():
        first = stream.readline()
        number += 1
        if not first:
            return
    if _is_document_start(first):
        rest = first + stream.read()
        try:
            document = from_json(rest)
        except ValueError:
            pass
        else:
            for visit in document if isinstance(document, list) else [document]:
                yield number, rest.strip() if visit is document else to_json(visit)
            return
        lines = rest.splitlines()
        yield from ((place, line.strip()) for place, line in enumerate(lines, number) if line.strip())
        return
    yield number, first.strip()
    for place, line in enumerate(stream, number + 1):
        if line.strip():
            yield place, line.strip()


def _is_document_start(line: bytes) -> bool:
    """Whether a first line is only the beginning of a JSON document that goes on below."""
    try:
        return isinstance(from_json(line), list)
    except ValueError:
        return line.lstrip()[:1] in (b"{", b"[")
