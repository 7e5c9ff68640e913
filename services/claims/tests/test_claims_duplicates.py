"""Services and evaluations that another visit was decided with: only what was seen, and never an older revision."""

from typing import Any

import pytest
from claimbus.events import Basis, Finding, Keyed, Line, UnitsComputed, VisitCompleted
from claimbus.values import Result, Severity
from claims.domain.history.claim_history import ClaimHistory
from claims.domain.history.decided_visit import DecidedVisit
from claims.domain.history.duplicates import check_day_total, check_repeats
from claims.rule_book import ClaimRuleBook
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook
from hypothesis import given
from hypothesis import strategies as st
from units.domain.compute import compute_units
from units.rule_book import UnitRuleBook

DAY = "2026-11-18"
CODING = CodingRuleBook.load()
RULES = ClaimRuleBook.load()
UNITS = UnitRuleBook.load()
BASIS = Basis(event_id="e-1", sha256="0" * 64)
PAT = {"npi": "1003000225", "last_name": "Therapist", "first_name": "Pat"}


def decision(key: str, *codes: str, revision: int = 1, **changes: Any) -> DecidedVisit:
    claim = {
        "service_date": DAY,
        "discipline": "PT",
        "patient": {"patient_id": "x"},
        "coverage": [{"program": "commercial"}],
        "case": {"case_id": "c"},
        "rendering_provider": PAT,
    } | changes
    lines = [{"code": code} for code in codes or ("97110",)]
    return DecidedVisit.model_validate(
        {"practice_id": "p", "visit_id": key, "revision": revision, "lines": lines, "claim": claim}
    )


def asking(key: str = "mine", **changes: Any) -> VisitCompleted:
    body = {
        "practice_id": "p",
        "visit_id": key,
        "revision": 1,
        "service_date": DAY,
        "patient": {"patient_id": "x"},
        "coverage": [{"program": "commercial"}],
        "case": {"case_id": "c"},
        "rendering_provider": PAT,
        "interventions": [{"id": "1"}],
    }
    return VisitCompleted.model_validate(body | changes)


def line(code: str, number: int = 1) -> Line:
    return Line(
        number=number, code=code, units=1, minutes=15, modifiers=(), charge=None, diagnosis_pointers=(),
        intervention_ids=("1",), reasons=(),
    )  # fmt: skip


def found_in(history: ClaimHistory, of: VisitCompleted, *codes: str) -> list[Finding]:
    lines = [line(code, number) for number, code in enumerate(codes or ("97110",), 1)]
    checked = check_repeats(of, lines, history.of(of).elsewhere, RULES.on(of.service_date))
    return [check for check in checked if isinstance(check, Finding)]


def seen(*decisions: DecidedVisit) -> ClaimHistory:
    history = ClaimHistory(lambda _: None)
    for decided in decisions:
        history.apply(decided)
    return history


def test_the_same_service_of_another_visit_is_told_with_its_name() -> None:
    (found,) = found_in(seen(decision("other", "97110", "97140")), asking(), "97110", "97530")
    assert (found.id, found.result, found.severity, found.carc) == (
        "duplicate.service", Result.FAIL, Severity.REVIEW, "18",
    )  # fmt: skip
    assert found.inputs == {"code": "97110", "visits": ["other"], "count": 1}
    assert "other" in found.message


@pytest.mark.parametrize(
    "other",
    [
        {"service_date": "2026-11-19"},
        {"patient": {"patient_id": "y"}},
        {"rendering_provider": {"npi": "1234567893"}},
    ],
    ids=["another day", "another patient", "another clinician"],
)
def test_what_differs_is_no_duplicate(other: dict[str, Any]) -> None:
    assert found_in(seen(decision("other", **other)), asking()) == []


def test_a_visit_is_no_duplicate_of_itself_nor_of_its_older_revisions() -> None:
    assert found_in(seen(decision("mine"), decision("mine", revision=2)), asking()) == []
    moved = seen(decision("other"), decision("other", "97140", revision=2))
    assert found_in(moved, asking()) == []
    assert len(found_in(moved, asking(), "97140")) == 1


def test_a_clinician_who_is_not_known_asks_a_question() -> None:
    for history, of in (
        (seen(decision("other", rendering_provider=None)), asking()),
        (seen(decision("other")), asking(rendering_provider=None)),
    ):
        (found,) = found_in(history, of)
        assert found.result is Result.UNKNOWN
        assert found.inputs["visits"] == ["other"]


def test_without_an_npi_a_clinician_is_known_by_name() -> None:
    named = {"last_name": "Therapist", "first_name": "Pat"}
    history = seen(decision("other", rendering_provider=named))
    (found,) = found_in(history, asking(rendering_provider={"last_name": "THERAPIST ", "first_name": "pat"}))
    assert found.result is Result.FAIL


def test_of_very_many_some_are_named_and_all_are_counted() -> None:
    (found,) = found_in(seen(*(decision(f"v{number}") for number in range(50))), asking())
    assert (len(found.inputs["visits"]), found.inputs["count"]) == (5, 50)
    assert "and 45 more" in found.message


def test_a_visit_that_nobody_is_billed_for_has_no_duplicate() -> None:
    assert found_in(seen(decision("other")), asking(coverage=[{"program": "self_pay"}])) == []


