"""Diagnoses of a claim: their order, what lines point to, and which codes may stand there on a day."""

import csv
import sys
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from claimbus.events import Basis, Finding, RuleSet, Service, UnitsComputed, VisitCompleted, Worksheet
from claimbus.values import Result, Severity
from claims.domain.checks.diagnoses import ClaimDiagnoses, order_diagnoses
from claims.domain.checks.icd10cm import CodeStatus, bare_code
from claims.rule_book import ClaimRuleBook
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[3]
DAY = date(2026, 5, 4)
"""In force of the newest list."""
HEAD: dict[str, Any] = {"practice_id": "p", "visit_id": "v", "revision": 1}
RULES = ClaimRuleBook.load()
REAL = sorted(code for code, lists in RULES.diagnosis_codes.codes.items() if len(lists) == 3)[:60]


def visit(
    diagnoses: Iterable[tuple[str | None, int | None]],
    supports: dict[str, list[list[int]]],
    day: date = DAY,
    program: str = "commercial",
) -> VisitCompleted:
    """`supports`: by code, what each of its interventions treats."""
    return VisitCompleted.model_validate(
        HEAD
        | {
            "service_date": day,
            "patient": {"patient_id": "x"},
            "coverage": [{"program": program}],
            "diagnoses": [{"code": code, "rank": rank} for code, rank in diagnoses],
            "interventions": [
                {"id": f"{code}-{place}", "code": code, "supports": ranks}
                for code, rows in supports.items()
                for place, ranks in enumerate(rows, 1)
            ],
        }
    )


def worked(of: VisitCompleted) -> UnitsComputed:
    """A worksheet on which each code of the visit has a unit."""
    by_code: dict[str, list[str]] = {}
    for row in of.interventions:
        by_code.setdefault(row.code or "", []).append(row.id)
    services = tuple(
        Service(
            code=code,
            kind="timed",
            pooled=True,
            minutes=15,
            whole_units=1,
            remainder=0,
            allocated=0,
            units=1,
            intervention_ids=tuple(ids),
            reasons=(),
        )
        for code, ids in by_code.items()
    )
    sheet = Worksheet.model_construct(services=services)
    return UnitsComputed.model_construct(
        **HEAD,
        worksheet=sheet,
        basis=Basis(event_id="e", sha256="s"),
        rule_set=RuleSet(version="1", sha256="s", tables={}),
    )


def order(diagnoses: Iterable[tuple[str | None, int | None]], **facts: Any) -> ClaimDiagnoses:
    facts.setdefault("supports", {"97110": [[]]})
    of = visit(diagnoses, **facts)
    return order_diagnoses(of, worked(of), RULES.on(of.service_date))


def ranked(number: int) -> list[tuple[str | None, int | None]]:
    return [(code, rank) for rank, code in enumerate(REAL[:number], 1)]


def wrong(of: ClaimDiagnoses) -> dict[str, Finding]:
    return {check.id: check for check in of.checked if isinstance(check, Finding)}


# Order and pointers


def test_lines_point_to_what_their_interventions_support_the_main_one_first() -> None:
    found = order(ranked(5), supports={"97110": [[3, 1]], "97140": [[5]]})
    assert found.codes == tuple(REAL[:5])
    assert found.pointers == {"97110": (3, 1), "97140": (5,)}
    assert not wrong(found)


def test_interventions_of_one_code_take_turns_each_with_its_main_one_first() -> None:
    found = order(ranked(6), supports={"97110": [[3, 1], [], [4, 1, 2, 6]]})
    assert found.pointers == {"97110": (3, 4, 1, 2)}


@pytest.mark.parametrize(("number", "pointers"), [(0, ()), (1, (1,)), (4, (1, 2, 3, 4)), (5, (1, 2, 3, 4))])
def test_without_supports_a_line_points_to_the_first_diagnoses(number: int, pointers: tuple[int, ...]) -> None:
    assert order(ranked(number)).pointers == {"97110": pointers}


@pytest.mark.parametrize(("supports", "pointers"), [([5, 4, 3, 2], (5, 4, 3, 2)), ([5, 4, 3, 2, 1], (5, 4, 3, 2))])
def test_a_line_has_at_most_four_pointers(supports: list[int], pointers: tuple[int, ...]) -> None:
    assert order(ranked(5), supports={"97110": [supports]}).pointers == {"97110": pointers}


def test_diagnoses_stand_by_rank_and_those_without_one_are_known_by_their_place() -> None:
    found = order([(REAL[2], None), (REAL[1], 2), (REAL[0], 1), (None, 3), (" ", 4)], supports={"97110": [[3]]})
    assert found.codes == tuple(REAL[:3])
    assert found.pointers == {"97110": (3,)}


def test_a_rank_that_no_diagnosis_has_is_named_and_points_nowhere() -> None:
    found = order(ranked(2), supports={"97110": [[9, 2]], "97140": [[9]]})
    assert found.pointers == {"97110": (2,), "97140": (1, 2)}
    unmatched = [check for check in found.checked if check.id == "diagnosis.supports-unknown"]
    assert [(one.result, one.severity, one.intervention_id) for one in unmatched if isinstance(one, Finding)] == [
        (Result.FAIL, Severity.REVIEW, "97110-1"),
        (Result.FAIL, Severity.REVIEW, "97140-1"),
    ]


