"""Validators of a FHIR Claim: two that others wrote, and rules that neither of them knows.

The rules read JSON and know nothing of how Claimbus writes it.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import fhirkit
from fhir.resources.R4B.claim import Claim
from pydantic import ValidationError

_REQUIRED_CODES = {
    ("Claim", "status"): {"active", "cancelled", "draft", "entered-in-error"},
    ("Claim", "use"): {"claim", "preauthorization", "predetermination"},
    ("Coverage", "status"): {"active", "cancelled", "draft", "entered-in-error"},
    ("Patient", "gender"): {"male", "female", "other", "unknown"},
    ("RelatedPerson", "gender"): {"male", "female", "other", "unknown"},
}
"""Required bindings of R4 4.0.1, which neither validator enforces."""
_CENTS = re.compile(r"\d+\.\d\d")


def faults_by_validators(text: str) -> list[str]:
    """What fhirkit (R4, 4.0.1) and fhir.resources (R4B, whose Claim is R4's) find."""
    found = [f"fhirkit: {issue.path}: {issue.message}" for issue in fhirkit.validate(text)]
    try:
        Claim.model_validate_json(text)
    except ValidationError as exc:
        found += [f"fhir.resources: {error['loc']}: {error['msg']}" for error in exc.errors(include_input=False)]
    return found


def faults_by_rules(text: str) -> list[str]:
    return list(_faults(json.loads(text, parse_float=Decimal), json.loads(text, parse_float=str)))


def _faults(claim: dict[str, Any], spelled: dict[str, Any]) -> Iterator[str]:
    items = claim.get("item", [])
    for resource in (claim, *claim.get("contained", [])):
        for (kind, field), allowed in _REQUIRED_CODES.items():
            if resource["resourceType"] == kind and field in resource and resource[field] not in allowed:
                yield f"{kind}.{field}: {resource[field]}"
    for name in ("item", "diagnosis", "insurance", "careTeam", "supportingInfo"):
        sequences = [row["sequence"] for row in claim.get(name, [])]
        if sequences and sequences != list(range(1, len(sequences) + 1)):
            yield f"{name}: sequences are {sequences}"
    for item in items:
        for field, rows in (("diagnosisSequence", "diagnosis"), ("careTeamSequence", "careTeam")):
            for sequence in item.get(field, []):
                if sequence not in [row["sequence"] for row in claim.get(rows, [])]:
                    yield f"item {item['sequence']}: {field} {sequence} dangles"
        if "unitPrice" in item and item["unitPrice"]["value"] * item["quantity"]["value"] != item["net"]["value"]:
            yield f"item {item['sequence']}: quantity times unit price is not the net"
    if sum(item["net"]["value"] for item in items) != claim["total"]["value"]:
        yield "total is not the sum of the nets"
    for path, amount in _amounts(spelled):
        if amount.get("currency") != "USD":
            yield f"{path}: currency {amount.get('currency')}"
        if not _CENTS.fullmatch(str(amount["value"])):
            yield f"{path}: {amount['value']} is not spelled in cents"
    if [row.get("focal") for row in claim.get("insurance", [])].count(True) != 1:
        yield "insurance: not exactly one is focal"
    contained = {f"#{resource['id']}" for resource in claim.get("contained", [])}
    referred = set(_references(claim))
    yield from (f"reference {reference} leads nowhere" for reference in sorted(referred - contained))
    yield from (f"contained {reference} is referred to by nothing" for reference in sorted(contained - referred))
    if len(contained) < len(claim.get("contained", [])):
        yield "contained: two bear one id"


def _amounts(value: Any, path: str = "Claim") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if "currency" in value or path.endswith((".net", ".unitPrice", ".total")):
            yield path, value
        for name, part in value.items():
            yield from _amounts(part, f"{path}.{name}")
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from _amounts(part, f"{path}[{place}]")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for part in value.values():
            yield from _references(part)
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
