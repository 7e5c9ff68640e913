"""What the coding service is made of."""

from claimbus.service import Wiring
from claimbus.settings import Settings

from coding.handlers import subscribe
from coding.rule_book import CodingRuleBook
from coding.suggester import load_suggester


def bootstrap(settings: Settings) -> Wiring:
    """Raises `SettingsError` for a suggester that cannot be loaded."""
    rules = CodingRuleBook.load(overlay=settings.profiles)
    return Wiring(subscribe(rules, load_suggester(settings.suggester)), rules.rule_set)
