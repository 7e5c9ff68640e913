"""Payer profiles: who is recognized, which row holds on a day, and which folders are refused, with what text."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from claimbus import payers
from claimbus.rules import ProfileBook, Profiles, ProfileSettings, RuleError, read_profiles, rule_set_of
from claimbus.values import PayerKey, Program
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict

OURS = Path(payers.__file__).parent
ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 18)
COMMERCIAL = Program.COMMERCIAL


class Settings(ProfileSettings):
    """A section of two settings, as a service would name it."""

    rule: Literal["slow", "fast"]
    limit: int


def head(name: str, **more: object) -> str:
    lines = {"name": name, "version": "2026.11", "source": "Manual s1", **more}
    return "[profile]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())


def row(**cells: object) -> str:
    return "[[units]]\n" + "".join(
        f"{key} = {value if isinstance(value, date) else json.dumps(value)}\n" for key, value in cells.items()
    )


PROGRAMS = {
    f"{program}.toml": head(program, program=program) + row(rule="slow", limit=1) for program in Program
}  # fmt: skip
ACME = head("acme", programs=["commercial"], payer_ids=["12345"], payer_names=["Acme Health"])
GOLD = head("acme_gold", payer="acme", plan_ids=["GOLD-1"])


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


Read = Callable[..., ProfileBook]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads programs with some files beside them, and a folder of one's own."""

    def write_and_read(ours: Mapping[str, str] | None = None, own: Mapping[str, str] | None = None) -> ProfileBook:
        folder = write(tmp_path / "ours", PROGRAMS | dict(ours or {}))
        return read_profiles(folder, None if own is None else write(tmp_path / "own", own))

    return write_and_read


def of(book: ProfileBook, payer: PayerKey, practice: str = "any", day: date = DAY) -> tuple[str, int, str]:
    profile = Profiles(book, "units", Settings).of(payer, practice, day)
    return profile.settings.rule, profile.settings.limit, profile.name


ACME_PAYER = PayerKey(COMMERCIAL, "12345")
GOLD_PLAN = PayerKey(COMMERCIAL, "12345", None, "gold-1")


# --- Inheritance and dates ------------------------------------------------------------------------------


def test_a_plan_inherits_from_its_payer_and_that_from_the_program(read: Read) -> None:
    book = read({"a.toml": ACME + row(rule="fast"), "g.toml": GOLD + row(limit=9)})
    assert of(book, PayerKey(COMMERCIAL)) == ("slow", 1, "commercial")
    assert of(book, ACME_PAYER) == ("fast", 1, "commercial > acme")
    assert of(book, GOLD_PLAN) == ("fast", 9, "commercial > acme > acme_gold")


def test_each_setting_says_where_it_comes_from(read: Read) -> None:
    book = read({"a.toml": ACME + row(rule="fast", source="Policy 7", effective_from=date(2020, 1, 1))})
    profile = Profiles(book, "units", Settings).of(ACME_PAYER, "any", DAY)
    assert (profile.cite("rule"), profile.cite("limit")) == ("Policy 7", "Manual s1")
    assert (profile.origins["rule"].profile, profile.origins["limit"].profile) == ("acme", "commercial")
    assert profile.origins["rule"].effective_from == date(2020, 1, 1)


@pytest.mark.parametrize(
    ("day", "limit"),
    [(date(2019, 12, 31), 1), (date(2020, 1, 1), 2), (date(2021, 12, 31), 2), (date(2022, 1, 1), 3),
     (date(2024, 6, 30), 3), (date(2024, 7, 1), 1), (date.min, 1), (date.max, 1)],
)  # fmt: skip
def test_both_ends_of_a_row_are_inclusive_and_outside_them_the_program_holds(read: Read, day: date, limit: int) -> None:
    first = row(limit=2, effective_from=date(2020, 1, 1), effective_through=date(2021, 12, 31))
    second = row(limit=3, effective_from=date(2022, 1, 1), effective_through=date(2024, 6, 30))
    assert of(read({"a.toml": ACME + second + first}), ACME_PAYER, day=day)[1] == limit


def test_a_program_may_set_each_setting_in_a_row_of_its_own(read: Read) -> None:
    parts = head("commercial", program="commercial") + row(rule="fast") + row(limit=4)
    assert of(read({"commercial.toml": parts}), PayerKey(COMMERCIAL)) == ("fast", 4, "commercial")


