"""A decision as a FHIR R4 (4.0.1) Claim.

The patient, coverages, payers and providers are contained in the Claim: they are a copy of what this claim was made
from, no server keeps them, and one resource is what a receiver posts, stores and validates. Each bears the identifier
(NPI, member id, payer id) by which a receiver finds its own record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from claimbus.events import ClaimDenialRisk, ClaimReady, Line
from claimbus.events.visit_completed import Address, BillingProvider, Case, Clinician, Coverage, Patient, Subscriber
from claimbus.values import Program

from claimbus_documents.amounts import CENT, amount_problems, is_whole_cents
from claimbus_documents.errors import DocumentError
from claimbus_documents.tables import DocumentTables, FhirCodeRow, tables_on

Json = dict[str, Any]
Decision = ClaimReady | ClaimDenialRisk

_CURRENCY = "USD"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_CPT = re.compile(r"\d{4}[\dA-Z]")
_CPT_MODIFIER = re.compile(r"\d\d")
_MBI = re.compile(r"[1-9](?![SLOIBZ])[A-Z](?![SLOIBZ])[A-Z\d]\d(?![SLOIBZ])[A-Z](?![SLOIBZ])[A-Z\d]\d"
                  r"(?:(?![SLOIBZ])[A-Z]){2}\d\d")  # fmt: skip
"""A Medicare beneficiary identifier: its positions of digits and letters, without S, L, O, I, B and Z."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNKNOWN = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
_DIAGNOSIS_STEM = 3


def claim_of(decision: Decision) -> Json:
    """The Claim, ready for `exact_json.to_json`: money is Decimal, nothing is null or empty.

    Raises `DocumentError` naming each field without which no payer can use it.
    """
    problems = list(_problems(decision))
    if problems:
        raise DocumentError(problems)
    writer = _Writer(tables_on(decision.claim.service_date))
    pruned = _pruned(writer.claim(decision))
    assert isinstance(pruned, dict)  # noqa: S101
    return pruned


def _problems(decision: Decision) -> Iterator[str]:
    claim = decision.claim
    if not decision.lines:
        yield "lines: nothing of this visit can be billed"
    yield from amount_problems(decision.lines, claim.total_charge)
    if not claim.diagnoses:
        yield "claim.diagnoses is missing"
    for place, code in enumerate(claim.diagnoses):
        if _with_dot(code) is None:
            yield f"claim.diagnoses.{place} is blank"
    for place, line in enumerate(decision.lines):
        if _text(line.code) is None:
            yield f"lines.{place}.code is missing"
        for pointer in line.diagnosis_pointers:
            if not 1 <= pointer <= len(claim.diagnoses):
                yield f"lines.{place}.diagnosis_pointers: {pointer} points at none of {len(claim.diagnoses)} diagnoses"
    numbers = [line.number for line in decision.lines]
    if len(set(numbers)) < len(numbers):
        yield "lines: two of them bear one number"
    billing = claim.billing_provider
    if billing is None or not (_text(billing.name) or _text(billing.npi)):
        yield "claim.billing_provider.name is missing"
    for place, coverage in enumerate(claim.coverage):
        named = _text(coverage.payer_name) or _text(coverage.payer_id)
        if coverage.program is not Program.SELF_PAY and not named:
            yield f"claim.coverage.{place}.payer_name is missing"
    if decision.frequency_code != "1" and not _text(claim.payer_control_number):
        yield f"claim.payer_control_number is missing; a claim of frequency {decision.frequency_code} needs it"


