"""A finding is made from its row: texts, severity, denial and remedy stand in data."""

from enum import StrEnum
from typing import Any

import pytest
from claimbus.events import Finding, Passed
from claimbus.rules import FindingRow, RuleError, findings_by_id, sorted_out
from claimbus.values import Result, Severity
from pydantic import ValidationError


def row(**cells: Any) -> FindingRow:
    usual = {
        "id": "mue.exceeded",
        "meaning": "Too many units.",
        "severity": "block",
        "message": "{code}: {units} units are above the edit.",
        "message_unknown": "{code}: the setting decides.",
        "message_due": "{units} units are left.",
        "fix": "Bill what the record supports.",
        "fix_unknown": "Send facility.",
        "carc": "151",
        "rarc": "N362",
        "fixable_by": "biller",
        "mending": "none",
        "source": "NCCI policy manual",
    }
    return FindingRow.model_validate(usual | cells)


INPUTS = {"code": "97112", "units": 5}


def test_a_failure_has_all_that_its_row_says() -> None:
    finding = row().fail(line=2, codes=("97112",), field="interventions.units", inputs=INPUTS)
    assert finding == Finding(
        id="mue.exceeded",
        result=Result.FAIL,
        severity=Severity.BLOCK,
        line=2,
        codes=("97112",),
        field="interventions.units",
        message="97112: 5 units are above the edit.",
        fix="Bill what the record supports.",
        fixable_by="biller",
        mending="none",
        carc="151",
        rarc="N362",
        rule="mue.exceeded",
        citation="NCCI policy manual",
        inputs=INPUTS,
    )


def test_what_is_unknown_asks_a_person_and_is_fixed_by_sending_it() -> None:
    finding = row().unknown(inputs=INPUTS)
    assert (finding.result, finding.severity, finding.mending) == (Result.UNKNOWN, Severity.REVIEW, "correction")
    assert (finding.message, finding.fix) == ("97112: the setting decides.", "Send facility.")
    assert row(fix_unknown="").unknown(inputs=INPUTS).fix == "Bill what the record supports."
    assert row(severity="info").unknown(inputs=INPUTS).severity is Severity.INFO


def test_what_is_unknown_may_be_fixed_in_another_way_than_by_sending_it() -> None:
    variants = {"partly": {"message_unknown": "Part of it.", "fix_unknown": "", "mending_unknown": "document"}}
    finding = row(variants=variants).unknown("partly", inputs=INPUTS)
    assert (finding.mending, finding.fix) == ("document", "Bill what the record supports.")


def test_what_is_due_next_has_no_denial_and_no_fix() -> None:
    finding = row(id="due.units", severity="info").due(inputs=INPUTS)
    assert (finding.result, finding.message) == (Result.PASS, "5 units are left.")
    assert (finding.fix, finding.fixable_by, finding.mending, finding.carc, finding.rarc) == (None,) * 5


def test_a_variant_replaces_what_it_names_and_nothing_else() -> None:
    variants = {"by-line": {"message": "{code}: above the edit of a line.", "severity": "review", "carc": "150"}}
    finding = row(variants=variants).fail("by-line", inputs=INPUTS)
    assert (finding.message, finding.severity, finding.carc) == ("97112: above the edit of a line.", "review", "150")
    assert (finding.fix, finding.rarc) == ("Bill what the record supports.", "N362")
    with pytest.raises(KeyError):
        row(variants=variants).fail("by-claim")


def test_a_payers_profile_sets_the_severity_and_another_row_the_citation() -> None:
    finding = row(severity="by payer").fail(severity=Severity.INFO, citation="the contract", inputs=INPUTS)
    assert (finding.severity, finding.citation) == (Severity.INFO, "the contract")
    assert row(citation="Pub 100-04").fail(inputs=INPUTS).citation == "Pub 100-04"


def test_values_that_only_the_text_uses_are_no_inputs() -> None:
    finding = row(message="{code} has {measure}.").fail(inputs={"code": "97597"}, text={"measure": "an area"})
    assert (finding.message, finding.inputs) == ("97597 has an area.", {"code": "97597"})


def test_a_text_of_ones_own_with_a_name_that_has_no_value_stops_no_visit() -> None:
    assert row(message="{code}: {nonsense}").fail(inputs=INPUTS).message == "97112: {nonsense}"


def test_a_fix_that_comes_out_empty_is_none() -> None:
    assert row(fix="{question}").fail(inputs=INPUTS, text={"question": ""}).fix is None


@pytest.mark.parametrize("text", ["{code", "{0}", "{}", "{code.denominator}", "{code[0]}"])
def test_a_text_that_cannot_be_filled_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ValidationError, match="message"):
        row(message=text)
    with pytest.raises(ValidationError, match="fix"):
        row(variants={"other": {"fix": text}})


class Ids(StrEnum):
    MUE = "mue.exceeded"
    PAIR = "ncci.pair-not-distinct"


def test_rows_and_typed_ids_are_the_same() -> None:
    rows = [row(), row(id="ncci.pair-not-distinct")]
    assert findings_by_id(rows, Ids)[Ids.MUE] == rows[0]
    with pytest.raises(RuleError, match=r"no row for ncci\.pair-not-distinct"):
        findings_by_id(rows[:1], Ids)
    with pytest.raises(RuleError, match=r"kx\.not-needed is no finding"):
        findings_by_id([*rows, row(id="kx.not-needed")], Ids)


def test_what_passed_is_told_from_what_did_not_with_every_time_that_it_passed() -> None:
    failure = row().fail(inputs=INPUTS)
    assert row().passed() == Passed("mue.exceeded")
    assert sorted_out([row().passed(), failure, row().passed()]) == ((failure,), ("mue.exceeded", "mue.exceeded"))
