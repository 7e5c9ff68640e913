"""The whole pipeline without a broker: the very functions that the services call."""

import asyncio
from datetime import date

from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus.settings import Settings
from claimbus_engine import Rules, evaluate_fully, read_visit
from coding.suggester import ask, load_suggester

_SETTINGS = Settings.read()
RULES = Rules.load(_SETTINGS.profiles)
_SUGGESTER = load_suggester(_SETTINGS.suggester)


def evaluate_visit(body: bytes, as_of: date | None = None) -> ClaimReady | ClaimDenialRisk:
    """The decision on one visit, given as the JSON data of a visit-completed event.

    `as_of`: decide by the rules of that date of service, whatever the visit's own is.
    Raises `claimbus.events.InvalidEvent`, naming each wrong field, for data that the services would send to the dead
    letters.
    """
    visit, basis = read_visit(body)
    suggestions = asyncio.run(ask(visit, _SUGGESTER)) if _SUGGESTER is not None else {}
    rules = RULES if as_of is None else RULES.as_of(as_of)
    return evaluate_fully(visit, rules, basis=basis, suggestions=suggestions).decision
