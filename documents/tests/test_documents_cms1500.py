"""The CMS-1500 read back from its PDF, text by text, by the operators that place it.

Expected places are those of the grid template as published: line (6 an inch) and column (10 an inch) of the paper.
"""

import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus_documents.cms1500.drawing import Layout, OffPaperError, draw_forms
from claimbus_documents.cms1500.form import Form, fill_form
from claimbus_documents.printing import folded
from claimbus_documents.refusal import Refusal
from good_claim import tables_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import ContentStream

Decision = ClaimReady | ClaimDenialRisk
Decide = Callable[..., Decision]
Grid = dict[tuple[int, int], str]


def filled(decision: Decision, **options: Any) -> Form:
    return fill_form(decision, tables_of(decision), **options)


class Shown(NamedTuple):
    x: float
    y: float
    font: str
    size: float
    text: str


def shown_on(pdf: bytes) -> list[list[Shown]]:
    """Each page's texts in points from the lower left corner."""
    return [_texts(page) for page in PdfReader(io.BytesIO(pdf)).pages]


def _texts(page: Any) -> list[Shown]:
    fonts = page["/Resources"]["/Font"]
    shown: list[Shown] = []
    font, size, x, y = "", 0.0, 0.0, 0.0
    for operands, operator in ContentStream(page.get_contents(), page.pdf).operations:
        if operator == b"Tf":
            font, size = fonts[operands[0]]["/BaseFont"], float(operands[1])
        elif operator == b"Tm":
            x, y = float(operands[4]), float(operands[5])
        elif operator == b"Tj":
            shown.append(Shown(x, y, font, size, str(operands[0])))
    return shown


