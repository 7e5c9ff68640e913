"""`claimbus rules`: real tables and profiles of all services, in this process or in one of their own."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from claimbus.rules import DatedRow, RuleError, Table
from claimbus_cli.catalog import data_of, warnings_of
from claimbus_cli.main import main
from claimbus_engine import Rules
from click.testing import CliRunner, Result
from deciding import RULES

ROOT = Path(__file__).parents[2]
OWN = ROOT / "examples" / "profiles"
Command = Callable[..., subprocess.CompletedProcess[str]]
VISIT = str(ROOT / "examples" / "visits" / "02-commercial-midpoint.json")


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", *arguments])


def rows(output: str) -> dict[str, list[str]]:
    """Lines of a printed table by their first word."""
    split = (re.split(r"  +", line.strip()) for line in output.splitlines())
    return {cells[0]: cells[1:] for cells in split}


# --- check ----------------------------------------------------------------------------------------------


def test_check_lists_every_table_of_every_service_and_the_identity_that_a_decision_carries(claimbus: Command) -> None:
    found = json.loads(ask("check", "--json").output)
    decision = json.loads(claimbus("evaluate", VISIT).stdout)
    assert found["rule_set"] == decision["rule_set"]
    decides = {table["table"] for table in found["tables"] if table["service"] != "render"}
    assert decides == decision["rule_set"]["tables"].keys()
    by_name = {table["table"]: table for table in found["tables"]}
    tables = {table.name: table for book in RULES.books for table in book.tables}
    assert by_name["payer-profiles"]["service"] == "units, documentation-check, claims"
    assert by_name["kx-threshold"]["rows"] == len(tables["kx-threshold"].rows)
    assert by_name["unit-codes"]["rows"] == len(tables["unit-codes"].rows)


def test_check_prints_the_same_for_a_person() -> None:
    ran = ask("check")
    assert ran.exit_code == 0
    table = rows(ran.output)
    assert table["kx-threshold"][2:4] == ["2018-01-01", "2026-12-31"]
    assert table["unitedhealthcare"][0] == "payer"
    assert re.search(r"^Rule set \S+, sha256 [0-9a-f]{64}$", ran.output, re.MULTILINE)
    assert "Nothing is refused." in ran.output


class Amount(DatedRow):
    amount: int = 1


def table(version: str, through: date = date.max) -> Table[Amount]:
    return Table("limits", version, "", (Amount(effective_through=through),))


TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (table("2024q3"), ["its data is of 2024q3, more than a year old"]),
        (table("2025.10"), ["its data is of 2025.10, more than a year old"]),
        (table("2025.12"), []),
        (table("2026"), []),
        (table("first"), []),
        (table("2026.11", date(2026, 11, 22)), ["its last row ended 2026-11-22; visits after that have none"]),
        (table("2026.11", date(2026, 12, 31)), ["its last row ends 2026-12-31; give it the next one in time"]),
        (table("2026.11", date(2027, 12, 31)), []),
        (table("2024q3", date(2025, 12, 31)), ["more than a year old", "its last row ended 2025-12-31"]),
    ],
)
def test_old_data_and_a_table_that_ends_are_worth_a_warning(of: Table[Amount], expected: list[str]) -> None:
    warnings = list(warnings_of(of, TODAY))
    assert len(warnings) == len(expected)
    assert all(part in warning for part, warning in zip(expected, warnings, strict=True))


@pytest.mark.parametrize(
    ("version", "day"),
    [("2024q3", date(2024, 7, 1)), ("2026.11", date(2026, 11, 1)), ("2026.9", date(2026, 9, 1)),
     ("2022", date(2022, 1, 1)), ("2026.11+own.12ab34cd", date(2026, 11, 1)), ("2026.13", None), ("v1", None)],
)  # fmt: skip
def test_a_version_names_a_time_where_it_does(version: str, day: date | None) -> None:
    assert data_of(version) == day


def test_check_of_a_folder_of_ones_own_changes_the_identity_and_counts_its_rows(claimbus: Command) -> None:
    shipped, laid_over = (
        json.loads(claimbus("rules", "check", "--json", *more).stdout) for more in ((), ("--profiles", OWN))
    )
    assert re.fullmatch(r"2026\.11\+own\.[0-9a-f]{8}", laid_over["rule_set"]["version"])
    assert laid_over["rule_set"]["sha256"] != shipped["rule_set"]["sha256"]
    added = laid_over["profiles"][len(shipped["profiles"]) :]
    assert [(file["profile"], file["whose"]) for file in added] == [
        ("harbor_health_plan", "own"),
        ("unitedhealthcare", "own"),
        ("harbor_health_plan", "northside-pt"),
    ]


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    head = '[profile]\nname = "acme"\nversion = "1"\nprograms = ["commercial"]\npayer_ids = ["1"]\nsource = "s"\n'
    (tmp_path / "acme.toml").write_text(head + '[[units]]\nunit_rule = "cms"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("section", "row", "complaint"),
    [
        ("units", 'unit_rule = "cms"', "units.unit_rule: Input should be 'cms-8-minute' or 'ama-midpoint'"),
        ("units", "most_timed_units = -1", "units.most_timed_units: Input should be greater than or equal to 0"),
        ("units", "units_a_day = 8", "units.units_a_day is no setting; there are unit_rule, "),
        ("claims", "filing_days = -90", "claims.filing_days: Input should be greater than or equal to 0"),
        ("claims", 'fee_percent = "-5"', "claims.fee_percent: Input should be greater than or equal to 0"),
        ("claims", 'kx = "sometimes"', "claims.kx: Input should be a valid boolean"),
        ("claims", 'ptp_edits = "warn"', "claims.ptp_edits: Input should be 'block', 'review' or 'none'"),
    ],
)
def test_the_settings_of_the_services_hold_only_what_they_can_use(
    section: str, row: str, complaint: str, tmp_path: Path
) -> None:
    head = '[profile]\nname = "acme"\nversion = "1"\nprograms = ["auto"]\npayer_ids = ["1"]\nsource = "s"\n'
    (tmp_path / "acme.toml").write_text(f"{head}[[{section}]]\n{row}\n")
    with pytest.raises(RuleError, match=re.escape(f"acme.toml: {complaint}")):
        Rules.load(tmp_path)


@pytest.mark.parametrize(
    "command",
    [("rules", "check"), ("rules", "show"), ("rules", "diff", "auto", "commercial"), ("evaluate", VISIT),
     ("explain", VISIT)],
    ids=" ".join,
)  # fmt: skip
def test_a_command_that_needs_rules_refuses_a_bad_folder_in_one_line(
    command: tuple[str, ...], bad: Path, claimbus: Command
) -> None:
    ran = claimbus(*command, CLAIMBUS_PROFILES=str(bad))
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"Error: {bad}/acme.toml: units.unit_rule: Input should be ")
    assert ran.stderr.count("\n") == 1


def test_a_command_that_needs_no_rules_does_not_look_at_the_folder(bad: Path, claimbus: Command) -> None:
    assert claimbus("rules", "--help", CLAIMBUS_PROFILES=str(bad)).returncode == 0
    doctor = claimbus("doctor", CLAIMBUS_PROFILES=str(bad), CLAIMBUS_NATS_URL="nats://127.0.0.1:9")
    assert "no NATS server answers" in doctor.stderr


def test_up_says_why_a_service_will_not_start(bad: Path, tmp_path: Path, claimbus: Command) -> None:
    ran = claimbus("up", "--data", str(tmp_path / "data"), CLAIMBUS_PROFILES=str(bad), CLAIMBUS_NATS_URL="")
    assert ran.returncode == 1
    assert re.fullmatch(r"Error: claimbus (units|claims): \S+/acme\.toml: units\.unit_rule: .*\n", ran.stderr)


def test_a_folder_that_is_not_there_is_refused(claimbus: Command) -> None:
    ran = claimbus("rules", "check", "--profiles", "nowhere")
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: nowhere: No such file or directory; ")


# --- show -----------------------------------------------------------------------------------------------


def test_show_without_a_name_lists_profiles_and_tables() -> None:
    listed = rows(ask("show").output)
    assert listed["commercial/unitedhealthcare"][0].startswith("87726, UHC, UnitedHealthcare")
    assert listed["medicare_part_b"] == ["its program"]
    assert "cms-8-minute" in listed


def test_show_says_each_setting_with_where_it_comes_from() -> None:
    shown = json.loads(ask("show", "commercial/unitedhealthcare", "--on", "2026-11-18", "--json").output)
    settings = {f"{setting['section']}.{setting['name']}": setting for setting in shown["settings"]}
    assert shown["profile"] == "commercial > unitedhealthcare"
    assert settings["units.unit_rule"]["value"] == "cms-8-minute"
    assert settings["units.unit_rule"]["origin"]["profile"] == "unitedhealthcare"
    assert settings["claims.discipline_modifier"]["origin"]["effective_from"] == "2020-04-01"
    assert settings["claims.kx"]["origin"]["profile"] == "commercial"
    assert all(setting["origin"]["source"] for setting in settings.values())
    printed = ask("show", "commercial/unitedhealthcare", "--on", "2026-11-18").output
    assert re.search(
        r"^units\.substitutions +97014 -> G0283 +unitedhealthcare, from 2007-01-01: ", printed, re.MULTILINE
    )


def test_show_takes_the_day_into_account() -> None:
    before, after = (
        json.loads(ask("show", "kx-threshold", "--on", day, "--json").output)["rows"]
        for day in ("2025-12-31", "2026-01-01")
    )
    assert [row["amount"] for row in before + after] == ["2410.00", "2480.00"]
    assert "0 of 9 rows" in ask("show", "kx-threshold", "--on", "2017-12-31").output


def test_show_takes_a_payer_alone_where_it_stands_in_one_program() -> None:
    assert "commercial > highmark on" in ask("show", "highmark").output
    assert "commercial > blue_cross_of_idaho on" in ask("show", "Blue Cross of Idaho").output
    both = ask("show", "unitedhealthcare")
    assert both.exit_code == 1
    assert "medicare_advantage/unitedhealthcare, commercial/unitedhealthcare" in both.output


def test_show_of_a_table_finds_rows_by_a_code() -> None:
    shown = json.loads(ask("show", "unit-codes", "--match", "97140", "--on", "2026-11-18", "--json").output)
    assert [row["code"] for row in shown["rows"]] == ["97140"]
    assert re.search(
        r"^1 of \d+ rows; read by units$", ask("show", "unit-codes", "--match", "97140").output, re.MULTILINE
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("medicare", "medicaid"), ("kx-treshold", "kx-threshold"), ("highmarc", "commercial/highmark"),
     ("comercial/ambeter", "commercial/ambetter"), ("zzzzzzzz", "see: claimbus rules show")],
)  # fmt: skip
def test_an_unknown_name_gives_the_nearest_known(name: str, nearest: str) -> None:
    for command in (("show", name), ("diff", name, "commercial")):
        ran = ask(*command)
        assert ran.exit_code == 1
        assert ran.output.startswith(f"Error: no profile and no table is named {name}; ")
        assert nearest in ran.output


def test_a_date_that_is_none_is_refused() -> None:
    assert "'2026-13-01' does not match the format" in ask("show", "commercial", "--on", "2026-13-01").output
    assert "Error: commercial@soon: 'soon' is no date" in ask("diff", "commercial@soon", "commercial").output


def test_a_practice_sees_the_files_of_its_own(claimbus: Command) -> None:
    command = ("rules", "show", "harbor_health_plan", "--profiles", str(OWN), "--json")

    def fees(*more: str) -> list[str]:
        settings = json.loads(claimbus(*command, *more).stdout)["settings"]
        return [setting["value"] for setting in settings if setting["name"] in ("fees", "fee_percent")]

    assert fees() == ["none", "100"]
    assert fees("--practice", "northside-pt") == ["medicare-pfs", "112"]
    stranger = claimbus(*command, "--practice", "southside-pt")
    assert stranger.returncode == 1
    assert "practice southside-pt has no files of its own (northside-pt)" in stranger.stderr


# --- diff -----------------------------------------------------------------------------------------------


def changes(*arguments: str) -> list[dict[str, str]]:
    return json.loads(ask("diff", *arguments, "--json").output)["changes"]  # type: ignore[no-any-return]


def test_diff_of_two_profiles_gives_what_differs_and_nothing_else() -> None:
    found = {change["setting"]: change for change in changes("commercial", "commercial/unitedhealthcare")}
    assert found["units.unit_rule"]["commercial"] == "ama-midpoint"
    assert found["units.unit_rule"]["commercial/unitedhealthcare"] == "cms-8-minute"
    assert found["claims.filing_days"]["commercial/unitedhealthcare"] == "90"
    assert "claims.kx" not in found
    assert all(change["commercial"] != change["commercial/unitedhealthcare"] for change in found.values())


def test_diff_of_two_days_of_a_profile_gives_what_began() -> None:
    found = changes("medicare_part_b@2019-12-31", "medicare_part_b@2020-01-01")
    assert [change["setting"] for change in found] == ["units.assistant_modifiers"]


def test_diff_of_two_days_of_a_table_gives_rows_that_ended_and_began() -> None:
    found = changes("kx-threshold@2025-12-31", "kx-threshold@2026-01-01")
    assert [(change[""], change["amount"]) for change in found] == [("-", "2410.00"), ("+", "2480.00")]


def test_diff_of_the_edits_over_new_year_2020_has_the_pairs_that_ended() -> None:
    ended = {(row["column1"], row["column2"]) for row in changes("ncci-ptp@2019-12-31", "ncci-ptp@2020-01-01")}
    assert {("97140", "97530"), ("97530", "97116"), ("97110", "97164")} <= ended
    assert ("97140", "97124") not in ended


@pytest.mark.parametrize(
    "pair", [("commercial", "commercial"), ("auto@2026-01-01", "auto@2026-11-01"), ("mue@2026-01-01", "mue")]
)
def test_no_difference_is_said(pair: tuple[str, str]) -> None:
    assert ask("diff", *pair).output == "No difference.\n"


@pytest.mark.parametrize(
    ("pair", "complaint"),
    [
        (("mue", "kx-threshold"), "different tables: compare two days of one"),
        (("mue", "commercial"), "a table and a profile have nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_said(pair: tuple[str, str], complaint: str) -> None:
    ran = ask("diff", *pair)
    assert ran.exit_code == 1
    assert complaint in ran.output


# --- cases ----------------------------------------------------------------------------------------------

CASES = """
base = "visit.json"

