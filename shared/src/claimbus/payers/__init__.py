"""Payer profiles: one file for each program and payer, read by every service that a payer has a say in (ADR 7)."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from claimbus.rules import ProfileBook, read_profiles
from claimbus.settings import Settings

_folder: Path | None = None
_apart: tuple[str, ...] = ()


def lay_over(folder: Path, apart: Iterable[str] = ()) -> None:
    """Take this folder instead of the one that CLAIMBUS_PROFILES names. Before any rules are loaded, or never.

    Folders in it that are named in `apart` hold something else than a practice's profiles.
    """
    global _folder, _apart
    if profiles.cache_info().currsize:
        raise RuntimeError("the profiles of this process are loaded already")
    _folder, _apart = folder, tuple(apart)


@cache
def profiles() -> ProfileBook:
    """Our profiles and, laid over them, the folder of one's own.

    Raises `RuleError`.
    """
    return read_profiles(Path(__file__).parent, _folder or Settings.read().profiles, _apart)
