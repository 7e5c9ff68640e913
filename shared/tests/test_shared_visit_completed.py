"""The contract of a visit: what may be missing, what is refused, and what a refusal says."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from claimbus.events import Authorization, Clinician, InvalidEvent, VisitCompleted, validated
from claimbus.testing.visits import visit_data
from pydantic import ValidationError

CANARY = "Zebulon-Quartz-4711"

EXAMPLE = visit_data(
    "25-evaluation-and-treatment",
    {
        "assistant": {"first_name": "Sam", "last_name": "Helper", "credential": "PTA"},
        "coverage.0.authorization": dict.fromkeys(Authorization.model_fields),
        "documentation.progress_report": {
            "last_on": "2026-10-20",
            "author_credential": "PT",
            "treatment_days_since": 8,
        },
        "interventions.0.assistant_minutes": 20,
    },
    remove=["interventions.1"],
)
"""Of each object that a visit may have, one."""

Path = tuple[str | int, ...]
REQUIRED: list[Path] = [
    ("practice_id",),
    ("visit_id",),
    ("revision",),
    ("service_date",),
    ("patient",),
    ("patient", "patient_id"),
    ("coverage",),
    ("coverage", 0, "program"),
]
NOT_A_DIAGNOSIS_WITHOUT_IT: Path = ("diagnoses", 0, "code")


def read(data: dict[str, Any]) -> VisitCompleted:
    return VisitCompleted.model_validate_json(json.dumps(data))


def fields_of(data: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield (*path, name)
            yield from fields_of(value, (*path, name))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from fields_of(value, (*path, place))


def holder(data: dict[str, Any], path: Path) -> Any:
    at: Any = data
    for step in path[:-1]:
        at = at[step]
    return at


def with_value(path: Path, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(EXAMPLE)
    holder(data, path)[path[-1]] = value
    return data


def without(path: Path) -> dict[str, Any]:
    data = copy.deepcopy(EXAMPLE)
    del holder(data, path)[path[-1]]
    return data


EVERY_FIELD = list(fields_of(EXAMPLE))
OPTIONAL = [path for path in EVERY_FIELD if path not in REQUIRED and path != NOT_A_DIAGNOSIS_WITHOUT_IT]


def spell(path: Path) -> str:
    return ".".join(map(str, path))


def bare(**fields: Any) -> dict[str, Any]:
    return {
        "practice_id": "p",
        "visit_id": "v",
        "revision": 1,
        "service_date": "2026-11-18",
        "patient": {"patient_id": "x"},
        "coverage": [{"program": "auto"}],
        "interventions": [{}],
    } | fields


def test_the_example_of_the_contract_survives_a_round_trip() -> None:
    visit = read(EXAMPLE)
    assert VisitCompleted.model_validate_json(visit.model_dump_json()) == visit
    assert visit.interventions[0].minutes == 32
    assert visit.primary.payer_id == "MEDB"


def test_nothing_of_the_example_is_lost_or_altered() -> None:
    said = read(EXAMPLE).model_dump(mode="json")
    for path in EVERY_FIELD:
        value = holder(EXAMPLE, path)[path[-1]]
        if not isinstance(value, dict | list):
            assert holder(said, path)[path[-1]] == value, spell(path)


@pytest.mark.parametrize("path", OPTIONAL, ids=spell)
def test_an_optional_field_may_be_left_out(path: Path) -> None:
    read(without(path))


@pytest.mark.parametrize("path", OPTIONAL, ids=spell)
def test_an_optional_field_may_be_null(path: Path) -> None:
    read(with_value(path, None))


def test_every_optional_field_may_be_left_out_at_once() -> None:
    data = bare()
    visit = read(data)
    assert visit.interventions[0].minutes is None
    assert read(bare(interventions=None, evaluation={})).evaluation is not None


def test_every_optional_field_may_be_null_at_once() -> None:
    data = dict.fromkeys(VisitCompleted.model_fields) | bare(interventions=[dict.fromkeys(["id", "code", "modifiers"])])
    assert read(data) == read(bare())


@pytest.mark.parametrize("path", REQUIRED, ids=spell)
def test_a_required_field_may_neither_be_missing_nor_null(path: Path) -> None:
    for data in (without(path), with_value(path, None)):
        with pytest.raises(ValidationError) as refused:
            read(data)
        assert refused.value.errors()[0]["loc"] == path


def test_a_diagnosis_without_a_code_is_a_finding_and_no_refusal() -> None:
    read(without(NOT_A_DIAGNOSIS_WITHOUT_IT))


@pytest.mark.parametrize(
    "path",
    [("diagnoses",), ("interventions",), ("case", "related_to"), ("interventions", 0, "modifiers"),
     ("documentation", "plan_of_care", "diagnoses"), ("documentation", "plan_of_care", "long_term_goals")],
    ids=spell,
)  # fmt: skip
def test_a_null_list_reads_as_empty(path: Path) -> None:
    read_back = read(with_value(path, None)).model_dump()
    assert holder(read_back, path)[path[-1]] == ()


@pytest.mark.parametrize("path", [(), *(p for p in EVERY_FIELD if isinstance(holder(EXAMPLE, p)[p[-1]], dict))])
def test_an_unknown_field_is_ignored(path: Path) -> None:
    assert read(with_value((*path, "added_next_year"), CANARY)) == read(EXAMPLE)


def test_a_visit_is_frozen() -> None:
    visit = read(EXAMPLE)
    for record, field in ((visit, "revision"), (visit.patient, "last_name"), (visit.interventions[0], "minutes")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, field, None)


REFUSED: list[tuple[Path, Any]] = [
    (("practice_id",), CANARY + "."),
    (("practice_id",), CANARY + " x"),
    (("practice_id",), CANARY * 4),
    (("visit_id",), CANARY + "\n"),
    (("visit_id",), CANARY + "*"),
    (("revision",), -471147114711),
    (("service_date",), CANARY),
    (("started_at",), "1947-11-04T07:11:00"),
    (("interventions", 0, "started_at"), "1947-11-04T07:11:00"),
    (("documentation", "signature", "signed_at"), "1947-11-04T07:11:00"),
    (("facility",), CANARY),
    (("telehealth",), CANARY),
    (("discipline",), CANARY),
    (("patient", "birth_date"), CANARY),
    (("coverage",), []),
    (("coverage", 0, "program"), CANARY),
    (("coverage", 0, "therapy_dollars_used"), "-4711.4711"),
    (("coverage", 0, "therapy_dollars_used"), CANARY),
    (("coverage", 0, "therapy_dollars_used"), "NaN"),
    (("interventions", 0, "minutes"), -4711),
    (("interventions", 0, "minutes"), 4711),
    (("interventions", 0, "minutes"), 4711.4),
    (("interventions", 0, "assistant_minutes"), -4711),
    (("interventions", 0, "contact"), CANARY),
    (("interventions", 0, "id"), CANARY * 4),
    (("interventions", 0, "narrative"), CANARY * 2_000),
    (("time", "total_minutes"), -4711),
    (("evaluation", "presentation"), CANARY),
]


@pytest.mark.parametrize(("path", "value"), REFUSED, ids=lambda one: spell(one) if isinstance(one, tuple) else "")
def test_what_would_make_a_visit_meaningless_is_refused_by_field_and_without_a_word_of_it(
    path: Path, value: Any
) -> None:
    with pytest.raises(ValidationError) as refused:
        read(with_value(path, value))
    assert refused.value.errors()[0]["loc"] == path
    text = str(refused.value)
    assert spell(path) in text
    assert "4711" not in text
    assert "1947" not in text
    assert CANARY not in text


def test_one_wrong_field_of_a_coverage_is_one_problem() -> None:
    with pytest.raises(InvalidEvent) as refused:
        validated(VisitCompleted, json.dumps(with_value(("coverage", 0, "program"), CANARY)).encode())
    assert [problem.field for problem in refused.value.problems] == ["coverage.0.program"]


def test_a_visit_in_which_nothing_was_done_is_refused() -> None:
    several: list[dict[str, Any]] = [
        {"interventions": []},
        {"interventions": None},
        {"interventions": [], "evaluation": None},
    ]
    for nothing in several:
        with pytest.raises(ValidationError, match="interventions: give at least one intervention, or an evaluation"):
            read(bare(**nothing))


def test_an_intervention_id_may_stand_only_once() -> None:
    with pytest.raises(ValidationError, match="interventions: each id may stand once") as refused:
        read(bare(interventions=[{"id": CANARY}, {"id": "2"}, {"id": CANARY}]))
    assert CANARY not in str(refused.value)


def test_interventions_without_an_id_are_numbered_by_their_place() -> None:
    visit = read(bare(interventions=[{}, {"id": "a"}, {"id": None}]))
    assert [row.id for row in visit.interventions] == ["1", "a", "3"]


def test_a_number_given_by_place_never_meets_an_id_that_was_sent() -> None:
    assert len({row.id for row in read(bare(interventions=[{"id": "2"}, {}])).interventions}) == 2


def test_the_coverage_of_rank_1_is_primary_wherever_it_stands() -> None:
    second, first = {"rank": 2, "program": "commercial"}, {"rank": 1, "program": "medicare_part_b"}
    assert read(bare(coverage=[second, first])).primary.program == "medicare_part_b"
    assert read(bare(coverage=[first, second])).primary.program == "medicare_part_b"
    assert read(bare(coverage=[{"program": "auto"}])).primary.rank == 1


def test_what_a_person_can_mend_is_not_refused() -> None:
    odd = {"npi": "not a number", "credential": "?", "taxonomy": ""}
    visit = read(bare(interventions=[{"code": "no code"}], rendering_provider=odd, place_of_service="999"))
    assert visit.rendering_provider == Clinician(**odd)
    assert visit.interventions[0].code == "no code"
