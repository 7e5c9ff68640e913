"""The decision on one visit revision: lines, findings, outcome, and what a claim document needs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial

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
    RunningTotals,
    UnitsComputed,
    UnitsSummary,
    VisitCoded,
    VisitCompleted,
    VisitVoided,
    claim_id_of,
)
from claimbus.rules import Profile, complete, merge_rule_sets
from claimbus.values import Result, Severity

from claims.domain.checks.authorization import check_authorization
from claims.domain.checks.diagnoses import order_diagnoses
from claims.domain.checks.filing import last_filing_day
from claims.domain.checks.form import check_form
from claims.domain.history.amendment import Replacement, changes_between, replacement_of
from claims.domain.history.duplicates import Elsewhere, check_day_total, check_repeats
from claims.domain.history.totals import LaterVisit, check_later_visits, dollars_of
from claims.domain.lines.compose import compose_lines
from claims.domain.lines.fees import PricedItem, price_services, total_of
from claims.domain.lines.modifiers import ASSISTANT_MODIFIER
from claims.domain.remedies import NOTHING_BILLABLE, steps_to_ready
from claims.domain.tables import ClaimRules, ClaimSettings, RequiredField

_CONTROL_NUMBER = 20
"""Most characters of a patient control number (005010X222A1, CLM01 as payers return it)."""
_NOTHING_AT_RISK = frozenset({"units.under-billed-by-ehr", "totals.later-visits-affected"})
"""Findings about what was never billed, or about other visits: no amount of this claim hangs on them."""
_OF_ALL_UNITS = ("mue.", "ncci.")
"""Subjects of findings that deny every unit of a code on the day, on whichever line it stands."""
_ASSISTANT_MODIFIERS = frozenset(ASSISTANT_MODIFIER.values())


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
    totals: RunningTotals | None = None,
    later: Iterable[LaterVisit] = (),
    earlier: ClaimReady | ClaimDenialRisk | None = None,
    payer_number: str | None = None,
    elsewhere: Elsewhere | None = None,
) -> ClaimReady | ClaimDenialRisk:
    """Denial-risk exactly when a finding of severity block has failed; ready otherwise.

    The facts must be of one visit revision. `supersedes_revision` is the revision whose decision
    this one replaces, and `earlier` that decision, where it can be read: the changes are told against it, and it says
    which claim the payer holds. `decided_at` and `trace_id` change nothing else in the decision.
    `payer_number` is the payer's own number of the claim that it holds of this visit, by its own answers;
    `elsewhere` is what other visits were decided with. `totals` is what earlier visits of the patient add up to;
    null where nobody kept count. `later` are decided visits of later days that this one may change the totals of.
    """
    profile = rules.profiles.of(visit.primary.payer, visit.practice_id, visit.service_date)
    diagnoses = order_diagnoses(visit, units, rules)
    composed, line_findings = compose_lines(visit, coded, units, rules, pointers=diagnoses.pointers, totals=totals)
    lines = _priced(composed, profile, rules)
    replaces = replacement_of(visit, earlier, payer_number)
    checked = [
        *documentation.checks,
        *coded.findings,
        *units.findings,
        *line_findings,
        *complete(
            (
                *_missing_fields(visit, rules),
                *diagnoses.findings,
                *check_form(visit, lines, profile, rules),
                *check_authorization(visit, profile, totals),
                _something_billable(lines),
                *check_later_visits(later, dollars_of(lines)),
                *replaces.findings,
                *check_repeats(visit, lines, elsewhere, rules),
                *check_day_total(units, elsewhere),
            ),
            rules.findings,
        ),
    ]
    file_by = last_filing_day(visit.service_date, profile.settings)
    told = [finding for finding in checked if finding.result is not Result.PASS or finding.is_due]
    counts = Counter(finding.result for finding in told if not finding.is_due)
    passed = len(coded.passed) + len(units.passed) + len(documentation.passed)
    counts[Result.PASS] = passed + len(checked) - len(told)
    remarks = tuple(_placed(finding, lines, file_by) for finding in told)
    blocked = any(one.severity is Severity.BLOCK and one.result is Result.FAIL for one in remarks)
    outcome = ClaimDenialRisk if blocked else ClaimReady
    claim_id = claim_id_of(visit.practice_id, visit.visit_id, visit.revision)
    decision = outcome(
        practice_id=visit.practice_id,
        visit_id=visit.visit_id,
        revision=visit.revision,
        claim_id=claim_id,
        basis=basis,
        event_ids=event_ids,
        frequency_code="7" if replaces.number else "1",
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
            table_row=units.worksheet.table_row,
            services=units.worksheet.services,
            ehr=units.worksheet.ehr,
        ),
        profile=profile.name,
        totals=totals,
        findings=remarks,
        steps_to_ready=steps_to_ready(remarks, lines, partial(_expected_of, profile, rules)) if blocked else (),
        checks=CheckCounts(passed=counts[Result.PASS], failed=counts[Result.FAIL], unknown=counts[Result.UNKNOWN]),
        completeness=documentation.completeness,
        rule_set=merge_rule_sets(coded.rule_set, units.rule_set, documentation.rule_set, rule_set),
        claim=_document(visit, lines, diagnoses.codes, profile.settings, claim_id, file_by, replaces),
    )
    if earlier is None:
        return decision
    return decision.model_copy(update={"changes": changes_between(earlier, decision)})


def retract_claim(
    void: VisitVoided,
    decided_revision: int | None,
    later: Iterable[LaterVisit] = (),
    *,
    payer_number: str | None = None,
) -> ClaimVoided:
    """What claims says when the EHR takes a visit back; names the decision that falls, if one stands.

    `later` are decided visits of later days whose totals it was part of. `payer_number` is the payer's own number of
    the claim that it holds of this visit, and is to void; without one there is nothing to send.
    """
    return ClaimVoided(
        practice_id=void.practice_id,
        visit_id=void.visit_id,
        revision=void.revision,
        reason=void.reason,
        retracts=_claim_of(void, decided_revision),
        frequency_code="8" if payer_number else None,
        payer_control_number=payer_number,
        findings=tuple(one for one in check_later_visits(later, None) if one.result is not Result.PASS),
    )


def _claim_of(event: Event, revision: int | None) -> str | None:
    return None if revision is None else claim_id_of(event.practice_id, event.visit_id, revision)


def _priced(lines: Sequence[Line], profile: Profile[ClaimSettings], rules: ClaimRules) -> tuple[Line, ...]:
    """The lines with what the payer allows and what is to be expected, and why."""
    items = [
        PricedItem(
            code=line.code,
            units=line.units,
            assistant_units=0 if _ASSISTANT_MODIFIERS.isdisjoint(line.modifiers) else line.units,
            charge=line.charge,
        )
        for line in lines
    ]
    return tuple(
        line.model_copy(
            update={
                "allowed_amount": amount.allowed,
                "expected_amount": amount.expected,
                "reasons": (*line.reasons, amount.reason),
            }
        )
        for line, amount in zip(lines, price_services(items, profile, rules), strict=True)
    )


def _expected_of(profile: Profile[ClaimSettings], rules: ClaimRules, lines: Sequence[Line]) -> Decimal | None:
    """What lines bring when they alone are sent."""
    return total_of(line.expected_amount for line in _priced(lines, profile, rules))


def _placed(finding: Finding, lines: Sequence[Line], file_by: date | None) -> Finding:
    """Name the lines and the amount that a finding endangers, and until when its mend helps.

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
    endangered = _endangered(finding, lines)
    if finding.severity is not Severity.INFO and endangered:
        changes["lines"] = tuple(line.number for line in endangered)
        if finding.amount_at_risk is None:
            changes["amount_at_risk"] = total_of(line.expected_amount for line in endangered)
    if finding.fix is not None and finding.mending != "none":
        changes["mend_by"] = file_by
    return finding.model_copy(update=changes) if changes else finding


