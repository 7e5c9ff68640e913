"""A practice's own suggester, where it has one: loaded by name, asked in a bounded time, trusted with nothing."""

import asyncio
from importlib.metadata import EntryPoint
from typing import cast

from claimbus.events import MachineSuggestion, VisitCompleted
from claimbus.settings import SettingsError
from claimbus.telemetry.logs import log

from coding.domain.opinion import Asked, Opinions, Suggester, checked, questions_of

_VARIABLE = "CLAIMBUS_SUGGESTER"
_BUDGET = 0.2
"""Seconds for all interventions of a visit: a batch of 64 visits stays below the broker's 15 s for an answer."""


def load_suggester(named: str | None) -> Suggester | None:
    """The suggester that `module:name` names: an instance, or what makes one without arguments.

    Raises `SettingsError`: a practice that asked for its model must not run without it unnoticed.
    """
    if named is None:
        return None
    try:
        loaded = EntryPoint(_VARIABLE, named, _VARIABLE).load()
        made = loaded() if isinstance(loaded, type) or not hasattr(loaded, "suggest") else loaded
    except Exception as exc:
        raise SettingsError(f"{_VARIABLE}: {named!r} cannot be loaded ({type(exc).__name__}: {exc})") from exc
    if not (
        isinstance(getattr(made, "name", None), str) and asyncio.iscoroutinefunction(getattr(made, "suggest", None))
    ):
        raise SettingsError(f"{_VARIABLE}: {named!r} needs `name: str` and `async def suggest(self, asked)`")
    return cast(Suggester, made)


async def ask(visit: VisitCompleted, suggester: Suggester | None) -> Opinions:
    """What the suggester says of each intervention. No answer in time, an error or a broken answer is none."""
    if suggester is None:
        return {}
    asked = questions_of(visit)
    by_id = {one.id: one for one in visit.interventions}
    said: dict[str, MachineSuggestion] = {}

    async def ask_one(key: str, one: Asked) -> None:
        try:
            opinion = await suggester.suggest(one)
            if opinion is not None:
                said[key] = checked(suggester.name, opinion, by_id[key])
        except Exception as exc:
            log().warning("suggester.failed", error_type=type(exc).__name__)

    try:
        async with asyncio.timeout(_BUDGET):
            await asyncio.gather(*(ask_one(key, one) for key, one in asked.items()))
    except TimeoutError:
        log().warning("suggester.failed", error_type="TimeoutError")
    return said
