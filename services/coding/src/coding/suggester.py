"""A practice's own suggester, where it has one: loaded by name, asked in a bounded time, trusted with nothing."""

import asyncio
from importlib.metadata import EntryPoint
from typing import cast

from claimbus.events import MachineSuggestion, VisitCompleted
from claimbus.settings import SettingsError
from claimbus.telemetry.logs import log

from coding.domain.opinion import (
    NO_SUGGESTIONS,
    Asked,
    MachineSuggestions,
    Suggester,
    check_opinion,
    describe_interventions,
)

_VARIABLE = "CLAIMBUS_SUGGESTER"
_TIME_LIMIT = 0.2
"""Seconds for all interventions of a visit: a batch of 64 visits stays below the broker's 15 s for an answer."""


def load_suggester(name: str | None) -> Suggester | None:
    """The suggester that `module:name` names: an instance, or what makes one without arguments.

    Raises `SettingsError`: a practice that asked for its model must not run without it unnoticed.
    """
    if name is None:
        return None
    try:
        loaded = EntryPoint(_VARIABLE, name, _VARIABLE).load()
        suggester = loaded() if isinstance(loaded, type) or not hasattr(loaded, "suggest") else loaded
    except Exception as exc:
        raise SettingsError(f"{_VARIABLE}: {name!r} cannot be loaded ({type(exc).__name__}: {exc})") from exc
    if not (
        isinstance(getattr(suggester, "name", None), str)
        and asyncio.iscoroutinefunction(getattr(suggester, "suggest", None))
    ):
        raise SettingsError(f"{_VARIABLE}: {name!r} needs `name: str` and `async def suggest(self, asked)`")
    return cast(Suggester, suggester)


async def ask(visit: VisitCompleted, suggester: Suggester | None) -> MachineSuggestions:
    """What the suggester suggests for each intervention. No answer in time, an error or a broken answer is none."""
    if suggester is None:
        return NO_SUGGESTIONS
    interventions = {intervention.id: intervention for intervention in visit.interventions}
    suggestions: dict[str, MachineSuggestion] = {}

    async def ask_about(intervention_id: str, asked: Asked) -> None:
        try:
            opinion = await suggester.suggest(asked)
            if opinion is not None:
                suggestions[intervention_id] = check_opinion(suggester.name, opinion, interventions[intervention_id])
        except Exception as exc:
            log().warning("suggester.failed", error_type=type(exc).__name__)

    try:
        async with asyncio.timeout(_TIME_LIMIT):
            await asyncio.gather(*(ask_about(id_, asked) for id_, asked in describe_interventions(visit).items()))
    except TimeoutError:
        log().warning("suggester.failed", error_type="TimeoutError")
    return suggestions
