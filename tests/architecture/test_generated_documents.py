"""The checked-in documents are those that the code makes, and they say of visits what the code says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from capacity_page import page
from claimbus.testing.visits import EXAMPLES, example_bodies, visit_data
from jsonschema import Draft202012Validator
from make_documents import documents
from requirements_page import ELSEWHERE

ROOT = Path(__file__).parents[2]


MADE: dict[Path, str] = documents()
SCHEMAS = {path: json.loads(text) for path, text in MADE.items() if path.parts[0] == "shared"}
ASYNCAPI = {path: json.loads(text) for path, text in MADE.items() if path.name == "asyncapi.json"}
COMPLETED = SCHEMAS[Path("shared/schemas/visits/completed/1.0.json")]


@pytest.mark.parametrize("path", MADE, ids=str)
def test_the_checked_in_document_is_the_one_that_the_code_makes(path: Path) -> None:
    assert (ROOT / path).is_file(), f"{path} is missing; run: make schemas"
    assert (ROOT / path).read_text() == MADE[path], f"{path} differs from the code; run: make schemas"


@pytest.mark.parametrize(("service", "ids"), [(service, ids) for service, _, ids in ELSEWHERE])
def test_what_the_page_says_that_another_service_answers_is_answered_there(service: str, ids: tuple[str, ...]) -> None:
    files = [file for file in (ROOT / "services" / service / "src").rglob("*") if file.suffix in (".py", ".toml")]
    said = "".join(file.read_text() for file in files)
    parts = {name: (name, name.rpartition(".")[2]) for name in ids}
    assert [name for name, spelled in parts.items() if not any(f'"{part}"' in said for part in spelled)] == []


@pytest.mark.parametrize("path", SCHEMAS, ids=str)
def test_each_schema_is_one_of_the_2020_12_dialect_without_a_host(path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMAS[path])
    place = path.relative_to("shared/schemas").with_suffix("")
    assert SCHEMAS[path]["$id"] == "urn:claimbus:" + ":".join(place.parts)


@pytest.mark.parametrize("name", example_bodies())
def test_an_example_visit_fits_the_schema(name: str) -> None:
    problems = [error.json_path for error in Draft202012Validator(COMPLETED).iter_errors(visit_data(name))]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("14-invalid-negative-minutes", "$.interventions[0].minutes"),
        ("15-invalid-unknown-program", "$.coverage[0].program"),
    ],
)
def test_an_invalid_example_is_refused_for_the_field_in_its_name(name: str, field: str) -> None:
    visit = json.loads((EXAMPLES / f"{name}.json").read_text())
    assert field in {error.json_path for error in _innermost(Draft202012Validator(COMPLETED).iter_errors(visit))}


def _innermost(errors: Any) -> Iterator[Any]:
    for error in errors:
        yield error
        yield from _innermost(error.context)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ("Patient", "patient_id"),
        ("Patient", "first_name"),
        ("Patient", "last_name"),
        ("Patient", "birth_date"),
        ("Subscriber", "first_name"),
        ("Subscriber", "last_name"),
        ("Subscriber", "birth_date"),
        ("Address", "line1"),
        ("Coverage", "member_id"),
        ("Authorization", "number"),
        ("Intervention", "description"),
        ("Intervention", "narrative"),
        ("Note", "text"),
        ("Note", "subjective"),
        ("Note", "objective"),
        ("Note", "assessment"),
        ("Note", "plan"),
        ("Signature", "name"),
    ],
)
def test_the_schema_marks_protected_health_information(record: str, field: str) -> None:
    declared = COMPLETED["$defs"][record]["properties"][field]
    assert any(kind.get("x-phi") is True for kind in (declared, *declared.get("anyOf", ())))


@pytest.mark.parametrize("path", ASYNCAPI, ids=str)
def test_every_reference_of_an_asyncapi_document_leads_somewhere(path: Path) -> None:
    for reference in _references(ASYNCAPI[path]):
        file, _, pointer = reference.partition("#")
        if file:
            assert (ROOT / path.parent / file).resolve().relative_to(ROOT) in MADE
            continue
        place = ASYNCAPI[path]
        for token in pointer.strip("/").split("/"):
            place = place[token]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _references(item)


def test_what_a_service_receives_is_sent_by_another_or_comes_from_outside() -> None:
    received, sent = (
        {_address(document, operation) for document in ASYNCAPI.values() for operation in _operations(document, action)}
        for action in ("receive", "send")
    )
    assert received - sent == {
        "visits.{practice_id}.{visit_id}.completed",
        "visits.{practice_id}.{visit_id}.voided",
        "outcomes.{practice_id}.{visit_id}.submitted",
        "outcomes.{practice_id}.{visit_id}.adjudicated",
    }


def _operations(document: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [operation for operation in document["operations"].values() if operation["action"] == action]


def _address(document: dict[str, Any], operation: dict[str, Any]) -> str:
    channel = operation["channel"]["$ref"].rpartition("/")[2]
    return str(document["channels"][channel]["address"])


def test_the_page_on_capacity_is_made_of_the_kept_figures() -> None:
    figures = json.loads((ROOT / "benchmarks/capacity.json").read_text())
    assert (ROOT / "docs/capacity.md").read_text() == page(figures), "run: python benchmarks/capacity.py --page"
