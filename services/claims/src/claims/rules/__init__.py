"""Claims' dated tables, loaded once."""

from datetime import date
from functools import lru_cache

from claimbus.events import RuleSet
from claimbus.payers import profiles
from claimbus.rules import Profiles, load_table, rule_set_of

from claims.domain.tables import ClaimRules, ClaimSettings, RequiredField, ThresholdRow


class Rules:
    """All tables of the service. Raises `RuleError` at start when one must not be used."""

    def __init__(self) -> None:
        self.profiles = Profiles(profiles(), "claims", ClaimSettings)
        self._thresholds = load_table(__name__, "kx_thresholds.toml", ThresholdRow, lambda _: "threshold")
        self._required = load_table(__name__, "required_fields.toml", RequiredField, lambda row: row.id)
        self.rule_set: RuleSet = rule_set_of(profiles().table, self._thresholds, self._required)
        self.on = lru_cache(maxsize=1024)(self._on)

    def _on(self, day: date) -> ClaimRules:
        thresholds = self._thresholds.on(day)
        return ClaimRules(
            day=day,
            profiles=self.profiles,
            kx_threshold=thresholds[0] if thresholds else None,
            required_fields=self._required.on(day),
        )


RULES = Rules()