def test_a_second_initial_evaluation_of_a_case_is_told_whatever_its_complexity() -> None:
    history = seen(decision("first", "97161", service_date="2026-10-01"))
    (found,) = found_in(history, asking(), "97163", "97110")
    assert (found.id, found.inputs["visits"]) == ("evaluation.repeated", ["first"])
    assert found_in(history, asking(), "97164") == [], "a re-evaluation is none"
    assert found_in(history, asking(case={"case_id": "d"}), "97161") == []
    assert found_in(history, asking(case=None), "97161") == [], "what case it is, is not known"
    assert found_in(history, asking(discipline="OT"), "97165") == []
    (same_day,) = found_in(seen(decision("first", "97161")), asking(), "97161")
    assert same_day.id == "duplicate.service"


words = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 3), st.sampled_from(["decide", "void"])), max_size=8
)


@given(words, st.randoms())
def test_any_order_and_any_repetition_come_to_the_same(said: list[tuple[str, int, str]], chance: Any) -> None:
    """What was said of a revision is said once: one word for each."""
    one_word = {(key, revision): what for key, revision, what in said}
    results = []
    for repeats in (1, 2):
        history = seen()
        order = list(one_word.items()) * repeats
        chance.shuffle(order)
        for (key, revision), what in order:
            if what == "void":
                history.void(Keyed(practice_id="p", visit_id=key, revision=revision))
            else:
                history.apply(decision(key, "97110", f"9714{revision}", revision=revision))
        beside = history.of(asking()).elsewhere
        results.append(
            None if beside is None else {code: sorted(others.same) for code, others in beside.services.items()}
        )
    newest = {key: max(revision for other, revision in one_word if other == key) for key, _ in one_word}
    alive = {key: revision for key, revision in newest.items() if one_word[key, revision] == "decide"}
    expected: dict[str, list[str]] = {}
    for key, revision in sorted(alive.items()):
        for code in ("97110", f"9714{revision}"):
            expected.setdefault(code, []).append(key)
    assert results == [expected or None] * 2


# The day's total ---------------------------------------------------------------------------------------------------

MEMBER = {"program": "medicare_part_b", "member_id": "1EG4TE5MK73"}
GROUP = {"npi": "1902000011"}
ALEX = {"patient_id": "x", "first_name": "Alex", "birth_date": "1951-03-14"}


def with_minutes(
    key: str, minutes: int, *, practice: str = "p", rule: str = "cms-8-minute", **claim: Any
) -> DecidedVisit:
    of = decision(key, coverage=[MEMBER], **({"billing_provider": GROUP, "patient": ALEX} | claim))
    units = {"rule": rule, "timed_minutes": minutes}
    return DecidedVisit.model_validate(of.model_dump() | {"practice_id": practice, "units": units})


def counted(minutes: int, rule: str = "cms-8-minute") -> UnitsComputed:
    of = asking()
    coded = suggest_codes(of, BASIS, CODING.on(of.service_date))
    units = compute_units(coded, UNITS.on(of.service_date))
    return units.model_copy(
        update={"worksheet": units.worksheet.model_copy(update={"rule": rule, "timed_minutes": minutes})}
    )


def totalled(history: ClaimHistory, minutes: int = 10, rule: str = "cms-8-minute", **changes: Any) -> list[Finding]:
    of = asking(coverage=[MEMBER], **({"billing_provider": GROUP, "patient": ALEX} | changes))
    elsewhere = history.of(of).elsewhere
    checked = check_day_total(counted(minutes, rule), elsewhere, RULES.on(of.service_date))
    return [check for check in checked if isinstance(check, Finding)]


def test_timed_minutes_of_the_day_on_another_claim_ask_for_one_total() -> None:
    (found,) = totalled(seen(with_minutes("morning", 10)))
    assert (found.id, found.result, found.severity) == ("duplicate.day-total", Result.UNKNOWN, Severity.REVIEW)
    assert found.inputs == {"minutes": 10, "minutes_elsewhere": 10, "visits": ["morning"], "count": 1}


def test_another_practice_under_the_same_billing_provider_counts_and_its_visit_is_not_named() -> None:
    (found,) = totalled(seen(with_minutes("theirs", 20, practice="sister")))
    assert (found.inputs["minutes_elsewhere"], found.inputs["visits"], found.inputs["count"]) == (20, [], 1)
    assert "theirs" not in found.model_dump_json()
    assert "sister" not in found.model_dump_json()


@pytest.mark.parametrize(
    "other",
    [
        with_minutes("other", 10, practice="stranger", billing_provider={"npi": "1003000225"}),
        with_minutes("other", 10, service_date="2026-11-17"),
        with_minutes("other", 10, discipline="OT"),
        with_minutes("other", 10, patient=ALEX | {"first_name": "Sam"}),
        with_minutes("other", 10, patient=ALEX | {"birth_date": None}),
        with_minutes("other", 10, rule="ama-midpoint"),
        with_minutes("other", 0),
        with_minutes("mine", 10),
    ],
)
def test_minutes_that_are_no_part_of_the_total_are_not_told(other: DecidedVisit) -> None:
    assert totalled(seen(other)) == []


def test_a_rule_that_pools_nothing_and_a_visit_without_timed_minutes_ask_nothing() -> None:
    history = seen(with_minutes("morning", 10))
    assert totalled(history, rule="ama-midpoint") == []
    assert totalled(history, minutes=0) == []
    assert totalled(history, billing_provider=None) == []


def test_a_voided_or_amended_visit_leaves_the_total() -> None:
    history = seen(with_minutes("morning", 10))
    history.apply(DecidedVisit.model_validate(with_minutes("morning", 25).model_dump() | {"revision": 2}))
    assert totalled(history)[0].inputs["minutes_elsewhere"] == 25
    history.void(Keyed(practice_id="p", visit_id="morning", revision=2))
    assert totalled(history) == []