def grid_of(page: list[Shown]) -> Grid:
    """Text by the line and column in which it begins; every text must begin within a character's cell."""
    return {
        (66 - int(shown.y // 12), round(shown.x / 7.2) + 1): shown.text for shown in page if shown.font == "/Courier"
    }


def grids(decision: Decision, **options: Any) -> list[Grid]:
    return [grid_of(page) for page in shown_on(draw_forms([filled(decision, **options)]))]


def remarks(decision: Decision) -> str:
    return "\n".join(filled(decision).remarks)


# --- One page, cell by cell

PLAIN: Grid = {
    (4, 47): "EXAMPLE HEALTH",
    (10, 34): "X",
    (10, 53): "W123456789",
    (12, 4): "TESTER, ALEX",
    (12, 34): "01 31 1950",
    (12, 50): "X",
    (12, 53): "TESTER, ALEX",
    (14, 4): "1 MAIN ST APT 4",
    (14, 36): "X",
    (14, 53): "1 MAIN ST APT 4",
    (16, 4): "BOSTON",
    (16, 29): "MA",
    (16, 53): "BOSTON",
    (16, 77): "MA",
    (18, 4): "02108-1234",
    (18, 53): "02108-1234",
    (20, 53): "G-77",
    (22, 44): "X",
    (22, 56): "01 31 1950",
    (22, 78): "X",
    (24, 44): "X",
    (26, 44): "X",
    (26, 53): "EXAMPLE HEALTH",
    (28, 60): "X",
    (31, 10): "SIGNATURE ON FILE",
    (31, 58): "SIGNATURE ON FILE",
    (34, 5): "10 05 2026",
    (34, 19): "431",
    (36, 4): "DN",
    (36, 7): "ANN REFER",
    (36, 36): "1750548897",
    (39, 45): "0",
    (40, 6): "M25561",
    (40, 19): "R2689",
    (42, 53): "PA-1",
    (46, 4): "11 18 26",
    (46, 13): "11 18 26",
    (46, 22): "11",
    (46, 28): "97110",
    (46, 36): "GP KX",
    (46, 48): "AB",
    (46, 55): "124 00",
    (46, 62): "2",
    (46, 71): "1003000225",
    (48, 4): "11 18 26",
    (48, 13): "11 18 26",
    (48, 22): "11",
    (48, 28): "G0283",
    (48, 36): "GP 59",
    (48, 48): "AB",
    (48, 56): "25 50",
    (48, 62): "1",
    (48, 71): "1003000225",
    (58, 4): "123456789",
    (58, 22): "X",
    (58, 26): "36A089CA49DA52",
    (58, 41): "X",
    (58, 57): "149 50",
    (60, 53): "NORTHSIDE PT",
    (61, 53): "1 MAIN ST",
    (62, 4): "SIGNATURE ON FILE",
    (62, 53): "BOSTON MA 02108-1234",
    (63, 53): "1234567893",
}


def test_every_text_stands_in_its_cell_and_nothing_else_is_printed(decide: Decide) -> None:
    assert grids(decide()) == [PLAIN]


def test_data_are_in_courier_of_twelve_points_which_is_ten_characters_an_inch(decide: Decide) -> None:
    (page,) = shown_on(draw_forms([filled(decide())]))
    assert {(shown.font, shown.size) for shown in page} == {("/Courier", 12.0)}


def test_the_form_has_no_art_of_its_own(decide: Decide) -> None:
    (page,) = PdfReader(io.BytesIO(draw_forms([filled(decide())]))).pages
    drawn = {operator for _, operator in ContentStream(page.get_contents(), page.pdf).operations}
    assert drawn <= {b"cm", b"BT", b"ET", b"Tf", b"TL", b"Tm", b"Tj", b"T*", b"g", b"q", b"Q"}


def test_the_same_decision_gives_the_same_bytes(decide: Decide) -> None:
    assert draw_forms([filled(decide())]) == draw_forms([filled(decide())])


def test_an_offset_moves_every_text_by_exactly_that_much(decide: Decide) -> None:
    form = filled(decide())
    (still,), (moved,) = shown_on(draw_forms([form])), shown_on(draw_forms([form], Layout(offset_x=2.5, offset_y=-1.5)))
    assert [(round(to.x - at.x, 3), round(to.y - at.y, 3), to.text) for at, to in zip(still, moved, strict=True)] == [
        (2.5, 1.5, shown.text) for shown in still
    ]


def test_an_offset_that_pushes_a_text_off_the_paper_is_refused(decide: Decide) -> None:
    with pytest.raises(OffPaperError, match="would stand off the paper"):
        draw_forms([filled(decide())], Layout(offset_x=-40))


def test_the_proof_has_the_same_data_and_says_on_every_page_what_it_is_not(decide: Decide) -> None:
    form = filled(decide(13))
    pages = shown_on(draw_forms([form], Layout(proof=True)))
    assert [grid_of(page) for page in pages] == [grid_of(page) for page in shown_on(draw_forms([form]))]
    for page in pages:
        assert sum("NOT A CMS-1500" in shown.text for shown in page) >= 3


# --- Several pages


def lines_of(grid: Grid) -> list[tuple[str, str]]:
    codes = [(line, text) for (line, column), text in sorted(grid.items()) if column == 28 and 46 <= line <= 56]
    charges = {line: text for (line, column), text in grid.items() if 53 <= column <= 60 and 46 <= line <= 56}
    return [(text, charges[line]) for line, text in codes]


def total_of(grid: Grid) -> str:
    (total,) = [text for (line, column), text in grid.items() if line == 58 and 54 <= column <= 62]
    return total


@pytest.mark.parametrize(("lines", "on_pages"), [(6, [6]), (7, [6, 1]), (13, [6, 6, 1])])
def test_six_lines_stand_on_a_page_and_the_total_on_the_last(decide: Decide, lines: int, on_pages: list[int]) -> None:
    decision = decide(lines)
    pages = grids(decision)
    assert [len(lines_of(page)) for page in pages] == on_pages
    assert [total_of(page) for page in pages[:-1]] == ["CONTINUED"] * (len(pages) - 1)
    assert Decimal(total_of(pages[-1]).replace(" ", ".")) == decision.claim.total_charge
    read = [line for page in pages for line in lines_of(page)]
    assert read == [(line.code, f"{line.charge:.2f}".replace(".", " ")) for line in decision.lines]


def test_each_page_may_bear_its_own_total(decide: Decide) -> None:
    decision = decide(13)
    for page in (pages := grids(decision, totals="each")):
        charges = [Decimal(charge.replace(" ", ".")) for _, charge in lines_of(page)]
        assert Decimal(total_of(page).replace(" ", ".")) == sum(charges)
    assert sum(Decimal(total_of(page).replace(" ", ".")) for page in pages) == decision.claim.total_charge


def test_what_is_not_a_service_line_stands_on_every_page(decide: Decide) -> None:
    first, second = grids(decide(7))
    head = {place: text for place, text in first.items() if place[0] < 46 or place[0] > 58}
    assert head == {place: text for place, text in second.items() if place[0] < 46 or place[0] > 58}


# --- What does not fit


def test_a_long_name_is_cut_and_the_cut_is_told_without_the_name(decide: Decide) -> None:
    patient = {**decide().claim.patient.model_dump(), "last_name": "Featherstonehaugh-Cholmondeley"}
    decision = decide(claim={"patient": patient})
    (grid,) = grids(decision)
    assert grid[12, 4] == "FEATHERSTONEHAUGH-CHOLMONDEL"
    assert "claim.patient.last_name (item 2): 36 characters, and the box takes 28: cut" in remarks(decision)
    assert "featherstone" not in remarks(decision).casefold()


@pytest.mark.parametrize(
    ("claim", "cell"),
    [
        (
            {"prior_authorization": "9" * 30},
            "claim.prior_authorization has 30 characters, and item 23 takes 29",
        ),
        (
            {"diagnoses": ["M25.5610000", "R26.89"]},
            "claim.diagnoses.0 has 10 characters, and item 21.A takes 7",
        ),
        ({"place_of_service": "111"}, "claim.place_of_service has 3 characters, and item 24B takes 2"),
    ],
)
def test_a_number_or_code_that_is_too_long_is_refused_and_not_cut(decide: Decide, claim: Any, cell: str) -> None:
    with pytest.raises(Refusal, match=cell):
        filled(decide(claim=claim))


def test_an_amount_of_six_figures_before_the_point_is_refused(decide: Decide) -> None:
    line = {**decide().lines[0].model_dump(), "charge": "123456.00"}
    with pytest.raises(Refusal, match=r"lines\.0\.charge has 9 characters"):
        filled(decide([line], {"total_charge": "123456.00"}))


@pytest.mark.parametrize(
    ("text", "shown", "lost"),
    [
        ("Zoë Müller", "ZOE MULLER", 0),
        ("Łukasz Ørsted-Straße", "LUKASZ ORSTED-STRASSE", 0),
        ("O’Neil", "O'NEIL", 0),
        ("a\x00b\r\nc\u2028 d\t\te", "A B C D E", 0),
        ("Ren\u00e9\u200b", "RENE", 0),
        ("王 Li", "? LI", 1),
        ("", "", 0),
    ],
)
def test_text_is_folded_to_what_the_form_can_show(text: str, shown: str, lost: int) -> None:
    assert folded(text) == (shown, lost)


def test_a_character_without_likeness_is_printed_as_a_question_mark_and_told(decide: Decide) -> None:
    patient = {**decide().claim.patient.model_dump(), "first_name": "王Li"}
    decision = decide(claim={"patient": patient})
    assert grids(decision)[0][12, 4] == "TESTER, ?LI"
    assert "claim.patient.last_name (item 2): 1 characters have no likeness on the form" in remarks(decision)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_leaves_its_cell_or_lies_on_another(decide: Decide, first: str, second: str) -> None:
    address = {"line1": "1" + first, "line2": second, "city": "B" + second, "state": "MA", "postal_code": "02108"}
    patient = {"patient_id": "x", "first_name": second, "last_name": "L" + first, "birth_date": "2000-01-01"}
    form = filled(decide(claim={"patient": {**patient, "address": address}}))
    cells = tables_of(decide()).cms1500.cells
    for placed in form.pages[0].placed:
        cell = cells[placed.cell]
        assert re.fullmatch(r"[ -~]+", placed.text)
        assert cell.column <= placed.column
        assert placed.column + len(placed.text) <= cell.column + cell.width
    assert shown_on(draw_forms([form]))


def test_no_two_cells_share_a_place_and_none_passes_the_right_edge(decide: Decide) -> None:
    taken: dict[tuple[int, int], str] = {}
    for cell in tables_of(decide()).cms1500.cells.values():
        for row in range(6 if cell.cell.startswith("24") else 1):
            for column in range(cell.column, cell.column + cell.width):
                assert column <= 82, cell.cell
                place = cell.line + 2 * row, column
                assert taken.setdefault(place, cell.cell) == cell.cell


# --- What payers ask


def test_with_medicare_first_the_insured_is_not_repeated_and_item_11_says_none(decide: Decide) -> None:
    coverage = [
        {
            **decide().claim.coverage[0].model_dump(),
            "program": "medicare_part_b",
            "member_id": "1EG4TE5MK73",
            "group_number": None,
        }
    ]
    (grid,) = grids(decide(claim={"coverage": coverage}))
    assert grid[10, 4] == "X"
    assert grid[20, 53] == "NONE"
    assert not {(12, 53), (14, 53), (22, 56), (28, 55), (28, 60)} & grid.keys()


def test_a_subscriber_and_a_second_coverage_have_their_places(decide: Decide) -> None:
    subscriber = {"first_name": "Kim", "last_name": "Holder", "birth_date": "1970-02-03", "sex": "M"}
    first = {**decide().claim.coverage[0].model_dump(), "relationship": "19", "subscriber": subscriber}
    second = {"rank": 2, "program": "commercial", "payer_name": "Second", "member_id": "S2", "relationship": "self"}
    (grid,) = grids(decide(claim={"coverage": [second, first]}))
    assert (grid[12, 53], grid[22, 56], grid[22, 71]) == ("HOLDER, KIM", "02 03 1970", "X")
    assert (grid[14, 45], grid[20, 4], grid[22, 4], grid[28, 4], grid[28, 55]) == (
        "X",
        "TESTER, ALEX",
        "S2",
        "SECOND",
        "X",
    )


def test_an_accident_at_work_or_on_the_road_is_marked_with_state_and_date(decide: Decide) -> None:
    case = {"related_to": ["auto"], "accident_date": "2026-10-01", "accident_state": "MA"}
    (grid,) = grids(decide(claim={"case": case}))
    assert (grid[22, 44], grid[24, 38], grid[24, 48], grid[26, 44]) == ("X", "X", "MA", "X")
    assert (grid[34, 34], grid[34, 40]) == ("439", "10 01 2026")


def test_a_replacement_bears_frequency_and_the_payers_number(decide: Decide) -> None:
    (grid,) = grids(decide(claim={"payer_control_number": "ICN1"}, frequency_code="7"))
    assert (grid[40, 53], grid[40, 65]) == ("7", "ICN1")


def test_without_a_referring_provider_item_17_names_the_supervising_one(decide: Decide) -> None:
    supervising = {"npi": "1679576722", "first_name": "Sue", "last_name": "Super", "credential": "MD"}
    (grid,) = grids(decide(claim={"referring_provider": None, "supervising_provider": supervising}))
    assert (grid[36, 4], grid[36, 7], grid[36, 36]) == ("DQ", "SUE SUPER MD", "1679576722")
    assert "no place for the supervising one" in remarks(decide(claim={"supervising_provider": supervising}))


def test_what_is_unknown_is_left_blank_and_told(decide: Decide) -> None:
    unknown = {
        "case": None,
        "accept_assignment": None,
        "benefits_assigned": None,
        "release_of_information": None,
        "signature_on_file": None,
    }
    decision = decide(claim=unknown)
    (grid,) = grids(decision)
    left = {(22, 44), (24, 44), (26, 44), (31, 10), (31, 58), (34, 5), (34, 19), (58, 41), (62, 4)}
    assert grid == {place: text for place, text in PLAIN.items() if place not in left}
    for item in ("10", "12", "13", "27", "31"):
        assert f"item {item} is blank: claim." in remarks(decision)


def test_twelve_diagnoses_fill_the_box_and_a_thirteenth_is_told(decide: Decide) -> None:
    codes = [f"M25.{number}" for number in range(501, 514)]
    decision = decide(claim={"diagnoses": codes})
    (grid,) = grids(decision)
    assert [grid[line, column] for line in (40, 41, 42) for column in (6, 19, 32, 45)] == [
        code.replace(".", "") for code in codes[:12]
    ]
    assert "item 21 takes 12 diagnoses; 1 are not on the form" in remarks(decision)


MISSING = [
    ({"place_of_service": None}, "claim.place_of_service is missing for item 24B"),
    ({"diagnoses": []}, "claim.diagnoses.0 is missing for item 21.A"),
    ({"rendering_provider": None}, "claim.rendering_provider.npi is missing for item 24J"),
    ({"billing_provider": None}, "claim.billing_provider.tax_id is missing for item 25"),
    ({"billing_provider": {"name": "\x00"}}, "claim.billing_provider.name is missing for item 33.name"),
    ({"total_charge": None}, "claim.total_charge is missing: send interventions.charge"),
    ({"patient": {"patient_id": "x"}}, "claim.patient.last_name is missing for item 2 "),
    ({"patient": {"patient_id": "x"}}, "claim.patient.birth_date is missing for item 3.birth"),
    ({"coverage": [{"program": "commercial"}]}, "claim.coverage.0.member_id is missing for item 1a"),
    ({"coverage": [{"program": "self_pay"}]}, "claim.coverage.0.program is self_pay: there is no payer"),
]


@pytest.mark.parametrize(("claim", "problem"), MISSING)
def test_what_is_required_and_missing_is_named_by_field_and_item(decide: Decide, claim: Any, problem: str) -> None:
    with pytest.raises(Refusal) as refused:
        filled(decide(claim=claim))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"charge": None}, "lines.0.charge is missing"),
        ({"charge": "62.125"}, "lines.0.charge has parts of a cent"),
        ({"charge": "9" * 40}, "lines.0.charge is no amount up to 99,999,999.99"),
        ({"diagnosis_pointers": [10**9, -1, 0]}, "lines.0.diagnosis_pointers points at no diagnosis"),
        ({"diagnosis_pointers": []}, "lines.0.diagnosis_pointers is missing for item 24E"),
        ({"diagnosis_pointers": [3]}, "lines.0.diagnosis_pointers points at no diagnosis"),
        ({"diagnosis_pointers": [1, 2, 1, 2, 1]}, "lines.0.diagnosis_pointers has 5 entries"),
        ({"modifiers": ["GP", "KX", "CQ", "59", "95"]}, "lines.0.modifiers has 5 entries"),
        ({"code": ""}, "lines.0.code is missing for item 24D.code"),
    ],
)
def test_a_line_that_the_form_cannot_hold_is_named(decide: Decide, change: Any, problem: str) -> None:
    first, second = (line.model_dump() for line in decide().lines)
    with pytest.raises(Refusal) as refused:
        filled(decide([{**first, **change}, second]))
    assert problem in str(refused.value)