def _endangered(finding: Finding, lines: Sequence[Line]) -> Sequence[Line]:
    """Lines that go unpaid if a payer sees what the finding saw; none for what is not on the claim."""
    if finding.id in _NOTHING_AT_RISK:
        return ()
    about = {finding.intervention_id, *finding.intervention_ids} - {None}
    if finding.line is not None:
        own = [line for line in lines if line.number == finding.line]
    elif about:
        own = [line for line in lines if about & {*line.intervention_ids}]
    elif isinstance(code := finding.inputs.get("code"), str):
        own = [line for line in lines if line.code == code]
    else:
        return lines
    if finding.id.startswith(_OF_ALL_UNITS):
        codes = {line.code for line in own}
        return [line for line in lines if line.code in codes]
    return own


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
        rule="claim-required-fields",
        citation=field.source,
        inputs={"field": field.path},
    )


def _something_billable(lines: tuple[Line, ...]) -> Finding:
    return Finding(
        id=NOTHING_BILLABLE,
        result=Result.PASS if lines else Result.FAIL,
        severity=Severity.BLOCK,
        message=f"{len(lines)} billable lines." if lines else "Nothing of this visit can be billed.",
        fix=None if lines else "See `unbilled` for the reason of each intervention.",
        rule="claim-has-lines",
        citation="005010X222A1, loop 2400",
        inputs={"lines": len(lines)},
    )


def _document(
    visit: VisitCompleted,
    lines: tuple[Line, ...],
    diagnoses: tuple[str, ...],
    settings: ClaimSettings,
    claim_id: str,
    file_by: date | None,
    replaces: Replacement,
) -> ClaimDocument:
    """Flags and the kind of payer are the profile's; all else is the visit's and stays unknown where it is missing."""
    authorization = visit.primary.authorization
    released = settings.release_of_information
    return ClaimDocument(
        control_number=claim_id.replace("-", "").upper()[:_CONTROL_NUMBER],
        service_date=visit.service_date,
        discipline=visit.discipline,
        place_of_service=visit.place_of_service,
        total_charge=total_of(line.charge for line in lines) if lines else None,
        total_expected=total_of(line.expected_amount for line in lines) if lines else None,
        file_by=file_by,
        patient=visit.patient,
        coverage=tuple(sorted(visit.coverage, key=lambda payer: payer.rank)),
        case=visit.case,
        diagnoses=diagnoses,
        billing_provider=visit.billing_provider,
        rendering_provider=visit.rendering_provider,
        referring_provider=visit.referring_provider,
        supervising_provider=visit.supervising_provider,
        prior_authorization=authorization.number if authorization else None,
        filing_indicator=settings.filing_indicator,
        accept_assignment=settings.accept_assignment,
        benefits_assigned=settings.benefits_assigned,
        release_of_information=None if released == "none" else released,
        signature_on_file=settings.signature_on_file,
        payer_control_number=replaces.number,
    )
