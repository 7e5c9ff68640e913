"""The engine for dated tables and payer profiles. It knows no payer and no code: others bring the rows."""

from claimbus.rules.findings import FindingRow, FindingRows, complete
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
    drafts_not_taken,
    last_change,
    load_table,
    merge_rule_sets,
    replace_tables,
    rule_set_of,
)

__all__ = [
    "DatedRow",
    "FindingRow",
    "FindingRows",
    "Origin",
    "Profile",
    "ProfileBook",
    "ProfileRow",
    "ProfileSettings",
    "Profiles",
    "RuleError",
    "Table",
    "complete",
    "days_of_change",
    "drafts_not_taken",
    "last_change",
    "load_table",
    "merge_rule_sets",
    "read_profiles",
    "replace_tables",
    "rule_set_of",
    "spelled",
]
