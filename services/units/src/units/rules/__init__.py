"""The tables of the units service, loaded once and picked by date of service."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from claimbus.events import RuleSet
from claimbus.payers import profiles
from claimbus.rules import FindingRow, Profiles, Table, load_table, rule_set_of

from units.domain.rulebook import AssistantRow, CodeRow, EightMinuteRow, Rulebook, UnitSettings, make_rulebook

_CODES = load_table(__package__, "codes.toml", CodeRow, lambda row: row.code)
_PROFILES = Profiles(profiles(), "units", UnitSettings)
_EIGHT_MINUTE = load_table(__package__, "cms_8_minute_table.toml", EightMinuteRow, lambda row: row.units)
_ASSISTANT = load_table(__package__, "assistant.toml", AssistantRow, lambda _row: "one")
_FINDINGS = load_table(__package__, "findings.toml", FindingRow, lambda row: row.id)


@lru_cache(maxsize=1024)
def _on(service_date: date) -> Rulebook:
    return make_rulebook(
        codes=_CODES.on(service_date),
        every_code=_CODES.rows,
        profiles=_PROFILES,
        eight_minute=_EIGHT_MINUTE.on(service_date),
        assistant=next(iter(_ASSISTANT.on(service_date)), None),
        findings=_FINDINGS.on(service_date),
    )


@dataclass(frozen=True)
class Rules:
    on: Callable[[date], Rulebook]
    findings: tuple[FindingRow, ...]
    """Of every day."""
    profiles: Profiles[UnitSettings]
    tables: tuple[Table[Any], ...]
    rule_set: RuleSet


_TABLES: tuple[Table[Any], ...] = (_CODES, profiles().table, _EIGHT_MINUTE, _ASSISTANT, _FINDINGS)
RULES = Rules(on=_on, findings=_FINDINGS.rows, profiles=_PROFILES, tables=_TABLES, rule_set=rule_set_of(*_TABLES))
