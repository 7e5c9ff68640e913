"""A payer's profile adds requirements and relaxes them, by dates; never what CMS asks of a federal program."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from claimbus.events import DocumentationChecked
from claimbus.rules import RuleError
from claimbus.values import Result, Severity
from documentation_check.rule_book import DocumentationRuleBook
from good_visit import PLAN, REPORT, SIGNATURE, check, checked_ids, finding_of, visit_with

HEAD = """
[profile]
name = "harbor"
version = "2026.11"
programs = ["commercial", "tricare"]
payer_names = ["Harbor"]
source = "provider manual, p. 7"
"""


def rules_with(folder: Path, rows: str, *, head: str = HEAD, name: str = "harbor.toml") -> DocumentationRuleBook:
    (folder / name).write_text(head + rows)
    return DocumentationRuleBook.load(overlay=folder)


def checked_by(
    rules: DocumentationRuleBook, program: str = "commercial", payer: str = "Harbor Health", **changes: object
) -> DocumentationChecked:
    return check(visit_with({"coverage": [{"program": program, "payer_name": payer}], **changes}), rules=rules)


def test_a_profile_asks_for_what_its_program_does_not_and_is_cited(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"progress-report.overdue" = "block"\n')
    found = finding_of("progress-report.overdue", checked_by(rules, **{"case.treatment_day": 11, REPORT: None}))
    assert (found.result, found.severity, found.citation) == (Result.FAIL, Severity.BLOCK, "provider manual, p. 7")
    assert found.rarc == "N466"


def test_a_profile_relaxes_what_payers_commonly_ask(tmp_path: Path) -> None:
    weights = ('"plan-of-care.incomplete" = "info"', '"note.cloned" = "none"', '"signature.missing" = "review"')
    rows = "\n".join(("[[documentation]]", *weights))
    checked = checked_by(rules_with(tmp_path, rows), **{f"{PLAN}.amount": None, SIGNATURE: None})
    assert finding_of("plan-of-care.incomplete", checked).severity is Severity.INFO
    assert finding_of("signature.missing", checked).severity is Severity.REVIEW
    assert "note.cloned" not in checked_ids(checked)


def test_a_profile_holds_for_the_days_that_it_says(tmp_path: Path) -> None:
    rows = '[[documentation]]\n"certification.expired" = "review"\neffective_from = 2026-11-18\n'
    rules = rules_with(tmp_path, rows)
    assert "certification.expired" in checked_ids(checked_by(rules))
    assert "certification.expired" not in checked_ids(checked_by(rules, service_date="2026-11-17"))


def test_other_payers_of_the_program_are_asked_as_before(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"diagnosis.missing" = "none"\n')
    assert "diagnosis.missing" in checked_ids(checked_by(rules, payer="Somebody Else"))
    assert "diagnosis.missing" not in checked_ids(checked_by(rules))


def test_requirements_stay_in_the_order_of_the_table(tmp_path: Path) -> None:
    rules = rules_with(tmp_path, '[[documentation]]\n"certification.expired" = "review"\n')
    order = [row.id for row in rules.requirements.rows]
    passed = checked_by(rules).passed
    assert "certification.expired" in passed
    assert list(passed) == sorted(passed, key=order.index)


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
        DocumentationRuleBook.load(overlay=tmp_path)


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


# Tables in place of ours


def rules_of(folder: Path, file: str, old: str, new: str) -> DocumentationRuleBook:
    """Our rules with one of our files changed."""
    ours = files("documentation_check").joinpath("rules", file).read_text()
    assert old in ours
    overlay = folder / "documentation-check"
    overlay.mkdir()
    (overlay / file).write_text(ours.replace(old, new, 1))
    return DocumentationRuleBook.load(overlay=folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("requirements.toml", '"plan-present"', '"plan-there"', "plan-of-care.missing: no predicate plan-there"),
        ("requirements.toml", "[row.variants.days-before]", "[row.variants.before]", "no variant days-before"),
        (
            "requirements.toml",
            "[defaults.variants.time-not-sent]",
            "[defaults.variants.no-time]",
            "no variant time-not-",
        ),
        ("required_by.toml", '"note.cloned"', '"note.copied"', "note.copied is no requirement of requirements.toml"),
        (
            "required_by.toml",
            '["note.cloned"]',
            '["note.cloned", "evaluation.missing"]',
            "evaluation.missing has two rows",
        ),
        ("limits.toml", '"progress-report"', '"progress"', "limits.toml: no row for progress-report"),
        ("note_cues.toml", 'shows = "reason"', 'shows = "reason"\neffective_through = 2000-12-31', "no row for reason"),
        ("note_cues.toml", "assist(?:ed|ance)", "assist(?:ed|ance", "note_cues.toml: assistance: missing"),
        ("program_groups.toml", 'group = "federal"', 'group = "states"', "program_groups.toml: no row for federal"),
        ("required_by.toml", 'programs = "all"', 'programs = "most"', "most is no group of program_groups.toml"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused_when_they_are_read(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(RuleError, match=complaint):
        rules_of(tmp_path, file, old, new)


def test_a_text_of_one_s_own_is_what_a_person_reads(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "requirements.toml", "The plan of care lacks {elements}", "Not in the plan: {elements}")
    found = finding_of("plan-of-care.incomplete", checked_by(rules, **{f"{PLAN}.amount": None}))
    assert found.message == f"Not in the plan: amount ({PLAN})."


def test_the_list_of_findings_has_a_requirement_in_full() -> None:
    rows = {row.id: row for row in DocumentationRuleBook.load().finding_rows}
    assert (
        rows["signature.missing"].meaning == "The record does not show: the note is signed, with the day and the hour."
    )
    assert rows["progress-report.overdue"].rarc == "N466 (PT), N394 (OT, SLP)"
    assert (rows["diagnosis.missing"].severity, rows["plan-of-care.missing"].severity) == ("block", "by payer")
