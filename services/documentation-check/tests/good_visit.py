"""A visit whose record lacks nothing that Medicare asks for, and changes of it."""

import json
from datetime import date
from typing import Any

from claimbus.events import Basis, DocumentationChecked, Finding, VisitCompleted
from claimbus.values import Result
from documentation_check.domain.case_history import Seen
from documentation_check.domain.check import check_documentation
from documentation_check.rule_book import DocumentationRuleBook

RULES = DocumentationRuleBook.load()
DAY_ONE = date(2026, 10, 20)
BASIS = Basis(event_id="e-1", sha256="0" * 64)
ABSENT = object()

GOOD_VISIT: dict[str, Any] = {
    "practice_id": "northside-pt",
    "visit_id": "v1",
    "revision": 1,
    "service_date": "2026-11-18",
    "started_at": "2026-11-18T09:00:00-05:00",
    "ended_at": "2026-11-18T09:55:00-05:00",
    "patient": {"patient_id": "p-1", "first_name": "Alexandrina", "last_name": "Testerova"},
    "coverage": [{"rank": 1, "program": "medicare_part_b"}],
    "case": {"treatment_day": 9},
    "diagnoses": [{"code": "M25.561", "rank": 1}],
    "interventions": [
        {"id": "1", "description": "Therapeutic exercise", "minutes": 33, "contact": "one_on_one"},
        {"id": "2", "description": "Manual therapy", "minutes": 7, "contact": "one_on_one"},
    ],
    "time": {"timed_minutes": 40, "total_minutes": 55},
    "documentation": {
        "note": {"subjective": "Zebrafied knee", "objective": "Flexion 108 degrees", "assessment": None, "plan": None},
        "signature": {"signed_at": "2026-11-18T10:10:00-05:00", "name": "Pat Therapist", "credential": "PT"},
        "cosignature": None,
        "cosign_required": False,
        "plan_of_care": {
            "established_on": "2026-10-20",
            "diagnoses": ["M25.561"],
            "long_term_goals": ["climb 12 stairs without rail"],
            "type": "physical therapy",
            "amount": "1 a day",
            "frequency": "2 a week",
            "duration": "8 weeks",
            "certification": {
                "method": "signature",
                "certified_on": "2026-10-25",
                "certified_through": "2027-01-17",
                "certifier_kind": "physician",
            },
        },
        "progress_report": {"last_on": "2026-10-20", "author_credential": "PT", "treatment_days_since": 8},
        "medical_necessity_attested": True,
    },
}

SIGNATURE = "documentation.signature"
PLAN = "documentation.plan_of_care"
CERTIFICATION = f"{PLAN}.certification"
REPORT = "documentation.progress_report"
FIRST = "interventions.0"


def visit_with(changes: dict[str, Any]) -> VisitCompleted:
    """The good visit, changed at dotted paths; `ABSENT` takes a field away."""
    visit = json.loads(json.dumps(GOOD_VISIT))
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = visit
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place[name]
        if value is ABSENT:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = str(value) if isinstance(value, date) else value
    return VisitCompleted.model_validate(visit)


def check(
    visit: VisitCompleted, seen: Seen | None = None, rules: DocumentationRuleBook = RULES
) -> DocumentationChecked:
    return check_documentation(visit, BASIS, rules.on(visit.service_date), seen=seen)


def checked_ids(checked: DocumentationChecked) -> set[str]:
    """Every requirement that the visit was checked for, met or not, and what is due next."""
    return {*checked.passed, *(finding.id for finding in checked.checks)}


def finding_of(name: str, checked: DocumentationChecked) -> Finding:
    """What a requirement that is not met gives, or what is due next. Raises `StopIteration` where it gives nothing."""
    return next(finding for finding in checked.checks if finding.id == name)


def result_in(name: str, checked: DocumentationChecked) -> Result:
    """Raises `StopIteration` for a requirement that the visit was not checked for."""
    return Result.PASS if name in checked.passed else finding_of(name, checked).result