[[case]]
name = "two units of 97110"
lines = ["97110 x2 GP", "97140 x1 GP"]

[[case]]
name = "nothing is found"
set = { place_of_service = "12" }
outcome = "ready"
absent = ["mue.exceeded"]
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """Cases of a practice's own, and no rules."""
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "visit.json").write_text((ROOT / "examples/visits/03-mixed-remainders.json").read_text())
    (folder / "own.toml").write_text(CASES)
    return tmp_path


def test_cases_that_come_out_as_they_say_are_counted(overlay: Path) -> None:
    ran = ask("cases", str(overlay / "cases"))
    assert (ran.exit_code, ran.output) == (0, "2 cases passed, 0 failed.\n")


def test_a_case_that_fails_is_named_with_what_was_expected_and_found(overlay: Path) -> None:
    file = overlay / "cases" / "own.toml"
    file.write_text(CASES.replace("97110 x2 GP", "97110 x3 GP").replace('"ready"', '"denial_risk"'))
    ran = ask("cases", "--rules", str(overlay), str(file))
    assert ran.exit_code == 1
    found = "lines: expected 97110 x3 GP, 97140 x1 GP; found 97110 x2 GP, 97140 x1 GP"
    assert f"{file}: two units of 97110\n    {found}" in ran.output
    assert "expected denial_risk, found ready" in ran.output
    assert ran.output.endswith("0 cases passed, 2 failed.\n")
    found = json.loads(ask("cases", "--json", str(file)).output)
    assert [(failure["file"], failure["case"]) for failure in found["failed"]] == [
        (str(file), "two units of 97110"),
        (str(file), "nothing is found"),
    ]


