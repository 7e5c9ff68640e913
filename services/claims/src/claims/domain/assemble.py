"""The decision on one visit revision: lines, findings, outcome, and what a claim document needs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeGuard

from claimbus.events import (
    Basis,
    CheckCounts,
    Checked,
    ClaimDenialRisk,
    ClaimReady,
    ClaimVoided,
    DocumentationChecked,
    Finding,
    Keyed,
    Line,
    Passed,
    RuleSet,
    UnitsComputed,
    UnitsSummary,
    VisitCoded,
    VisitCompleted,
    VisitVoided,
    claim_id_of,
)
from claimbus.rules import Profile, merge_rule_sets
from claimbus.values import Result, Severity

from claims.domain.checks.authorization import check_authorization
from claims.domain.checks.coverage import check_coverage
from claims.domain.checks.diagnoses import ClaimDiagnoses, order_diagnoses
from claims.domain.checks.filing import last_filing_day
from claims.domain.checks.form import check_billable, check_form
from claims.domain.checks.limits import check_limits
from claims.domain.checks.required_fields import check_required_fields
from claims.domain.checks.texts import check_texts
from claims.domain.claim_document import make_document
from claims.domain.history.amendment import Replacement, changes_between, replacement_of
from claims.domain.history.claim_history import NO_HISTORY, History
from claims.domain.history.duplicates import check_day_total, check_repeats
from claims.domain.history.totals import check_later_visits, dollars_of
from claims.domain.lines.compose import compose_lines
from claims.domain.lines.prices import expected_of, price_lines
from claims.domain.placement import place_finding
from claims.domain.remedies import steps_to_ready
from claims.domain.tables import ClaimRules, ClaimSettings


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one visit revision, all of it computed from one and the same visit event."""

    visit: VisitCompleted
    coded: VisitCoded
    units: UnitsComputed
    documentation: DocumentationChecked
    basis: Basis
    event_ids: Mapping[str, str]
    """The events that are joined, by fact."""
    rule_sets: tuple[RuleSet, ...]
    """By which the facts were computed, with their tables as far as they are known."""


def decide_claim(
    facts: Facts, rules: ClaimRules, history: History = NO_HISTORY, *, decided_at: datetime, trace_id: str | None
) -> ClaimReady | ClaimDenialRisk:
    """Denial-risk exactly when a finding of severity block has failed; ready otherwise.

    `rules` are those of the date of service. `decided_at` and `trace_id` change nothing else in the decision.
    """
    visit, worksheet, earlier = facts.visit, facts.units.worksheet, history.earlier
    profile = rules.profile_of(visit.primary.payer, visit.practice_id)
    diagnoses = order_diagnoses(visit, facts.units, rules)
    composed, line_checks = compose_lines(
        visit, facts.coded, facts.units, rules, pointers=diagnoses.pointers, totals=history.totals
    )
    lines = price_lines(composed, profile, rules)
    replacement = replacement_of(visit, earlier, history.payer_number, rules)
    checked = (
        *facts.documentation.checks,
        *facts.coded.findings,
        *facts.units.findings,
        *line_checks,
        *_check_claim(facts, lines, diagnoses, replacement, history, profile, rules),
    )
    file_by = last_filing_day(visit.service_date, profile.settings)
    findings = tuple(place_finding(finding, lines, rules, file_by) for finding in checked if _is_open(finding))
    blocked = any(finding.severity is Severity.BLOCK and finding.result is Result.FAIL for finding in findings)
    claim_id = claim_id_of(visit.practice_id, visit.visit_id, visit.revision)
    outcome = ClaimDenialRisk if blocked else ClaimReady
    decision = outcome(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        claim_id=claim_id,
        basis=facts.basis,
        event_ids=dict(facts.event_ids),
        frequency_code="7" if replacement.number else "1",
        supersedes=_claim_of(visit, history),
        decided_at=decided_at,
        trace_id=trace_id,
        lines=lines,
        unbilled=facts.units.unbilled,
        units=UnitsSummary.model_validate(worksheet, from_attributes=True),
        profile=profile.name,
        totals=history.totals,
        findings=findings,
        steps_to_ready=steps_to_ready(findings, lines, rules.consequences, partial(expected_of, profile, rules))
        if blocked
        else (),
        checks=_count(facts, checked),
        completeness=facts.documentation.completeness,
        rule_set=merge_rule_sets(*facts.rule_sets, rules.rule_set),
        claim=make_document(
            visit,
            claim_id,
            lines,
            diagnoses.codes,
            profile.settings,
            file_by=file_by,
            payer_control_number=replacement.number,
        ),
    )
    return decision if earlier is None else decision.model_copy(update={"changes": changes_between(earlier, decision)})


def _check_claim(
    facts: Facts,
    lines: Sequence[Line],
    diagnoses: ClaimDiagnoses,
    replacement: Replacement,
    history: History,
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
) -> Iterable[Checked]:
    """All checks of the claim beside those of its lines."""
    visit = facts.visit
    yield from check_required_fields(visit, rules)
    yield from diagnoses.checked
    yield from check_form(visit, lines, profile, rules)
    yield from check_coverage(visit, rules)
    yield from check_texts(visit, rules)
    yield from check_limits(visit, lines, rules)
    yield from check_authorization(visit, profile, rules, history.totals)
    yield check_billable(lines, rules)
    yield from check_later_visits(history.later, dollars_of(lines), rules)
    yield from replacement.checked
    yield from check_repeats(visit, lines, history.elsewhere, rules)
    yield from check_day_total(facts.units, history.elsewhere, rules)


def _is_open(check: Checked) -> TypeGuard[Finding]:
    """Whether it stands in the decision: what did not pass, and what is due next."""
    return isinstance(check, Finding) and (check.result is not Result.PASS or check.is_due)


def _count(facts: Facts, checked: Iterable[Checked]) -> CheckCounts:
    """Facts of schema 1.0 bring what passed as findings, those of 1.1 as ids."""
    counts = Counter(
        Result.PASS if isinstance(check, Passed) else check.result
        for check in checked
        if isinstance(check, Passed) or not check.is_due
    )
    passed = sum(len(fact.passed) for fact in (facts.coded, facts.units, facts.documentation))
    return CheckCounts(passed=counts[Result.PASS] + passed, failed=counts[Result.FAIL], unknown=counts[Result.UNKNOWN])


def retract_claim(void: VisitVoided, rules: ClaimRules, history: History = NO_HISTORY) -> ClaimVoided:
    """Take a claim back because the EHR took its visit back; names the decision that falls, if one stands.

    Where the payer's own number of the claim is known, the payer is to void it; without one there is nothing to send.
    """
    earlier = history.earlier
    number = history.payer_number or (earlier.claim.payer_control_number if earlier else None)
    return ClaimVoided(
        practice_id=void.practice_id,
        visit_id=void.visit_id,
        revision=void.revision,
        reason=void.reason,
        retracts=_claim_of(void, history),
        frequency_code="8" if number else None,
        payer_control_number=number,
        findings=tuple(filter(_is_open, check_later_visits(history.later, None, rules))),
    )


def _claim_of(visit: Keyed, history: History) -> str | None:
    """The claim of the decision that stands."""
    revision = history.supersedes_revision
    return None if revision is None else claim_id_of(visit.practice_id, visit.visit_id, revision)
