"""What holds for every requirement. Each of them passes, fails and is unknown in the package's cases/*.toml."""

import json
import tomllib
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import pytest
from claimbus.events import Completeness, DocumentationChecked
from claimbus.testing import visits
from claimbus.values import Program, Result
from documentation_check.domain.predicates import PREDICATES
from documentation_check.domain.tables import DISCIPLINES
from good_visit import BASIS, PLAN, RULES, SIGNATURE, check, checked_ids, finding_of, result_in, visit_with

PASS, FAIL = Result.PASS, Result.FAIL
GAPS: dict[str, Any] = {SIGNATURE: None, "time.total_minutes": None, "ended_at": None}

ASKED_OF_SOME = {
    "re-evaluation.unjustified",
    "modality.unsupported",
    "group.fewer-than-two",
    "supervision.insufficient",
    "caregiver-training.consent-missing",
}
"""Requirements that a plain treatment visit is not asked about."""
ASKED_OF_THE_CASE = {"totals.treatment-days-differ", "note.cloned"}
"""Requirements that other visits are needed for: test_documentation_check_case_history.py."""


def test_the_good_visit_passes_every_medicare_requirement() -> None:
    checked = check(visit_with({}))
    requirements = {row.id for row in RULES.requirements.rows if not row.is_due}
    assert set(checked.passed) == requirements - ASKED_OF_THE_CASE - ASKED_OF_SOME
    assert checked.completeness == Completeness(passed=len(checked.passed), failed=0, unknown=0, score=100)
    assert {finding.id for finding in checked.checks} == {"due.certification", "due.progress-report"}
    assert all((finding.result, finding.fix, finding.carc) == (PASS, None, None) for finding in checked.checks)


def test_the_score_counts_what_is_met_and_is_full_only_when_nothing_is_open() -> None:
    of = check(visit_with(GAPS)).completeness
    assert of is not None
    assert of.failed == 2
    assert of.score == 100 * of.passed // (of.passed + of.failed + of.unknown) < 100


def test_what_is_due_is_no_part_of_the_score() -> None:
    checked = check(visit_with({"case": None, "documentation.progress_report.treatment_days_since": None}))
    of = checked.completeness
    assert of is not None
    gaps = [finding for finding in checked.checks if not finding.is_due]
    assert (of.passed, of.failed + of.unknown) == (len(checked.passed), len(gaps))


def test_each_gap_says_whether_and_how_it_may_be_mended() -> None:
    gaps = check(visit_with(GAPS)).checks
    mending = {gap.id: gap.mending for gap in gaps if not gap.is_due}
    assert mending["signature.missing"] == "document"
    assert mending["time.total-minutes-missing"] == "addendum"
    assert None not in mending.values()
    assert all(gap.mending is None for gap in gaps if gap.is_due)


def test_a_gap_of_several_interventions_names_each_of_them() -> None:
    pack = {"code": "97010", "description": "Hot pack", "body_region": "low back"}
    packs = [pack | {"id": name} for name in ("a", "b")]
    checked = check(visit_with({"interventions": [*packs, pack | {"id": "c", "narrative": "for spasm"}]}))
    found = finding_of("modality.unsupported", checked)
    assert (found.intervention_id, found.intervention_ids) == (None, ("a", "b"))


@pytest.mark.parametrize(
    ("duration", "days"),
    [
        ("8 weeks", 56),
        ("2x/week for 8 wks", 56),
        ("8-12 weeks", 84),
        ("60 days", 60),
        ("2 months", 60),
        ("3 days/week x 6 weeks", 42),
        ("5 days per week, 4 weeks", 28),
        ("26 weeks", 90),
        ("until goals are met", 90),
    ],
)
def test_without_a_stated_end_the_plans_duration_ends_the_certification_if_sooner(duration: str, days: int) -> None:
    changes = {f"{PLAN}.duration": duration, f"{PLAN}.certification.certified_through": None}
    last = date(2026, 10, 20) + timedelta(days)
    results = [
        result_in("certification.expired", check(visit_with(changes | {"service_date": day})))
        for day in (last, last + timedelta(1))
    ]
    assert results == [PASS, FAIL]


@pytest.mark.parametrize("program", [program for program in Program if not program.startswith("medicare")])
def test_other_programs_are_not_held_to_medicares_certification_and_progress_report(program: Program) -> None:
    required = checked_ids(check(visit_with({"coverage.0.program": program})))
    assert not any(name.startswith(("certification.", "progress-report.")) for name in required)
    assert {"signature.missing", "plan-of-care.missing", "diagnosis.missing"} <= required


def test_the_answer_carries_the_visit_its_basis_and_the_tables_used() -> None:
    answer = check(visit_with({"revision": 3}))
    assert (answer.practice_id, answer.visit_id, answer.revision) == ("northside-pt", "v01-medicare-plain", 3)
    assert (answer.basis, answer.rule_set) == (BASIS, RULES.rule_set.reference)
    assert DocumentationChecked.model_validate_json(answer.to_json()) == answer


def test_no_words_of_the_note_and_no_name_reach_a_finding() -> None:
    words = ("knee", "Alexandrina", "Tester", "Therapist", "p-1", "rail", "M25", "green band")
    documents = [
        tomllib.loads(path.read_text())
        for path in files("documentation_check").joinpath("cases").iterdir()
        if path.name.endswith(".toml")
    ]
    cases = [(case.get("base", document["base"]), case) for document in documents for case in document["case"]]
    assert len(cases) > 100
    for base, case in cases:
        names = {"patient.first_name": "Alexandrina"}
        visit = visits.visit(base, {**names, **case.get("set", {})}, remove=case.get("remove", ()))
        texts = json.dumps([[finding.message, finding.inputs] for finding in check(visit).checks])
        assert not [word for word in words if word in texts]


def test_a_row_has_a_text_for_every_answer_of_its_predicate_and_no_other() -> None:
    rows = RULES.requirements.rows
    assert {row.predicate for row in rows} == PREDICATES.keys()
    for row in rows:
        assert row.variants.keys() == PREDICATES[row.predicate].variants, row.id


def test_every_program_and_discipline_has_its_requirements_in_the_order_of_the_table() -> None:
    rules = RULES.on(date(2026, 11, 18))
    assert set(rules.required) == {(program, discipline) for program in Program for discipline in DISCIPLINES}
    order = [row.id for row in RULES.requirements.rows]
    for required in rules.required.values():
        assert required
        assert list(required) == sorted(required, key=order.index)