def test_a_diagnosis_that_is_sent_twice_stands_once_and_both_ranks_lead_to_it() -> None:
    found = order([("M25.561", 1), ("R26.89", 2), ("m25561 ", 3)], supports={"97110": [[3, 2]]})
    assert found.codes == ("M25.561", "R26.89")
    assert found.pointers == {"97110": (1, 2)}
    assert wrong(found)["diagnosis.repeated"].severity is Severity.INFO


def test_a_diagnosis_that_a_line_points_to_stays_before_one_that_none_points_to() -> None:
    found = order(ranked(13), supports={"97110": [[13, 1]]})
    assert found.codes == (*REAL[:11], REAL[12])
    assert found.pointers == {"97110": (12, 1)}
    assert wrong(found).keys() == {"diagnosis.too-many"}


def test_a_line_whose_diagnosis_finds_no_room_is_named() -> None:
    supports = {f"9{place:04}": [[place]] for place in range(1, 14)}
    found = order(ranked(13), supports=supports)
    finding = wrong(found)["diagnosis.pointer-left-off"]
    assert (finding.severity, finding.inputs["code"]) == (Severity.BLOCK, "90013")
    assert found.pointers["90013"] == (1, 2, 3, 4)


ranks = st.lists(st.integers(1, 20), max_size=7)


@given(
    st.lists(st.tuples(st.sampled_from([*REAL, "junk", ""]), st.none() | st.integers(1, 20)), max_size=20),
    st.dictionaries(st.sampled_from(["97110", "97140", "97112", "97530"]), st.lists(ranks, min_size=1, max_size=3)),
)
def test_pointers_are_within_the_diagnoses_and_never_more_than_four(
    diagnoses: list[tuple[str | None, int | None]], supports: dict[str, list[list[int]]]
) -> None:
    found = order(diagnoses, supports=supports or {"97110": [[]]})
    assert len(found.codes) == len({*found.codes}) <= 12
    for pointers in found.pointers.values():
        assert len(pointers) == len({*pointers}) <= 4
        assert all(1 <= one <= len(found.codes) for one in pointers)
        assert bool(pointers) is bool(found.codes)
    everything = {code.strip() for code, _ in diagnoses if code and code.strip()}
    left_off = wrong(found)["diagnosis.too-many"].inputs["left_off"] if "diagnosis.too-many" in wrong(found) else []
    assert {*found.codes, *left_off} == {code.upper() for code in everything}


# Codes by date


def test_the_days_of_change_agree_with_the_lists() -> None:
    book = RULES.diagnosis_codes
    lists = sorted(book.lists, key=lambda row: row.effective_from)
    for code, spans in book.spans.items():
        for row in lists:
            listed = row.list in book.codes[code]
            assert listed is any(span.in_force(row.effective_from) for span in spans), (code, row.list)


def test_the_lists_hold_as_many_codes_as_their_sources_say() -> None:
    book = RULES.diagnosis_codes
    for row in book.lists:
        held = sum(row.list in lists for lists in book.codes.values())
        assert f"{held:,} billable codes" in row.source


def test_no_billable_code_of_a_list_has_another_of_it_below() -> None:
    book = RULES.diagnosis_codes
    for row in book.lists:
        codes = sorted(code for code, lists in book.codes.items() if row.list in lists)
        assert not [one for one, following in pairwise(codes) if following.startswith(one)]
        assert all(bare_code(code) == code for code in codes)


def test_the_tool_that_makes_the_lists_reads_both_kinds_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.path.insert(0, str(ROOT))
    try:
        from tools import icd10cm
    finally:
        sys.path.remove(str(ROOT))
    (tmp_path / "order.txt").write_text("00001 M54     0 x\n00002 M545    1 y\n00003 M546    1 z\n")
    (tmp_path / "codes.txt").write_text("13\nM50-M54\nM54\nM545\nM5450\nM546\n")
    monkeypatch.setattr(icd10cm, "OUT", tmp_path / "out.csv")
    icd10cm.main([f"2021={tmp_path / 'order.txt'}", f"2025={tmp_path / 'codes.txt'}"])
    with (tmp_path / "out.csv").open() as file:
        assert list(csv.reader(file)) == [["code", "lists"], ["M545", "2021"], ["M5450", "2025"], ["M546", ""]]


@given(st.sampled_from(REAL), st.dates())
def test_a_code_of_every_list_is_never_refused(code: str, day: date) -> None:
    assert RULES.diagnosis_codes.status(code, day) in (CodeStatus.BILLABLE, CodeStatus.UNKNOWN)


@given(st.text(alphabet="ABMZ0159.", max_size=8), st.dates())
def test_whatever_is_asked_there_is_an_answer(code: str, day: date) -> None:
    bare = bare_code(code)
    assert bare is None or RULES.diagnosis_codes.status(bare, day) in CodeStatus
