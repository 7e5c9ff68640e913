"""The engine for dated tables and payer profiles. It knows no payer and no code: others bring the rows."""

from claimbus.rules.book import DayRules, PayerRuleBook, PayerRules, RuleBook, RuleFolder, TableOf
from claimbus.rules.findings import About, FindingRow, findings_by_id, sorted_out
from claimbus.rules.profiles import (
    Origin,
    Profile,
    ProfileBook,
    ProfileRow,
    Profiles,
    ProfileSettings,
    read_profiles,
    spelled,
)
from claimbus.rules.table import (
    DatedRow,
    RuleError,
    Table,
    days_of_change,
    last_change,
    merge_rule_sets,
    rule_set_of,
)

__all__ = [
    "About",
    "DatedRow",
    "DayRules",
    "FindingRow",
    "Origin",
    "PayerRuleBook",
    "PayerRules",
    "Profile",
    "ProfileBook",
    "ProfileRow",
    "ProfileSettings",
    "Profiles",
    "RuleBook",
    "RuleError",
    "RuleFolder",
    "Table",
    "TableOf",
    "days_of_change",
    "findings_by_id",
    "last_change",
    "merge_rule_sets",
    "read_profiles",
    "rule_set_of",
    "sorted_out",
    "spelled",
]
