"""What a decision changes of the one before it, and which claim of the payer's it replaces."""

from datetime import date
from typing import Any

import pytest
from claimbus.events import (
    ClaimAdjudicated,
    ClaimReady,
    ClaimSubmitted,
    Keyed,
    VisitCompleted,
    claim_id_of,
    decision_adapter,
)
from claims.domain.closing import hold_visit, supersede_visit
from claims.domain.history.amendment import ControlNumbers, changes_between, replacement_of
from hypothesis import given
from hypothesis import strategies as st
from test_claims_decision import RULES, decide, visit

NUMBER = "ICN-1"


def submitted(
    revision: int = 1, status: str = "accepted", number: str | None = NUMBER, **changes: Any
) -> ClaimSubmitted:
    return ClaimSubmitted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": revision,
            "claim_id": claim_id_of("p", "v", revision),
            "payer_control_number": number,
            "status": status,
            "submitted_on": date(2026, 11, 20),
        }
        | changes
    )


def adjudicated(revision: int = 1, status: str = "processed", number: str | None = NUMBER) -> ClaimAdjudicated:
    return ClaimAdjudicated(
        practice_id="p",
        visit_id="v",
        revision=revision,
        claim_id=claim_id_of("p", "v", revision),
        payer_control_number=number,
        status=status,  # type: ignore[arg-type]
        adjudicated_on=date(2026, 12, 4),
    )


def keyed(revision: int = 1) -> Keyed:
    return Keyed(practice_id="p", visit_id="v", revision=revision)


def numbers(*outcomes: ClaimSubmitted | ClaimAdjudicated) -> ControlNumbers:
    known = ControlNumbers()
    for one in outcomes:
        known.apply(one)
    return known


def paid_by(**payer: Any) -> VisitCompleted:
    of = visit()
    return of.model_copy(update={"coverage": (of.primary.model_copy(update=payer),)})


# --- the payer's number -------------------------------------------------------------------------------


def test_the_last_answer_of_the_newest_revision_counts() -> None:
    assert numbers().of(keyed()) is None
    assert numbers(submitted()).of(keyed(2)) == NUMBER
    assert numbers(submitted(), adjudicated(number="ICN-2")).of(keyed()) == "ICN-2"
    assert numbers(adjudicated(2, number="ICN-2"), submitted(1)).of(keyed()) == "ICN-2"
    assert numbers(adjudicated(), submitted(number=None)).of(keyed()) == NUMBER, "a silent answer takes nothing back"
    assert numbers(submitted()).of(Keyed(practice_id="p", visit_id="other", revision=1)) is None


@pytest.mark.parametrize("gone", [submitted(status="rejected"), adjudicated(status="reversed")])
def test_a_claim_that_the_payer_does_not_hold_has_no_number(gone: ClaimSubmitted | ClaimAdjudicated) -> None:
    assert numbers(submitted(), gone).of(keyed()) is None
    assert numbers(gone, submitted(2, number="ICN-2")).of(keyed()) == "ICN-2"


def test_a_denied_claim_is_held_by_the_payer() -> None:
    assert numbers(adjudicated(status="denied")).of(keyed()) == NUMBER


def test_the_second_payers_number_is_not_the_first_ones() -> None:
    known = numbers(submitted(coverage_rank=2, payer_control_number="SECOND"))
    assert known.of(keyed(), 1) is None
    assert known.of(keyed(), 2) == "SECOND"
    both = numbers(submitted(coverage_rank=2, payer_control_number="SECOND"), submitted())
    assert both.of(keyed(), 1) == NUMBER


@given(st.permutations(["answer-1", "void-1", "answer-2"]))
def test_a_void_takes_the_claims_before_it_in_whatever_order_it_is_learnt(order: list[str]) -> None:
    known = ControlNumbers()
    for what in order:
        if what == "void-1":
            known.void(keyed(1))
        else:
            known.apply(submitted(int(what[-1]), number=what))
    assert known.of(keyed(3)) == "answer-2"
    known.void(keyed(2))
    assert known.of(keyed(3)) is None


# --- frequency ----------------------------------------------------------------------------------------


def test_without_a_number_the_claim_is_an_original() -> None:
    first = decide(visit())
    second = decide(visit(revision=2), supersedes_revision=1, earlier=first)
    assert (second.frequency_code, second.claim.payer_control_number) == ("1", None)
    assert second.supersedes == first.claim_id