# --- Recognition ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payer_id", "payer_name", "name"),
    [
        ("12345", None, "acme"),
        (" 12345 ", "Somebody Else", "acme"),
        ("99999", "ACME health of Ohio, Inc.", "acme"),
        (None, "Acme-Health", "acme"),
        (None, "Acme Healthcare", "commercial"),
        (None, "The Acme Health", "commercial"),
        (None, "Acme Health Gold Network", "acme_network"),
        (None, None, "commercial"),
        ("", "", "commercial"),
        ("--", "!", "commercial"),
    ],
)
def test_a_payer_is_known_by_its_id_or_by_the_beginning_of_its_name(
    read: Read, payer_id: str | None, payer_name: str | None, name: str
) -> None:
    network = head("acme_network", programs=["commercial"], payer_names=["Acme Health Gold Network"])
    book = read({"a.toml": ACME, "n.toml": network})
    assert book.chain(PayerKey(COMMERCIAL, payer_id, payer_name))[-1] == name


def test_a_payer_is_known_in_its_programs_alone(read: Read) -> None:
    book = read({"a.toml": ACME})
    assert book.chain(PayerKey(Program.MEDICAID, "12345", "Acme Health")) == ("medicaid",)


def test_a_plan_is_known_within_its_payer_alone(read: Read) -> None:
    other = head("other", programs=["commercial"], payer_ids=["777"])
    book = read({"a.toml": ACME, "g.toml": GOLD, "o.toml": other})
    assert book.chain(PayerKey(COMMERCIAL, "777", None, "GOLD-1")) == ("commercial", "other")
    assert book.chain(PayerKey(COMMERCIAL, "12345", None, "SILVER")) == ("commercial", "acme")


def test_one_id_may_name_two_payers_of_different_programs(read: Read) -> None:
    twin = head("acme_state", programs=["medicaid"], payer_ids=["12345"])
    book = read({"a.toml": ACME, "t.toml": twin})
    assert book.chain(PayerKey(Program.MEDICAID, "12345"))[-1] == "acme_state"
    assert book.chain(PayerKey(COMMERCIAL, "12345"))[-1] == "acme"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.sampled_from(Program), st.dates())
def test_whatever_a_visit_says_of_its_payer_there_is_a_profile(
    payer_id: str, payer_name: str, plan_id: str, program: Program, day: date
) -> None:
    profile = UNITS.of(PayerKey(program, payer_id, payer_name, plan_id), "northside-pt", day)
    assert profile.name.split(" > ")[0] == program
    assert profile.cite("unit_rule")


