"""A payer's profile adds requirements and relaxes them, by dates; never what CMS asks of a federal program."""

from datetime import date
from pathlib import Path

import pytest
from claimbus import payers
from claimbus.events import Finding
from claimbus.rules import RuleError, read_profiles
from claimbus.values import Result, Severity
from documentation_check.domain.check import check_documentation
from documentation_check.rules import Rules
from good_visit import BASIS, PLAN, REPORT, SIGNATURE, visit_with

OURS = Path(payers.__file__).parent
HEAD = """
[profile]
name = "harbor"
version = "2026.11"
programs = ["commercial", "tricare"]
payer_names = ["Harbor"]
source = "provider manual, p. 7"
"""


def rules_with(folder: Path, rows: str, *, head: str = HEAD, name: str = "harbor.toml") -> Rules:
    (folder / name).write_text(head + rows)
    return Rules(read_profiles(OURS, folder))


def asked(rules: Rules, program: str = "commercial", **changes: object) -> dict[str, Finding]:
    visit = visit_with({"coverage": [{"program": program, "payer_name": "Harbor Health"}], **changes})
    checks = check_documentation(visit, BASIS, rules.on(visit.service_date), rules.rule_set).checks
    return {one.id: one for one in checks}


def test_a_profile_asks_for_what_its_program_does_not_and_is_cited(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"progress-report.overdue" = "block"\n')
    one = asked(rules, **{"case.treatment_day": 11, REPORT: None})["progress-report.overdue"]
    assert (one.result, one.severity, one.citation) == (Result.FAIL, Severity.BLOCK, "provider manual, p. 7")
    assert one.rarc == "N466"


def test_a_profile_relaxes_what_payers_commonly_ask(tmp_path: Path) -> None:
    weights = ('"plan-of-care.incomplete" = "info"', '"note.cloned" = "none"', '"signature.missing" = "review"')
    rows = "\n".join(("[[documentation]]", *weights))
    found = asked(rules_with(tmp_path, rows), **{f"{PLAN}.amount": None, SIGNATURE: None})
    assert found["plan-of-care.incomplete"].severity is Severity.INFO
    assert found["signature.missing"].severity is Severity.REVIEW
    assert "note.cloned" not in found


def test_a_profile_holds_for_the_days_that_it_says(tmp_path: Path) -> None:
    rows = '[[documentation]]\n"certification.expired" = "review"\neffective_from = 2026-11-18\n'
    rules = rules_with(tmp_path, rows)
    assert "certification.expired" in asked(rules)
    assert "certification.expired" not in asked(rules, service_date="2026-11-17")


def test_other_payers_of_the_program_are_asked_as_before(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"diagnosis.missing" = "none"\n')
    visit = visit_with({"coverage": [{"program": "commercial", "payer_name": "Somebody Else"}]})
    checks = check_documentation(visit, BASIS, rules.on(visit.service_date), rules.rule_set).checks
    assert "diagnosis.missing" in {one.id for one in checks}
    assert "diagnosis.missing" not in asked(rules)


def test_requirements_stay_in_the_order_of_the_table(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"certification.expired" = "review"\n')
    order = [row.id for row in rules.requirements.rows]
    found = list(asked(rules))
    assert found == sorted(found, key=order.index)


@pytest.mark.parametrize("weight", ["review", "info", "none"])
def test_a_requirement_of_cms_is_not_relaxed_for_a_federal_program(tmp_path: Path, weight: str) -> None:
    rows = f'[[documentation]]\n"progress-report.overdue" = "{weight}"\n'
    assert rules_with(tmp_path, rows)
    with pytest.raises(RuleError, match=f"progress-report.overdue = '{weight}' relaxes what CMS asks of medicare_adv"):
        rules_with(tmp_path, rows, head=HEAD.replace("tricare", "medicare_advantage"))


def test_a_practice_of_its_own_relaxes_nothing_of_cms_either(tmp_path: Path) -> None:
    practice = tmp_path / "northside-pt"
    practice.mkdir()
    head = '[profile]\nname = "medicare_part_b"\nprogram = "medicare_part_b"\nversion = "2026.11"\nsource = "us"\n'
    (practice / "part_b.toml").write_text(head + '[[documentation]]\n"plan-of-care.missing" = "none"\n')
    with pytest.raises(RuleError, match=r"part_b.toml: documentation.plan-of-care.missing"):
        Rules(read_profiles(OURS, tmp_path))


def test_a_relaxation_before_the_requirement_began_is_none(tmp_path: Path) -> None:
    rows = '[[documentation]]\n"certification.expired" = "none"\neffective_through = 2007-12-31\n'
    head = HEAD.replace("tricare", "medicare_advantage")
    assert rules_with(tmp_path, rows, head=head)
    with pytest.raises(RuleError, match="relaxes"):
        rules_with(tmp_path, rows.replace("2007-12-31", "2008-01-01"), head=head)


def test_what_is_no_requirement_is_refused_with_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"progress-report is no requirement; write its id in quotes"):
        rules_with(tmp_path, '[[documentation]]\nprogress-report.overdue = "block"\n')


def test_what_is_no_weight_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"documentation.note.cloned: Input should be"):
        rules_with(tmp_path, '[[documentation]]\n"note.cloned" = "heavy"\n')


def test_the_rule_set_tells_that_a_profile_was_used(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"note.cloned" = "none"\n')
    assert rules.rule_set.tables["payer-profiles"].startswith("2026.11+own.")
    assert rules.on(date(2026, 11, 18)) is rules.on(date(2026, 11, 18))
