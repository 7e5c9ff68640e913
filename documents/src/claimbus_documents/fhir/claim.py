"""A decision as a FHIR R4 (4.0.1) Claim.

The patient, coverages, payers and providers are contained in the Claim: they are a copy of what this claim was made
from, no server keeps them, and one resource is what a receiver posts, stores and validates. Each carries the identifier
(NPI, member id, payer id) by which a receiver finds its own record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from claimbus.events import Decision, Line
from claimbus.events.visit_completed import Address, BillingProvider, Case, Clinician, Coverage, Patient, Subscriber
from claimbus.values import Program

from claimbus_documents.fhir.tables import FhirCodeRow
from claimbus_documents.fields import Fields, causes_of, is_whole_cents, with_hyphen
from claimbus_documents.lines import MOST_DOLLARS, check_lines
from claimbus_documents.refusal import Refusal
from claimbus_documents.rules import DocumentTables

Json = dict[str, Any]

_CURRENCY = "USD"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_CPT = re.compile(r"\d{4}[\dA-Z]")
_CPT_MODIFIER = re.compile(r"\d\d")
_CENT = Decimal("0.01")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNKNOWN = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
_DIAGNOSIS_STEM = 3


def claim_of(decision: Decision, tables: DocumentTables) -> Json:
    """The Claim, ready for `exact_json.to_json`: money is Decimal, nothing is null or empty.

    `tables` are those of the date of service. Raises `Refusal` with each field without which no payer can use it, and
    each that is not what it must be.
    """
    writer = _Writer(tables)
    claim = writer.claim(decision)
    if writer.fields.problems:
        raise Refusal(decision, writer.fields.problems)
    pruned = _pruned(claim)
    assert isinstance(pruned, dict)  # noqa: S101
    return pruned


def _check(fields: Fields, decision: Decision) -> None:
    claim = decision.claim
    check_lines(fields, decision)
    for place, code in enumerate(claim.diagnoses):
        if _with_dot(code) is None:
            fields.missing(f"claim.diagnoses.{place}")
    for place, line in enumerate(decision.lines):
        if _text(line.code) is None:
            fields.missing(f"lines.{place}.code")
    billing = claim.billing_provider
    if billing is None or not (_text(billing.name) or _text(billing.npi)):
        fields.missing("claim.billing_provider.name")
    for place, coverage in enumerate(claim.coverage):
        named = _text(coverage.payer_name) or _text(coverage.payer_id)
        if coverage.program is not Program.SELF_PAY and not named:
            fields.missing(f"claim.coverage.{place}.payer_name")


class _Writer:
    """Writes a Claim by the tables of its day; `fields` keeps what stands in its way."""

    def __init__(self, tables: DocumentTables) -> None:
        self._codes = tables.fhir.codes
        self.fields = Fields(tables.identifiers)

    def claim(self, decision: Decision) -> Json:
        _check(self.fields, decision)
        claim = decision.claim
        ranked = sorted(enumerate(claim.coverage), key=lambda placed: placed[1].rank)
        numbered = [(number, place, coverage) for number, (place, coverage) in enumerate(ranked, 1)]
        team = _team(decision)
        billed_to = [number for number, _, coverage in numbered if coverage.program is not Program.SELF_PAY]
        return {
            "resourceType": "Claim",
            "id": decision.claim_id if _ID.fullmatch(decision.claim_id) else None,
            "contained": [
                self._patient(claim.patient),
                *(resource for placed in numbered for resource in self._coverage(*placed)),
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
                for number, _, _ in numbered
            ],
            "accident": self._accident(claim.case),
            "item": [self._item(line, decision, team) for line in decision.lines],
            "total": _money(min(claim.total_charge or Decimal(0), MOST_DOLLARS)),
        }

    # --- codes

    def _rows(self, about: str, given: str) -> Sequence[FhirCodeRow]:
        return self._codes.get((about, given), ())

    def _concept(self, about: str, given: str) -> Json:
        return {"coding": [{"system": row.system, "code": row.code} for row in self._rows(about, given)]}

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
            **self._person("claim.patient", patient),
        }

    def _person(self, field: str, person: Patient | Subscriber) -> Json:
        gender = self._rows("sex", (person.sex or "").strip().upper()[:1])
        return {
            "name": [_name(person.first_name, person.last_name)],
            "gender": gender[0].code if gender else None,
            "birthDate": _day(person.birth_date),
            "address": [self._address(f"{field}.address", person.address)],
        }

    def _coverage(self, number: int, place: int, coverage: Coverage) -> Iterator[Json]:
        field = f"claim.coverage.{place}"
        self_pay = coverage.program is Program.SELF_PAY
        relationship = None if self_pay else self.fields.relationship(f"{field}.relationship", coverage.relationship)
        holder = coverage.subscriber if relationship and not relationship.is_self else None
        member = "" if self_pay else self.fields.member_id(f"{field}.member_id", coverage)
        subscriber = f"subscriber-{number}" if holder else "patient" if relationship and relationship.is_self else None
        yield {
            "resourceType": "Coverage",
            "id": f"coverage-{number}",
            "identifier": [self._member_id(coverage.program, member)],
            "status": "active",
            "type": self._concept("program", coverage.program.value),
            "subscriber": _to(subscriber),
            "subscriberId": member,
            "beneficiary": _to("patient"),
            "relationship": self._concept("relationship", (relationship and relationship.category) or ""),
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
                **self._person(f"{field}.subscriber", holder),
            }
        if not self_pay:
            yield {
                "resourceType": "Organization",
                "id": f"payer-{number}",
                "identifier": [_identifier("urn:claimbus:payer", coverage.payer_id)],
                "name": _text(coverage.payer_name),
            }

    def _member_id(self, program: Program, member_id: str) -> Json | None:
        """The system is named where every id of the program has the shape that this one has."""
        if not member_id:
            return None
        systems = self._rows("member-id", program) if program in self.fields.identifiers.member_ids else ()
        system = systems[0].system if systems else None
        return {"type": self._coded("identifier-type", "MB"), "system": system, "value": member_id}

    def _billing_organization(self, billing: BillingProvider) -> Json:
        field = "claim.billing_provider"
        return {
            "resourceType": "Organization",
            "id": "billing-provider",
            "identifier": [
                self._npi(f"{field}.npi", billing.npi),
                self._tax_id(f"{field}.tax_id", billing.tax_id),
            ],
            "type": [self._coded("taxonomy", self.fields.taxonomy(f"{field}.taxonomy", billing.taxonomy))],
            "name": _text(billing.name),
            "address": [self._address(f"{field}.address", billing.address)],
        }

    def _npi(self, field: str, given: str | None) -> Json | None:
        npi = self.fields.npi(field, given)
        if not npi:
            return None
        return {"type": self._coded("identifier-type", "NPI"), "system": self._system("npi"), "value": npi}

    def _tax_id(self, field: str, given: str | None) -> Json | None:
        tax_id = self.fields.tax_id(field, given)
        if tax_id is None:
            return None
        (row,) = self._rows("tax-id", tax_id.kind)
        return {"type": self._coded("identifier-type", row.code), "system": row.system, "value": tax_id.number}

    def _address(self, field: str, address: Address | None) -> Json | None:
        if address is None:
            return None
        known = {
            "line": [_text(address.line1), _text(address.line2)],
            "city": _text(address.city),
            "state": self.fields.state(f"{field}.state", address.state),
            "postalCode": with_hyphen(self.fields.postal_code(f"{field}.postal_code", address.postal_code)),
        }
        return {**known, "country": "US"} if _pruned(known) else None

    def _practitioner(self, role: str, clinician: Clinician) -> Json:
        credential = _text(clinician.credential)
        return {
            "resourceType": "Practitioner",
            "id": role,
            "identifier": [self._npi(f"claim.{role}_provider.npi", clinician.npi)],
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
            "qualification": self._coded(
                "taxonomy", self.fields.taxonomy(f"claim.{role}_provider.taxonomy", clinician.taxonomy)
            ),
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
        """What the condition comes from; a date that is not known is marked as unknown, because FHIR requires one."""
        causes = causes_of(case)
        if case is None or not (causes or case.accident_date):
            return None
        named = {"type": {**self._causes(causes), "text": ", ".join(filter(None, map(_text, causes)))}}
        when = {"date": _day(case.accident_date)} if case.accident_date else {"_date": {"extension": [_UNKNOWN]}}
        state = self.fields.state("claim.case.accident_state", case.accident_state)
        return {**when, **named, "locationAddress": {"state": state}}

    def _causes(self, causes: Sequence[str]) -> Json:
        return {"coding": [coding for cause in causes for coding in self._concept("accident", cause)["coding"]]}

    def _item(self, line: Line, decision: Decision, team: Sequence[tuple[str, Clinician]]) -> Json:
        claim = decision.claim
        charge = min(line.charge or Decimal(0), MOST_DOLLARS)  # what is not known or too much is refused
        unit = charge / line.units
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
            "net": _money(charge),
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
        (role, clinician)
        for role, clinician in roles.items()
        if clinician is not None and (_text(clinician.npi) or _text(clinician.last_name) or _text(clinician.first_name))
    ]


def _to(contained: str | None) -> Json | None:
    return {"reference": f"#{contained}"} if contained else None


def _identifier(system: str, value: str | None) -> Json | None:
    shown = _text(value)
    return {"system": system, "value": shown} if shown else None


def _money(amount: Decimal) -> Json:
    return {"value": amount.quantize(_CENT), "currency": _CURRENCY}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(text: str | None) -> str | None:
    """Without control characters, which FHIR forbids in strings; null where nothing is left."""
    if text is None:
        return None
    return _UNSEEN.sub(" ", text).strip() or None


def _name(first: str | None, last: str | None) -> Json:
    return {"family": _text(last), "given": [_text(first)]}


def _with_dot(code: str) -> str | None:
    """ICD-10-CM as FHIR writes it, whether the sender set the dot or not."""
    bare = (_text(code) or "").replace(".", "").upper()
    stem, rest = bare[:_DIAGNOSIS_STEM], bare[_DIAGNOSIS_STEM:]
    return f"{stem}.{rest}" if rest else stem or None


def _pruned(value: Any) -> Any:
    """Without null, empty text, empty lists and empty objects, which FHIR forbids."""
    if isinstance(value, dict):
        kept = {name: _pruned(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part not in (None, "", [], {})}
    if isinstance(value, list):
        return [part for part in map(_pruned, value) if part not in (None, "", [], {})]
    return value
