"""The tables that units are counted by, and what is in force on one day."""

from datetime import date

from claimbus.events import TableRow
from claimbus.rules import FindingRow, PayerRuleBook, TableOf, findings_by_id

from units.domain.findings import UnitFinding
from units.domain.tables import AssistantRow, CodeRow, EightMinuteRow, EightMinuteTable, UnitRules, UnitSettings


class UnitRuleBook(PayerRuleBook[UnitRules, UnitSettings]):
    package = "units"
    section, settings = "units", UnitSettings

    codes = TableOf("codes.toml", CodeRow, key=lambda row: row.code)
    eight_minute = TableOf("cms_8_minute_table.toml", EightMinuteRow, key=lambda row: row.units)
    assistant = TableOf("assistant.toml", AssistantRow, key=lambda _: "assistant")
    findings = TableOf("findings.toml", FindingRow, key=lambda row: row.id)

    def in_force(self, day: date) -> UnitRules:
        codes = {row.code: row for row in self.codes.on(day)}
        minutes = [
            TableRow(minutes_from=row.minutes_from, minutes_through=row.minutes_through, units=row.units)
            for row in sorted(self.eight_minute.on(day), key=lambda row: row.minutes_from)
        ]
        return UnitRules(
            day=day,
            rule_set=self.rule_set,
            profiles=self.profiles,
            codes=codes,
            known={row.code: row for row in sorted(self.codes.rows, key=lambda row: row.effective_from)},
            further={row.add_on_to: row for row in codes.values() if row.add_on_to is not None},
            eight_minute=EightMinuteTable(
                tuple(row for row in minutes for _ in range(row.minutes_from, row.minutes_through + 1))
            ),
            assistant=next(iter(self.assistant.on(day)), None),
            findings=findings_by_id(self.findings.on(day), UnitFinding),
        )
