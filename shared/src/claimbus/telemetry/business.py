"""What a claim event adds to the metrics: counts and dollars by payer class, practice and finding."""

from datetime import UTC, datetime
from decimal import Decimal

from claimbus.events import ClaimDenialRisk, ClaimReady, Event, Finding
from claimbus.telemetry import metrics, registry
from claimbus.telemetry.metrics import record
from claimbus.values import Result, Severity


def count_claim_event(event: Event, since: datetime | None) -> None:
    """Count a published claim event; `since` is when the broker stored the visit that it is about."""
    if not metrics.are_sent():
        return
    record(registry.CLAIM_EVENTS, 1, {registry.OUTCOME: event.fact})
    if not isinstance(event, ClaimReady | ClaimDenialRisk):
        return
    payer = {registry.PAYER_CLASS: min(event.claim.coverage, key=lambda coverage: coverage.rank).program.value}
    practice = {registry.PRACTICE: event.practice_id}
    outcome = {registry.OUTCOME: event.fact}
    open_findings = [finding for finding in event.findings if finding.result is not Result.PASS and not finding.is_due]
    touchless = isinstance(event, ClaimReady) and all(finding.severity is Severity.INFO for finding in open_findings)
    record(registry.DECISIONS, 1, outcome | payer | practice | {registry.TOUCHLESS: str(touchless).lower()})
    if since is not None:
        # Two clocks: the broker's and ours.
        record(registry.DECISION_TIME, max(0.0, (datetime.now(UTC) - since).total_seconds()), outcome | payer)
    for finding in open_findings:
        which = {registry.FINDING_ID: finding.id}
        how = {registry.SEVERITY: finding.severity.value, registry.RESULT: finding.result.value}
        record(registry.FINDINGS, 1, which | how)
        if finding.amount_at_risk:
            record(registry.FINDING_AT_RISK, float(finding.amount_at_risk), which | payer)
    if at_risk := dollars_at_risk(event):
        record(registry.AT_RISK, float(at_risk), payer | practice)
    if (ehr := event.units.ehr) is not None:
        for direction, differences in (("removed", ehr.over), ("added", ehr.under)):
            if units := sum(differences.get(event.units.rule, {}).values()):
                record(registry.UNITS_CHANGED, units, payer | {registry.DIRECTION: direction})


def dollars_at_risk(decision: ClaimReady | ClaimDenialRisk) -> Decimal:
    """Expected dollars of the lines that some blocking finding endangers, each line once."""
    endangered = {number for finding in decision.findings if _blocks(finding) for number in finding.lines}
    known = (line.expected_amount for line in decision.lines if line.number in endangered)
    return sum((amount for amount in known if amount is not None), Decimal(0))


def _blocks(finding: Finding) -> bool:
    return finding.severity is Severity.BLOCK and finding.result is Result.FAIL
