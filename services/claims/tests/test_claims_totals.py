"""The ledger of decided visits: what earlier ones add up to, and which later ones a change concerns."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from claimbus.events import Finding, Keyed, RunningTotals, VisitCompleted
from claimbus.values import Program, Result, Severity
from claims.domain.history.claim_history import ClaimHistory
from claims.domain.history.decided_visit import DecidedVisit
from claims.domain.history.totals import LaterVisit, check_later_visits
from claims.rule_book import ClaimRuleBook
from hypothesis import given
from hypothesis import strategies as st

MARCH = date(2026, 3, 1)
RULES = ClaimRuleBook.load().on(MARCH)
THRESHOLD = Decimal("2480.00")
PASS, FAIL, UNKNOWN = Result.PASS, Result.FAIL, Result.UNKNOWN


def threshold_on(day: date) -> Decimal | None:
    return THRESHOLD if day.year == 2026 else None


def decision(
    key: str,
    day: int | date = 0,
    amounts: Iterable[str | None] = ("100.00",),
    *,
    revision: int = 1,
    patient: str = "t-1",
    practice: str = "totals-pt",
    discipline: str = "PT",
    used: str | None = None,
    **payer: Any,
) -> DecidedVisit:
    """A decision `day` days after the first of March; `used` is the figure that the ledger gave it."""
    return DecidedVisit.model_validate(
        {
            "practice_id": practice,
            "visit_id": key,
            "revision": revision,
            "lines": [{"allowed_amount": amount} for amount in amounts],
            "totals": None if used is None else {"therapy_dollars": used, "therapy_visits": 1},
            "claim": {
                "service_date": day if isinstance(day, date) else MARCH + timedelta(day),
                "discipline": discipline,
                "patient": {"patient_id": patient},
                "coverage": [{"program": "medicare_part_b"} | payer],
            },
        }
    )


def visit(day: int | date = 10, *, key: str = "asking", discipline: str = "PT", **payer: Any) -> VisitCompleted:
    return VisitCompleted.model_validate(
        {
            "practice_id": "totals-pt",
            "visit_id": key,
            "revision": 9,
            "service_date": day if isinstance(day, date) else MARCH + timedelta(day),
            "discipline": discipline,
            "patient": {"patient_id": "t-1"},
            "coverage": [{"program": "medicare_part_b"} | payer],
            "interventions": [{"id": "1"}],
        }
    )


def voided(key: str, revision: int = 1) -> Keyed:
    return Keyed(practice_id="totals-pt", visit_id=key, revision=revision)


def history_of(*decisions: DecidedVisit) -> ClaimHistory:
    history = ClaimHistory(threshold_on)
    for decided in decisions:
        history.apply(decided)
    return history


def dollars(totals: RunningTotals | None) -> tuple[str | None, int] | None:
    if totals is None:
        return None
    return (None if totals.therapy_dollars is None else str(totals.therapy_dollars)), totals.therapy_visits


def test_dollars_of_earlier_days_add_up() -> None:
    history = history_of(decision("a", 0, ["80.10", "20.05"]), decision("b", 3, ["50.00"]))
    assert dollars(history.of(visit(3)).totals) == ("100.15", 1)
    assert dollars(history.of(visit(4)).totals) == ("150.15", 2)


def test_nothing_is_said_of_a_first_visit() -> None:
    assert history_of().of(visit()).totals is None
    assert history_of(decision("a", 10), decision("b", 11)).of(visit(10)).totals is None


def test_visits_of_one_day_do_not_count_to_one_another() -> None:
    history = history_of(decision("morning", 5), decision("evening", 5))
    assert history.of(visit(5)).totals is None
    assert dollars(history.of(visit(6)).totals) == ("200.00", 2)


@pytest.mark.parametrize("own_day", [0, 10, 20])
def test_a_visit_never_counts_to_itself_wherever_its_revision_before_lay(own_day: int) -> None:
    history = history_of(decision("a", 1), decision("asking", own_day, ["900.00"]))
    assert dollars(history.of(visit(10)).totals) == ("100.00", 1)


def test_a_total_with_an_unknown_amount_in_it_is_unknown_and_still_says_of_how_many_visits() -> None:
    history = history_of(decision("a", 0), decision("b", 1, ["50.00", None]))
    assert dollars(history.of(visit()).totals) == (None, 2)
    history.apply(decision("b", 1, ["50.00"], revision=2))
    assert dollars(history.of(visit()).totals) == ("150.00", 2)


def test_a_visit_with_nothing_billed_counts_for_nothing_and_is_known() -> None:
    assert dollars(history_of(decision("a", 0, [])).of(visit()).totals) == ("0", 1)


def test_pt_and_slp_count_together_and_ot_apart() -> None:
    history = history_of(
        decision("pt", 0, ["1.00"]), decision("slp", 1, ["2.00"], discipline="SLP"),
        decision("ot", 2, ["4.00"], discipline="OT"),
    )  # fmt: skip
    assert dollars(history.of(visit(discipline="PT")).totals) == ("3.00", 2)
    assert dollars(history.of(visit(discipline="SLP")).totals) == ("3.00", 2)
    assert dollars(history.of(visit(discipline="OT")).totals) == ("4.00", 1)


@pytest.mark.parametrize(
    "other",
    [
        {"patient": "t-2"},
        {"practice": "other-pt"},
        {"program": "medicare_advantage"},
        {"day": date(2025, 12, 31)},
    ],
)
def test_dollars_belong_to_a_patient_of_a_practice_a_calendar_year_and_part_b(other: dict[str, Any]) -> None:
    assert history_of(decision("a", **{"day": 0} | other)).of(visit()).totals is None


@pytest.mark.parametrize("program", [program for program in Program if program != "medicare_part_b"])
def test_programs_without_the_statutes_threshold_count_no_dollars(program: Program) -> None:
    assert history_of(decision("a", 0, program=program)).of(visit(program=program)).totals is None


def test_the_year_begins_on_its_first_day() -> None:
    history = history_of(decision("a", date(2026, 1, 1)))
    assert dollars(history.of(visit(date(2026, 1, 2))).totals) == ("100.00", 1)
    assert history.of(visit(date(2027, 1, 1))).totals is None


def test_an_amended_visit_takes_the_place_of_its_revision_before() -> None:
    history = history_of(decision("a", 0, ["100.00"]), decision("a", 5, ["30.00"], revision=2))
    assert history.of(visit(5)).totals is None
    assert dollars(history.of(visit(6)).totals) == ("30.00", 1)
    history.apply(decision("a", 0, ["100.00"], revision=1))
    assert dollars(history.of(visit(6)).totals) == ("30.00", 1), "an older revision that comes late is ignored"


def test_an_amended_visit_may_belong_to_another_patient() -> None:
    history = history_of(decision("a", 0), decision("a", 0, patient="t-2", revision=2))
    assert history.of(visit()).totals is None


def test_a_voided_visit_falls_out_and_does_not_come_back_with_an_old_decision() -> None:
    history = history_of(decision("a", 0), decision("b", 1))
    history.void(voided("a"))
    assert dollars(history.of(visit()).totals) == ("100.00", 1)
    history.apply(decision("a", 0))
    assert dollars(history.of(visit()).totals) == ("100.00", 1)
    history.apply(decision("a", 0, ["7.00"], revision=2))
    assert dollars(history.of(visit()).totals) == ("107.00", 2)
    history.void(voided("a"))
    assert dollars(history.of(visit()).totals) == ("107.00", 2), "a void of an older revision changes nothing"


def test_a_late_visit_counts_for_all_later_days() -> None:
    history = history_of(decision("b", 5))
    assert history.of(visit(5)).totals is None
    history.apply(decision("late", 2))
    assert dollars(history.of(visit(5)).totals) == ("100.00", 1)
    assert dollars(history.of(visit(6)).totals) == ("200.00", 2)


def test_what_is_about_to_be_said_counts_until_the_stream_says_it() -> None:
    history = history_of()
    history.record_pending(decision("a", 0, ["1.00"]))
    assert dollars(history.of(visit()).totals) == ("1.00", 1)
    history.apply(decision("a", 0, ["2.00"]))  # another replica was first
    assert dollars(history.of(visit()).totals) == ("2.00", 1)
    history.record_pending(decision("a", 0, ["1.00"]))
    assert dollars(history.of(visit()).totals) == ("2.00", 1)


AUTHORIZED = {"program": "commercial", "payer_id": "ACME", "authorization": {"number": "A-7"}}


def test_visits_under_one_authorization_are_counted_for_any_program() -> None:
    history = history_of(
        decision("a", 0, **AUTHORIZED), decision("b", 1, **AUTHORIZED), decision("c", 10, **AUTHORIZED)
    )
    totals = history.of(visit(10, **AUTHORIZED)).totals
    assert totals == RunningTotals(therapy_dollars=None, therapy_visits=0, authorized_visits=2)


def test_an_authorization_is_one_over_the_turn_of_the_year() -> None:
    totals = (
        history_of(decision("a", date(2025, 12, 30), **AUTHORIZED)).of(visit(date(2026, 1, 2), **AUTHORIZED)).totals
    )
    assert totals is not None
    assert totals.authorized_visits == 1


@pytest.mark.parametrize(
    "other", [{"payer_id": "ZENITH"}, {"authorization": {"number": "A-8"}}, {"authorization": None}, {"patient": "t-2"}]
)
def test_an_authorization_belongs_to_a_patient_and_a_payer(other: dict[str, Any]) -> None:
    assert history_of(decision("a", 0, **AUTHORIZED | other)).of(visit(**AUTHORIZED)).totals is None


def test_a_visit_without_a_number_has_no_count_of_authorized_visits() -> None:
    totals = history_of(decision("a", 0)).of(visit()).totals
    assert totals is not None
    assert totals.authorized_visits is None


def test_a_voided_visit_gives_its_authorized_visit_back() -> None:
    history = history_of(decision("a", 0, **AUTHORIZED), decision("b", 1, **AUTHORIZED))
    history.void(voided("a"))
    totals = history.of(visit(**AUTHORIZED)).totals
    assert totals is not None
    assert totals.authorized_visits == 1


def test_thousands_of_visits_of_one_day_are_one_day_to_a_question() -> None:
    history = history_of(*(decision(f"v{number}", 0) for number in range(3000)))
    ((days, *_),) = [tuple(history._ledger._dollars.values())]
    assert len(days) == 1
    assert dollars(history.of(visit()).totals) == ("300000.00", 3000)


# Any order.

steps = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.integers(1, 4),
        st.integers(-1, 6),
        st.none() | st.integers(0, 500),
        st.sampled_from(["PT", "SLP", "OT"]),
        st.sampled_from(["t-1", "t-2"]),
    ),
    max_size=16,
    unique_by=lambda step: (step[0], step[1], step[2] < 0),
)
"""Visit, revision, day, dollars, discipline, patient; a negative day is a voiding."""


@given(steps, st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_decisions_amendments_and_voids_makes_the_totals_of_the_final_state(
    steps: list[tuple[str, int, int, int | None, str, str]], random: Any, expected_before: bool
) -> None:
    history = history_of()
    random.shuffle(steps)
    for key, revision, day, amount, discipline, patient in steps:
        if day < 0:
            history.void(voided(key, revision))
            continue
        amounts = [None if amount is None else f"{amount}.00"]
        one = decision(
            key, day, amounts, revision=revision, discipline=discipline, patient=patient,
            authorization={"number": "A-7"},
        )  # fmt: skip
        if expected_before:
            history.record_pending(one)
        history.apply(one)
    standing = []
    for key in "abcde":
        gone = max((step[1] for step in steps if step[0] == key and step[2] < 0), default=0)
        said = [step for step in steps if step[0] == key and step[2] >= 0 and step[1] > gone]
        if said:
            standing.append(max(said, key=lambda step: step[1]))
    for day in range(8):
        earlier = [step for step in standing if step[2] < day and step[5] == "t-1"]
        counted = [step for step in earlier if step[4] != "OT"]
        totals = history.of(visit(day, authorization={"number": "A-7"})).totals
        if not earlier:
            assert totals is None
            continue
        assert totals is not None
        assert (totals.authorized_visits, totals.therapy_visits) == (len(earlier), len(counted))
        amounts_known = [amount for *_, amount, _, _ in counted if amount is not None]
        unknown = not counted or len(amounts_known) < len(counted)
        assert totals.therapy_dollars == (None if unknown else sum(amounts_known))


@given(steps, st.integers(0, 6))
def test_what_later_visits_are_compared_with_is_what_they_would_be_told(
    steps: list[tuple[str, int, int, int | None, str, str]], day: int
) -> None:
    history = history_of()
    for key, revision, on, amount, discipline, patient in steps:
        if on >= 0:
            amounts = [None if amount is None else f"{amount}.00"]
            history.apply(decision(key, on, amounts, revision=revision, discipline=discipline, patient=patient))
    later = history.of(visit(day, key="a")).later
    history.apply(decision("a", day, ["50.00"], revision=9))
    assert len({one.visit_id for one in later}) == len(later)
    for one in later:
        entry = history._ledger._entries["totals-pt", one.visit_id]
        assert entry.dollar_key is not None
        total = history._ledger._sum(entry.dollar_key, entry.service_date, None)
        assert total.dollars == (None if one.before is None else one.before + (50 if one.counts else 0))


# Later visits.


def later_of(
    history: ClaimHistory, day: int, amount: str | None = "100.00", key: str = "late"
) -> tuple[Result, list[str]]:
    later = history.of(visit(day, key=key)).later
    checked = list(check_later_visits(later, None if amount is None else Decimal(amount), RULES))
    assert {check.id for check in checked} <= {"totals.later-visits-affected"}
    findings = [check for check in checked if isinstance(check, Finding)]
    assert all(finding.severity is Severity.REVIEW for finding in findings)
    return (findings[0].result, findings[0].inputs["visits"]) if findings else (PASS, [])


def test_a_late_visit_names_the_later_ones_that_it_lifts_over_the_threshold() -> None:
    history = history_of(
        decision("first", 0, ["2400.00"]), decision("above-now", 5, ["10.00"], used="2400.00"),
        decision("brought", 5, therapy_dollars_used="2400.00"), decision("above-before", 6, used="2510.00"),
    )  # fmt: skip
    assert later_of(history, 2) == (FAIL, ["above-now"])
    assert later_of(history, 2, "60.00") == (PASS, [])


def test_exactly_the_threshold_is_not_above_it() -> None:
    history = history_of(decision("first", 0, ["2400.00"]), decision("later", 5, [], used="2400.00"))
    assert later_of(history, 2, "80.00") == (PASS, [])
    assert later_of(history, 2, "80.01") == (FAIL, ["later"])


def test_an_amended_visit_names_those_that_it_no_longer_lifts() -> None:
    history = history_of(decision("late", 0, ["2500.00"]), decision("later", 5, used="2500.00"))
    assert later_of(history, 0, "2500.00") == (PASS, [])
    assert later_of(history, 0, "20.00") == (FAIL, ["later"])
    assert later_of(history, 9, "2500.00") == (FAIL, ["later"]), "it moved behind the later one"


def test_a_voided_visit_names_those_that_it_no_longer_lifts() -> None:
    history = history_of(decision("gone", 0, ["2500.00"]), decision("later", 5, used="2500.00"))
    (finding,) = check_later_visits(history.of_voided(voided("gone")).later, None, RULES)
    assert isinstance(finding, Finding)
    assert (finding.result, finding.inputs["visits"]) == (FAIL, ["later"])


def test_nothing_is_said_where_no_later_visit_took_its_figure_from_the_ledger() -> None:
    history = history_of(
        decision("earlier", 0), decision("same-day", 2), decision("brought", 5, therapy_dollars_used="0.00"),
        decision("other", 5, patient="t-2"), decision("next-year", date(2027, 1, 2)),
    )  # fmt: skip
    assert history.of(visit(2, key="late")).later == ()
    assert not list(check_later_visits((), Decimal(1), RULES))


@pytest.mark.parametrize(("own", "amounts"), [(None, ["10.00"]), ("10.00", [None])])
def test_an_unknown_amount_leaves_the_question_open(own: str | None, amounts: list[str | None]) -> None:
    history = history_of(decision("first", 0, amounts), decision("later", 5, used=None))
    assert later_of(history, 2, own) == (UNKNOWN, [])


def test_a_visit_that_knew_of_no_earlier_one_is_affected_only_above_the_threshold() -> None:
    history = history_of(decision("later", 5, ["10.00"]))
    assert later_of(history, 2, "100.00") == (PASS, [])
    assert later_of(history, 2, "2480.01") == (FAIL, ["later"])


def test_the_finding_holds_opaque_keys_and_counts_and_no_patient() -> None:
    later = LaterVisit("later", None, Decimal(0), counts=True, threshold=THRESHOLD)
    (finding,) = check_later_visits([later], Decimal(9999), RULES)
    assert isinstance(finding, Finding)
    assert finding.inputs == {"visits": ["later"], "compared": 1, "later": 1}
    assert finding.fix is not None
