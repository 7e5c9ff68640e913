"""What the coding service is made of."""

from claimbus.service import Wiring
from claimbus.settings import Settings

from coding.handlers import subscribe
from coding.rules import RULES
from coding.suggester import load_suggester


def bootstrap(settings: Settings) -> Wiring:
    """Raises `SettingsError` for a suggester that cannot be loaded."""
    return Wiring(subscribe(RULES, load_suggester(settings.suggester)), RULES.rule_set)
