"""What an identifier is, in every usual spelling, and what is none."""

from datetime import date
from pathlib import Path

import pytest
from claimbus.identifiers import (
    IdentifierBook,
    TaxId,
    in_basic_set,
    normalize_npi,
    normalize_postal_code,
    normalize_tax_id,
    normalize_taxonomy,
    to_basic_set,
)
from claimbus.rules import RuleError
from claimbus.values import Program
from hypothesis import given
from hypothesis import strategies as st

BOOK = IdentifierBook.load()
TODAY = BOOK.on(date(2026, 11, 18))
EIN, SSN = TaxId("123456789", "EIN"), TaxId("123456789", "SSN")
MBI = "1EG4TE5MK73"


# NPI


@pytest.mark.parametrize(
    "npi", ["1234567893", "1245319599", "1003000225", " 1234567893", "1234-567-893", "123 456 7893"]
)
def test_published_npis_are_valid_however_they_are_written(npi: str) -> None:
    assert normalize_npi(npi) == "".join(filter(str.isdigit, npi))


@pytest.mark.parametrize("npi", ["1234567890", "3234567893", "123456789", "12345678931", "١٩٠٢٠٠٠٠١١", "", "x"])
def test_what_is_no_npi_has_no_normal_form(npi: str) -> None:
    assert normalize_npi(npi) is None


nines = st.from_regex(r"[12][0-9]{8}", fullmatch=True)


def completed(nine: str) -> str:
    (npi,) = (npi for digit in range(10) if (npi := normalize_npi(f"{nine}{digit}")))
    return npi


@given(nines)
def test_one_check_digit_completes_nine_digits(nine: str) -> None:
    assert completed(nine).startswith(nine)


@given(nines, st.integers(1, 9), st.integers(0, 9))
def test_any_single_wrong_digit_is_seen(nine: str, place: int, digit: int) -> None:
    npi = completed(nine)
    wrong = f"{npi[:place]}{digit}{npi[place + 1 :]}"
    assert (normalize_npi(wrong) is not None) is (wrong == npi)


@given(nines, st.integers(1, 8))
def test_two_digits_changed_about_are_seen_unless_they_are_0_and_9(nine: str, place: int) -> None:
    npi = completed(nine)
    first, second = npi[place], npi[place + 1]
    wrong = f"{npi[:place]}{second}{first}{npi[place + 2 :]}"
    assert (normalize_npi(wrong) is not None) is (first == second or {first, second} == {"0", "9"})


# Tax id, taxonomy, ZIP


@pytest.mark.parametrize(
    ("given_text", "tax_id"),
    [
        ("123456789", EIN), ("12-3456789", EIN), (" 12 3456789 ", EIN), ("12–3456789", EIN),
        ("123-45-6789", SSN), ("123 45 6789", SSN),
        ("00-0000000", None), ("000000000", None), ("00-1234567", None), ("001234567", None),
        ("000-12-3456", None), ("666-12-3456", None), ("900-12-3456", None), ("123-00-6789", None),
        ("123-45-0000", None), ("12345678", None), ("1234567890", None), ("1-23456789", None), ("12345678X", None),
        ("١٢٣٤٥٦٧٨٩", None),
    ],
)  # fmt: skip
def test_a_tax_id_is_an_ein_or_an_ssn(given_text: str, tax_id: TaxId | None) -> None:
    assert normalize_tax_id(given_text) == tax_id


@pytest.mark.parametrize(
    ("given_text", "taxonomy"),
    [
        ("225100000X", "225100000X"), ("225100000x", "225100000X"), (" 261qp2000x", "261QP2000X"),
        ("261QP2000", None), ("261QP20000X", None), ("PT", None), ("2251000001", None),
        ("225100000ⅹ", None),
    ],
)  # fmt: skip
def test_a_taxonomy_code_has_the_shape_of_the_nucc_set(given_text: str, taxonomy: str | None) -> None:
    assert normalize_taxonomy(given_text) == taxonomy


