"""In every test of a service: what it says of a finding is what the finding's row says."""

from collections.abc import Iterator

import pytest
from claimbus.events import Finding
from claimbus.rules import FindingRows, findings
from claimbus.values import Result, Severity

_HEAVIEST_FIRST = list(Severity)


def _complaint(finding: Finding, rows: FindingRows) -> str | None:
    row = rows.get(finding.id)
    if row is None:
        return "has no row in rules/findings.toml"
    if row.severity != "by payer" and _HEAVIEST_FIRST.index(finding.severity) < _HEAVIEST_FIRST.index(row.severity):
        return f"is a {finding.severity}, and its row says {row.severity}"
    if finding.result is Result.PASS:
        return None
    mending = "correction" if finding.result is Result.UNKNOWN else row.mending
    said = (finding.carc, finding.rarc, finding.fixable_by, finding.mending)
    rowed = (row.carc, row.rarc, row.fixable_by, mending)
    return None if said == rowed else f"says {said}, and its row {rowed}"


@pytest.fixture(autouse=True, scope="module")
def _each_finding_agrees_with_its_row() -> Iterator[None]:
    """Looks at every finding of every visit that the tests of a service make, and at no other's."""
    complete = findings.complete_one

    def observed(finding: Finding, rows: FindingRows) -> Finding:
        done = complete(finding, rows)
        if complaint := _complaint(done, rows):
            pytest.fail(f"{done.id} {complaint}")
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "complete_one", observed)
        yield
