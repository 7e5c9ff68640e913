"""Each requirement passes, fails and is unknown; the days around every limit are exact."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from claimbus.events import Completeness, DocumentationChecked, Finding
from claimbus.values import Program, Result, Severity
from documentation_check.domain.predicates import PREDICATES
from documentation_check.domain.tables import DISCIPLINES
from good_visit import (
    ABSENT,
    BASIS,
    CERTIFICATION,
    DAY_ONE,
    FIRST,
    PLAN,
    REPORT,
    RULES,
    SIGNATURE,
    check,
    checked_ids,
    finding_of,
    result_in,
    visit_with,
)

RE_EVALUATED = {"kind": "re_evaluation"}


def requirements() -> set[str]:
    """All that a record may have to show; what is due next is no requirement."""
    return {row.id for row in RULES.requirements.rows if not row.is_due}


def finding(name: str, changes: dict[str, Any]) -> Finding:
    return finding_of(name, check(visit_with(changes)))


def result_of(name: str, changes: dict[str, Any]) -> Result:
    return result_in(name, check(visit_with(changes)))


def names(changes: dict[str, Any]) -> set[str]:
    return checked_ids(check(visit_with(changes)))


NOTE = "documentation.note"
SUPERVISION = "documentation.assistant_supervision"
CONSENT = "documentation.caregiver_training_consent"
PTA = {"credential": "PTA"}
HOT_PACK = {"id": "1", "code": "97010", "description": "Hot pack", "body_region": "low back", "narrative": "for spasm"}
GROUP = {"id": "1", "code": "97150", "description": "Circuit", "contact": "group", "group_size": 3}
CAREGIVER = {"id": "1", "code": "97550", "description": "Transfers taught to the daughter", "minutes": 30}
PRIVATE_2024 = {"service_date": "2024-12-31", "facility": "practitioner", "assistant": PTA}

PASS, FAIL, UNKNOWN = Result.PASS, Result.FAIL, Result.UNKNOWN
LATE = {f"{CERTIFICATION}.certified_on": "2026-11-20"}

CASES: list[tuple[str, Result, dict[str, Any]]] = [
    ("signature.missing", PASS, {}),
    ("signature.missing", FAIL, {SIGNATURE: None}),
    ("signature.missing", FAIL, {SIGNATURE: ABSENT}),
    ("signature.missing", FAIL, {SIGNATURE: {"name": " "}}),
    ("signature.missing", UNKNOWN, {"documentation": None}),
    ("signature.missing", UNKNOWN, {f"{SIGNATURE}.signed_at": None}),
    ("signature.credential-missing", PASS, {}),
    ("signature.credential-missing", FAIL, {f"{SIGNATURE}.credential": None}),
    ("signature.credential-missing", FAIL, {f"{SIGNATURE}.credential": "  "}),
    ("signature.credential-missing", UNKNOWN, {"documentation": None}),
    ("signature.credential-not-entitled", PASS, {}),
    ("signature.credential-not-entitled", PASS, {f"{SIGNATURE}.credential": "P.T., DPT, OCS"}),
    ("signature.credential-not-entitled", PASS, {f"{SIGNATURE}.credential": "PT/OT"}),
    ("signature.credential-not-entitled", PASS, {f"{SIGNATURE}.credential": "MD"}),
    ("signature.credential-not-entitled", PASS, {f"{SIGNATURE}.credential": "PTA"}),
    ("signature.credential-not-entitled", PASS, {f"{SIGNATURE}.credential": "COTA/L", "discipline": "OT"}),
    ("signature.credential-not-entitled", PASS, {f"{SIGNATURE}.credential": "M.S., CCC-SLP", "discipline": "SLP"}),
    ("signature.credential-not-entitled", FAIL, {f"{SIGNATURE}.credential": "PTA", "evaluation": {}}),
    (
        "signature.credential-not-entitled",
        FAIL,
        {f"{SIGNATURE}.credential": "PTA", "evaluation": {"kind": "re_evaluation"}},
    ),
    ("signature.credential-not-entitled", FAIL, {f"{SIGNATURE}.credential": "PTA", f"{FIRST}.code": "97164"}),
    ("signature.credential-not-entitled", FAIL, {f"{SIGNATURE}.credential": "OTR/L"}),
    ("signature.credential-not-entitled", FAIL, {f"{SIGNATURE}.credential": "PT student"}),
    ("signature.credential-not-entitled", FAIL, {f"{SIGNATURE}.credential": "ATC"}),
    ("signature.credential-not-entitled", UNKNOWN, {f"{SIGNATURE}.credential": "Licensed"}),
    ("signature.credential-not-entitled", UNKNOWN, {f"{SIGNATURE}.credential": None}),
    ("signature.before-visit-ended", PASS, {}),
    ("signature.before-visit-ended", PASS, {f"{SIGNATURE}.signed_at": "2026-11-18T09:55:00-05:00"}),
    ("signature.before-visit-ended", FAIL, {f"{SIGNATURE}.signed_at": "2026-11-18T09:54:59-05:00"}),
    ("signature.before-visit-ended", FAIL, {f"{SIGNATURE}.signed_at": "2026-11-18T14:54:00Z"}),
    ("signature.before-visit-ended", FAIL, {f"{SIGNATURE}.signed_at": "2026-11-16T10:00:00Z", "ended_at": None}),
    ("signature.before-visit-ended", PASS, {f"{SIGNATURE}.signed_at": "2026-11-20T10:00:00Z", "ended_at": None}),
    ("signature.before-visit-ended", UNKNOWN, {"ended_at": None}),
    ("signature.before-visit-ended", UNKNOWN, {f"{SIGNATURE}.signed_at": None}),
    ("cosignature.missing", PASS, {}),
    (
        "cosignature.missing",
        PASS,
        {
            "documentation.cosign_required": True,
            "documentation.cosignature": {"signed_at": "2026-11-18T11:00:00-05:00"},
        },
    ),
    ("cosignature.missing", FAIL, {"documentation.cosign_required": True}),
    ("cosignature.missing", UNKNOWN, {"documentation.cosign_required": None}),
    (
        "cosignature.missing",
        UNKNOWN,
        {"documentation.cosign_required": True, "documentation.cosignature": {"name": "Sup Visor"}},
    ),
    ("plan-of-care.missing", PASS, {}),
    ("plan-of-care.missing", FAIL, {PLAN: None}),
    ("plan-of-care.missing", UNKNOWN, {"documentation": ABSENT}),
    ("plan-of-care.incomplete", PASS, {}),
    ("plan-of-care.incomplete", FAIL, {f"{PLAN}.long_term_goals": []}),
    ("plan-of-care.incomplete", FAIL, {f"{PLAN}.diagnoses": None}),
    ("plan-of-care.incomplete", FAIL, {f"{PLAN}.frequency": " "}),
    ("plan-of-care.incomplete", UNKNOWN, {"documentation": None}),
    ("plan-of-care.after-service", PASS, {f"{PLAN}.established_on": "2026-11-18"}),
    ("plan-of-care.after-service", FAIL, {f"{PLAN}.established_on": "2026-11-19"}),
    ("plan-of-care.after-service", UNKNOWN, {f"{PLAN}.established_on": None}),
    ("certification.missing-or-late", PASS, {}),
    ("certification.missing-or-late", PASS, {f"{CERTIFICATION}.certified_on": DAY_ONE + timedelta(30)}),
    ("certification.missing-or-late", FAIL, {f"{CERTIFICATION}.certified_on": DAY_ONE + timedelta(31)}),
    ("certification.missing-or-late", FAIL, {CERTIFICATION: None, "service_date": "2026-11-20"}),
    ("certification.missing-or-late", UNKNOWN, {f"{PLAN}.established_on": None}),
    ("certification.missing-or-late", UNKNOWN, {f"{CERTIFICATION}.certified_on": "2026-10-19"}),
    ("certification.delayed", PASS, {}),
    ("certification.delayed", FAIL, LATE | {f"{CERTIFICATION}.delay_reason": "physician away"}),
    ("certification.delayed", UNKNOWN, {f"{PLAN}.established_on": None}),
    ("certification.certifier-not-entitled", PASS, {}),
    ("certification.certifier-not-entitled", PASS, {f"{CERTIFICATION}.certifier_kind": "Nurse Practitioner"}),
    ("certification.certifier-not-entitled", PASS, {f"{CERTIFICATION}.certifier_kind": "PA-C"}),
    ("certification.certifier-not-entitled", FAIL, {f"{CERTIFICATION}.certifier_kind": "chiropractor"}),
    ("certification.certifier-not-entitled", FAIL, {f"{CERTIFICATION}.certifier_kind": "Dentist"}),
    ("certification.certifier-not-entitled", UNKNOWN, {f"{CERTIFICATION}.certifier_kind": "optometrist"}),
    ("certification.certifier-not-entitled", UNKNOWN, {f"{CERTIFICATION}.certifier_kind": "healer"}),
    ("certification.certifier-not-entitled", UNKNOWN, {f"{CERTIFICATION}.certifier_kind": None}),
    ("certification.expired", PASS, {}),
    ("certification.expired", FAIL, {f"{CERTIFICATION}.certified_through": "2026-11-17"}),
    ("certification.expired", UNKNOWN, {f"{PLAN}.established_on": None}),
    ("progress-report.overdue", PASS, {}),
    ("progress-report.overdue", FAIL, {"case.treatment_day": 30, f"{REPORT}.treatment_days_since": 11}),
    ("progress-report.overdue", UNKNOWN, {"case": None, f"{REPORT}.treatment_days_since": None}),
    ("progress-report.overdue", UNKNOWN, {"case": None, REPORT: None}),
    ("progress-report.overdue", UNKNOWN, {"case.treatment_day": 12, f"{REPORT}.treatment_days_since": None}),
    ("progress-report.overdue", UNKNOWN, {"case.treatment_day": 12, f"{REPORT}.last_on": "2026-11-19"}),
    ("progress-report.overdue", UNKNOWN, {"case.treatment_day": 5, f"{REPORT}.treatment_days_since": 11}),
    ("progress-report.author-not-entitled", PASS, {}),
    ("progress-report.author-not-entitled", FAIL, {f"{REPORT}.author_credential": "PTA", "case.treatment_day": 15}),
    ("progress-report.author-not-entitled", FAIL, {f"{REPORT}.author_credential": "ATC", "case.treatment_day": 15}),
    ("progress-report.author-not-entitled", PASS, {f"{REPORT}.author_credential": "PTA"}),
    ("progress-report.author-not-entitled", UNKNOWN, {f"{REPORT}.author_credential": None}),
    ("time.timed-minutes-missing", PASS, {}),
    ("time.timed-minutes-missing", PASS, {"time": None, "interventions": [{"id": "1", "contact": "unattended"}]}),
    ("time.timed-minutes-missing", FAIL, {"time.timed_minutes": None}),
    ("time.timed-minutes-missing", UNKNOWN, {"time": None}),
    ("time.total-minutes-missing", PASS, {}),
    ("time.total-minutes-missing", FAIL, {"time.total_minutes": None}),
    ("time.total-minutes-missing", UNKNOWN, {"time": None}),
    ("time.timed-exceeds-total", PASS, {"time.timed_minutes": 55}),
    ("time.timed-exceeds-total", FAIL, {"time.timed_minutes": 56}),
    ("time.timed-exceeds-total", UNKNOWN, {"time.timed_minutes": None}),
    ("time.interventions-exceed-total", PASS, {"time.total_minutes": 40}),
    ("time.interventions-exceed-total", FAIL, {"time.total_minutes": 39}),
    ("time.interventions-exceed-total", FAIL, {"time.total_minutes": 6, f"{FIRST}.minutes": None}),
    ("time.interventions-exceed-total", PASS, {"time.total_minutes": 7, f"{FIRST}.contact": "group"}),
    ("time.interventions-exceed-total", UNKNOWN, {"time.total_minutes": 39, f"{FIRST}.contact": None}),
    ("time.interventions-exceed-total", UNKNOWN, {f"{FIRST}.minutes": None}),
    ("time.interventions-exceed-total", UNKNOWN, {"time": None}),
    ("time.timed-differs", PASS, {}),
    ("time.timed-differs", FAIL, {"time.timed_minutes": 41}),
    ("time.timed-differs", UNKNOWN, {f"{FIRST}.minutes": None}),
    ("time.timed-differs", UNKNOWN, {"time": None}),
    ("time.exceeds-visit", PASS, {}),
    ("time.exceeds-visit", PASS, {"ended_at": "2026-11-18T09:54:01-05:00"}),
    ("time.exceeds-visit", FAIL, {"ended_at": "2026-11-18T09:54:00-05:00"}),
    ("time.exceeds-visit", UNKNOWN, {"started_at": None}),
    ("time.exceeds-visit", UNKNOWN, {"ended_at": "2026-11-18T08:00:00-05:00"}),
    ("intervention.description-missing", PASS, {}),
    ("intervention.description-missing", PASS, {f"{FIRST}.description": None, f"{FIRST}.narrative": "SLR 3x10"}),
    ("intervention.description-missing", FAIL, {f"{FIRST}.description": "", "documentation.note": None}),
    ("intervention.description-missing", UNKNOWN, {f"{FIRST}.description": None}),
    ("diagnosis.missing", PASS, {}),
    ("diagnosis.missing", FAIL, {"diagnoses": []}),
    ("diagnosis.missing", FAIL, {"diagnoses": [{"code": " "}]}),
    ("medical-necessity.not-attested", PASS, {}),
    ("medical-necessity.not-attested", FAIL, {"documentation.medical_necessity_attested": False}),
    ("medical-necessity.not-attested", UNKNOWN, {"documentation.medical_necessity_attested": None}),
    ("re-evaluation.unjustified", PASS, {f"{FIRST}.code": "97164", "evaluation": RE_EVALUATED | {"reason": "fell"}}),
    ("re-evaluation.unjustified", PASS, {"evaluation": RE_EVALUATED, "documentation.re_evaluation_reason": "fell"}),
    ("re-evaluation.unjustified", FAIL, {"evaluation": RE_EVALUATED}),
    ("re-evaluation.unjustified", FAIL, {f"{FIRST}.code": " 97164 ", "documentation.re_evaluation_reason": " "}),
    ("re-evaluation.unjustified", FAIL, {f"{FIRST}.code": "97168"}),
    ("re-evaluation.unjustified", UNKNOWN, {f"{FIRST}.code": "97164", "documentation": None}),
    ("intervention.description-missing", FAIL, {f"{FIRST}.description": "97110 x2, 33 min", NOTE: None}),
    ("service-date.contradicted", PASS, {}),
    (
        "service-date.contradicted",
        PASS,
        {"ended_at": "2026-11-19T00:20:00-05:00", "started_at": "2026-11-18T23:30:00-05:00"},
    ),
    ("service-date.contradicted", FAIL, {"service_date": "2026-11-17"}),
    ("service-date.contradicted", FAIL, {"started_at": "2026-11-16T14:00:00Z", "ended_at": None}),
    ("service-date.contradicted", UNKNOWN, {"started_at": "2026-11-19T01:00:00Z", "ended_at": "2026-11-19T01:45:00Z"}),
    ("certification.dates-impossible", PASS, {}),
    ("certification.dates-impossible", FAIL, {f"{CERTIFICATION}.certified_through": "2026-10-24"}),
    ("certification.dates-impossible", PASS, {f"{CERTIFICATION}.certified_through": "2026-10-25"}),
    ("certification.dates-impossible", FAIL, {f"{CERTIFICATION}.certified_through": "2026-10-19"}),
    ("certification.dates-impossible", UNKNOWN, {f"{PLAN}.established_on": None}),
    ("certification.dates-impossible", UNKNOWN, {"documentation": None}),
    ("evaluation.missing", PASS, {}),
    ("evaluation.missing", PASS, {"case.treatment_day": 1, "evaluation": {"kind": "evaluation"}}),
    ("evaluation.missing", PASS, {"case.treatment_day": 1, f"{FIRST}.code": "97161"}),
    ("evaluation.missing", FAIL, {"case.treatment_day": 1}),
    ("evaluation.missing", UNKNOWN, {f"{PLAN}.established_on": None}),
    ("skilled-need.not-shown", PASS, {}),
    ("skilled-need.not-shown", PASS, {NOTE: None, f"{FIRST}.narrative": "tolerated well, verbal cues for form"}),
    ("skilled-need.not-shown", PASS, {NOTE: {"text": "Progressed to the blue band."}}),
    ("skilled-need.not-shown", PASS, {NOTE: {"text": "Gait with RW, min A, 150 ft."}}),
    ("skilled-need.not-shown", FAIL, {NOTE: {"text": "SLR 3x10, bridges 3x10, bike 10 min to improve strength."}}),
    ("skilled-need.not-shown", UNKNOWN, {NOTE: None}),
    ("skilled-need.not-shown", UNKNOWN, {"documentation": None}),
    ("modality.unsupported", PASS, {FIRST: HOT_PACK}),
    ("modality.unsupported", PASS, {FIRST: HOT_PACK | {"code": " g0283 ", "narrative": "IFC to reduce swelling"}}),
    ("modality.unsupported", FAIL, {FIRST: HOT_PACK | {"narrative": "15 min supine"}}),
    ("modality.unsupported", FAIL, {FIRST: HOT_PACK | {"code": None, "contact": "supervised", "narrative": None}}),
    ("modality.unsupported", UNKNOWN, {FIRST: HOT_PACK | {"body_region": " "}}),
    ("group.fewer-than-two", PASS, {FIRST: GROUP | {"group_size": 2}}),
    ("group.fewer-than-two", FAIL, {FIRST: GROUP | {"group_size": 1}}),
    ("group.fewer-than-two", FAIL, {FIRST: GROUP | {"code": None, "group_size": 0}}),
    ("group.fewer-than-two", UNKNOWN, {FIRST: GROUP | {"group_size": None}}),
    ("supervision.insufficient", PASS, {"assistant": PTA, SUPERVISION: "general"}),
    ("supervision.insufficient", PASS, {"assistant": PTA, "rendering_provider": {"credential": "DPT"}}),
    ("supervision.insufficient", PASS, PRIVATE_2024 | {SUPERVISION: "direct"}),
    ("supervision.insufficient", PASS, PRIVATE_2024 | {SUPERVISION: "general", "facility": "outpatient_hospital"}),
    ("supervision.insufficient", FAIL, PRIVATE_2024 | {SUPERVISION: "general"}),
    ("supervision.insufficient", FAIL, {f"{FIRST}.assistant_minutes": 20, SUPERVISION: "none"}),
    ("supervision.insufficient", UNKNOWN, PRIVATE_2024),
    ("supervision.insufficient", UNKNOWN, PRIVATE_2024 | {SUPERVISION: "general", "facility": None}),
    ("supervision.insufficient", UNKNOWN, {f"{SIGNATURE}.credential": "PTA"}),
    ("caregiver-training.consent-missing", PASS, {FIRST: CAREGIVER, CONSENT: True}),
    ("caregiver-training.consent-missing", FAIL, {FIRST: CAREGIVER, CONSENT: False}),
    ("caregiver-training.consent-missing", UNKNOWN, {FIRST: CAREGIVER}),
    ("caregiver-training.consent-missing", UNKNOWN, {FIRST: CAREGIVER, "documentation": None}),
]

NOT_POSSIBLE = {
    ("diagnosis.missing", UNKNOWN): "an absent list of diagnoses reads as an empty one, and a claim needs one anyway",
}


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


@pytest.mark.parametrize(("name", "result", "changes"), CASES)
def test_a_requirement_is_answered_from_the_record(name: str, result: Result, changes: dict[str, Any]) -> None:
    assert result_of(name, changes) is result


def test_every_requirement_has_a_case_that_passes_fails_and_is_unknown() -> None:
    wanted = {(name, result) for name in requirements() - ASKED_OF_THE_CASE for result in Result}
    covered = {(name, result) for name, result, _ in CASES}
    assert wanted - covered == set(NOT_POSSIBLE)


def test_the_good_visit_passes_every_medicare_requirement() -> None:
    checked = check(visit_with({}))
    assert set(checked.passed) == requirements() - ASKED_OF_THE_CASE - ASKED_OF_SOME
    assert checked.completeness == Completeness(passed=len(checked.passed), failed=0, unknown=0, score=100)
    assert {finding.id for finding in checked.checks} == {"due.certification", "due.progress-report"}
    assert all((finding.result, finding.fix, finding.carc) == (PASS, None, None) for finding in checked.checks)


def test_the_score_counts_what_is_met_and_is_full_only_when_nothing_is_open() -> None:
    of = check(visit_with({SIGNATURE: None, "time.total_minutes": None})).completeness
    assert of is not None
    assert of.failed == 2
    assert of.score == 100 * of.passed // (of.passed + of.failed + of.unknown) < 100


def test_each_gap_says_whether_and_how_it_may_be_mended() -> None:
    gaps = check(visit_with({SIGNATURE: None, "time.total_minutes": None, "ended_at": None})).checks
    mending = {gap.id: gap.mending for gap in gaps if not gap.is_due}
    assert mending["signature.missing"] == "document"
    assert mending["time.total-minutes-missing"] == "addendum"
    assert None not in mending.values()
    assert all(gap.mending is None for gap in gaps if gap.is_due)


def test_a_gap_of_several_interventions_names_each_of_them() -> None:
    packs = [HOT_PACK | {"id": name, "narrative": None} for name in ("a", "b")]
    found = finding("modality.unsupported", {"interventions": [*packs, HOT_PACK | {"id": "c"}]})
    assert (found.intervention_id, found.intervention_ids) == (None, ("a", "b"))


@pytest.mark.parametrize(("service", "result"), [("2024-12-31", FAIL), ("2025-01-01", PASS)])
def test_private_practice_asked_for_direct_supervision_until_the_end_of_2024(service: str, result: Result) -> None:
    changes = PRIVATE_2024 | {SUPERVISION: "general", "service_date": service}
    assert result_of("supervision.insufficient", changes) is result


@pytest.mark.parametrize(("service", "required"), [("2023-12-31", False), ("2024-01-01", True)])
def test_consent_to_caregiver_training_is_asked_for_since_there_is_such_training(service: str, required: bool) -> None:
    changes = {FIRST: CAREGIVER, "service_date": service}
    assert ("caregiver-training.consent-missing" in names(changes)) is required


def test_what_an_assistant_did_unsupervised_is_named_and_nothing_else() -> None:
    found = finding("supervision.insufficient", {"interventions.1.assistant_minutes": 7, SUPERVISION: "none"})
    assert found.intervention_id == "2"


def test_impossible_dates_name_the_fields_that_contradict_each_other() -> None:
    found = finding("certification.dates-impossible", {f"{CERTIFICATION}.certified_through": "2026-10-24"})
    assert found.message == f"The certification ends before certified_on ({CERTIFICATION}.certified_through)."
    assert (found.inputs["certified_on"], found.inputs["certified_through"]) == ("2026-10-25", "2026-10-24")


def test_an_aim_and_a_dose_show_no_skilled_need() -> None:
    written_beforehand = "Quad sets 3x10, heel slides 2x15, bike 8 min, to increase strength and reduce pain."
    assert result_of("skilled-need.not-shown", {NOTE: {"text": written_beforehand}}) is FAIL


# What is due next ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "left"), [(0, 30), (29, 1), (30, 0)])
def test_an_uncertified_plan_says_how_many_days_are_left(days: int, left: int) -> None:
    found = finding("due.certification", {CERTIFICATION: None, "service_date": DAY_ONE + timedelta(days)})
    assert (found.result, found.severity, found.inputs["days_left"]) == (PASS, Severity.INFO, left)


@pytest.mark.parametrize(("days", "left"), [(29, 60), (89, 0)])
def test_a_certified_plan_says_how_many_days_it_still_covers(days: int, left: int) -> None:
    found = finding("due.certification", {"service_date": DAY_ONE + timedelta(days), f"{PLAN}.duration": "13 weeks"})
    assert (found.inputs["days_left"], found.inputs["through"]) == (left, "2027-01-17")


def test_nothing_is_due_next_of_what_has_failed_already() -> None:
    ended = {"service_date": DAY_ONE + timedelta(91)}
    assert result_of("certification.expired", ended) is FAIL
    assert "due.certification" not in names(ended)
    by_assistant = {f"{REPORT}.author_credential": "PTA", "case.treatment_day": 15}
    assert result_of("progress-report.author-not-entitled", by_assistant) is FAIL
    assert "due.progress-report" not in names(by_assistant)
    late = {"case.treatment_day": 11, REPORT: None}
    assert result_of("progress-report.overdue", late) is FAIL
    assert "due.progress-report" not in names(late)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"case.treatment_day": 1, REPORT: None}, 9),
        ({"case.treatment_day": 10, REPORT: None}, 0),
        ({"case.treatment_day": 25, f"{REPORT}.treatment_days_since": 3}, 7),
        ({"case.treatment_day": 25, f"{REPORT}.last_on": "2026-11-18"}, 10),
    ],
)
def test_treatment_days_are_counted_down_to_the_progress_report(changes: dict[str, Any], left: int) -> None:
    assert finding("due.progress-report", changes).inputs["treatment_days_left"] == left


def test_what_is_due_is_unknown_where_it_cannot_be_counted() -> None:
    found = finding("due.progress-report", {"case": None, f"{REPORT}.treatment_days_since": None})
    assert (found.result, found.severity) == (UNKNOWN, Severity.INFO)
    assert result_of("due.certification", {f"{PLAN}.established_on": None}) is UNKNOWN


def test_what_is_due_is_no_part_of_the_score() -> None:
    changes = {"case": None, f"{REPORT}.treatment_days_since": None}
    checked = check(visit_with(changes))
    of = checked.completeness
    assert of is not None
    gaps = [finding for finding in checked.checks if not finding.is_due]
    assert (of.passed, of.failed + of.unknown) == (len(checked.passed), len(gaps))


def test_a_visit_without_a_re_evaluation_is_not_asked_for_its_reason() -> None:
    assert "re-evaluation.unjustified" not in names({"evaluation": {"kind": "evaluation"}, f"{FIRST}.code": "97161"})


# The first 30 days -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "result"), [(29, PASS), (30, PASS), (31, FAIL)])
def test_an_uncertified_plan_fails_from_the_31st_day_after_the_first_treatment(days: int, result: Result) -> None:
    changes = {CERTIFICATION: None, "service_date": DAY_ONE + timedelta(days)}
    assert result_of("certification.missing-or-late", changes) is result


def test_what_came_too_late_names_the_day_that_it_was_due() -> None:
    assert (
        "by 2026-11-19"
        in finding("certification.missing-or-late", {CERTIFICATION: None, "service_date": "2026-12-01"}).message
    )


def test_a_delayed_certification_with_its_reason_is_accepted_and_shown_for_review() -> None:
    changes = LATE | {f"{CERTIFICATION}.delay_reason": "physician away"}
    assert result_of("certification.missing-or-late", changes) is PASS
    delayed = finding("certification.delayed", changes)
    assert (delayed.result, delayed.severity) == (FAIL, Severity.REVIEW)


def test_a_late_certification_without_a_reason_is_reported_once() -> None:
    assert result_of("certification.missing-or-late", LATE) is FAIL
    assert "certification.delayed" not in names(LATE)


def ordered(established: date, sent: date, service: date, **changes: Any) -> dict[str, Any]:
    return {
        f"{PLAN}.established_on": established,
        f"{PLAN}.duration": "90 days",
        CERTIFICATION: {"order_signed_on": str(established - timedelta(3)), "plan_sent_on": str(sent)},
        "service_date": service,
    } | changes


@pytest.mark.parametrize(
    ("service", "result"), [(date(2024, 12, 31), FAIL), (date(2025, 1, 1), PASS), (date(2025, 1, 20), PASS)]
)
def test_a_signed_order_stands_for_the_first_signature_from_2025(service: date, result: Result) -> None:
    established = date(2024, 11, 25)
    changes = ordered(established, established + timedelta(1), service)
    assert result_of("certification.missing-or-late", changes) is result


@pytest.mark.parametrize(("days", "result"), [(30, PASS), (31, FAIL)])
def test_the_plan_must_have_been_sent_within_30_days_for_an_order_to_count(days: int, result: Result) -> None:
    changes = ordered(DAY_ONE, DAY_ONE + timedelta(days), DAY_ONE + timedelta(40))
    assert result_of("certification.missing-or-late", changes) is result


@pytest.mark.parametrize("field", ["order_signed_on", "plan_sent_on"])
def test_an_order_alone_or_a_sent_plan_alone_is_not_enough(field: str) -> None:
    changes = ordered(DAY_ONE, DAY_ONE, DAY_ONE + timedelta(31)) | {f"{CERTIFICATION}.{field}": None}
    assert result_of("certification.missing-or-late", changes) is FAIL


def test_an_order_signed_after_the_plan_went_out_is_no_referral() -> None:
    changes = ordered(DAY_ONE, DAY_ONE + timedelta(2), DAY_ONE + timedelta(31))
    changes |= {f"{CERTIFICATION}.order_signed_on": DAY_ONE + timedelta(3)}
    assert result_of("certification.missing-or-late", changes) is FAIL


@pytest.mark.parametrize(("days", "result"), [(90, PASS), (91, FAIL)])
def test_an_order_never_stands_for_the_recertification(days: int, result: Result) -> None:
    changes = ordered(DAY_ONE, DAY_ONE, DAY_ONE + timedelta(days))
    assert result_of("certification.missing-or-late", changes) is PASS
    assert result_of("certification.expired", changes) is result


@pytest.mark.parametrize(("days", "result"), [(14, PASS), (15, UNKNOWN)])
def test_a_verbal_order_awaits_its_signature_for_14_days(days: int, result: Result) -> None:
    changes = {
        f"{CERTIFICATION}.method": "verbal_order",
        f"{CERTIFICATION}.certified_on": DAY_ONE,
        "service_date": DAY_ONE + timedelta(days),
    }
    assert result_of("certification.missing-or-late", changes) is result


# 90 days ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "result"), [(90, PASS), (91, FAIL)])
@pytest.mark.parametrize("through", [None, DAY_ONE + timedelta(200)])
def test_an_initial_certification_reaches_90_days_from_the_first_treatment(
    days: int, result: Result, through: date | None
) -> None:
    changes = {
        f"{PLAN}.duration": "12 visits",
        f"{CERTIFICATION}.certified_through": through and str(through),
        "service_date": DAY_ONE + timedelta(days),
    }
    assert result_of("certification.expired", changes) is result


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
    changes = {f"{PLAN}.duration": duration, f"{CERTIFICATION}.certified_through": None}
    last = result_of("certification.expired", changes | {"service_date": DAY_ONE + timedelta(days)})
    after = result_of("certification.expired", changes | {"service_date": DAY_ONE + timedelta(days + 1)})
    assert (last, after) == (PASS, FAIL)


def test_a_stated_end_beyond_the_plans_duration_asks_a_person() -> None:
    results = [
        result_of("certification.expired", {"service_date": day}) for day in ("2026-12-15", "2026-12-16", "2027-01-18")
    ]
    assert results == [PASS, UNKNOWN, FAIL]
    assert finding("certification.expired", {"service_date": "2026-12-16"}).severity is Severity.REVIEW


def recertified(service: date, through: date | None = DAY_ONE + timedelta(178)) -> dict[str, Any]:
    return {
        f"{CERTIFICATION}.certified_on": DAY_ONE + timedelta(85),
        f"{CERTIFICATION}.certified_through": through and str(through),
        "service_date": service,
        "case.treatment_day": 30,
    }


@pytest.mark.parametrize(
    ("days", "result"),
    [(86, PASS), (91, PASS), (175, PASS), (176, UNKNOWN), (178, UNKNOWN), (179, FAIL)],
)
def test_a_recertification_runs_90_days_from_its_signature_and_no_further_than_it_states(
    days: int, result: Result
) -> None:
    assert result_of("certification.expired", recertified(DAY_ONE + timedelta(days))) is result


def test_a_recertification_that_states_a_year_ends_when_no_interval_can_reach_further() -> None:
    year = DAY_ONE + timedelta(365)
    assert result_of("certification.expired", recertified(DAY_ONE + timedelta(85 + 180), year)) is UNKNOWN
    assert result_of("certification.expired", recertified(DAY_ONE + timedelta(85 + 181), year)) is FAIL


def test_a_visit_between_the_first_interval_and_a_late_recertification_asks_a_person() -> None:
    changes = recertified(DAY_ONE + timedelta(95)) | {f"{CERTIFICATION}.certified_on": DAY_ONE + timedelta(100)}
    assert result_of("certification.expired", changes) is UNKNOWN


def test_a_later_certification_without_an_end_may_be_a_recertification() -> None:
    results = [
        result_of("certification.expired", recertified(DAY_ONE + timedelta(days), None)) for days in (90, 91, 175, 176)
    ]
    assert results == [PASS, UNKNOWN, UNKNOWN, FAIL]


def test_a_visit_of_the_recertified_interval_does_not_ask_for_the_initial_certification() -> None:
    assert result_of("certification.missing-or-late", recertified(DAY_ONE + timedelta(91))) is PASS
    assert result_of("certification.missing-or-late", recertified(DAY_ONE + timedelta(90))) is UNKNOWN


# 10 treatment days -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "result"), [(10, PASS), (11, FAIL)])
@pytest.mark.parametrize("has_evaluation_report", [True, False])
def test_the_first_report_is_due_by_treatment_day_10_and_the_evaluation_is_day_1(
    day: int, result: Result, has_evaluation_report: bool
) -> None:
    report = {"last_on": "2026-10-20", "author_credential": "PT", "treatment_days_since": day - 1}
    changes = {"case.treatment_day": day, REPORT: report if has_evaluation_report else None}
    assert result_of("progress-report.overdue", changes) is result


@pytest.mark.parametrize(("since", "result"), [(10, PASS), (11, FAIL)])
@pytest.mark.parametrize("day", [25, None])
def test_later_reports_are_due_every_10_treatment_days(since: int, result: Result, day: int | None) -> None:
    changes = {
        "case.treatment_day": day,
        f"{REPORT}.last_on": "2026-11-01",
        f"{REPORT}.treatment_days_since": since,
    }
    assert result_of("progress-report.overdue", changes) is result


def test_a_plan_renewed_with_its_report_begins_no_new_first_period() -> None:
    changes = {"case.treatment_day": 30, f"{REPORT}.treatment_days_since": 10}
    assert result_of("progress-report.overdue", changes) is PASS


def test_the_tenth_day_since_what_may_be_the_evaluation_is_unknown_without_the_treatment_day() -> None:
    assert result_of("progress-report.overdue", {"case": None, f"{REPORT}.treatment_days_since": 10}) is UNKNOWN
    assert result_of("progress-report.overdue", {"case": None, f"{REPORT}.treatment_days_since": 9}) is PASS


def test_no_report_is_overdue_because_30_calendar_days_passed() -> None:
    changes = {f"{REPORT}.treatment_days_since": 3, "case.treatment_day": 4, "service_date": "2026-12-15"}
    assert result_of("progress-report.overdue", changes) is PASS


def test_a_report_written_today_is_current_whatever_the_count() -> None:
    changes = {"case.treatment_day": 30, f"{REPORT}.last_on": "2026-11-18", f"{REPORT}.treatment_days_since": None}
    assert result_of("progress-report.overdue", changes) is PASS


def test_an_overdue_report_names_the_denial_of_the_contract() -> None:
    found = finding("progress-report.overdue", {"case.treatment_day": 11, REPORT: None})
    assert (found.severity, found.carc, found.rarc, found.fixable_by) == (Severity.BLOCK, "16", "N466", "therapist")


def test_remark_codes_of_physical_therapy_are_not_put_on_other_therapies() -> None:
    changes = {"case.treatment_day": 11, REPORT: None, "discipline": "OT", f"{SIGNATURE}.credential": "OTR/L"}
    assert finding("progress-report.overdue", changes).rarc == "N394"


# Severity, words, programs ---------------------------------------------------------------------------------------


def test_an_unknown_answer_to_a_blocking_requirement_asks_for_review_and_names_the_field() -> None:
    found = finding("certification.expired", {f"{PLAN}.established_on": None})
    assert (found.result, found.severity) == (UNKNOWN, Severity.REVIEW)
    assert found.inputs["needs"] == [f"{PLAN}.established_on"]
    assert found.fix is not None
    assert f"{PLAN}.established_on" in found.fix


def test_an_unknown_answer_never_raises_a_lesser_severity() -> None:
    found = finding("medical-necessity.not-attested", {"documentation.medical_necessity_attested": None})
    assert found.severity is Severity.INFO


def test_a_plan_that_lacks_elements_names_each_of_them() -> None:
    found = finding("plan-of-care.incomplete", {f"{PLAN}.amount": None, f"{PLAN}.duration": ""})
    assert found.inputs == {"missing_elements": ["amount", "duration"]}
    assert "amount, duration" in found.message


def test_a_single_undescribed_intervention_is_named_and_several_are_listed() -> None:
    none_described = {f"{FIRST}.description": None, "documentation.note": None}
    assert finding("intervention.description-missing", none_described).intervention_id == "1"
    both = finding("intervention.description-missing", none_described | {"interventions.1.description": None})
    assert (both.intervention_id, both.inputs) == (None, {"not_described": ["1", "2"]})


def test_a_missing_document_is_one_finding_and_not_a_dozen() -> None:
    assert {name for name in names({SIGNATURE: None}) if name.startswith("signature.")} == {"signature.missing"}
    without_plan = names({PLAN: None})
    assert {name for name in without_plan if name.startswith(("plan-of-care", "certification"))} == {
        "plan-of-care.missing"
    }


@pytest.mark.parametrize("program", [program for program in Program if not program.startswith("medicare")])
def test_other_programs_are_not_held_to_medicares_certification_and_progress_report(program: Program) -> None:
    required = names({"coverage.0.program": program.value})
    assert not any(name.startswith(("certification.", "progress-report.")) for name in required)
    assert {"signature.missing", "plan-of-care.missing", "diagnosis.missing"} <= required


@pytest.mark.parametrize("program", [Program.MEDICARE_PART_B, Program.MEDICARE_ADVANTAGE])
def test_missing_minutes_block_medicare_and_ask_a_person_elsewhere(program: Program) -> None:
    missing = {"time.total_minutes": None}
    name = "time.total-minutes-missing"
    assert finding(name, missing | {"coverage.0.program": program.value}).severity is Severity.BLOCK
    assert finding(name, missing | {"coverage.0.program": "commercial"}).severity is Severity.REVIEW


def test_the_coverage_that_pays_first_chooses_the_requirements() -> None:
    coverage = [{"rank": 2, "program": "medicare_part_b"}, {"rank": 1, "program": "commercial"}]
    assert "certification.expired" not in names({"coverage": coverage})


def test_the_answer_carries_the_visit_its_basis_and_the_tables_used() -> None:
    answer = check(visit_with({"revision": 3}))
    assert (answer.practice_id, answer.visit_id, answer.revision) == ("northside-pt", "v1", 3)
    assert (answer.basis, answer.rule_set) == (BASIS, RULES.rule_set.reference)
    assert DocumentationChecked.model_validate_json(answer.to_json()) == answer


def test_no_words_of_the_note_and_no_name_reach_a_finding() -> None:
    words = ("Zebrafied", "Alexandrina", "Testerova", "Therapist", "p-1", "stairs", "M25")
    for _, _, changes in CASES:
        answer = check(visit_with(changes))
        texts = json.dumps([[finding.message, finding.inputs] for finding in answer.checks])
        assert not [word for word in words if word in texts]


def test_a_row_has_a_text_for_every_answer_of_its_predicate_and_no_other() -> None:
    rows = RULES.requirements.rows
    assert {row.predicate for row in rows} == PREDICATES.keys()
    for row in rows:
        assert row.variants.keys() == PREDICATES[row.predicate].variants, row.id


def test_a_fix_never_asks_for_minutes_that_were_not_recorded() -> None:
    for row in RULES.requirements.rows:
        if row.id.endswith("minutes-missing"):
            assert "not estimated afterwards" in row.fix


def test_every_program_and_discipline_has_its_requirements_in_the_order_of_the_table() -> None:
    rules = RULES.on(date(2026, 11, 18))
    assert set(rules.required) == {(program, discipline) for program in Program for discipline in DISCIPLINES}
    order = [row.id for row in RULES.requirements.rows]
    for required in rules.required.values():
        assert required
        assert list(required) == sorted(required, key=order.index)


def test_the_90_days_are_asked_for_from_2008_when_they_began() -> None:
    old = {"service_date": "2007-12-31", f"{PLAN}.established_on": "2007-12-01"}
    assert "certification.expired" not in names(old)
    assert "certification.expired" in names(old | {"service_date": "2008-01-01"})
