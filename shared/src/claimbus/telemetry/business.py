"""What a word of claims adds to the metrics: counts and dollars by payer class, practice and finding."""

from datetime import UTC, datetime
from decimal import Decimal

from claimbus.events import ClaimDenialRisk, ClaimReady, Event, Finding
from claimbus.telemetry import metrics, registry
from claimbus.telemetry.metrics import record
from claimbus.values import Result, Severity


def count_claim_event(word: Event, since: datetime | None) -> None:
    """Count what was said; `since` is when the broker stored the visit that it is about."""
    if not metrics.are_sent():
        return
    record(registry.CLAIM_EVENTS, 1, {registry.OUTCOME: word.fact})
    if not isinstance(word, ClaimReady | ClaimDenialRisk):
        return
    payer = {registry.PAYER_CLASS: min(word.claim.coverage, key=lambda one: one.rank).program.value}
    practice = {registry.PRACTICE: word.practice_id}
    outcome = {registry.OUTCOME: word.fact}
    open_findings = [one for one in word.findings if one.result is not Result.PASS and not one.is_due]
    touchless = isinstance(word, ClaimReady) and all(one.severity is Severity.INFO for one in open_findings)
    record(registry.DECISIONS, 1, outcome | payer | practice | {registry.TOUCHLESS: str(touchless).lower()})
    if since is not None:
        # Two clocks: the broker's and ours.
        record(registry.DECISION_TIME, max(0.0, (datetime.now(UTC) - since).total_seconds()), outcome | payer)
    for one in open_findings:
        finding = {registry.FINDING_ID: one.id}
        how = {registry.SEVERITY: one.severity.value, registry.RESULT: one.result.value}
        record(registry.FINDINGS, 1, finding | how)
        if one.amount_at_risk:
            record(registry.FINDING_AT_RISK, float(one.amount_at_risk), finding | payer)
    if at_risk := dollars_at_risk(word):
        record(registry.AT_RISK, float(at_risk), payer | practice)
    if (ehr := word.units.ehr) is not None:
        for direction, differences in (("removed", ehr.over), ("added", ehr.under)):
            if units := sum(differences.get(word.units.rule, {}).values()):
                record(registry.UNITS_CHANGED, units, payer | {registry.DIRECTION: direction})


def dollars_at_risk(decision: ClaimReady | ClaimDenialRisk) -> Decimal:
    """Expected dollars of the lines that some blocking finding endangers, each line once."""
    endangered = {number for one in decision.findings if _blocks(one) for number in one.lines}
    known = (line.expected_amount for line in decision.lines if line.number in endangered)
    return sum((amount for amount in known if amount is not None), Decimal(0))


def _blocks(finding: Finding) -> bool:
    return finding.severity is Severity.BLOCK and finding.result is Result.FAIL
