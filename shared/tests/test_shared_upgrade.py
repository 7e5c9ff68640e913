"""Facts of schema 1.0 are read as those of today."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from claimbus.events import Basis, Finding, RuleSet, UnitsComputed, Worksheet
from claimbus.events.upgrade import upgraded
from claimbus.testing.visits import example_bodies, visit
from claimbus.values import Result, Severity
from claimbus_engine import Rules, evaluate_fully

TABLES = RuleSet(version="2026.10", sha256="0" * 64, tables={"unit-codes": "2026.10"})


def units(rule_set: RuleSet, **inputs: object) -> UnitsComputed:
    finding = Finding(
        id="units.over-billed-by-ehr", result=Result.FAIL, severity=Severity.REVIEW, message="m", rule="r",
        citation="c", inputs=inputs,
    )  # fmt: skip
    return UnitsComputed(
        practice_id="p", visit_id="v", revision=1, basis=Basis(event_id="e", sha256="s"), findings=(finding,),
        worksheet=Worksheet(rule="cms-8-minute", citation="c", timed_minutes=0, timed_units=0, services=()),
        rule_set=rule_set,
    )  # fmt: skip


def test_what_a_finding_of_schema_1_0_is_about_is_found_among_its_inputs() -> None:
    (finding,) = upgraded(units(TABLES, code="97110", field="interventions.units")).findings
    assert (finding.codes, finding.field) == (("97110",), "interventions.units")


def test_inputs_of_another_type_are_about_nothing() -> None:
    (finding,) = upgraded(units(TABLES, code=None, field=["a"])).findings
    assert (finding.codes, finding.field) == ((), None)


def test_a_fact_of_today_stays_as_it_is() -> None:
    fact = units(TABLES.reference, code="97110")
    assert upgraded(fact) is fact


def test_a_stored_fact_of_schema_1_0_can_be_read() -> None:
    stored = units(TABLES, code="97110").model_dump(mode="json")
    del stored["passed"], stored["findings"][0]["codes"], stored["findings"][0]["field"]
    fact = UnitsComputed.model_validate(stored)
    assert fact.passed == ()
    assert upgraded(fact).findings[0].codes == ("97110",)


# --- and the other way round, while releases run side by side ---------------------------------------------------------

SCHEMAS = Path(__file__).parents[1] / "schemas/visits"
RULES = Rules.load()


@pytest.mark.parametrize("name", example_bodies())
def test_a_fact_of_today_is_one_of_schema_1_0_too(name: str) -> None:
    evaluation = evaluate_fully(visit(name), RULES)
    for fact in (evaluation.coded, evaluation.units, evaluation.documentation):
        schema = json.loads((SCHEMAS / fact.fact / "1.0.json").read_text())
        body = json.loads(fact.to_json())
        jsonschema.validate(body, schema)
        assert type(fact).model_validate(body) == fact, "nothing is lost by what is left out"


@pytest.mark.parametrize("name", example_bodies())
def test_a_fact_has_no_null_but_where_schema_1_0_requires_one(name: str) -> None:
    evaluation = evaluate_fully(visit(name), RULES)
    nulls = {
        path
        for fact in (evaluation.coded, evaluation.units, evaluation.documentation)
        for path in _nulls(json.loads(fact.to_json()))
    }
    assert nulls <= {"code", "chosen_by", "supported_by", "minutes", "assistant"}


def _nulls(data: object, name: str = "") -> Iterator[str]:
    """Names of fields that are null; what explains a finding may name a null."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key != "inputs":
                yield from _nulls(value, key)
    elif isinstance(data, list):
        for value in data:
            yield from _nulls(value, name)
    elif data is None:
        yield name
