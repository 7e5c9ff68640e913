"""Findings as data: what each id means, which denial to expect, who may mend it and how.

A service keeps a row for each id that it can say in its `rules/findings.toml`. Its code says whether, where and
why; what is the same for every visit comes from the row.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from claimbus.events import Finding, FixableBy, Mending
from claimbus.rules.table import DatedRow
from claimbus.values import FindingId, Result, Severity


class FindingRow(DatedRow):
    """One id of a finding.

    `severity` is the heaviest that it takes; a payer's profile may say how heavy, and what is unknown asks a person.
    `mending` is that of a failure: what is unknown is mended by sending what the record has.
    """

    id: FindingId
    meaning: str
    severity: Severity | Literal["by payer"]
    carc: str | None = None
    rarc: str | None = None
    fixable_by: FixableBy
    mending: Mending


FindingRows = Mapping[str, FindingRow]
"""By id: the rows in force on one day."""


def complete(findings: Iterable[Finding], rows: FindingRows) -> tuple[Finding, ...]:
    """The findings with what their rows say; what a finding says itself stands, and what passed needs nothing."""
    return tuple(complete_one(finding, rows) for finding in findings)


def complete_one(finding: Finding, rows: FindingRows) -> Finding:
    """One finding, completed."""
    row = None if finding.result is Result.PASS else rows.get(finding.id)
    if row is None:
        return finding
    said: dict[str, object] = {
        "carc": row.carc,
        "rarc": row.rarc,
        "fixable_by": row.fixable_by,
        "mending": "correction" if finding.result is Result.UNKNOWN else row.mending,
    }
    open_ = {name: value for name, value in said.items() if value is not None and getattr(finding, name) is None}
    return finding.model_copy(update=open_) if open_ else finding
