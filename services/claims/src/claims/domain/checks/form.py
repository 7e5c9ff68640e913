"""Checks of what stands on the claim: who bills, who treated, for whom, where, and after which accident."""

from collections.abc import Callable, Iterable, Sequence

from claimbus.events import Finding, Line, VisitCompleted
from claimbus.events.visit_completed import Address, BillingProvider, Case, Clinician
from claimbus.rules import Profile
from claimbus.values import Program, Result

from claims.domain.identifiers import is_npi, is_tax_id, is_taxonomy, is_zip, is_zip_plus_4
from claims.domain.rows import explained, judged
from claims.domain.tables import AccidentRow, ClaimForm, ClaimRules, ClaimSettings

_ADDRESS = ("line1", "city", "state", "postal_code")
"""Parts that an address of a claim has; a second line may be there."""


def check_form(
    visit: VisitCompleted,
    lines: Sequence[Line],
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
) -> Iterable[Finding]:
    """What is wrong or unknown about the claim itself; of a patient who pays alone, only charges and lines.

    A field that a claim cannot be sent without is missed by `claim-required-fields`, and not a second time here.
    """
    form = rules.form
    yield from _lines(visit, lines, form)
    if visit.primary.program is Program.SELF_PAY:
        return
    yield from _providers(visit, form)
    yield from _supervisor(visit, lines, profile, form)
    biller = visit.billing_provider
    yield from _address("billing_provider", "billing-provider", biller.address if biller else None, form)
    yield from _address("patient", "patient", visit.patient.address, form)
    yield from _member_id(visit, form)
    if _is_there(place := visit.place_of_service):
        result = _passes(place in form.places)
        yield judged(form.checks["place-of-service.invalid"], result, "place_of_service")
    yield from _case(visit, form)


def _is_there(text: str | None) -> bool:
    return bool(text and text.strip())


def _passes(right: bool) -> Result:
    return Result.PASS if right else Result.FAIL


def _lines(visit: VisitCompleted, lines: Sequence[Line], form: ClaimForm) -> Iterable[Finding]:
    many, most = len(lines), form.most_lines.most
    if many > most:
        inputs = {"lines": many, "most": most}
        yield explained(form.checks["claim.too-many-lines"], Result.FAIL, f"{many} lines", inputs, detail=f" ({most})")
    else:
        yield judged(form.checks["claim.too-many-lines"], Result.PASS, "lines")
    row = form.checks["charge.fraction-of-a-cent"]
    billed = {name for line in lines for name in line.intervention_ids}
    odd = [
        one.id for one in visit.interventions if one.id in billed and one.charge is not None and one.charge * 100 % 1
    ]
    if not odd:
        yield judged(row, Result.PASS, "interventions.charge")
    for name in odd:
        about, field = f"The charge of intervention {name}", {"field": "interventions.charge"}
        yield explained(row, Result.FAIL, about, field, intervention_id=name)


def _providers(visit: VisitCompleted, form: ClaimForm) -> Iterable[Finding]:
    """Identifiers of those who are named; who must be named is asked elsewhere."""
    biller, clinician = visit.billing_provider or BillingProvider(), visit.rendering_provider or Clinician()
    npis = {
        "billing": biller.npi,
        "rendering": clinician.npi,
        "referring": visit.referring_provider.npi if visit.referring_provider else None,
        "supervising": visit.supervising_provider.npi if visit.supervising_provider else None,
    }
    for role, npi in npis.items():
        yield from _shape(f"{role}_provider.npi", npi, f"{role}-provider.npi-invalid", is_npi, form)
    taxonomy, tax_id = "billing-provider.taxonomy-invalid", "billing-provider.tax-id-invalid"
    yield from _shape("billing_provider.taxonomy", biller.taxonomy, taxonomy, is_taxonomy, form, needed=True)
    yield from _shape("billing_provider.tax_id", biller.tax_id, tax_id, is_tax_id, form, needed=True)
    taxonomy = "rendering-provider.taxonomy-invalid"
    yield from _shape("rendering_provider.taxonomy", clinician.taxonomy, taxonomy, is_taxonomy, form)


def _shape(
    field: str,
    value: str | None,
    check: str,
    has_shape: Callable[[str], bool],
    form: ClaimForm,
    *,
    needed: bool = False,
) -> Iterable[Finding]:
    """`needed`: what is missing is unknown; otherwise nothing is said of it."""
    if value is not None and value.strip():
        yield judged(form.checks[check], _passes(has_shape(value)), field)
    elif needed:
        yield judged(form.checks[check], Result.UNKNOWN, field)


