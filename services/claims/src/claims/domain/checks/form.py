"""Checks of what stands on the claim: who bills, who treated, for whom, where, and after which accident."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from claimbus.events import Checked, Line, VisitCompleted
from claimbus.events.visit_completed import Address, BillingProvider, Case, Clinician
from claimbus.identifiers import normalize_npi, normalize_postal_code, normalize_tax_id, normalize_taxonomy
from claimbus.rules import FindingRow, Profile
from claimbus.values import Program

from claims.domain.findings import ClaimFinding
from claims.domain.tables import AccidentRow, ClaimRules, ClaimSettings

_ADDRESS = ("line1", "city", "state", "postal_code")
"""Parts that an address of a claim has; a second line may be there."""
_CHARGE = "interventions.charge"
_ZIP_PLUS_4 = 9


def _normalize_zip_plus_4(text: str) -> str | None:
    code = normalize_postal_code(text)
    return code if code is not None and len(code) == _ZIP_PLUS_4 else None


class _AddressFindings(NamedTuple):
    """What an address may lack."""

    field: str
    incomplete: ClaimFinding
    state: ClaimFinding
    postal_code: ClaimFinding
    normalize: Callable[[str], object]
    """Of its postal code; None for what is none."""


_OF_BILLER = _AddressFindings(
    "billing_provider.address",
    ClaimFinding.BILLING_PROVIDER_ADDRESS_INCOMPLETE,
    ClaimFinding.BILLING_PROVIDER_STATE_UNKNOWN,
    ClaimFinding.BILLING_PROVIDER_POSTAL_CODE_NOT_ZIP_PLUS_4,
    _normalize_zip_plus_4,
)
_OF_PATIENT = _AddressFindings(
    "patient.address",
    ClaimFinding.PATIENT_ADDRESS_INCOMPLETE,
    ClaimFinding.PATIENT_STATE_UNKNOWN,
    ClaimFinding.PATIENT_POSTAL_CODE_INVALID,
    normalize_postal_code,
)


def check_form(
    visit: VisitCompleted,
    lines: Sequence[Line],
    profile: Profile[ClaimSettings],
    rules: ClaimRules,
) -> Iterable[Checked]:
    """What is wrong or unknown about the claim itself; of a patient who pays alone, only charges and lines.

    A field that a claim cannot be sent without is missed by `claim-required-fields`, and not a second time here.
    """
    yield _check_number_of_lines(lines, rules)
    yield from _check_charges(visit, lines, rules)
    if visit.primary.program is Program.SELF_PAY:
        return
    yield from _check_providers(visit, rules)
    yield from _check_supervisor(visit, lines, profile, rules)
    biller = visit.billing_provider
    yield from _check_address(biller.address if biller else None, _OF_BILLER, rules)
    yield from _check_address(visit.patient.address, _OF_PATIENT, rules)
    if _is_there(place := visit.place_of_service):
        row = rules.findings[ClaimFinding.PLACE_OF_SERVICE_INVALID]
        yield _answer(row, "place_of_service", valid=place in rules.form.places)
    yield from _check_case(visit, rules)


def check_billable(lines: Sequence[Line], rules: ClaimRules) -> Checked:
    """Whether anything of the visit can be billed."""
    row = rules.findings[ClaimFinding.CLAIM_NOTHING_BILLABLE]
    return row.passed() if lines else row.fail(inputs={"lines": 0})


def _is_there(text: str | None) -> bool:
    return bool(text and text.strip())


def _answer(row: FindingRow, field: str, *, valid: bool) -> Checked:
    return row.passed() if valid else row.fail(field=field, inputs={"field": field})


def _check_number_of_lines(lines: Sequence[Line], rules: ClaimRules) -> Checked:
    row, number, most = rules.findings[ClaimFinding.CLAIM_TOO_MANY_LINES], len(lines), rules.form.most_lines.most
    return row.passed() if number <= most else row.fail(inputs={"lines": number, "most": most})


def _check_charges(visit: VisitCompleted, lines: Sequence[Line], rules: ClaimRules) -> Iterable[Checked]:
    row = rules.findings[ClaimFinding.CHARGE_FRACTION_OF_A_CENT]
    billed = _billed_interventions(lines)
    fractions = [
        intervention.id
        for intervention in visit.interventions
        if intervention.id in billed and intervention.charge is not None and intervention.charge * 100 % 1
    ]
    if not fractions:
        yield row.passed()
    for name in fractions:
        yield row.fail(intervention_id=name, field=_CHARGE, inputs={"field": _CHARGE}, text={"intervention": name})


def _billed_interventions(lines: Sequence[Line]) -> set[str]:
    return {name for line in lines for name in line.intervention_ids}


def _check_providers(visit: VisitCompleted, rules: ClaimRules) -> Iterable[Checked]:
    """Identifiers of those who are named; who must be named is asked elsewhere."""
    biller, clinician = visit.billing_provider or BillingProvider(), visit.rendering_provider or Clinician()
    referring, supervising = visit.referring_provider or Clinician(), visit.supervising_provider or Clinician()
    rows = rules.findings
    for finding, field, npi in (
        (ClaimFinding.BILLING_PROVIDER_NPI_INVALID, "billing_provider.npi", biller.npi),
        (ClaimFinding.RENDERING_PROVIDER_NPI_INVALID, "rendering_provider.npi", clinician.npi),
        (ClaimFinding.REFERRING_PROVIDER_NPI_INVALID, "referring_provider.npi", referring.npi),
        (ClaimFinding.SUPERVISING_PROVIDER_NPI_INVALID, "supervising_provider.npi", supervising.npi),
    ):
        yield from _check_shape(rows[finding], field, npi, normalize_npi)
    taxonomy, tax_id = "billing_provider.taxonomy", "billing_provider.tax_id"
    row = rows[ClaimFinding.BILLING_PROVIDER_TAXONOMY_INVALID]
    yield from _check_shape(row, taxonomy, biller.taxonomy, normalize_taxonomy, needed=True)
    yield from _check_shape(
        rows[ClaimFinding.BILLING_PROVIDER_TAX_ID_INVALID], tax_id, biller.tax_id, normalize_tax_id, needed=True
    )
    for finding, field, code in (
        (ClaimFinding.RENDERING_PROVIDER_TAXONOMY_INVALID, "rendering_provider.taxonomy", clinician.taxonomy),
        (ClaimFinding.REFERRING_PROVIDER_TAXONOMY_INVALID, "referring_provider.taxonomy", referring.taxonomy),
        (ClaimFinding.SUPERVISING_PROVIDER_TAXONOMY_INVALID, "supervising_provider.taxonomy", supervising.taxonomy),
    ):
        yield from _check_shape(rows[finding], field, code, normalize_taxonomy)


def _check_shape(
    row: FindingRow, field: str, value: str | None, normalize: Callable[[str], object], *, needed: bool = False
) -> Iterable[Checked]:
    """`needed`: what is missing is unknown; otherwise nothing is said of it."""
    if value is not None and value.strip():
        yield _answer(row, field, valid=normalize(value) is not None)
    elif needed:
        yield row.unknown(field=field, inputs={"field": field})


def _check_supervisor(
    visit: VisitCompleted, lines: Sequence[Line], profile: Profile[ClaimSettings], rules: ClaimRules
) -> Iterable[Checked]:
    wanted = profile.settings.supervising_provider
    billed = _billed_interventions(lines)
    assisted = any(intervention.id in billed and intervention.assistant_minutes for intervention in visit.interventions)
    if wanted == "always" or (wanted == "assistant" and assisted):
        row, field = rules.findings[ClaimFinding.SUPERVISING_PROVIDER_MISSING], "supervising_provider.npi"
        if visit.supervising_provider is not None and _is_there(visit.supervising_provider.npi):
            yield row.passed()
        else:
            yield row.fail(
                field=field,
                citation=f"{profile.cite('supervising_provider')}; {row.source}",
                inputs={"field": field, "wanted": wanted, "assistant": assisted},
            )


def _check_address(address: Address | None, ids: _AddressFindings, rules: ClaimRules) -> Iterable[Checked]:
    rows, field = rules.findings, ids.field
    yield _check_complete(rows[ids.incomplete], address, field)
    if address is not None:
        normalize_state = rules.identifiers.normalize_state
        yield from _check_shape(rows[ids.state], f"{field}.state", address.state, normalize_state)
        yield from _check_shape(rows[ids.postal_code], f"{field}.postal_code", address.postal_code, ids.normalize)


def _check_complete(row: FindingRow, address: Address | None, field: str) -> Checked:
    missing = [part for part in _ADDRESS if not _is_there(getattr(address, part, None))]
    if not missing:
        return row.passed()
    return row.unknown(field=field, inputs={"field": field, "missing": missing}, text={"parts": ", ".join(missing)})


def _check_case(visit: VisitCompleted, rules: ClaimRules) -> Iterable[Checked]:
    """Birth, onset and accident: a date cannot lie ahead, and a cause brings what the claim then needs."""
    case, known, rows = visit.case or Case(), rules.form.causes, rules.findings
    if visit.patient.birth_date is not None:
        row = rows[ClaimFinding.PATIENT_BIRTH_DATE_AFTER_VISIT]
        yield _answer(row, "patient.birth_date", valid=visit.patient.birth_date <= visit.service_date)
    if case.onset_date is not None:
        row = rows[ClaimFinding.ONSET_DATE_AFTER_VISIT]
        yield _answer(row, "case.onset_date", valid=case.onset_date <= visit.service_date)
    given = {cause.strip().casefold() for cause in case.related_to if cause.strip()}
    field = "case.related_to"
    if given:
        yield _answer(rows[ClaimFinding.CASE_CAUSE_UNKNOWN], field, valid=given <= known.keys())
    for cause in known.values():
        if visit.primary.program in cause.programs:
            row = rows[ClaimFinding.CASE_CAUSE_MISSING]
            inputs = {"field": f"{field} ({cause.cause})"}
            yield row.passed() if cause.cause in given else row.unknown(field=field, inputs=inputs)
    yield from _check_accident(visit, case, [row for row in known.values() if row.cause in given], rules)


def _check_accident(
    visit: VisitCompleted, case: Case, causes: Sequence[AccidentRow], rules: ClaimRules
) -> Iterable[Checked]:
    rows, date_field, state_field = rules.findings, "case.accident_date", "case.accident_state"
    if causes:
        row = rows[ClaimFinding.ACCIDENT_DATE_MISSING]
        if case.accident_date is None and not any(cause.accident_date == "needed" for cause in causes):
            yield row.unknown(field=date_field, inputs={"field": date_field})
        else:
            yield _answer(row, date_field, valid=case.accident_date is not None)
    if case.accident_date is not None:
        row = rows[ClaimFinding.ACCIDENT_DATE_AFTER_VISIT]
        yield _answer(row, date_field, valid=case.accident_date <= visit.service_date)
    there = _is_there(case.accident_state)
    if any(cause.accident_state == "needed" for cause in causes):
        yield _answer(rows[ClaimFinding.ACCIDENT_STATE_MISSING], state_field, valid=there)
    row = rows[ClaimFinding.ACCIDENT_STATE_UNKNOWN]
    yield from _check_shape(row, state_field, case.accident_state, rules.identifiers.normalize_state)
