"""Dated tables: which rows are in force, which tables are refused, and how a set of tables is named."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from claimbus.events import RuleSet
from claimbus.rules import DatedRow, RuleError, Table, merge_rule_sets, rule_set_of
from claimbus.rules.table import read_table
from hypothesis import given
from hypothesis import strategies as st

HEAD = '[table]\nname = "limits"\nversion = "2026.11"\nsource = "Manual s1"\n'


class Limit(DatedRow):
    name: str
    amount: int
    texts: Mapping[str, str] = {}


Load = Callable[[str], Table[Limit]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a table into a folder and reads it from there."""

    def write_and_load(text: str) -> Table[Limit]:
        (tmp_path / "limits.toml").write_bytes(text.encode())
        return read_limits(tmp_path)

    return write_and_load


def read_limits(folder: Path) -> Table[Limit]:
    return read_table(folder.joinpath, "limits.toml", Limit, lambda row: row.name)


def row(name: str = "a", amount: int = 1, **dates: str) -> str:
    more = "".join(f"{field} = {value}\n" for field, value in dates.items())
    return f'[[row]]\nname = "{name}"\namount = {amount}\n{more}'


YEARS = (
    HEAD
    + row(amount=2025, effective_from="2025-01-01", effective_through="2025-12-31")
    + row(amount=2026, effective_from="2026-01-01", effective_through="2026-12-31")
    + row("b", 7)
)


@pytest.mark.parametrize(
    ("day", "amounts"),
    [(date(2024, 12, 31), [7]), (date(2025, 1, 1), [2025, 7]), (date(2025, 12, 31), [2025, 7]),
     (date(2026, 1, 1), [2026, 7]), (date(2026, 12, 31), [2026, 7]), (date(2027, 1, 1), [7])],
)  # fmt: skip
def test_both_ends_of_a_row_are_inclusive(load: Load, day: date, amounts: list[int]) -> None:
    assert [one.amount for one in load(YEARS).on(day)] == amounts


def test_a_row_without_dates_is_always_in_force(load: Load) -> None:
    table = load(HEAD + row())
    assert table.on(date.min) == table.on(date.max) == table.rows
    assert len(table.rows) == 1


def test_a_table_knows_its_name_and_version_and_may_be_empty(load: Load) -> None:
    table = load(HEAD)
    assert (table.name, table.version, table.rows) == ("limits", "2026.11", ())


def test_what_most_rows_share_is_written_once_and_a_row_goes_before_it(load: Load) -> None:
    defaults = '[defaults]\namount = 9\ntexts = { short = "ours", long = "ours" }\n'
    first, second = load(HEAD + defaults + '[[row]]\nname = "a"\n' + row("b", 1, texts='{ short = "own" }')).rows
    assert (first.amount, first.texts) == (9, {"short": "ours", "long": "ours"})
    assert (second.amount, second.texts) == (1, {"short": "own", "long": "ours"})


def test_a_row_without_a_source_bears_the_one_of_its_table(load: Load) -> None:
    table = load(HEAD + row() + row("b") + 'source = "Manual s2"\n')
    assert [one.source for one in table.rows] == ["Manual s1", "Manual s2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + row(effective_through="2026-06-30") + row(effective_from="2026-06-30"), "in force on 2026-06-30"),
        (HEAD + row() + row(effective_from="2026-06-30"), "two rows in force on 2026-06-30"),
        (HEAD + row() + row(), "two rows in force"),
        (HEAD + row(effective_from="2026-02-02", effective_through="2026-02-01"), "ends 2026-02-01 before it begins"),
        (HEAD.replace('source = "Manual s1"\n', "") + row(), "no source"),
        (HEAD.replace("Manual s1", "") + row(), "no source"),
        (HEAD + row() + "[[row", "limits.toml"),
        (HEAD + row() + 'coulmn = "x"\n', "coulmn"),
        (HEAD + '[[row]]\nname = "a"\n', "amount"),
        (HEAD + row() + 'amount = 1\n', "limits.toml"),
        (HEAD.replace("name", "title") + row(), "name"),
        (HEAD.replace("version", "edition") + row(), "version"),
        (row(), "table"),
    ],
)  # fmt: skip
def test_a_table_that_must_not_be_used_is_refused_by_file(load: Load, tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RuleError, match=says) as refused:
        load(text)
    assert str(refused.value).startswith(str(tmp_path / "limits.toml"))


@pytest.mark.parametrize("text", [HEAD + row().replace("[[row]]", "[row]"), 'table = "limits"\n' + row()])
def test_a_table_of_another_shape_is_refused_too(load: Load, text: str) -> None:
    with pytest.raises(RuleError):
        load(text)


def test_a_file_that_is_not_utf8_is_refused(load: Load, tmp_path: Path) -> None:
    load(HEAD)
    (tmp_path / "limits.toml").write_bytes(b'\xff = "x"')
    with pytest.raises(RuleError):
        read_limits(tmp_path)


# --- Rows beside the table, as CSV ----------------------------------------------------------------------

BESIDE = HEAD + 'rows = "limits.csv"\n'
COLUMNS = "name,amount,effective_from,effective_through,source\n"
LoadCsv = Callable[[str], Table[Limit]]


@pytest.fixture
def load_csv(load: Load, tmp_path: Path) -> LoadCsv:
    """Loads a table whose rows lie beside it."""

    def write_and_load(text: str) -> Table[Limit]:
        (tmp_path / "limits.csv").write_bytes(text.encode())
        return load(BESIDE)

    return write_and_load


