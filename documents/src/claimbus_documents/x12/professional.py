"""Decisions as one 837P interchange: health care claim, professional, 005010X222A1.

Each claim stands in a subscriber loop of its own (2000B), with a patient loop below it (2000C) where
somebody else holds the policy; claims of one billing provider stand under one 2000A. Which loops and
elements are required was read in pyx12's map of the guide; when a situational one is, is general
knowledge.

Not written, because the contract does not carry it: what other payers have paid (2320 CAS and AMT), why
Medicare pays second (SBR05), a place of treatment other than the billing address (2310C), the claim
number of a property and casualty insurer (REF Y4).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from claimbus.events import Case, ClaimDocument, Decision, Line, Problem
from claimbus.events.visit_completed import BillingProvider, Clinician, Coverage, Patient, Subscriber
from claimbus.identifiers import RelationshipRow, normalize_npi
from claimbus.values import Program

from claimbus_documents.fields import causes_of
from claimbus_documents.lines import check_lines
from claimbus_documents.refusal import Refusal
from claimbus_documents.rules import DocumentRules
from claimbus_documents.x12.elements import Elements, day, dollars
from claimbus_documents.x12.interchange import Envelope, Segment, write_interchange
from claimbus_documents.x12.submission import Submission
from claimbus_documents.x12.tables import X12Tables

VERSION = "005010X222A1"
"""The implementation guide that HIPAA adopted, with its first errata: GS08 and ST03."""

_PROCEDURE = re.compile(r"[A-Z0-9]{5}")
_MODIFIER = re.compile(r"[A-Z0-9]{2}")
_DIAGNOSIS = re.compile(r"[A-Z]\d[A-Z0-9](\.?[A-Z0-9]{1,4})?")
_PLACE = re.compile(r"\d{2}")
_AUTO, _OTHER = "AA", "OA"
_PROFILE = "the practice's profile says it: complete that, and decide the visit again"
_TAX_ID = {"EIN": "EI", "SSN": "SY"}
_CORRECT = "correct it with the visit's next revision"


class Rendered(NamedTuple):
    """The interchange of all claims that could be written, and the claims that could not."""

    interchange: str | None
    """None when there is no claim to write."""
    claims: int
    refused: tuple[Refusal, ...]


class _Claim(NamedTuple):
    """Segments of one claim. HL segments are not among them: they are numbered when all claims are known."""

    billing: tuple[Segment, ...]
    subscriber: tuple[Segment, ...]
    patient: tuple[Segment, ...]
    """Empty where the patient holds the policy."""
    claim: tuple[Segment, ...]


def render_professional(decisions: Sequence[Decision], submission: Submission, rules: DocumentRules) -> Rendered:
    """One interchange of all claims that can be written; each other claim is refused with all its fields.

    A claim that lacks a field is no reason to send the others of the day late, so it does not stop them.
    A decision that stands there twice, or that a later revision in the same call has replaced, would
    bill its visit twice; it is refused as well. The interchange goes by the tables of the day on which it is made,
    identifiers by those of a claim's date of service, as the decision did.
    """
    tables = rules.x12.on(submission.created_at.date())
    claims: list[_Claim] = []
    refused: list[Refusal] = []
    newest: dict[tuple[str, str], int] = {}
    for decision in decisions:
        visit = (decision.practice_id, decision.visit_id)
        newest[visit] = max(decision.revision, newest.get(visit, 0))
    written: set[str] = set()
    for decision in decisions:
        last = newest[decision.practice_id, decision.visit_id]
        if decision.revision < last:
            problem = f"is replaced by revision {last}, which is here too: send the newest alone"
            refused.append(Refusal(decision, [Problem(field="revision", problem=problem)]))
            continue
        if decision.claim.control_number in written:
            problem = "stands on another claim of this interchange: give each decision once"
            refused.append(Refusal(decision, [Problem(field="claim.control_number", problem=problem)]))
            continue
        fields = Elements(tables, rules.identifiers.on(decision.claim.service_date))
        claim = _claim(fields, decision, tables)
        if fields.problems:
            refused.append(Refusal(decision, fields.problems))
            continue
        written.add(decision.claim.control_number)
        claims.append(claim)
    interchange = _interchange(claims, submission, tables) if claims else None
    return Rendered(interchange, len(claims), tuple(refused))


# The interchange.


def _interchange(claims: list[_Claim], submission: Submission, tables: X12Tables) -> str:
    by_provider = {claim.billing: place for place, claim in reversed(list(enumerate(claims)))}
    ordered = sorted(claims, key=lambda claim: by_provider[claim.billing])
    sets = [
        [*_header(submission, place), *_levels(part)]
        for place, part in enumerate(_parts(ordered, tables.most["claims"]))
    ]
    envelope = Envelope(
        sender_qualifier=submission.sender_qualifier,
        sender_id=submission.sender_id,
        receiver_qualifier=submission.receiver_qualifier,
        receiver_id=submission.receiver_id,
        usage=submission.usage,
        control_number=submission.control_number,
        created_at=submission.created_at,
        group="HC",
        kind="837",
        version=VERSION,
    )
    return write_interchange(envelope, sets)


def _parts(claims: list[_Claim], most: int) -> Iterator[list[_Claim]]:
    """As many as may stand in one transaction set."""
    return (claims[start : start + most] for start in range(0, len(claims), most))


def _header(submission: Submission, place: int) -> tuple[Segment, ...]:
    """BHT, 1000A and 1000B."""
    created = submission.created_at
    reference = f"{submission.control_number}-{place + 1}"
    return (
        ("BHT", "0019", "00", reference, day(created.date()), created.strftime("%H%M"), "CH"),
        ("NM1", "41", "2", submission.sender_name, "", "", "", "", "46", submission.sender_id),
        ("PER", "IC", submission.contact_name, *submission.contact_numbers),
        ("NM1", "40", "2", submission.receiver_name, "", "", "", "", "46", submission.receiver_id),
    )


def _levels(claims: list[_Claim]) -> Iterator[Segment]:
    """2000A, below it 2000B for each claim, below that 2000C where the patient is a dependent."""
    last = 0
    for billing, of_provider in groupby(claims, key=lambda claim: claim.billing):
        last += 1
        provider = str(last)
        yield ("HL", provider, "", "20", "1")
        yield from billing
        for claim in of_provider:
            last += 1
            subscriber = str(last)
            yield ("HL", subscriber, provider, "22", "1" if claim.patient else "0")
            yield from claim.subscriber
            if claim.patient:
                last += 1
                yield ("HL", str(last), subscriber, "23", "0")
                yield from claim.patient
            yield from claim.claim


# One claim.


def _claim(fields: Elements, decision: Decision, tables: X12Tables) -> _Claim:
    document = decision.claim
    control_number = fields.key("claim.control_number", document.control_number, "1028")
    billing = _billing(fields, document.billing_provider)
    subscriber, patient = _insured(fields, document)
    check_lines(fields, decision)
    claim = (
        *_information(fields, decision, control_number),
        *_providers(fields, document),
        *_further_coverages(fields, document, tables),
        *_lines(fields, decision, control_number),
    )
    return _Claim(billing, subscriber, patient, claim)


def _billing(fields: Elements, provider: BillingProvider | None) -> tuple[Segment, ...]:
    """2000A PRV and 2010AA. A practice, not a person: the contract has one name."""
    at = "claim.billing_provider"
    if provider is None:
        fields.missing(at)
        return ()
    taxonomy = fields.taxonomy(f"{at}.taxonomy", provider.taxonomy)
    name, npi = fields.name(f"{at}.name", provider.name, "1035"), fields.npi(f"{at}.npi", provider.npi, needed=True)
    tax_id = fields.tax_id(f"{at}.tax_id", provider.tax_id, needed=True)
    return (
        *_specialty("BI", taxonomy),
        ("NM1", "85", "2", name, "", "", "", "", "XX", npi),
        *fields.address(f"{at}.address", provider.address, full=True),
        *([("REF", _TAX_ID[tax_id.kind], tax_id.number)] if tax_id else []),
    )


def _specialty(role: str, taxonomy: str) -> tuple[Segment, ...]:
    return (("PRV", role, "PXC", taxonomy),) if taxonomy else ()


def _insured(fields: Elements, document: ClaimDocument) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """2000B with 2010BA and 2010BB; 2000C with 2010CA for a dependent."""
    at = "claim.coverage.0"
    if not document.coverage:
        fields.refuse("claim.coverage", "is empty: send the payer with the visit's next revision")
        return (), ()
    payer = document.coverage[0]
    if payer.program is Program.SELF_PAY:
        fields.refuse(f"{at}.program", "is self_pay: there is no payer to send a claim to")
        return (), ()
    relationship = fields.relationship(f"{at}.relationship", payer.relationship, needed=True)
    is_patient = relationship is not None and relationship.is_self
    subscriber = (
        (
            "SBR",
            fields.responsibility(0),
            relationship.code if relationship and is_patient else "",
            fields.key(f"{at}.group_number", payer.group_number, "127", needed=False),
            "", "", "", "", "",
            fields.code("claim.filing_indicator", document.filing_indicator or payer.program, "filing"),
        ),
        _policy_holder(fields, document.patient, payer, at, relationship),
        *(_person_details(fields, document.patient, document.service_date) if is_patient else ()),
        _payer(fields, payer, at),
    )  # fmt: skip
    if is_patient or relationship is None:
        return subscriber, ()
    patient = (
        ("PAT", relationship.code),
        _name(fields, "QC", document.patient, "claim.patient"),
        *_person_details(fields, document.patient, document.service_date),
    )
    return subscriber, patient


def _policy_holder(
    fields: Elements, patient: Patient, payer: Coverage, at: str, relationship: RelationshipRow | None
) -> Segment:
    """NM1 of the subscriber; nothing where it is not known whose policy it is."""
    member = fields.member_id(f"{at}.member_id", payer, needed=True)
    if relationship is None:
        return ()
    if relationship.is_self:
        return (*_name(fields, "IL", patient, "claim.patient"), "", "", "", "MI", member)
    if payer.subscriber is None:
        fields.missing(f"{at}.subscriber", "send it, or relationship self, with the visit's next revision")
        return ()
    return (*_name(fields, "IL", payer.subscriber, f"{at}.subscriber"), "", "", "", "MI", member)


def _name(fields: Elements, role: str, person: Patient | Subscriber | Clinician, at: str) -> Segment:
    """NM1 of a person, without an id."""
    last = fields.name(f"{at}.last_name", person.last_name, "1035")
    return ("NM1", role, "1", last, fields.name(f"{at}.first_name", person.first_name, "1036", needed=False))


def _person_details(fields: Elements, patient: Patient, service_date: date) -> tuple[Segment, ...]:
    """N3, N4 and DMG of the patient."""
    return (
        *fields.address("claim.patient.address", patient.address),
        fields.demographics("claim.patient", patient.birth_date, patient.sex, service_date),
    )


def _payer(fields: Elements, payer: Coverage, at: str) -> Segment:
    name = fields.name(f"{at}.payer_name", payer.payer_name, "1035")
    return ("NM1", "PR", "2", name, "", "", "", "", "PI", fields.key(f"{at}.payer_id", payer.payer_id, "67"))


def _information(fields: Elements, decision: Decision, control_number: str) -> tuple[Segment, ...]:
    """2300: CLM, DTP, REF and HI."""
    document = decision.claim
    causes = _causes(fields, document.case)
    return (
        (
            "CLM",
            control_number,
            dollars(document.total_charge),
            "",
            "",
            (
                fields.shaped("claim.place_of_service", document.place_of_service, _PLACE, "a code of two digits"),
                "B",
                decision.frequency_code,
            ),
            _flag(fields, "signature_on_file", _yes_or_no(document.signature_on_file)),
            _flag(fields, "accept_assignment", document.accept_assignment),
            _flag(fields, "benefits_assigned", document.benefits_assigned),
            _flag(fields, "release_of_information", document.release_of_information),
            "",
            _related(fields, document.case, causes),
        ),
        *_dates(fields, document, causes),
        *_references(fields, decision),
        _diagnoses(fields, document),
    )


def _flag(fields: Elements, name: str, given: str | None) -> str:
    return given or fields.refuse(f"claim.{name}", f"is missing: {_PROFILE}")


def _yes_or_no(given: bool | None) -> str | None:
    return None if given is None else "Y" if given else "N"


def _causes(fields: Elements, case: Case | None) -> list[str]:
    """CLM11, in the order of the table."""
    at = "claim.case.related_to"
    codes = {fields.code(f"{at}.{place}", cause, "cause") for place, cause in enumerate(causes_of(case))} - {""}
    fields.at_most(at, len(codes), "causes", f"leave out what is least, and {_CORRECT}")
    return fields.in_order("cause", codes)


def _related(fields: Elements, case: Case | None, causes: list[str]) -> tuple[str, ...]:
    if _AUTO not in causes or case is None:
        return tuple(causes)
    first, second = (*causes, "")[:2]
    return (first, second, "", fields.state("claim.case.accident_state", case.accident_state, needed=True))


def _dates(fields: Elements, document: ClaimDocument, causes: list[str]) -> Iterator[Segment]:
    """Onset (431), first treatment (454) and accident (439)."""
    case, service = document.case, document.service_date
    if case is None:
        return
    for name in ("onset_date", "accident_date"):
        given = getattr(case, name)
        if given is not None and given > service:
            fields.refuse(f"claim.case.{name}", f"lies after the date of service: {_CORRECT}")
    if case.onset_date is not None and case.onset_date != service:
        yield ("DTP", "431", "D8", day(case.onset_date))
    if case.treatment_day == 1:
        yield ("DTP", "454", "D8", day(service))
    if causes and case.accident_date is not None:
        yield ("DTP", "439", "D8", day(case.accident_date))
    elif not {_AUTO, _OTHER}.isdisjoint(causes):
        fields.missing("claim.case.accident_date")


def _references(fields: Elements, decision: Decision) -> Iterator[Segment]:
    document = decision.claim
    if number := fields.key("claim.prior_authorization", document.prior_authorization, "127", needed=False):
        yield ("REF", "G1", number)
    if decision.frequency_code == "1":
        return
    if number := fields.key("claim.payer_control_number", document.payer_control_number, "127", needed=False):
        yield ("REF", "F8", number)


def _diagnoses(fields: Elements, document: ClaimDocument) -> Segment:
    at = "claim.diagnoses"
    codes = document.diagnoses
    fields.at_most(at, len(codes), "diagnoses", "leave out those of least rank in the visit's next revision")
    shaped = [
        fields.shaped(f"{at}.{place}", code, _DIAGNOSIS, "an ICD-10-CM code").replace(".", "")
        for place, code in enumerate(codes)
    ]
    return ("HI", *(("ABF" if place else "ABK", code) for place, code in enumerate(shaped)))


def _providers(fields: Elements, document: ClaimDocument) -> Iterator[Segment]:
    """2310A, 2310B and 2310D. Who renders is not repeated where it is the billing provider."""
    yield from _named_provider(fields, "DN", document.referring_provider, "claim.referring_provider")
    at, rendering, billing = "claim.rendering_provider", document.rendering_provider, document.billing_provider
    if rendering is None:
        fields.missing(at)
    elif billing is None or not _is_same_npi(rendering.npi, billing.npi):
        npi = fields.npi(f"{at}.npi", rendering.npi, needed=True)
        yield (*_name(fields, "82", rendering, at), "", "", "", "XX", npi)
        yield from _specialty("PE", fields.taxonomy(f"{at}.taxonomy", rendering.taxonomy))
    yield from _named_provider(fields, "DQ", document.supervising_provider, "claim.supervising_provider")


def _is_same_npi(first: str | None, second: str | None) -> bool:
    npi = normalize_npi(first or "")
    return npi is not None and npi == normalize_npi(second or "")


def _named_provider(fields: Elements, role: str, clinician: Clinician | None, at: str) -> Iterator[Segment]:
    """One whose NPI may be unknown; nobody where nothing is known."""
    if clinician is None or not any((clinician.npi, clinician.first_name, clinician.last_name)):
        return
    name = _name(fields, role, clinician, at)
    npi = fields.npi(f"{at}.npi", clinician.npi)
    yield (*name, "", "", "", "XX", npi) if npi else name


def _further_coverages(fields: Elements, document: ClaimDocument, tables: X12Tables) -> Iterator[Segment]:
    """2320, 2330A and 2330B for each payer after the one that the claim goes to."""
    further = [
        (place, coverage)
        for place, coverage in enumerate(document.coverage)
        if place and coverage.program is not Program.SELF_PAY
    ]
    fields.at_most("claim.coverage", len(further), "further_coverages", f"leave out the last ones, and {_CORRECT}")
    for order, (place, payer) in enumerate(further[: tables.most["further_coverages"]], 1):
        at = f"claim.coverage.{place}"
        relationship = fields.relationship(f"{at}.relationship", payer.relationship, needed=True)
        group = fields.key(f"{at}.group_number", payer.group_number, "127", needed=False)
        filing = fields.code(f"{at}.program", payer.program, "filing")
        code = relationship.code if relationship else ""
        yield ("SBR", fields.responsibility(order), code, group, "", "", "", "", "", filing)
        yield ("OI", "", "", document.benefits_assigned or "", "", "", document.release_of_information or "")
        yield _policy_holder(fields, document.patient, payer, at, relationship)
        yield _payer(fields, payer, at)


def _lines(fields: Elements, decision: Decision, control_number: str) -> Iterator[Segment]:
    """2400 for each line: LX, SV1, its date and the number by which a remittance names it."""
    lines, document = decision.lines, decision.claim
    fields.at_most("lines", len(lines), "lines", "send the rest as a visit of its own")
    for place, line in enumerate(lines):
        at = f"lines.{place}"
        yield ("LX", str(place + 1))
        yield _service(fields, line, at)
        yield ("DTP", "472", "D8", day(document.service_date))
        yield ("REF", "6R", f"{control_number}-{line.number}")


def _service(fields: Elements, line: Line, at: str) -> Segment:
    """SV1: code and modifiers, charge, units, pointers."""
    procedure = fields.shaped(f"{at}.code", line.code, _PROCEDURE, "a code of five characters")
    modifiers = [
        fields.shaped(f"{at}.modifiers.{place}", modifier, _MODIFIER, "a modifier of two characters")
        for place, modifier in enumerate(line.modifiers)
    ]
    fields.at_most(f"{at}.modifiers", len(modifiers), "modifiers", f"leave out what is least, and {_CORRECT}")
    fields.at_most(f"{at}.diagnosis_pointers", len(line.diagnosis_pointers), "pointers", _CORRECT)
    if not line.diagnosis_pointers:
        fields.refuse(f"{at}.diagnosis_pointers", "is empty: send diagnoses with the visit's next revision")
    return (
        "SV1",
        ("HC", procedure, *modifiers),
        dollars(line.charge),
        "UN",
        fields.count(f"{at}.units", line.units, "units", _CORRECT),
        "",
        "",
        tuple(map(str, line.diagnosis_pointers)),
    )
