"""Decisions from what a person hands in: made already, or made here as the services make them."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

import click
from claimbus.events import Decision, InvalidEvent, Problem, VisitCompleted, decision_adapter
from claimbus.rules import RuleError
from claimbus.settings import Settings, SettingsError
from claimbus_engine import Rules, evaluate_fully, read_visit
from coding.domain.opinion import NO_SUGGESTIONS, MachineSuggestions, Suggester
from coding.suggester import ask, load_suggester
from pydantic import ValidationError
from pydantic_core import from_json


@contextlib.contextmanager
def loading_rules() -> Iterator[None]:
    """What a service would not start with is one line and status 1."""
    try:
        yield
    except (RuleError, SettingsError) as exc:
        raise click.ClickException(str(exc)) from exc


def load_rules(overlay: Path | None = None) -> Rules:
    """The rules of all services with a folder of one's own, or else that of CLAIMBUS_PROFILES, laid over them.

    Raises `click.ClickException` for what a service would not start with.
    """
    with loading_rules():
        folder = overlay or Settings.read().profiles
        return _shipped_rules() if folder is None else Rules.load(folder)


@cache
def _shipped_rules() -> Rules:
    """Loaded once, however many commands a process runs."""
    return Rules.load()


def suggester_of_practice() -> Suggester | None:
    """The suggester that CLAIMBUS_SUGGESTER names. Raises `click.ClickException` where it cannot be used."""
    with loading_rules():
        return load_suggester(Settings.read().suggester)


def suggestions_on(visit: VisitCompleted, suggester: Suggester | None) -> MachineSuggestions:
    """What the practice's own suggester answers, where it has one."""
    return NO_SUGGESTIONS if suggester is None else asyncio.run(ask(visit, suggester))


def decide_visit(body: bytes, rules: Rules, suggester: Suggester | None = None) -> Decision:
    """The decision on a visit, given as the data of a visit-completed event. Raises `InvalidEvent`."""
    visit, basis = read_visit(body)
    return evaluate_fully(visit, rules, basis=basis, suggestions=suggestions_on(visit, suggester)).decision


class DecisionReader:
    """Reads decisions, and decides visits that come instead of them."""

    def read(self, body: bytes) -> Decision:
        """Raises `InvalidEvent`, and `click.ClickException` for rules that cannot be used."""
        if not _is_decision(body):
            return decide_visit(body, *self._deciding)
        try:
            return decision_adapter.validate_json(body)
        except ValidationError as exc:
            first = exc.errors(include_input=False)[0]
            raise InvalidEvent(Problem(field=".".join(map(str, first["loc"][1:])), problem=first["msg"])) from None

    @cached_property
    def _deciding(self) -> tuple[Rules, Suggester | None]:
        """Loaded with the first visit: decisions need no rules."""
        return load_rules(), suggester_of_practice()


def _is_decision(body: bytes) -> bool:
    try:
        given = from_json(body)
    except ValueError:
        return False
    return isinstance(given, dict) and "outcome" in given