def test_rows_of_a_csv_file_are_rows_of_the_table(load_csv: LoadCsv) -> None:
    table = load_csv(COLUMNS + 'a,1,2025-01-01,2025-12-31,"Manual s2, as amended"\nb,7,,,\n')
    assert [(one.name, one.amount, one.source) for one in table.rows] == [
        ("a", 1, "Manual s2, as amended"),
        ("b", 7, "Manual s1"),
    ]
    assert [one.name for one in table.on(date(2026, 1, 1))] == ["b"]
    assert table.rows[1].effective_from == date.min


def test_the_digest_is_over_the_csv_file_too(load_csv: LoadCsv) -> None:
    before, after = load_csv(COLUMNS + "a,1,,,\n"), load_csv(COLUMNS + "a,2,,,\n")
    assert before.sha256 != after.sha256
    assert load_csv(COLUMNS + "a,1,,,\n").sha256 == before.sha256


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (COLUMNS + "a,1,,,\na,2,,,\n", "two rows in force"),
        (COLUMNS + "a,1,,,\nb,many,,,\n", "row 2: amount: Input should be a valid integer"),
        (COLUMNS + "a,,,,\n", "row 1: amount: Field required"),
        (COLUMNS + "a,1\n", "a,1: not one cell for each column"),
        (COLUMNS + "a,1,,,,,2\n", "not one cell for each column"),
        (COLUMNS + '"a,1,,,\n', "unexpected end of data"),
        (COLUMNS + "a,1,2026-13-01,,\n", "row 1: effective_from: "),
        ("name,amount,colour\na,1,red\n", "row 1: colour: Extra inputs"),
        (COLUMNS + "a,1,2026-02-02,2026-02-01,\n", "ends 2026-02-01 before it begins"),
    ],
)
def test_a_csv_file_that_must_not_be_used_is_refused_in_one_line(
    load_csv: LoadCsv, tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(RuleError, match=says) as refused:
        load_csv(text)
    assert str(refused.value).startswith(f"{tmp_path / 'limits.toml'}: ")
    assert "\n" not in str(refused.value)


def test_a_csv_file_that_is_not_there_is_refused(load: Load) -> None:
    with pytest.raises(RuleError, match=r"limits\.csv"):
        load(BESIDE)


days = st.dates(date(2026, 1, 1), date(2026, 2, 28))


@given(st.lists(st.tuples(days, st.integers(0, 20)), min_size=2, max_size=4))
def test_a_table_loads_exactly_when_no_day_has_two_rows(spans: list[tuple[date, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = HEAD + "".join(
            row(effective_from=str(start), effective_through=str(start + timedelta(length))) for start, length in spans
        )
        (folder / "limits.toml").write_text(text)
        covered = [start + timedelta(step) for start, length in spans for step in range(length + 1)]
        try:
            read_limits(folder)
            loaded = True
        except RuleError:
            loaded = False
    assert loaded is (len(covered) == len(set(covered)))


def table(name: str, sha256: str, version: str = "2026.11") -> Table[Limit]:
    return Table(name, version, sha256, ())


def test_a_set_of_tables_is_named_alike_in_any_order() -> None:
    tables = (table("a", "1", "2026.10"), table("b", "2"), table("c", "3", "2026.09"))
    sets = [rule_set_of(*order) for order in permutations(tables)]
    assert all(one == sets[0] for one in sets)
    assert (sets[0].version, sets[0].tables) == ("2026.11", {"a": "2026.10", "b": "2026.11", "c": "2026.09"})


def test_the_digest_changes_when_a_row_changes(load: Load) -> None:
    before, after = load(HEAD + row(amount=1)), load(HEAD + row(amount=2))
    assert before.sha256 != after.sha256
    assert rule_set_of(before).sha256 != rule_set_of(after).sha256
    assert rule_set_of(before, table("b", "2")).sha256 != rule_set_of(after, table("b", "2")).sha256
    assert rule_set_of(before) == rule_set_of(load(HEAD + row(amount=1)))


def test_the_digest_tells_which_table_has_which_content() -> None:
    swapped = rule_set_of(table("a", "2"), table("b", "1"))
    assert rule_set_of(table("a", "1"), table("b", "2")).sha256 != swapped.sha256


def test_rule_sets_merge_alike_in_any_order() -> None:
    sets = [rule_set_of(table(name, name, f"2026.1{place}")) for place, name in enumerate("abc")]
    merged = [merge_rule_sets(*order) for order in permutations(sets)]
    assert all(one == merged[0] for one in merged)
    assert list(merged[0].tables) == ["a", "b", "c"]
    assert merged[0].version == "2026.12"


def test_a_merged_digest_changes_with_each_of_its_sets() -> None:
    one, other = rule_set_of(table("a", "1")), rule_set_of(table("b", "2"))
    changed = rule_set_of(table("b", "3"))
    assert merge_rule_sets(one, other).sha256 != merge_rule_sets(one, changed).sha256
    assert merge_rule_sets(other, one) == merge_rule_sets(one, other)


def test_november_is_newer_than_september_without_its_zero() -> None:
    assert rule_set_of(table("a", "1", "2026.9"), table("b", "2", "2026.11")).version == "2026.11"


def test_one_table_in_two_sets_is_merged_alike_in_any_order() -> None:
    sets = [RuleSet(version="1", sha256=digest, tables={"a": digest}) for digest in "12"]
    assert merge_rule_sets(*sets) == merge_rule_sets(*reversed(sets))
