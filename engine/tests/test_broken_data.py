"""What is wrong in a table, a profile or a case file is named: the file, the row or the case, and the field."""

import re
from pathlib import Path

import pytest
from claimbus.rules import RuleError
from claimbus_engine.cases import read_cases, run_cases
from claimbus_engine.rules import Rules

RULES = Rules.load()
GOOD = 'base = "01-medicare-plain"\n[[case]]\nname = "a visit"\n'
PROFILE = '[profile]\nname = "ours"\nversion = "1"\nprograms = ["auto"]\npayer_ids = ["1"]\nsource = "s"\n'
TABLE = '[table]\nname = "mue"\nversion = "1"\nsource = "s"\n'


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("claims/mue.toml", TABLE + '[[row]]\ncode = "97110"\npractitioner = "six"\n', "row 1: practitioner: "),
        ("claims/mue.toml", TABLE + '[[row]]\ncode = "97110"\nlimit = 6\n', "row 1: limit: Extra inputs"),
        ("claims/mue.toml", "[table\n", "line 1"),
        ("units/no_table.toml", TABLE, "no table has this file name"),
    ],
)
def test_a_broken_table_names_file_row_and_field(file: str, text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(text)
    (tmp_path / "ours.toml").write_text(PROFILE)
    with pytest.raises(RuleError, match=f"(?s){re.escape(path.name)}.*{named}"):
        Rules.load(tmp_path)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ('[[claims]]\nmue = "sometimes"\n', r"claims\.mue"),
        ("[[claims]]\nfiling_month = 3\n", r"claims\.filing_month is no setting"),
        ("[[clams]]\nmue = 1\n", r"\[\[clams\]\] is no section"),
    ],
)
def test_a_broken_profile_names_file_and_field(row: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(PROFILE + row)
    with pytest.raises(RuleError, match=f"ours.toml: {named}"):
        Rules.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[case]\n", "at line 1"),
        ('base = "x"\n', "case: Field required"),
        (GOOD + 'line = ["97110 x1"]\n', "case 'a visit', line: Extra inputs"),
        (GOOD + 'outcome = "risky"\n', "case 'a visit', outcome: "),
        (GOOD + 'findings = [{ id = "mue.exceeded", line = "first" }]\n', "case 'a visit', findings.0.line: "),
        (GOOD + 'findings = [{ id = "Too many" }]\n', "case 'a visit', findings.0.id: "),
        (GOOD + 'earlier = [{ visit = "x" }]\n', "case 'a visit', earlier.0.visit: Extra inputs"),
        (GOOD + '[[case]]\nset = {}\n', "case 2, name: Field required"),
        (GOOD + '[[case]]\nname = "a visit"\n', "two cases have the name 'a visit'"),
    ],
)  # fmt: skip
def test_a_broken_case_names_file_case_and_field(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(text)
    with pytest.raises(RuleError, match=f"{re.escape(str(path))}: .*{re.escape(named)}"):
        read_cases(path)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ('base = "no-such-visit"\n', "base: no-such-visit: no example visit"),
        ('base = "no-such-file.json"\n', "base: "),
        ('set = { "interventions.9.minutes" = 5 }\n', "set or remove: interventions.9.minutes: no such place"),
        ('remove = ["coverage.0.shoe_size"]\n', "set or remove: coverage.0.shoe_size: no such place"),
        ('earlier = [{ remove = ["case.none"] }]\n', "set or remove: case.none: no such place"),
        ('overlay = "no-such-folder"\n', "overlay: "),
    ],
)
def test_what_a_case_rests_on_and_is_not_there_is_named(more: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(GOOD + more)
    with pytest.raises(RuleError, match=re.escape(f"{path}: case 'a visit', {named}")):
        list(run_cases(RULES, [path]))


def test_a_case_that_comes_out_otherwise_says_how(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(
        GOOD
        + 'outcome = "denial_risk"\nlines = ["97110 x2 GP"]\ncharges = ["1.00"]\ndiagnoses = []\n'
        + 'findings = [{ id = "mue.exceeded" }]\nabsent = ["due.certification"]\n'
    )
    (result,) = run_cases(RULES, [path])
    assert not result.passed
    begins = [
        "expected denial_risk, found ready",
        "lines: ",
        "charges: ",
        "diagnoses: ",
        "expected {'id'",
        "expected no due.",
    ]
    for problem, begin in zip(result.problems, begins, strict=True):
        assert problem.startswith(begin)
