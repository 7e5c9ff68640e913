"""The decision on one visit revision: lines, findings, outcome, and what a claim document needs."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache

from claimbus.events import (
    Basis,
    CheckCounts,
    ClaimDenialRisk,
    ClaimDocument,
    ClaimReady,
    ClaimVoided,
    DocumentationChecked,
    Event,
    Finding,
    Line,
    RuleSet,
    UnitsComputed,
    UnitsSummary,
    VisitCoded,
    VisitCompleted,
    VisitVoided,
)
from claimbus.events.envelope import event_id
from claimbus.rules import merge_rule_sets
from claimbus.values import Result, Severity

from claims.domain.lines import compose_lines, diagnoses_in_order
from claims.domain.tables import ClaimRules, RequiredField

_CONTROL_NUMBER = 20
"""Most characters of a patient control number (005010X222A1, CLM01 as payers return it)."""


def claim_id_of(practice_id: str, visit_id: str, revision: int) -> str:
    """The claim of a visit revision; the same wherever it is computed."""
    return event_id("claim", practice_id, visit_id, revision)


def decide_claim(
    visit: VisitCompleted,
    coded: VisitCoded,
    units: UnitsComputed,
    documentation: DocumentationChecked,
    rules: ClaimRules,
    rule_set: RuleSet,
    *,
    basis: Basis,
    event_ids: dict[str, str],
    supersedes_revision: int | None,
    decided_at: datetime,
    trace_id: str | None,
) -> ClaimReady | ClaimDenialRisk:
    """Denial-risk exactly when a finding of severity block has failed; ready otherwise.

    The facts must be of one visit revision. `supersedes_revision` is the revision whose decision
    this one replaces; it, `decided_at` and `trace_id` change nothing else in the decision.
    """
    lines, line_findings = compose_lines(visit, coded, units, rules)
    checked = [
        *documentation.checks,
        *coded.findings,
        *units.findings,
        *line_findings,
        *_missing_fields(visit, rules),
        _something_billable(lines),
    ]
    checks = [_placed(finding, lines) for finding in checked]
    counts = Counter(check.result for check in checks)
    remarks = tuple(check for check in checks if check.result is not Result.PASS)
    blocked = any(one.severity is Severity.BLOCK and one.result is Result.FAIL for one in remarks)
    decision = ClaimDenialRisk if blocked else ClaimReady
    claim_id = claim_id_of(visit.practice_id, visit.visit_id, visit.revision)
    return decision(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        claim_id=claim_id,
        basis=basis,
        event_ids=event_ids,
        supersedes=_claim_of(visit, supersedes_revision),
        decided_at=decided_at,
        trace_id=trace_id,
        lines=lines,
        unbilled=units.unbilled,
        units=UnitsSummary(
            rule=units.worksheet.rule,
            timed_minutes=units.worksheet.timed_minutes,
            timed_units=units.worksheet.timed_units,
            alternatives=units.worksheet.alternatives,
            other_rules=units.worksheet.other_rules,
        ),
        findings=remarks,
        checks=CheckCounts(passed=counts[Result.PASS], failed=counts[Result.FAIL], unknown=counts[Result.UNKNOWN]),
        rule_set=merge_rule_sets(coded.rule_set, units.rule_set, documentation.rule_set, rule_set),
        claim=_document(visit, lines, claim_id),
    )


def retract_claim(void: VisitVoided, decided_revision: int | None) -> ClaimVoided:
    """What claims says when the EHR takes a visit back; names the decision that falls, if one stands."""
    return ClaimVoided(
        practice_id=void.practice_id,
        visit_id=void.visit_id,
        revision=void.revision,
        reason=void.reason,
        retracts=_claim_of(void, decided_revision),
    )


def _claim_of(event: Event, revision: int | None) -> str | None:
    return None if revision is None else claim_id_of(event.practice_id, event.visit_id, revision)


def _placed(finding: Finding, lines: Iterable[Line]) -> Finding:
    """Name the line that a finding endangers; what is unknown asks a person and blocks nothing."""
    changes: dict[str, object] = {}
    if finding.result is Result.UNKNOWN and finding.severity is Severity.BLOCK:
        changes["severity"] = Severity.REVIEW
    if finding.intervention_id is not None and finding.line is None:
        number = next((line.number for line in lines if finding.intervention_id in line.intervention_ids), None)
        if number is not None:
            changes["line"] = number
    return finding.model_copy(update=changes) if changes else finding


def _missing_fields(visit: VisitCompleted, rules: ClaimRules) -> Iterable[Finding]:
    payer = visit.primary
    if payer.program == "self_pay":
        return
    for field in rules.required_fields:
        if field.programs and payer.program not in field.programs:
            continue
        head, *rest = field.path.split(".")
        value: object = payer if head == "coverage" else getattr(visit, head)
        for name in rest:
            value = getattr(value, name, None)
        yield _field_finding(field, there=value is not None and value != "")


@cache
def _field_finding(field: RequiredField, *, there: bool) -> Finding:
    """The same for every visit, so it is made once for each row."""
    text = "is there." if there else "is missing; a claim cannot be sent without it."
    return Finding(
        id=field.id,
        result=Result.PASS if there else Result.FAIL,
        severity=Severity.BLOCK,
        message=f"{field.path} {text}",
        fix=None if there else f"Send {field.path}.",
        fixable_by=None if there else field.fixable_by,
        carc=field.carc,
        rarc=field.rarc,
        rule="claim-required-fields",
        citation=field.source,
        inputs={"field": field.path},
    )


def _something_billable(lines: tuple[Line, ...]) -> Finding:
    return Finding(
        id="claim.nothing-billable",
        result=Result.PASS if lines else Result.FAIL,
        severity=Severity.BLOCK,
        message=f"{len(lines)} billable lines." if lines else "Nothing of this visit can be billed.",
        fix=None if lines else "See `unbilled` for the reason of each intervention.",
        fixable_by=None if lines else "biller",
        carc="16",
        rarc="M53",
        rule="claim-has-lines",
        citation="005010X222A1, loop 2400",
        inputs={"lines": len(lines)},
    )


def _document(visit: VisitCompleted, lines: tuple[Line, ...], claim_id: str) -> ClaimDocument:
    charges = [line.charge for line in lines]
    known = [charge for charge in charges if charge is not None]
    authorization = visit.primary.authorization
    return ClaimDocument(
        control_number=claim_id.replace("-", "").upper()[:_CONTROL_NUMBER],
        service_date=visit.service_date,
        place_of_service=visit.place_of_service,
        total_charge=sum(known, Decimal(0)) if len(known) == len(charges) and known else None,
        patient=visit.patient,
        coverage=tuple(sorted(visit.coverage, key=lambda payer: payer.rank)),
        case=visit.case,
        diagnoses=diagnoses_in_order(visit),
        billing_provider=visit.billing_provider,
        rendering_provider=visit.rendering_provider,
        referring_provider=visit.referring_provider,
        prior_authorization=authorization.number if authorization else None,
    )
