"""Whatever validates as a visit is answered: nothing raises, and an impossible date never does."""

from datetime import UTC, date, datetime
from typing import Any

from claimbus.events import VisitCompleted
from claimbus.values import Program, Result, Severity
from documentation_check.domain.case_history import CaseHistory
from good_visit import RULES, check, checked_ids
from hypothesis import given, settings
from hypothesis import strategies as st

EDGE_DAYS = [date.min, date(2024, 12, 31), date(2025, 1, 1), date(2026, 11, 18), date(9999, 12, 1), date.max]
days = st.sampled_from(EDGE_DAYS) | st.dates()
instants = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
words = st.sampled_from(["", " ", "PT", "PTA", "P.T.", "8 weeks", "9999 months", "chiropractor", "verbal"]) | st.text(
    max_size=12
)
counts = st.integers(0, 40)
minutes = st.integers(0, 1440)


def record(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})


signatures = record(signed_at=instants, name=words, credential=words)
certifications = record(
    method=words,
    certified_on=days,
    certified_through=days,
    certifier_kind=words,
    order_signed_on=days,
    plan_sent_on=days,
    delay_reason=words,
)
plans = record(
    established_on=days,
    diagnoses=st.lists(words, max_size=2),
    long_term_goals=st.lists(words, max_size=2),
    type=words,
    amount=words,
    frequency=words,
    duration=words,
    certification=certifications,
)
documentation = record(
    note=record(text=words),
    signature=signatures,
    cosignature=signatures,
    cosign_required=st.booleans(),
    plan_of_care=plans,
    progress_report=record(last_on=days, author_credential=words, treatment_days_since=counts),
    medical_necessity_attested=st.booleans(),
    re_evaluation_reason=words,
    assistant_supervision=st.sampled_from(["direct", "general", "none"]),
    caregiver_training_consent=st.booleans(),
)
contacts = st.sampled_from(["one_on_one", "group", "supervised", "unattended"])
codes = st.sampled_from(["97110", " g0283 ", "97012", "97150", "97161", "97164", "97550"]) | words
interventions = record(
    description=words,
    narrative=words,
    minutes=minutes,
    assistant_minutes=minutes,
    contact=contacts,
    code=codes,
    body_region=words,
    group_size=counts,
)


@st.composite
def visits(draw: st.DrawFn) -> VisitCompleted:
    optional = draw(
        record(
            started_at=instants,
            ended_at=instants,
            discipline=st.sampled_from(["PT", "OT", "SLP"]),
            facility=st.sampled_from(["practitioner", "outpatient_hospital"]),
            assistant=record(credential=words),
            rendering_provider=record(credential=words),
            case=record(case_id=st.sampled_from("ab"), treatment_day=st.integers(1, 40)),
            diagnoses=st.lists(st.fixed_dictionaries({"code": words}), max_size=2),
            time=record(timed_minutes=minutes, total_minutes=minutes),
            evaluation=record(kind=st.sampled_from(["evaluation", "re_evaluation"])),
            documentation=documentation,
        )
    )
    rows = draw(st.lists(interventions, min_size=1, max_size=3))
    return VisitCompleted.model_validate(
        optional
        | {
            "practice_id": "p",
            "visit_id": draw(st.sampled_from("vw")),
            "revision": 1,
            "service_date": draw(days),
            "patient": {"patient_id": "x"},
            "coverage": [{"program": draw(st.sampled_from(list(Program)))}],
            "interventions": [row | {"id": str(place)} for place, row in enumerate(rows)],
        }
    )


@settings(max_examples=600, deadline=None)
@given(visits(), st.lists(visits(), max_size=3))
def test_any_visit_is_answered(visit: VisitCompleted, other_visits: list[VisitCompleted]) -> None:
    history = CaseHistory(lambda day: RULES.on(day).terms)
    for other_visit in other_visits:
        history.apply(other_visit)
    seen = history.before(visit)
    checked = check(visit, seen)
    assert checked_ids(checked)
    assert checked == check(visit, seen)
    for finding in checked.checks:
        assert finding.message
        assert "{" not in finding.message + (finding.fix or ""), "a value that the text names is missing"
        assert (finding.fix is None) is (finding.result is Result.PASS)
        assert finding.is_due or finding.result is not Result.PASS
        assert not (finding.result is Result.UNKNOWN and finding.severity is Severity.BLOCK)
    checked.to_json()


def test_a_visit_with_nothing_but_what_is_required_passes_no_check_of_its_record() -> None:
    bare = VisitCompleted.model_validate(
        {
            "practice_id": "p",
            "visit_id": "v",
            "revision": 1,
            "service_date": "2026-11-18",
            "patient": {"patient_id": "x"},
            "coverage": [{"program": "medicare_part_b"}],
            "interventions": [{"id": "1"}],
        }
    )
    checked = check(bare)
    failed = {finding.id for finding in checked.checks if finding.result is Result.FAIL}
    assert failed == {"diagnosis.missing", "intervention.description-missing"}
    assert {finding.result for finding in checked.checks if finding.id not in failed} == {Result.UNKNOWN}
    assert not checked.passed