def _supervisor(
    visit: VisitCompleted, lines: Sequence[Line], profile: Profile[ClaimSettings], form: ClaimForm
) -> Iterable[Finding]:
    wanted = profile.settings.supervising_provider
    billed = {name for line in lines for name in line.intervention_ids}
    assisted = any(one.id in billed and one.assistant_minutes for one in visit.interventions)
    if wanted == "always" or (wanted == "assistant" and assisted):
        supervisor = visit.supervising_provider
        result = _passes(supervisor is not None and _is_there(supervisor.npi))
        row, field = form.checks["supervising-provider.missing"], "supervising_provider.npi"
        finding = explained(row, result, field, {"field": field, "wanted": wanted, "assistant": assisted})
        yield finding.model_copy(update={"citation": f"{profile.cite('supervising_provider')}; {row.source}"})


def _address(field: str, subject: str, address: Address | None, form: ClaimForm) -> Iterable[Finding]:
    parts = {part: getattr(address, part, None) for part in _ADDRESS}
    missing = [part for part, value in parts.items() if not _is_there(value)]
    row = form.checks[f"{subject}.address-incomplete"]
    if missing:
        about = f"{field}.address ({', '.join(missing)})"
        yield explained(row, Result.UNKNOWN, about, {"field": f"{field}.address", "missing": missing})
    else:
        yield judged(row, Result.PASS, f"{field}.address")
    if _is_there(state := parts["state"]):
        yield judged(form.checks[f"{subject}.state-unknown"], _passes(state in form.states), f"{field}.address.state")
    whole = subject == "billing-provider"
    check = f"{subject}.postal-code-not-zip-plus-4" if whole else f"{subject}.postal-code-invalid"
    has_shape = is_zip_plus_4 if whole else is_zip
    yield from _shape(f"{field}.address.postal_code", parts["postal_code"], check, has_shape, form)


def _member_id(visit: VisitCompleted, form: ClaimForm) -> Iterable[Finding]:
    payer = visit.primary
    row = form.member_ids.get(payer.program)
    if row is not None and payer.member_id is not None and payer.member_id.strip():
        check = form.checks["member-id.invalid"]
        result = _passes(row.pattern.fullmatch(payer.member_id) is not None)
        finding = explained(check, result, f"coverage.member_id ({row.name})", {"field": "coverage.member_id"})
        yield finding.model_copy(update={"citation": f"{row.source}; {check.source}"})


def _case(visit: VisitCompleted, form: ClaimForm) -> Iterable[Finding]:
    """Onset and accident: a date cannot lie ahead, and a cause brings what the claim then needs."""
    case = visit.case or Case()
    if case.onset_date is not None:
        result = _passes(case.onset_date <= visit.service_date)
        yield judged(form.checks["onset.date-after-visit"], result, "case.onset_date")
    said = {word.strip().casefold() for word in case.related_to if word.strip()}
    if said:
        yield judged(form.checks["case.cause-unknown"], _passes(said <= form.causes.keys()), "case.related_to")
    for row in form.causes.values():
        if visit.primary.program in row.programs:
            result = Result.PASS if row.cause in said else Result.UNKNOWN
            yield judged(form.checks["case.cause-missing"], result, f"case.related_to ({row.cause})")
    yield from _accident(visit, case, [row for row in form.causes.values() if row.cause in said], form)


def _accident(visit: VisitCompleted, case: Case, causes: Sequence[AccidentRow], form: ClaimForm) -> Iterable[Finding]:
    checks = form.checks
    if causes:
        needed = any(row.accident_date == "needed" for row in causes)
        absent = Result.FAIL if needed else Result.UNKNOWN
        result = absent if case.accident_date is None else Result.PASS
        yield judged(checks["accident.date-missing"], result, "case.accident_date")
    if case.accident_date is not None:
        result = _passes(case.accident_date <= visit.service_date)
        yield judged(checks["accident.date-after-visit"], result, "case.accident_date")
    there = _is_there(case.accident_state)
    if any(row.accident_state == "needed" for row in causes):
        yield judged(checks["accident.state-missing"], _passes(there), "case.accident_state")
    if there:
        result = _passes(case.accident_state in form.states)
        yield judged(checks["accident.state-unknown"], result, "case.accident_state")
