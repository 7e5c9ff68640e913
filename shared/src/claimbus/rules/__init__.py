"""The engine for dated tables and payer profiles. It knows no payer and no code: others bring the rows."""

from claimbus.rules.profiles import Origin, Profile, ProfileBook, Profiles, ProfileSettings, read_profiles
from claimbus.rules.table import DatedRow, RuleError, Table, load_table, merge_rule_sets, rule_set_of

__all__ = [
    "DatedRow",
    "Origin",
    "Profile",
    "ProfileBook",
    "ProfileSettings",
    "Profiles",
    "RuleError",
    "Table",
    "load_table",
    "merge_rule_sets",
    "read_profiles",
    "rule_set_of",
]