def test_the_shipped_cases_pass_and_those_of_an_overlay_run_with_them(overlay: Path) -> None:
    shipped, both = (json.loads(ask("cases", *more, "--json").output) for more in ((), ("--rules", str(overlay))))
    assert shipped["failed"] == both["failed"] == []
    assert both["passed"] == shipped["passed"] + 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[case]]\n", "case 1, name: Field required"),
        ('base = "nowhere"\n[[case]]\nname = "a"\n', "case 'a', base: nowhere: no example"),
        ("[[case]\n", "own.toml: "),
    ],
)
def test_a_file_of_cases_that_cannot_be_read_is_one_line(overlay: Path, text: str, complaint: str) -> None:
    file = overlay / "cases" / "own.toml"
    file.write_text(text)
    ran = ask("cases", str(file))
    assert ran.exit_code == 1
    assert ran.output.startswith(f"Error: {file}: ")
    assert complaint in ran.output


def test_a_folder_without_a_case_is_no_success(tmp_path: Path) -> None:
    ran = ask("cases", str(tmp_path))
    assert ran.exit_code == 1
    assert "no case found" in ran.output


@pytest.mark.parametrize("command", ["check", "cases", "show", "diff"])
def test_help_has_examples(command: str) -> None:
    assert f"claimbus rules {command}" in ask(command, "--help").output


def commands_of(document: Path) -> list[tuple[str, ...]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [tuple(line[1:]) for line in lines if line[:1] == ["claimbus"]]


GUIDE = commands_of(ROOT / "docs" / "payer-profiles.md")


@pytest.mark.parametrize("command", GUIDE, ids=" ".join)
def test_a_command_of_the_guide_runs(command: tuple[str, ...], claimbus: Command) -> None:
    ran = claimbus(*command, CLAIMBUS_PROFILES=str(OWN))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_the_guide_has_commands() -> None:
    assert len(GUIDE) >= 8


def test_the_folder_of_the_guide_decides_visits(claimbus: Command) -> None:
    visit = str(ROOT / "examples" / "visits" / "24-unitedhealthcare.json")
    shipped, laid_over = (
        json.loads(claimbus("evaluate", visit, CLAIMBUS_PROFILES=folder).stdout) for folder in ("", str(OWN))
    )
    assert (shipped["claim"]["file_by"], laid_over["claim"]["file_by"]) == ("2027-02-16", "2027-05-17")
    assert shipped["rule_set"]["sha256"] != laid_over["rule_set"]["sha256"]
    assert laid_over["rule_set"]["version"].startswith("2026.11+own.")
