"""The engine for dated tables. It knows no payer and no code: services bring the rows."""

from claimbus.rules.table import DatedRow, RuleError, Table, load_table, merge_rule_sets, rule_set_of

__all__ = ["DatedRow", "RuleError", "Table", "load_table", "merge_rule_sets", "rule_set_of"]