@pytest.mark.parametrize(
    ("given_text", "postal_code"),
    [
        ("02108", "02108"), ("021081234", "021081234"), ("02108-1234", "021081234"), ("02108 1234", "021081234"),
        (" 02108 ", "02108"), ("0210", None), ("02108-12", None), ("0210-81234", None), ("K1A 0B1", None), ("", None),
    ],
)  # fmt: skip
def test_a_zip_code_has_five_digits_or_nine(given_text: str, postal_code: str | None) -> None:
    assert normalize_postal_code(given_text) == postal_code


# By the tables


@pytest.mark.parametrize(
    ("given_text", "state"),
    [("MA", "MA"), (" ma ", "MA"), ("pr", "PR"), ("ZZ", None), ("Massachusetts", None), ("mſ", None)],
)
def test_a_state_has_two_letters(given_text: str, state: str | None) -> None:
    assert TODAY.normalize_state(given_text) == state


def test_there_are_62_states_territories_and_armed_forces_codes() -> None:
    assert len(TODAY.states) == 62


@pytest.mark.parametrize(
    ("program", "given_text", "member_id"),
    [
        ("medicare_part_b", MBI, MBI), ("medicare_part_b", "1eg4-te5-mk73", MBI),
        ("medicare_part_b", "1EG4 TE5 MK73", MBI),
        ("medicare_part_b", "0EG4TE5MK73", None), ("medicare_part_b", "1SG4TE5MK73", None),
        ("medicare_part_b", "123456789A", None),
        ("commercial", " xqz-100 200", "XQZ-100 200"), ("commercial", "X", None), ("commercial", "X" * 81, None),
        ("commercial", "1EG4*TE5", None), ("commercial", "straße", None),
    ],
)  # fmt: skip
def test_a_member_id_is_as_the_programs_cards_have_it(program: str, given_text: str, member_id: str | None) -> None:
    assert TODAY.normalize_member_id(given_text, Program(program)) == member_id


def test_the_older_medicare_number_was_taken_through_2019() -> None:
    then = BOOK.on(date(2019, 12, 31))
    assert then.normalize_member_id("123456789a", Program.MEDICARE_PART_B) == "123456789A"


@pytest.mark.parametrize(
    ("given_text", "code", "category"),
    [
        ("self", "18", "self"), ("18", "18", "self"), (" SELF ", "18", "self"), ("husband", "01", "spouse"),
        ("Wife", "01", "spouse"), ("01", "01", "spouse"), ("daughter", "19", "child"), ("Life-Partner", "53", "other"),
        ("life_partner", "53", "other"), ("g8", "G8", "other"), ("organ donor", "39", "other"), ("unknown", "21", None),
    ],
)  # fmt: skip
def test_a_relationship_is_known_by_its_usual_spellings(given_text: str, code: str, category: str | None) -> None:
    row = TODAY.find_relationship(given_text)
    assert row is not None
    assert (row.code, row.category, row.is_self) == (code, category, code == "18")


@pytest.mark.parametrize("given_text", ["cousin", "mother", "", "1", "19x"])
def test_a_word_that_is_unknown_or_could_be_meant_the_other_way_about_is_no_relationship(given_text: str) -> None:
    assert TODAY.find_relationship(given_text) is None


def test_each_code_of_a_relationship_belongs_to_one_category() -> None:
    codes = {row.code for row in BOOK.relationships.rows}
    assert len({(row.code, row.category) for row in BOOK.relationships.rows}) == len(codes)


def test_a_spelling_stands_once(tmp_path: Path) -> None:
    folder = tmp_path / "identifiers"
    folder.mkdir()
    head = '[table]\nname = "relationships"\nversion = "1"\nsource = "s"\n'
    rows = ('[[row]]\nspelling = "life partner"\ncode = "53"\n', '[[row]]\nspelling = "Life-Partner"\ncode = "G8"\n')
    (folder / "relationships.toml").write_text(head + "".join(rows))
    with pytest.raises(RuleError, match="life partner has two rows in force"):
        IdentifierBook.load(overlay=tmp_path)


# Text


@given(st.text())
def test_text_of_the_basic_set_stays_as_it_is(text: str) -> None:
    once = to_basic_set(text)
    assert once.isascii()
    assert to_basic_set(once) == once


@given(st.text())
def test_an_id_is_itself_or_none(text: str) -> None:
    assert in_basic_set(text) in (None, text.strip().upper())