class _Writer:
    """Writes one Claim by the tables of its day."""

    def __init__(self, tables: DocumentTables) -> None:
        self._tables = tables

    def claim(self, decision: Decision) -> Json:
        claim = decision.claim
        ranked = list(enumerate(sorted(claim.coverage, key=lambda one: one.rank), 1))
        team = _team(decision)
        billed_to = [number for number, one in ranked if one.program is not Program.SELF_PAY]
        return {
            "resourceType": "Claim",
            "id": decision.claim_id if _ID.fullmatch(decision.claim_id) else None,
            "contained": [
                self._patient(claim.patient),
                *(resource for number, one in ranked for resource in self._coverage(number, one)),
                self._billing_organization(claim.billing_provider) if claim.billing_provider else None,
                *(self._practitioner(role, clinician) for role, clinician in team),
            ],
            "identifier": [
                _identifier("urn:claimbus:control-number", claim.control_number),
                {
                    "system": "urn:claimbus:visit-revision",
                    "value": f"{decision.practice_id}/{decision.visit_id}/{decision.revision}",
                },
            ],
            "status": "active",
            "type": self._concept("claim-type", "professional"),
            "use": "claim",
            "patient": _to("patient"),
            "billablePeriod": {"start": _day(claim.service_date), "end": _day(claim.service_date)},
            "created": decision.decided_at.isoformat(timespec="seconds"),
            "insurer": _to(f"payer-{billed_to[0]}") if billed_to else None,
            "provider": _to("billing-provider"),
            "priority": self._concept("priority", "normal"),
            "related": [self._related(decision)],
            "payee": {"type": self._concept("payee", claim.benefits_assigned or "")},
            "careTeam": [self._member(sequence, role, clinician) for sequence, (role, clinician) in enumerate(team, 1)],
            "supportingInfo": self._information(claim.case),
            "diagnosis": [
                {
                    "sequence": sequence,
                    "diagnosisCodeableConcept": self._coded("icd-10-cm", _with_dot(code)),
                    "type": [self._concept("diagnosis", "principal")] if sequence == 1 else None,
                }
                for sequence, code in enumerate(claim.diagnoses, 1)
            ],
            "insurance": [
                {
                    "sequence": number,
                    "focal": number == 1,
                    "coverage": _to(f"coverage-{number}"),
                    "preAuthRef": [_text(claim.prior_authorization)] if number == 1 else None,
                }
                for number, _ in ranked
            ],
            "accident": self._accident(claim.case),
            "item": [self._item(line, decision, team) for line in decision.lines],
            "total": _money(claim.total_charge),
        }

    # --- codes

    def _rows(self, about: str, said: str) -> Sequence[FhirCodeRow]:
        return self._tables.fhir_codes.get((about, said), ())

    def _concept(self, about: str, said: str) -> Json:
        return {"coding": [{"system": row.system, "code": row.code} for row in self._rows(about, said)]}

    def _system(self, name: str) -> str:
        return self._rows("system", name)[0].system

    def _coded(self, system: str, code: str | None) -> Json | None:
        """A code of its own system; null where there is none."""
        token = " ".join((code or "").split())
        return {"coding": [{"system": self._system(system), "code": token}]} if token else None

    # --- the resources that the claim speaks of

    def _patient(self, patient: Patient) -> Json:
        return {
            "resourceType": "Patient",
            "id": "patient",
            "identifier": [_identifier("urn:claimbus:patient", patient.patient_id)],
            **self._person(patient),
        }

    def _person(self, person: Patient | Subscriber) -> Json:
        gender = self._rows("sex", (person.sex or "").strip().upper()[:1])
        return {
            "name": [_name(person.first_name, person.last_name)],
            "gender": gender[0].code if gender else None,
            "birthDate": _day(person.birth_date),
            "address": [_address(person.address)],
        }

    def _coverage(self, number: int, coverage: Coverage) -> Iterator[Json]:
        relationship = self._tables.relationship(coverage.relationship)
        holder = coverage.subscriber if relationship not in (None, "self") else None
        self_pay = coverage.program is Program.SELF_PAY
        member = _text(coverage.member_id)
        medicare = coverage.program is Program.MEDICARE_PART_B and bool(member and _MBI.fullmatch(member))
        yield {
            "resourceType": "Coverage",
            "id": f"coverage-{number}",
            "identifier": [
                {
                    "type": self._coded("identifier-type", "MB"),
                    "system": self._system("mbi") if medicare else None,
                    "value": member,
                }
                if member
                else None
            ],
            "status": "active",
            "type": self._concept("program", coverage.program.value),
            "subscriber": _to(f"subscriber-{number}" if holder else "patient" if relationship == "self" else None),
            "subscriberId": member,
            "beneficiary": _to("patient"),
            "relationship": self._concept("relationship", relationship or ""),
            "payor": [_to("patient" if self_pay else f"payer-{number}")],
            "class": [
                {"type": self._concept("coverage-class", kind), "value": value}
                for kind, value in (("group", _text(coverage.group_number)), ("plan", _text(coverage.plan_id)))
                if value
            ],
            "order": coverage.rank,
        }
        if holder:
            yield {
                "resourceType": "RelatedPerson",
                "id": f"subscriber-{number}",
                "patient": _to("patient"),
                **self._person(holder),
            }
        if not self_pay:
            yield {
                "resourceType": "Organization",
                "id": f"payer-{number}",
                "identifier": [_identifier("urn:claimbus:payer", coverage.payer_id)],
                "name": _text(coverage.payer_name),
            }

    def _billing_organization(self, billing: BillingProvider) -> Json:
        tax_id = _text(billing.tax_id)
        return {
            "resourceType": "Organization",
            "id": "billing-provider",
            "identifier": [
                self._npi(billing.npi),
                {
                    "type": self._coded("identifier-type", "TAX"),
                    "system": self._system("tax-id"),
                    "value": tax_id.replace("-", ""),
                }
                if tax_id
                else None,
            ],
            "type": [self._coded("taxonomy", _text(billing.taxonomy))],
            "name": _text(billing.name),
            "address": [_address(billing.address)],
        }

    def _npi(self, npi: str | None) -> Json | None:
        value = _text(npi)
        if value is None:
            return None
        return {"type": self._coded("identifier-type", "NPI"), "system": self._system("npi"), "value": value}

    def _practitioner(self, role: str, clinician: Clinician) -> Json:
        credential = _text(clinician.credential)
        return {
            "resourceType": "Practitioner",
            "id": role,
            "identifier": [self._npi(clinician.npi)],
            "name": [_name(clinician.first_name, clinician.last_name)],
            "qualification": [{"code": {"text": credential}}] if credential else None,
        }

    # --- parts of the claim itself

    def _member(self, sequence: int, role: str, clinician: Clinician) -> Json:
        return {
            "sequence": sequence,
            "provider": _to(role),
            "responsible": True if role == "rendering" else None,
            "role": self._concept("care-team", role),
            "qualification": self._coded("taxonomy", _text(clinician.taxonomy)),
        }

    def _related(self, decision: Decision) -> Json | None:
        """The claim that this one takes the place of (frequency 7) or takes back (8), by the payer's number of it."""
        if decision.frequency_code == "1":
            return None
        what = {"7": "replaces", "8": "voids"}[decision.frequency_code]
        return {
            "relationship": {**self._concept("related", decision.frequency_code), "text": what},
            "reference": {"value": _text(decision.claim.payer_control_number)},
        }

    def _information(self, case: Case | None) -> list[Json] | None:
        if case is None or case.onset_date is None:
            return None
        category = self._concept("information", "onset")
        return [{"sequence": 1, "category": category, "timingDate": _day(case.onset_date)}]

    def _accident(self, case: Case | None) -> Json | None:
        """What the condition comes from; a date that nobody told is marked as unknown, because FHIR requires one."""
        if case is None or not (case.related_to or case.accident_date):
            return None
        told = ", ".join(filter(None, map(_text, case.related_to)))
        named = {"type": {**self._causes(case.related_to), "text": told}}
        when = {"date": _day(case.accident_date)} if case.accident_date else {"_date": {"extension": [_UNKNOWN]}}
        return {**when, **named, "locationAddress": {"state": _text(case.accident_state)}}

    def _causes(self, related_to: Sequence[str]) -> Json:
        return {"coding": [one for cause in related_to for one in self._concept("accident", cause)["coding"]]}

    def _item(self, line: Line, decision: Decision, team: Sequence[tuple[str, Clinician]]) -> Json:
        claim = decision.claim
        if line.charge is None:
            raise DocumentError([f"lines.{line.number}.charge is missing"])
        unit = line.charge / line.units
        return {
            "sequence": line.number,
            "careTeamSequence": [sequence for sequence, (role, _) in enumerate(team, 1) if role != "referring"],
            "diagnosisSequence": list(line.diagnosis_pointers),
            "productOrService": self._coded("cpt" if _CPT.fullmatch(line.code.strip()) else "hcpcs", line.code),
            "modifier": [
                self._coded("cpt" if _CPT_MODIFIER.fullmatch(modifier) else "hcpcs", modifier)
                for modifier in line.modifiers
            ],
            "servicedDate": _day(claim.service_date),
            "locationCodeableConcept": self._coded("place-of-service", _text(claim.place_of_service)),
            "quantity": {"value": Decimal(line.units)},
            # Left out where it is no amount in cents: it times the quantity must be the net.
            "unitPrice": _money(unit) if is_whole_cents(unit) else None,
            "net": _money(line.charge),
        }


