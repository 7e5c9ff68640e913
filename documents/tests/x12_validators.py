"""Two validators of an 837P that are not ours: pyx12 validates it, x12sdk reads it back."""

import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady
from pyx12.errors import EngineError
from pyx12.params import ParamsBase
from pyx12.x12n_document import x12n_document
from x12sdk.io import X12ModelReader


def complaints(interchange: str) -> list[str]:
    """What pyx12 has against an interchange, anywhere in it. Each call reads its maps anew: give it many claims."""
    found = io.StringIO()
    try:
        valid = x12n_document(ParamsBase(), io.StringIO(interchange), io.StringIO(), None, fd_json=found)
    except (EngineError, IndexError) as exc:  # the second: segments outside of every loop
        return [str(exc)]
    complaints_found = [str(error) for error in _errors(json.loads(found.getvalue()))] if found.getvalue() else []
    return complaints_found if valid and found.getvalue() else [*complaints_found, "not valid"]


def _errors(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from value if name == "errors" else _errors(value)
    elif isinstance(node, list):
        for part in node:
            yield from _errors(part)


class ServiceLine(NamedTuple):
    code: str
    modifiers: tuple[str, ...]
    charge: Decimal
    units: int
    pointers: tuple[int, ...]
    on: date
    number: str


class Claim(NamedTuple):
    """What a claim says, whichever side it is read from. Names are in capitals."""

    control_number: str
    total: Decimal
    place: str
    frequency: str
    flags: tuple[str, ...]
    billing: tuple[str, ...]
    """NPI, name, tax id, postal code."""
    subscriber: tuple[str, ...]
    """Last name, first name, member id, group number, filing indicator."""
    payer: tuple[str, ...]
    patient: tuple[str, ...]
    """Last name, first name, relationship, date of birth, address."""
    diagnoses: tuple[str, ...]
    references: tuple[tuple[str, str], ...]
    dates: tuple[tuple[str, date], ...]
    providers: tuple[tuple[str, str, str], ...]
    """Role, last name, NPI."""
    others: tuple[tuple[str, str], ...]
    """Member and payer id of further coverages."""
    lines: tuple[ServiceLine, ...]


def reread(interchange: str) -> list[Claim]:
    """The claims as x12sdk reads them, in order."""
    claims = []
    with X12ModelReader(interchange) as reader:
        for transaction in reader.models():
            for provider in transaction.loop_2000a:
                for level in provider.loop_2000b:
                    dependent = level.loop_2000c[0] if level.loop_2000c else None
                    claims.append(_claim(provider, level, dependent))
    return claims


def _claim(provider: Any, level: Any, dependent: Any) -> Claim:
    (found,) = (dependent or level).loop_2300
    person = dependent.loop_2010ca if dependent else level.loop_2010ba
    billing, subscriber = provider.loop_2010aa, level.loop_2010ba.nm1_segment
    clm, (diagnoses,) = found.clm_segment, found.hi_segment
    place, _, frequency = clm.health_care_service_location_information.split(":")
    tax_ids = [reference.reference_identification for reference in billing.ref_segment]
    named = [name.nm1_segment for name in (found.loop_2310a, found.loop_2310b, found.loop_2310d) if name]
    return Claim(
        control_number=clm.patient_control_number,
        total=Decimal(clm.total_claim_charge_amount),
        place=place,
        frequency=frequency,
        flags=tuple(
            _value(flag)
            for flag in (
                clm.provider_or_supplier_signature_indicator,
                clm.provider_accept_assignment_code,
                clm.benefit_assignment_certification_indicator,
                clm.release_of_information_code,
            )
        ),
        billing=(
            billing.nm1_segment.identification_code,
            billing.nm1_segment.name_last_or_organization_name,
            *tax_ids,
            billing.n4_segment.postal_code,
        ),
        subscriber=(
            subscriber.name_last_or_organization_name,
            subscriber.name_first or "",
            subscriber.identification_code,
            level.sbr_segment.group_policy_number or "",
            _value(level.sbr_segment.claim_filing_indicator_code),
        ),
        payer=(
            level.loop_2010bb.nm1_segment.name_last_or_organization_name,
            level.loop_2010bb.nm1_segment.identification_code,
        ),
        patient=(
            person.nm1_segment.name_last_or_organization_name,
            person.nm1_segment.name_first or "",
            _relationship(level, dependent),
            f"{person.dmg_segment.date_time_period}",
            person.n3_segment.address_information_1,
            person.n4_segment.city_name,
            person.n4_segment.state_province_code,
            person.n4_segment.postal_code,
        ),
        diagnoses=tuple(code for _, code in _in_turn(diagnoses, "health_care_code_")),
        references=tuple(
            (_value(reference.reference_identification_qualifier), reference.reference_identification)
            for reference in found.ref_segment
        ),
        dates=tuple((_value(when.date_time_qualifier), when.date_time_period) for when in found.dtp_segment),
        providers=tuple(
            (_value(name.entity_identifier_code), name.name_last_or_organization_name, name.identification_code)
            for name in named
        ),
        others=tuple(
            (coverage.loop_2330a.nm1_segment.identification_code, coverage.loop_2330b.nm1_segment.identification_code)
            for coverage in found.loop_2320 or ()
        ),
        lines=tuple(map(_line, found.loop_2400)),
    )


def _value(given: Any) -> str:
    return str(getattr(given, "value", given))


def _relationship(level: Any, dependent: Any) -> str:
    code = (
        dependent.pat_segment.individual_relationship_code
        if dependent
        else level.sbr_segment.individual_relationship_code
    )
    return _value(code)


def _in_turn(segment: Any, name: str) -> Iterator[Any]:
    for place in range(1, 13):
        if (given := getattr(segment, f"{name}{place}")) is not None:
            yield given


def _line(found: Any) -> ServiceLine:
    service, (when,), (number,) = found.sv1_segment, found.dtp_segment, found.ref_segment
    _, code, *modifiers = service.product_service_id_qualifier.split(":")
    return ServiceLine(
        code=code,
        modifiers=tuple(modifiers),
        charge=Decimal(service.line_item_charge_amount),
        units=int(service.service_unit_count),
        pointers=tuple(map(int, service.composite_diagnosis_code_pointer.split(":"))),
        on=when.date_time_period,
        number=number.reference_identification,
    )


_RELATIONSHIPS = {"self": "18", "spouse": "01", "child": "19"}
_FILING = {"medicare_part_b": "MB", "commercial": "CI", "workers_compensation": "WC", "auto": "AM", "medicaid": "MC"}


def expected(decision: ClaimReady | ClaimDenialRisk) -> Claim:
    """What the document of a decision with names in Latin letters must say, from the decision alone."""
    claim = decision.claim
    payer, *further = claim.coverage
    provider, patient, case = claim.billing_provider, claim.patient, claim.case
    assert provider is not None
    assert provider.address is not None
    assert patient.address is not None
    holder = payer.subscriber if payer.subscriber is not None else patient
    clinicians = (
        ("DN", claim.referring_provider),
        ("82", claim.rendering_provider),
        ("DQ", claim.supervising_provider),
    )
    first_day = claim.service_date if case and case.treatment_day == 1 else None
    accident = case.accident_date if case and case.related_to else None
    dates = (("431", case and case.onset_date), ("454", first_day), ("439", accident))
    numbers = (("G1", claim.prior_authorization), ("F8", decision.frequency_code != "1" and claim.payer_control_number))
    flags = (claim.accept_assignment, claim.benefits_assigned, claim.release_of_information)
    address = patient.address
    return Claim(
        control_number=claim.control_number,
        total=sum((line.charge for line in decision.lines if line.charge is not None), Decimal(0)),
        place=claim.place_of_service or "",
        frequency=decision.frequency_code,
        flags=("Y" if claim.signature_on_file else "N", *map(str, flags)),
        billing=(
            str(provider.npi), capitals(provider.name), digits(provider.tax_id), digits(provider.address.postal_code)
        ),
        subscriber=(
            capitals(holder.last_name), capitals(holder.first_name), capitals(payer.member_id),
            capitals(payer.group_number), claim.filing_indicator or _FILING[payer.program],
        ),
        payer=(capitals(payer.payer_name), capitals(payer.payer_id)),
        patient=(
            capitals(patient.last_name), capitals(patient.first_name), _RELATIONSHIPS[str(payer.relationship)],
            str(patient.birth_date), capitals(address.line1), capitals(address.city), capitals(address.state),
            digits(address.postal_code),
        ),
        diagnoses=tuple(code.replace(".", "") for code in claim.diagnoses),
        references=tuple((name, capitals(number)) for name, number in numbers if number),
        dates=tuple((name, when) for name, when in dates if when),
        providers=tuple(
            (role, capitals(clinician.last_name), str(clinician.npi))
            for role, clinician in clinicians if clinician is not None
        ),
        others=tuple((capitals(coverage.member_id), capitals(coverage.payer_id)) for coverage in further),
        lines=tuple(
            ServiceLine(
                line.code, line.modifiers, line.charge or Decimal(0), line.units, line.diagnosis_pointers,
                claim.service_date, f"{claim.control_number}-{line.number}",
            )
            for line in decision.lines
        ),
    )  # fmt: skip


def capitals(given: str | None) -> str:
    return " ".join((given or "").upper().split())


def digits(given: str | None) -> str:
    return "".join(sign for sign in given or "" if sign.isdigit())


def segment_ids(interchange: str) -> list[str]:
    return [segment.partition("*")[0] for segment in interchange.split("~")[:-1]]


def with_flags(decisions: Iterable[ClaimReady | ClaimDenialRisk]) -> list[ClaimReady | ClaimDenialRisk]:
    """With the flags that a practice says once for all its claims, where a decision does not carry them."""
    usual = {
        "signature_on_file": True,
        "accept_assignment": "A",
        "benefits_assigned": "Y",
        "release_of_information": "Y",
    }
    return [
        decision.model_copy(
            update={
                "claim": decision.claim.model_copy(
                    update={name: flag for name, flag in usual.items() if getattr(decision.claim, name) is None}
                )
            }
        )
        for decision in decisions
    ]
