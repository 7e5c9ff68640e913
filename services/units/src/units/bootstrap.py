"""What the units service is made of."""

from claimbus.service import Wiring
from claimbus.settings import Settings

from units.handlers import subscribe
from units.rule_book import UnitRuleBook


def bootstrap(settings: Settings) -> Wiring:
    rules = UnitRuleBook.load(overlay=settings.profiles)
    return Wiring(subscribe(rules), rules.rule_set)
