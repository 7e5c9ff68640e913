"""Services and evaluations that another visit was decided with: only what was seen, and never an older revision."""

from typing import Any

import pytest
from claimbus.events import Finding, Keyed, Line, VisitCompleted
from claimbus.values import Result, Severity
from claims.domain.duplicates import BilledServices, check_repeats
from claims.domain.totals import DecidedVisit
from claims.rules import RULES
from hypothesis import given
from hypothesis import strategies as st

DAY = "2026-11-18"
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


def told(services: BilledServices, of: VisitCompleted, *codes: str) -> list[Finding]:
    lines = [line(code, number) for number, code in enumerate(codes or ("97110",), 1)]
    return list(check_repeats(of, lines, services.beside(of), RULES.on(of.service_date)))


def seen(*decisions: DecidedVisit) -> BilledServices:
    services = BilledServices()
    for one in decisions:
        services.take(one)
    return services


def test_the_same_service_of_another_visit_is_told_with_its_name() -> None:
    (found,) = told(seen(decision("other", "97110", "97140")), asking(), "97110", "97530")
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
    assert told(seen(decision("other", **other)), asking()) == []


def test_a_visit_is_no_duplicate_of_itself_nor_of_its_older_revisions() -> None:
    assert told(seen(decision("mine"), decision("mine", revision=2)), asking()) == []
    moved = seen(decision("other"), decision("other", "97140", revision=2))
    assert told(moved, asking()) == []
    assert len(told(moved, asking(), "97140")) == 1


def test_a_clinician_who_is_not_known_asks_a_question() -> None:
    for services, of in (
        (seen(decision("other", rendering_provider=None)), asking()),
        (seen(decision("other")), asking(rendering_provider=None)),
    ):
        (found,) = told(services, of)
        assert found.result is Result.UNKNOWN
        assert found.inputs["visits"] == ["other"]


def test_without_an_npi_a_clinician_is_known_by_name() -> None:
    named = {"last_name": "Therapist", "first_name": "Pat"}
    services = seen(decision("other", rendering_provider=named))
    (found,) = told(services, asking(rendering_provider={"last_name": "THERAPIST ", "first_name": "pat"}))
    assert found.result is Result.FAIL


def test_of_very_many_some_are_named_and_all_are_counted() -> None:
    (found,) = told(seen(*(decision(f"v{number}") for number in range(50))), asking())
    assert (len(found.inputs["visits"]), found.inputs["count"]) == (5, 50)
    assert "and 45 more" in found.message


def test_a_visit_that_nobody_is_billed_for_has_no_duplicate() -> None:
    assert told(seen(decision("other")), asking(coverage=[{"program": "self_pay"}])) == []


def test_a_second_initial_evaluation_of_a_case_is_told_whatever_its_complexity() -> None:
    services = seen(decision("first", "97161", service_date="2026-10-01"))
    (found,) = told(services, asking(), "97163", "97110")
    assert (found.id, found.inputs["visits"]) == ("evaluation.repeated", ["first"])
    assert told(services, asking(), "97164") == [], "a re-evaluation is none"
    assert told(services, asking(case={"case_id": "d"}), "97161") == []
    assert told(services, asking(case=None), "97161") == [], "what case it is, is not known"
    assert told(services, asking(discipline="OT"), "97165") == []
    (same_day,) = told(seen(decision("first", "97161")), asking(), "97161")
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
        services = BilledServices()
        order = list(one_word.items()) * repeats
        chance.shuffle(order)
        for (key, revision), what in order:
            if what == "void":
                services.void(Keyed(practice_id="p", visit_id=key, revision=revision))
            else:
                services.take(decision(key, "97110", f"9714{revision}", revision=revision))
        beside = services.beside(asking())
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