class OnlyRule(ProfileSettings):
    """One setting of ours; the others are known to the services alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    unit_rule: str


UNITS = Profiles(read_profiles(OURS), "units", OnlyRule)


@pytest.mark.parametrize(
    ("payer", "name", "rule"),
    [
        (PayerKey(Program.MEDICARE_PART_B), "medicare_part_b", "cms-8-minute"),
        (PayerKey(Program.MEDICARE_ADVANTAGE), "medicare_advantage", "cms-8-minute"),
        (PayerKey(Program.MEDICARE_ADVANTAGE, "87726"), "medicare_advantage > unitedhealthcare", "cms-8-minute"),
        (PayerKey(Program.MEDICAID), "medicaid", "cms-8-minute"),
        (PayerKey(Program.MEDICAID, None, "Texas Medicaid"), "medicaid > texas_medicaid", "ama-midpoint"),
        (PayerKey(Program.TRICARE), "tricare", "cms-8-minute"),
        (PayerKey(Program.VA_COMMUNITY_CARE), "va_community_care", "cms-8-minute"),
        (PayerKey(Program.WORKERS_COMPENSATION), "workers_compensation", "ama-midpoint"),
        (PayerKey(Program.AUTO), "auto", "ama-midpoint"),
        (PayerKey(COMMERCIAL), "commercial", "ama-midpoint"),
        (PayerKey(COMMERCIAL, None, "UnitedHealthcare of New England"), "commercial > unitedhealthcare",
         "cms-8-minute"),
        (PayerKey(COMMERCIAL, None, "Highmark BCBS"), "commercial > highmark", "cms-8-minute"),
        (PayerKey(COMMERCIAL, None, "Blue Cross of Idaho"), "commercial > blue_cross_of_idaho", "ama-midpoint"),
        (PayerKey(COMMERCIAL, None, "Aetna Better Health"), "commercial > aetna", "ama-midpoint"),
        (PayerKey(Program.MEDICARE_ADVANTAGE, None, "Humana Gold Plus"), "medicare_advantage > humana",
         "cms-8-minute"),
        (PayerKey(Program.SELF_PAY), "self_pay", "ama-midpoint"),
    ],
)  # fmt: skip
def test_our_profiles_count_as_the_reference_says(payer: PayerKey, name: str, rule: str) -> None:
    profile = UNITS.of(payer, "northside-pt", DAY)
    assert (profile.name, profile.settings.unit_rule) == (name, rule)


def test_highmark_counted_by_the_midpoint_before_2016() -> None:
    highmark = PayerKey(COMMERCIAL, None, "Highmark")
    assert UNITS.of(highmark, "any", date(2015, 12, 31)).settings.unit_rule == "ama-midpoint"
    assert UNITS.of(highmark, "any", date(2016, 1, 1)).settings.unit_rule == "cms-8-minute"


# --- A folder of one's own ------------------------------------------------------------------------------


def test_a_file_of_ones_own_that_bears_a_known_name_goes_before_ours(read: Read) -> None:
    more = head("acme", payer_ids=["A-1"]) + row(limit=7, effective_from=date(2026, 1, 1))
    book = read({"a.toml": ACME + row(rule="fast", limit=2)}, {"ours-too.toml": more})
    assert of(book, ACME_PAYER) == ("fast", 7, "commercial > acme")
    assert of(book, PayerKey(COMMERCIAL, "a 1")) == ("fast", 7, "commercial > acme")
    assert of(book, ACME_PAYER, day=date(2025, 12, 31))[1] == 2


def test_a_payers_row_of_ours_goes_before_a_programs_row_of_ones_own(read: Read) -> None:
    program = head("commercial", program="commercial") + row(limit=8)
    book = read({"a.toml": ACME + row(limit=2)}, {"commercial.toml": program})
    assert of(book, PayerKey(COMMERCIAL))[1] == 8
    assert of(book, ACME_PAYER)[1] == 2


def test_files_in_a_practices_folder_hold_for_that_practice_alone(read: Read) -> None:
    own = {
        "acme.toml": ACME + row(limit=3),
        "northside-pt/acme.toml": head("acme") + row(limit=4),
        "northside-pt/local.toml": head("local", programs=["commercial"], payer_ids=["L1"]) + row(limit=5),
    }
    book = read(None, own)
    assert of(book, ACME_PAYER, "southside-pt")[1] == 3
    assert of(book, ACME_PAYER, "northside-pt")[1] == 4
    local = PayerKey(COMMERCIAL, "L1")
    assert of(book, local, "northside-pt") == ("slow", 5, "commercial > local")
    assert of(book, local, "southside-pt") == ("slow", 1, "commercial")


def test_two_practices_may_each_know_a_payer_by_the_same_id(read: Read) -> None:
    one, two = (head(name, programs=["commercial"], payer_ids=["555"]) for name in ("uptown_plan", "harbor_plan"))
    book = read(None, {"uptown/a.toml": one, "harbor/b.toml": two})
    payer = PayerKey(COMMERCIAL, "555")
    assert [of(book, payer, practice)[2] for practice in ("uptown", "harbor", "elsewhere")] == [
        "commercial > uptown_plan",
        "commercial > harbor_plan",
        "commercial",
    ]


def test_what_a_mounted_volume_or_an_editor_leaves_is_passed_over(read: Read) -> None:
    own = {"acme.toml": ACME, "..data/acme.toml": ACME, "uptown/..data/acme.toml": ACME, ".#acme.toml": "?",
           "README.md": "ours"}  # fmt: skip
    assert read(None, own).practices() == (None,)


def test_version_and_digest_change_with_a_folder_of_ones_own(read: Read) -> None:
    bare = read()
    mine = read(None, {"acme.toml": ACME})
    changed = read(None, {"acme.toml": ACME + row(limit=2)})
    tables = [book.table for book in (bare, mine, changed)]
    assert len({table.sha256 for table in tables}) == 3
    assert bare.table.version == "2026.11"
    assert all(re.fullmatch(r"2026\.11\+own\.[0-9a-f]{8}", table.version) for table in tables[1:])
    assert len({rule_set_of(table).sha256 for table in tables}) == 3
    assert rule_set_of(tables[1]).version == tables[1].version


def test_the_version_of_ones_own_file_does_not_pass_for_ours(read: Read) -> None:
    own = read(None, {"acme.toml": ACME.replace("2026.11", "2099.1")})
    assert own.table.version.startswith("2026.11+own.")


def test_the_digest_tells_a_common_file_from_a_practices(read: Read, tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", PROGRAMS)
    common = read_profiles(ours, write(tmp_path / "common", {"acme.toml": ACME}))
    alone = read_profiles(ours, write(tmp_path / "alone", {"uptown/acme.toml": ACME}))
    assert common.table.sha256 != alone.table.sha256


# --- What is refused, in words --------------------------------------------------------------------------

FROM_2020 = {"effective_from": date(2020, 1, 1)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ACME + row(limit=2, effective_through=date(2020, 1, 1)) + row(limit=3, **FROM_2020),
         "units.limit has two rows in force on 2020-01-01; end the first sooner"),
        (ACME + row(limit=2, effective_through=date(2019, 12, 1)) + row(limit=3, **FROM_2020),
         "units.limit has no row from 2019-12-02 to 2019-12-31; close the gap"),
        (ACME.replace("Manual s1", " ") + row(limit=2), "[[units]] limit has no source; give the row or the profile"),
        (ACME + row(limit=2, effective_through=date(2019, 1, 1), **FROM_2020),
         "[[units]] limit ends 2019-01-01 before it begins 2020-01-01"),
        (ACME + row(limit=2, effective_from="2020-01-01"), "effective_from and effective_through are dates"),
        (ACME + "[[units]]\nlimit = 2\neffective_from = 2020-01-01T00:00:00\n", "are dates, as 2026-01-01"),
        (ACME + "[[units]]\n", "a row of [[units]] sets nothing"),
        (ACME + "[[billing]]\nx = 1\n", "[[billing]] is no section; there are units, documentation, claims"),
        (ACME + "[units]\nlimit = 2\n", "write a section's rows as [[section]]"),
        (row(limit=2), "[profile] is missing"),
        (ACME.replace('"acme"', '"Acme Health"'), "[profile] name: "),
        (ACME.replace('version = "2026.11"\n', ""), "[profile] version: Field required"),
        (ACME.replace('"12345"', "12345"), "[profile] payer_ids.0: Input should be a valid string"),
        (ACME.replace('"12345"', '"--"'), "'--' has no letter and no digit to be known by"),
        (ACME.replace("commercial", "comercial"), "[profile] programs.0: "),
        (ACME + "limits = 3\n", "[profile] limits: Extra inputs"),
        (ACME + "[[units]", "own/acme.toml: "),
    ],
)  # fmt: skip
def test_a_file_that_must_not_be_used_is_refused_by_its_path(read: Read, text: str, says: str) -> None:
    with pytest.raises(RuleError, match=re.escape(says)) as refused:
        read(None, {"acme.toml": text})
    assert "own/acme.toml: " in str(refused.value)
    assert "\n" not in str(refused.value).strip()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"b.toml": head("beta", programs=["commercial"], payer_ids=["1 2345", "1-2345", "12345"])},
         "profiles acme and beta both claim 12345 (commercial); take it out of one"),
        ({"b.toml": head("beta", programs=["commercial"], payer_names=["ACME  HEALTH"])},
         "profiles acme and beta both claim ACME  HEALTH (commercial)"),
        ({"g.toml": GOLD, "h.toml": head("acme_other", payer="acme", plan_ids=["gold 1"])},
         "profiles acme_gold and acme_other both claim gold 1 (plan of acme)"),
        ({"g.toml": head("gold", payer="nobody", plan_ids=["G"])}, "profile gold: a plan needs plan_ids and a payer"),
        ({"g.toml": head("gold", payer="acme")}, "profile gold: a plan needs plan_ids"),
        ({"g.toml": GOLD, "h.toml": head("deeper", payer="acme_gold", plan_ids=["X"])}, "profile deeper: a plan needs"),
        ({"g.toml": head("gold", payer="acme", plan_ids=["G"], programs=["commercial"])}, "its payer has the programs"),
        ({"g.toml": head("gold", programs=["commercial"], payer_ids=["G"], plan_ids=["G"])},
         "profile gold: has plan_ids and no payer; a plan names the profile of its payer"),
        ({"b.toml": head("beta", payer_ids=["7"])}, "profile beta: a payer needs programs, and payer_ids or payer_"),
        ({"b.toml": head("beta", programs=["auto"])}, "profile beta: a payer needs programs, and payer_ids"),
        ({"b.toml": head("beta", program="auto")}, "profile beta: the profile of program auto bears its name"),
        ({"b.toml": head("auto", programs=["auto"], payer_ids=["7"])}, "profile auto: a program's name"),
        ({"b.toml": head("auto", program="auto", payer_ids=["7"])}, "a program's profile names no payer and no plan"),
        ({"b.toml": head("acme"), "c.toml": head("acme")}, "profile acme: two files of one folder bear this name"),
        ({"g.toml": GOLD, "uptown/g.toml": head("acme_gold", payer="beta")}, "belongs to payer acme, not to beta"),
        ({"my practice/b.toml": head("acme")}, "no practice's key; 1 to 64 letters, digits, '_' or '-'"),
        ({"uptown/2026/b.toml": head("acme")}, "uptown/2026/b.toml: too deep"),
        ({"README.md": "profiles to come"}, "no .toml file in this folder"),
    ],
)  # fmt: skip
def test_a_folder_that_is_ambiguous_or_leads_nowhere_is_refused(read: Read, files: dict[str, str], says: str) -> None:
    with pytest.raises(RuleError, match=re.escape(says)):
        read({"acme.toml": ACME}, files)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for nowhere in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(RuleError, match=re.escape(f"{nowhere}: ")):
            read_profiles(OURS, nowhere)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ACME + row(limti=2), "own/acme.toml: units.limti is no setting; there are rule, limit"),
        (ACME + row(rule="medium"), "own/acme.toml: units.rule: Input should be 'slow' or 'fast'"),
        (ACME + row(limit="many"), "own/acme.toml: units.limit: Input should be a valid integer"),
        (ACME + row(limit="many", effective_from=date(2031, 1, 1)), "own/acme.toml: units.limit: Input should be"),
    ],
)
def test_a_setting_that_the_service_cannot_use_is_refused_whatever_its_day(read: Read, text: str, says: str) -> None:
    book = read(None, {"acme.toml": text})
    with pytest.raises(RuleError, match=re.escape(says)):
        Profiles(book, "units", Settings)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (row(rule="slow"), "profile auto: nothing sets units.limit on the first day"),
        (row(rule="slow") + row(limit=1, effective_from=date(2020, 1, 1)), "nothing sets units.limit on the first day"),
        (row(rule="slow") + row(limit=1, effective_through=date(2026, 12, 31)),
         "profile auto: nothing sets units.limit on 2027-01-01; a program's profile sets it for every day"),
    ],
)  # fmt: skip
def test_a_program_that_leaves_a_setting_open_is_refused(read: Read, rows: str, says: str) -> None:
    book = read({"auto.toml": head("auto", program="auto") + rows})
    with pytest.raises(RuleError, match=re.escape(says)):
        Profiles(book, "units", Settings)


# --- A service with a bad folder ------------------------------------------------------------------------


def start(service: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", service],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "CLAIMBUS_PROFILES": str(folder)},
        check=False,
    )


@pytest.mark.parametrize("service", ["units", "claims"])
def test_a_service_with_a_bad_folder_ends_with_status_78_and_one_line(service: str, tmp_path: Path) -> None:
    bad = head("acme", programs=["commercial"], payer_ids=["12345"]) + f"[[{service}]]\nno_such_setting = 1\n"
    folder = write(tmp_path, {"acme.toml": bad})
    ended = start(service, folder)
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"claimbus {service}: {folder}/acme.toml: {service}.no_such_setting is no setting;")
    assert ended.stderr.count("\n") == 1


def test_a_service_whose_folder_is_missing_says_so(tmp_path: Path) -> None:
    ended = start("units", tmp_path / "nowhere")
    assert ended.returncode == 78
    assert ended.stderr == (
        f"claimbus units: {tmp_path}/nowhere: No such file or directory; "
        "payer profiles of one's own are .toml files in a folder\n"
    )