def _team(decision: Decision) -> Sequence[tuple[str, Clinician]]:
    """Who cared, by role; only those of whom a name or a number is known."""
    claim = decision.claim
    roles: Mapping[str, Clinician | None] = {
        "rendering": claim.rendering_provider,
        "referring": claim.referring_provider,
        "supervising": claim.supervising_provider,
    }
    return [
        (role, one)
        for role, one in roles.items()
        if one is not None and (_text(one.npi) or _text(one.last_name) or _text(one.first_name))
    ]


def _to(contained: str | None) -> Json | None:
    return {"reference": f"#{contained}"} if contained else None


def _identifier(system: str, value: str | None) -> Json | None:
    shown = _text(value)
    return {"system": system, "value": shown} if shown else None


def _money(amount: Decimal | None) -> Json | None:
    return None if amount is None else {"value": amount.quantize(CENT), "currency": _CURRENCY}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(text: str | None) -> str | None:
    """Without control characters, which FHIR forbids in strings; null where nothing is left."""
    if text is None:
        return None
    return _UNSEEN.sub(" ", text).strip() or None


def _name(first: str | None, last: str | None) -> Json:
    return {"family": _text(last), "given": [_text(first)]}


def _address(address: Address | None) -> Json | None:
    if address is None:
        return None
    postal_code = _text(address.postal_code)
    known = {
        "line": [_text(address.line1), _text(address.line2)],
        "city": _text(address.city),
        "state": _text(address.state),
        "postalCode": _with_hyphen(postal_code) if postal_code else None,
    }
    return {**known, "country": "US"} if _pruned(known) else None


def _with_hyphen(postal_code: str) -> str:
    """ZIP+4 as it is written."""
    return f"{postal_code[:5]}-{postal_code[5:]}" if re.fullmatch(r"\d{9}", postal_code) else postal_code


def _with_dot(code: str) -> str | None:
    """ICD-10-CM as FHIR writes it, whether the sender set the dot or not."""
    bare = (_text(code) or "").replace(".", "").upper()
    stem, rest = bare[:_DIAGNOSIS_STEM], bare[_DIAGNOSIS_STEM:]
    return f"{stem}.{rest}" if rest else stem or None


def _pruned(value: Any) -> Any:
    """Without null, empty text, empty lists and empty objects, which FHIR forbids."""
    if isinstance(value, dict):
        kept = {name: _pruned(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, "", [], {})}
    if isinstance(value, list):
        return [one for one in map(_pruned, value) if one not in (None, "", [], {})]
    return value
