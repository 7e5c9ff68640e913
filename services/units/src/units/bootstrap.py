"""What the units service is made of."""

from claimbus.service import Wiring
from claimbus.settings import Settings

from units.handlers import subscribe
from units.rules import RULES


def bootstrap(settings: Settings) -> Wiring:  # noqa: ARG001  (every service's has it)
    return Wiring(subscribe(RULES), RULES.rule_set)
