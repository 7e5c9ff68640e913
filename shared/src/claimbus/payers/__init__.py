"""Payer profiles: one file for each program and payer, read by every service that a payer has a say in (ADR 7)."""

from functools import cache
from pathlib import Path

from claimbus.rules import ProfileBook, read_profiles
from claimbus.service import Settings


@cache
def profiles() -> ProfileBook:
    """Our profiles and, laid over them, the folder that CLAIMBUS_PROFILES names.

    Raises `RuleError`.
    """
    return read_profiles(Path(__file__).parent, Settings.read().profiles)