@pytest.mark.parametrize("known", [None, NUMBER])
def test_a_number_that_the_visit_brings_is_used(known: str | None) -> None:
    given_by_visit = decide(paid_by(claim_control_number=" ICN-1 "), payer_number=known)
    assert (given_by_visit.frequency_code, given_by_visit.claim.payer_control_number) == ("7", NUMBER)
    assert not [one for one in given_by_visit.findings if one.id.startswith("replacement.")]


def test_a_number_that_differs_from_the_payers_answer_asks_a_person() -> None:
    decision = decide(paid_by(claim_control_number="ICN-0"), payer_number=NUMBER)
    assert decision.claim.payer_control_number == "ICN-0"
    (told,) = [one for one in decision.findings if one.id == "replacement.control-number-differs"]
    assert told.severity == "review"
    assert NUMBER not in told.model_dump_json()


def test_a_number_stays_known_to_later_revisions() -> None:
    first = decide(visit(), payer_number=NUMBER)
    assert decide(visit(revision=2), earlier=first).claim.payer_control_number == NUMBER


def test_another_payer_is_not_sent_the_first_ones_number() -> None:
    first = decide(paid_by(payer_id="A"), payer_number=NUMBER)
    second = decide(paid_by(payer_id="B"), earlier=first, payer_number=NUMBER)
    assert (second.frequency_code, second.claim.payer_control_number) == ("1", None)
    assert [one.id for one in second.findings if one.id.startswith("replacement.")] == ["replacement.payer-changed"]
    named_now = decide(paid_by(payer_id="A"), earlier=decide(paid_by(payer_id=None), payer_number=NUMBER))
    assert named_now.frequency_code == "7", "an id that was not known before is no other payer"
    of = paid_by(payer_id="B")
    replacement = replacement_of(of, decide(paid_by(payer_id="A")), None, RULES.on(of.service_date))
    assert replacement.checked == (), "nothing is held"


# --- the difference -----------------------------------------------------------------------------------


def test_a_decision_differs_from_itself_in_nothing() -> None:
    decision = decide(visit())
    assert changes_between(decision, decision) == ()


def test_lines_are_told_by_code_and_assistant_share() -> None:
    alone = decide(visit())
    share = visit()
    (row, *_) = share.interventions
    helped = share.model_copy(update={"interventions": (row.model_copy(update={"assistant_minutes": row.minutes}),)})
    before = alone.model_copy(update={"lines": decide(helped).lines})
    fields = {one.field: (one.before, one.to) for one in changes_between(before, alone)}
    gone = {name for name, (_, to) in fields.items() if to is None and name.startswith("lines.")}
    assert gone, "the assistant's line is not there any more"
    assert all(name.endswith(".assistant") for name in gone)


def test_a_line_or_finding_that_stands_twice_is_told_twice() -> None:
    once = decide(visit())
    twice = once.model_copy(update={"lines": once.lines * 2})
    code = once.lines[0].code
    assert [one.field for one in changes_between(once, twice)] == [f"lines.{line.code}#2" for line in once.lines], (
        f"{code} stands on two lines"
    )


def test_a_difference_is_read_back_as_it_was_said() -> None:
    first = decide(visit())
    second = decide(visit(revision=2, place_of_service="12"), supersedes_revision=1, earlier=first)
    assert ("claim.place_of_service", "11", "12") in [(one.field, one.before, one.to) for one in second.changes]
    text = second.model_dump_json()
    assert '"from":"11","to":"12"' in text
    assert decision_adapter.validate_json(text) == second
    assert isinstance(first, ClaimReady | type(second))


# --- held and superseded ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (["coded", "units-computed"], "coded (said by coding) did not come within 300 seconds"),
        (["units-computed"], "units-computed (said by units) did not come"),
        (["documentation-checked", "coded"], "documentation-checked (said by documentation-check) and coded"),
        ([], "All facts are there, and no decision followed within 300 seconds"),
    ],
)
def test_a_hold_says_who_has_not_answered(missing: list[str], says: str) -> None:
    held = hold_visit(visit(), missing, 300.0)
    assert says in held.reason
    assert held.waits_for == tuple(missing)
    assert ("follows from coded" in held.reason) is ({"coded", "units-computed"} <= {*missing})


def test_a_superseded_revision_names_the_one_that_was_decided() -> None:
    late = supersede_visit(visit(revision=2), 5)
    assert (late.revision, late.replaced_by) == (2, 5)
    assert "Revision 5" in late.reason
