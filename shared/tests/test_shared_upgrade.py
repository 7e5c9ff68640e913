"""Facts of schema 1.0 are read as those of today."""

from claimbus.events import Basis, Finding, RuleSet, UnitsComputed, Worksheet
from claimbus.events.upgrade import upgraded
from claimbus.values import Result, Severity

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
    for name in ("passed",):
        del stored[name]
    for name in ("codes", "field"):
        del stored["findings"][0][name]
    fact = UnitsComputed.model_validate(stored)
    assert fact.passed == ()
    assert upgraded(fact).findings[0].codes == ("97110",)
