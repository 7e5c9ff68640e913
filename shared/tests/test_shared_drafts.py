"""Drafts that stand in for a service's tables, and profiles of one day for visits of any."""

import sys
from datetime import date
from pathlib import Path

import pytest
from claimbus.events import Finding
from claimbus.payers import profiles
from claimbus.rules import (
    DatedRow,
    FindingRow,
    Profiles,
    ProfileSettings,
    RuleError,
    complete,
    drafts_not_taken,
    load_table,
    replace_tables,
)
from claimbus.rules.table import _Drafts
from claimbus.values import PayerKey, Program, Result, Severity

SERVICE, PACKAGE = "some-service", "some_service"
HEAD = '[table]\nname = "limits"\nversion = "{version}"\nsource = "Manual s1"\nrows = "limits.csv"\n'


class Limit(DatedRow):
    name: str
    amount: int


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service with a table of its own, and a folder of drafts that is still empty."""
    package, folder = tmp_path / PACKAGE, tmp_path / "drafts" / SERVICE
    package.mkdir()
    folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "limits.toml").write_text(HEAD.format(version="2026.11"))
    (package / "limits.csv").write_text("name,amount\nours,1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.setattr(_Drafts, "folder", None)
    monkeypatch.setattr(_Drafts, "taken", set())
    replace_tables(folder.parent)
    return folder


def names() -> list[str]:
    return [row.name for row in load_table(PACKAGE, "limits.toml", Limit, lambda row: row.name).rows]


def test_without_a_draft_the_table_is_the_services_own(drafts: Path) -> None:
    assert names() == ["ours"]


def test_the_rows_alone_can_be_drafted_and_the_digest_tells(drafts: Path) -> None:
    before = load_table(PACKAGE, "limits.toml", Limit, lambda row: row.name)
    (drafts / "limits.csv").write_text("name,amount\ndrafted,2\n")
    after = load_table(PACKAGE, "limits.toml", Limit, lambda row: row.name)
    assert [row.name for row in after.rows] == ["drafted"]
    assert (before.version, before.sha256 != after.sha256) == (after.version, True)


def test_a_whole_table_can_be_drafted(drafts: Path) -> None:
    text = HEAD.format(version="draft").replace('rows = "limits.csv"', "") + '[[row]]\nname = "drafted"\namount = 3\n'
    (drafts / "limits.toml").write_text(text)
    assert names() == ["drafted"]


def test_a_draft_of_another_service_is_left_alone(drafts: Path) -> None:
    other = drafts.parent / "another-service"
    other.mkdir()
    (other / "limits.csv").write_text("name,amount\ndrafted,2\n")
    assert names() == ["ours"]


def test_a_draft_that_stands_in_for_nothing_is_named(drafts: Path) -> None:
    (drafts / "limits.csv").write_text("name,amount\ndrafted,2\n")
    (drafts / "limts.csv").write_text("name,amount\ndrafted,2\n")
    names()
    assert drafts_not_taken([SERVICE]) == [drafts / "limts.csv"]
    assert drafts_not_taken(["another-service"]) == []


def test_what_is_wrong_with_a_draft_is_said_of_its_own_file(drafts: Path) -> None:
    (drafts / "limits.toml").write_text("[table]\n")
    with pytest.raises(RuleError, match=f"^{drafts / 'limits.toml'}: 'name'"):
        names()


class UnitRule(ProfileSettings, extra="ignore"):
    most_timed_units: int


def test_pinned_profiles_are_those_of_one_day_for_every_day() -> None:
    every_day = Profiles(profiles(), "units", UnitRule)
    tricare = PayerKey(program=Program.TRICARE)
    days = [date(1999, 1, 1), date(2026, 11, 18), date(2030, 1, 1)]
    for day in days:
        pinned = every_day.pinned_to(day)
        assert {pinned.of(tricare, "p", other).origins["most_timed_units"] for other in days} == {
            every_day.of(tricare, "p", day).origins["most_timed_units"]
        }


# --- rows of findings -----------------------------------------------------------------------------------

ROW = FindingRow(
    id="a.b",
    meaning="A thing is wrong.",
    severity="block",
    carc="16",
    rarc="M51",
    fixable_by="biller",
    mending="addendum",
)


def found(result: Result, **facts: str) -> Finding:
    return Finding(id="a.b", result=result, severity=Severity.BLOCK, message="m", rule="r", citation="c", **facts)


def completed(finding: Finding) -> tuple[str | None, ...]:
    (one,) = complete([finding], {ROW.id: ROW})
    return one.carc, one.rarc, one.fixable_by, one.mending


def test_a_failure_takes_from_its_row_what_it_does_not_say_itself() -> None:
    assert completed(found(Result.FAIL)) == ("16", "M51", "biller", "addendum")
    assert completed(found(Result.FAIL, carc="4", fixable_by="nobody")) == ("4", "M51", "nobody", "addendum")


def test_what_is_unknown_is_mended_by_sending_it() -> None:
    assert completed(found(Result.UNKNOWN)) == ("16", "M51", "biller", "correction")


def test_what_passed_needs_nothing_and_what_has_no_row_stands_as_it_is() -> None:
    assert completed(found(Result.PASS)) == (None, None, None, None)
    other = found(Result.FAIL).model_copy(update={"id": "c.d"})
    assert complete([other], {ROW.id: ROW}) == (other,)
