"""The fewest legal steps to a ready claim, from findings and lines alone."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import Finding, Line, StepToReady
from claimbus.values import Result, Severity
from claims.domain.findings import ClaimFinding
from claims.domain.remedies import steps_to_ready
from hypothesis import given
from hypothesis import strategies as st

FILE_BY = date(2027, 11, 18)
NOTHING_BILLABLE = ClaimFinding.CLAIM_NOTHING_BILLABLE


def line(number: int, expected: str | None = "30.00") -> Line:
    return Line(
        number=number,
        code=f"9711{number}",
        units=1,
        minutes=15,
        modifiers=(),
        charge=Decimal(50),
        expected_amount=None if expected is None else Decimal(expected),
        diagnosis_pointers=(1,),
        intervention_ids=(str(number),),
        reasons=(),
    )


def failed(name: str, *lines: int, **facts: Any) -> Finding:
    usual = {
        "severity": Severity.BLOCK,
        "result": Result.FAIL,
        "fix": f"Mend {name}.",
        "fixable_by": "therapist",
        "mending": "addendum",
        "mend_by": FILE_BY,
    }
    return Finding(id=name, message="m", rule="r", citation="c", lines=lines, **(usual | facts))


def expected_of(kept: Sequence[Line]) -> Decimal | None:
    return sum((one.expected_amount or Decimal(0) for one in kept), Decimal(0))


def steps(findings: Sequence[Finding], *lines: Line) -> tuple[StepToReady, ...]:
    return steps_to_ready(findings, lines, {NOTHING_BILLABLE}, expected_of)


def told(found: Sequence[StepToReady]) -> list[tuple[str, tuple[str, ...], tuple[int, ...]]]:
    return [(one.kind, one.finding_ids, one.lines) for one in found]


def test_a_ready_claim_needs_no_step() -> None:
    asked = failed("a.review", 1, severity=Severity.REVIEW)
    unknown = failed("a.unknown", 1, result=Result.UNKNOWN)
    assert steps([asked, unknown], line(1)) == ()


def test_a_step_says_who_mends_what_how_until_when_and_what_waits_for_it() -> None:
    (step,) = steps([failed("signature.missing", 1, 2)], line(1, "30.00"), line(2, "12.50"))
    assert (step.kind, step.fixable_by, step.mending, step.mend_by) == ("mend", "therapist", "addendum", FILE_BY)
    assert (step.fix, step.lines, step.releases) == ("Mend signature.missing.", (1, 2), Decimal("42.50"))


def test_dollars_are_unknown_where_one_line_has_none() -> None:
    (step,) = steps([failed("a.b", 1, 2)], line(1), line(2, None))
    assert step.releases is None


def test_findings_that_one_fix_mends_are_one_step() -> None:
    twice = [failed("modifier.unknown", number, fix="Correct interventions.modifiers.") for number in (1, 2)]
    assert told(steps(twice, line(1), line(2), line(3))) == [("mend", ("modifier.unknown",), (1, 2))]


def test_findings_about_one_field_are_one_step_with_both_fixes() -> None:
    both = [
        failed("claim.a", 1, field="coverage.member_id"),
        failed("claim.b", 1, field="coverage.member_id"),
    ]
    (step,) = steps(both, line(1))
    assert (step.finding_ids, step.fix) == (("claim.a", "claim.b"), "Mend claim.a. Mend claim.b.")


@pytest.mark.parametrize("other", [{"fixable_by": "biller"}, {"mending": "document"}, {"fix": "Something else."}])
def test_what_another_person_or_another_way_mends_is_a_step_of_its_own(other: dict[str, Any]) -> None:
    both = [failed("a.b", 1, fix="Mend it."), failed("c.d", 1, **({"fix": "Mend it."} | other))]
    assert len(steps(both, line(1))) == 2


def test_the_step_that_most_dollars_wait_for_comes_first() -> None:
    found = steps([failed("small.one", 1), failed("large.one", 2)], line(1, "10.00"), line(2, "90.00"))
    assert [one.finding_ids for one in found] == [("large.one",), ("small.one",)]


def test_what_nothing_mends_is_left_off_and_the_rest_remains() -> None:
    (step,) = steps([failed("ncci.pair-not-allowed", 2, mending="none")], line(1, "30.00"), line(2, "20.00"))
    assert (step.kind, step.lines, step.remains) == ("leave_off", (2,), Decimal("30.00"))
    assert step.fix.startswith("Send the claim without line 2;")


def test_what_hangs_on_a_line_that_is_left_off_needs_no_mend() -> None:
    found = steps(
        [failed("a.lost", 2, mending="none"), failed("b.spared", 2), failed("c.both", 1, 2)], line(1), line(2)
    )
    assert told(found) == [("mend", ("c.both",), (1,)), ("leave_off", ("a.lost",), (2,))]


def test_nothing_helps_where_every_line_would_be_left_off() -> None:
    found = steps(
        [failed("a.lost", 1, mending="none"), failed("b.lost", 2, mending="none"), failed("c.d", 1)], line(1), line(2)
    )
    assert told(found) == [("nothing_helps", ("a.lost", "b.lost"), (1, 2))]


# Nothing billable


NOTHING = failed(NOTHING_BILLABLE, mending="none", fixable_by="biller")


def test_nothing_billable_goes_with_the_mend_of_what_keeps_a_service_off() -> None:
    no_code = failed("coding.no-code", intervention_id="1", mending="correction")
    assert told(steps([no_code, NOTHING])) == [("mend", ("coding.no-code", NOTHING_BILLABLE), ())]


def test_one_service_is_enough_where_only_unknown_answers_keep_all_off() -> None:
    unknown = [
        failed(
            "units.unknown", intervention_id=name, result=Result.UNKNOWN, severity=Severity.REVIEW, fix=f"Send {name}."
        )
        for name in ("1", "2")
    ]
    (step,) = steps([*unknown, NOTHING])
    assert (step.finding_ids, step.fix) == (("units.unknown", NOTHING_BILLABLE), "Send 1.")


def test_nothing_helps_where_nothing_keeps_the_services_off_but_themselves() -> None:
    assert told(steps([NOTHING])) == [("nothing_helps", (NOTHING_BILLABLE,), ())]


# Whatever is found


@st.composite
def claims(draw: st.DrawFn) -> tuple[list[Finding], list[Line]]:
    numbers = range(1, draw(st.integers(1, 4)) + 1)
    findings = [
        failed(
            f"a.finding-{place}",
            *sorted(draw(st.sets(st.sampled_from(numbers), min_size=1))),
            mending=draw(st.sampled_from(["addendum", "document", "correction", "none"])),
            severity=draw(st.sampled_from(list(Severity))),
            result=draw(st.sampled_from([Result.FAIL, Result.UNKNOWN])),
            fix=draw(st.sampled_from(["One.", "Two.", "Three."])),
        )
        for place in range(draw(st.integers(0, 6)))
    ]
    return findings, [line(number) for number in numbers]


def open_after(done: Sequence[StepToReady], findings: Sequence[Finding]) -> set[str]:
    """Blocking findings that still stand when these steps are done."""
    off = {number for one in done if one.kind == "leave_off" for number in one.lines}
    settled = {name for one in done for name in one.finding_ids}
    return {
        one.id
        for one in findings
        if one.severity is Severity.BLOCK
        and one.result is Result.FAIL
        and one.id not in settled
        and not off.issuperset(one.lines)
    }


@given(claims())
def test_the_steps_settle_every_block_and_none_can_be_spared(claim: tuple[list[Finding], list[Line]]) -> None:
    findings, lines = claim
    found = steps(findings, *lines)
    if found and found[0].kind == "nothing_helps":
        assert len(found) == 1
        assert set(found[0].lines) == {one.number for one in lines}
        return
    assert open_after(found, findings) == set()
    for place in range(len(found)):
        assert open_after([*found[:place], *found[place + 1 :]], findings), f"{found[place]} could be spared"
