"""Which lines and dollars a finding endangers, and until when it can be fixed."""

from collections.abc import Sequence
from datetime import date

from claimbus.events import Finding, Line
from claimbus.values import Result, Severity

from claims.domain.lines.fees import total_of
from claims.domain.tables import ClaimRules


def place_finding(finding: Finding, lines: Sequence[Line], rules: ClaimRules, file_by: date | None) -> Finding:
    """Name the lines and the amount that a finding endangers, and until when a fix helps.

    What is unknown asks a person and blocks nothing; what is due next endangers nothing yet.
    """
    if finding.is_due:
        return finding
    changes: dict[str, object] = {}
    if finding.result is Result.UNKNOWN and finding.severity is Severity.BLOCK:
        changes["severity"] = Severity.REVIEW
    if finding.intervention_id is not None and finding.line is None:
        number = next((line.number for line in lines if finding.intervention_id in line.intervention_ids), None)
        if number is not None:
            changes["line"] = number
    endangered = _endangered(finding, lines, rules)
    if finding.severity is not Severity.INFO and endangered:
        changes["lines"] = tuple(line.number for line in endangered)
        if finding.amount_at_risk is None:
            changes["amount_at_risk"] = total_of(line.expected_amount for line in endangered)
    if finding.fix is not None and finding.mending != "none":
        changes["mend_by"] = file_by
    return finding.model_copy(update=changes) if changes else finding


def _endangered(finding: Finding, lines: Sequence[Line], rules: ClaimRules) -> Sequence[Line]:
    """Lines that go unpaid if a payer sees what the finding saw; none for what is not on the claim."""
    if finding.id in rules.endangers_nothing:
        return ()
    interventions = {finding.intervention_id, *finding.intervention_ids} - {None}
    if finding.line is not None:
        named = [line for line in lines if line.number == finding.line]
    elif interventions:
        named = [line for line in lines if interventions & {*line.intervention_ids}]
    elif finding.codes:
        named = [line for line in lines if line.code in finding.codes]
    else:
        return lines
    if finding.id in rules.denies_all_units:
        codes = {line.code for line in named}
        return [line for line in lines if line.code in codes]
    return named
