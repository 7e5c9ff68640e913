"""A rule book: tables declared once, read with what an overlay replaces, and picked by day."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from claimbus.rules import DatedRow, DayRules, PayerRuleBook, PayerRules, ProfileSettings, RuleBook, RuleError, TableOf
from claimbus.values import PayerKey, Program

HEAD = '[table]\nname = "limits"\nversion = "{version}"\nsource = "Manual s1"\nrows = "limits.csv"\n'


class Limit(DatedRow):
    name: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Limits(DayRules):
    amounts: dict[str, int]


class LimitBook(RuleBook[Limits]):
    package = "some_service"

    limits = TableOf("limits.toml", Limit, key=lambda row: row.name)

    def in_force(self, day: date) -> Limits:
        amounts = {row.name: row.amount for row in self.limits.on(day)}
        if not amounts:
            raise RuleError(f"limits.toml: no row in force on {day}")
        return Limits(day=day, rule_set=self.rule_set, amounts=amounts)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "limits.toml").write_text(HEAD.format(version="2026.11"))
    (folder / "limits.csv").write_text("name,amount\nours,1\n")
    return folder


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """Files that take the place of the service's own."""
    folder = tmp_path / "overlay" / "some-service"
    folder.mkdir(parents=True)
    return folder


def amounts(ours: Path, overlay: Path | None = None, day: date = date(2026, 11, 18)) -> dict[str, int]:
    return LimitBook.load(ours, overlay.parent if overlay else None).on(day).amounts


def test_without_an_overlay_the_rows_are_the_services_own(ours: Path, overlay: Path) -> None:
    assert amounts(ours) == amounts(ours, overlay) == {"ours": 1}


def test_the_rows_alone_can_be_replaced_and_the_digest_tells(ours: Path, overlay: Path) -> None:
    (overlay / "limits.csv").write_text("name,amount\nnew,2\n")
    before, after = LimitBook.load(ours), LimitBook.load(ours, overlay.parent)
    assert after.on(date(2026, 1, 1)).amounts == {"new": 2}
    assert before.rule_set.tables == after.rule_set.tables == {"limits": "2026.11"}
    assert before.rule_set.sha256 != after.rule_set.sha256


def test_a_whole_table_can_be_replaced(ours: Path, overlay: Path) -> None:
    text = HEAD.format(version="2027.01").replace('rows = "limits.csv"', "") + '[[row]]\nname = "new"\namount = 3\n'
    (overlay / "limits.toml").write_text(text)
    assert amounts(ours, overlay) == {"new": 3}


def test_two_books_stand_side_by_side(ours: Path, overlay: Path) -> None:
    (overlay / "limits.csv").write_text("name,amount\nnew,2\n")
    first, second = LimitBook.load(ours), LimitBook.load(ours, overlay.parent)
    assert first.on(date(2026, 1, 1)).amounts != second.on(date(2026, 1, 1)).amounts
    assert first.on(date(2026, 1, 2)).amounts == {"ours": 1}


def test_a_file_of_another_service_is_left_alone(ours: Path, overlay: Path) -> None:
    (overlay.parent / "another-service").mkdir()
    (overlay.parent / "another-service" / "limits.csv").write_text("name,amount\nnew,2\n")
    assert amounts(ours, overlay) == {"ours": 1}


def test_a_file_that_replaces_nothing_is_named(ours: Path, overlay: Path) -> None:
    (overlay / "limts.csv").write_text("name,amount\nnew,2\n")
    with pytest.raises(RuleError, match=f"^{overlay / 'limts.csv'}: no table has this file name"):
        amounts(ours, overlay)


def test_what_is_wrong_with_a_replacement_is_told_by_its_own_file_and_row(ours: Path, overlay: Path) -> None:
    (overlay / "limits.toml").write_text("[table]\n")
    with pytest.raises(RuleError, match=f"^{overlay / 'limits.toml'}: 'name'"):
        amounts(ours, overlay)
    (overlay / "limits.toml").unlink()
    (overlay / "limits.csv").write_text("name,amount\nnew,many\n")
    with pytest.raises(RuleError, match=r"row 1: amount: "):
        amounts(ours, overlay)


def test_rows_are_picked_by_the_day_and_the_value_knows_its_day(ours: Path) -> None:
    (ours / "limits.csv").write_text(
        "name,amount,effective_from,effective_through\nfirst,1,,2025-12-31\nsecond,2,2026-01-01,\n"
    )
    book = LimitBook.load(ours)
    for day, names in ((date(2025, 12, 31), {"first"}), (date(2026, 1, 1), {"second"}), (date.max, {"second"})):
        assert (set(book.on(day).amounts), book.on(day).day) == (names, day)


def test_rows_that_do_not_fit_together_on_some_day_stop_the_load(ours: Path) -> None:
    (ours / "limits.csv").write_text("name,amount,effective_from\nours,1,2026-01-01\n")
    with pytest.raises(RuleError, match="no row in force"):
        LimitBook.load(ours)


class Settings(ProfileSettings, extra="ignore"):
    most_timed_units: int


@dataclass(frozen=True, kw_only=True)
class PayerLimits(PayerRules[Settings]):
    pass


class PayerLimitBook(PayerRuleBook[PayerLimits, Settings]):
    package = "some_service"
    section, settings = "units", Settings

    limits = TableOf("limits.toml", Limit, key=lambda row: row.name)

    def in_force(self, day: date) -> PayerLimits:
        return PayerLimits(day=day, rule_set=self.rule_set, profiles=self.profiles)


def test_a_payers_profile_is_the_one_of_the_day_and_belongs_to_the_rule_set(ours: Path) -> None:
    book = PayerLimitBook.load(ours)
    tricare = PayerKey(Program.TRICARE)
    for day in (date(1999, 1, 1), date(2026, 11, 18), date(2030, 1, 1)):
        assert book.on(day).profile_of(tricare, "p") == book.profiles.of(tricare, "p", day)
    assert set(book.rule_set.tables) == {"limits", "payer-profiles"}


def test_profiles_of_an_overlay_go_before_ours(ours: Path, overlay: Path) -> None:
    (overlay.parent / "mine.toml").write_text(
        '[profile]\nname = "tricare"\nversion = "1"\nprogram = "tricare"\nsource = "contract"\n'
        "[[units]]\nmost_timed_units = 3\n"
    )
    day = date(2026, 11, 18)
    profile = PayerLimitBook.load(ours, overlay.parent).on(day).profile_of(PayerKey(Program.TRICARE), "p")
    assert (profile.settings.most_timed_units, profile.cite("most_timed_units")) == (3, "contract")
