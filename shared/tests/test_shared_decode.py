"""From a stored message to an event, or to a poison that names what is wrong and repeats nothing."""

import hashlib
import json
from typing import Any

import pytest
from claimbus.events import Basis, DeadLetter, InvalidEvent, Problem, VisitCompleted, VisitVoided, basis_for
from claimbus.events.envelope import Envelope, to_headers
from claimbus.events.subjects import EVENTS, subject_for
from claimbus.messaging import StaleRead, decode
from claimbus.messaging.errors import problems_of
from claimbus.testing.visits import visit_data
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

CANARY = "Zebulon-Quartz-4711"
SUBJECT = "visits.p.v.completed"
VISIT = visit_data(practice_id="p", visit_id="v", revision=2)
BODY = json.dumps(VISIT).encode()
HEADERS = to_headers(Envelope(id="e-7", source="/ehr", type=VisitCompleted.type))


def problems(subject: str, headers: dict[str, str] | None, body: bytes) -> dict[str, str]:
    with pytest.raises(InvalidEvent) as refused:
        decode(subject, headers, body)
    assert problems_of(refused.value) == refused.value.problems
    assert all(problem.field in str(refused.value) for problem in refused.value.problems)
    assert CANARY not in str(refused.value)
    return {problem.field: problem.problem for problem in refused.value.problems}


def test_a_message_in_binary_mode_is_a_fact() -> None:
    fact = decode(SUBJECT, HEADERS, BODY)
    assert fact.event == VisitCompleted.model_validate(VISIT)
    assert (fact.id, fact.headers, fact.body) == ("e-7", HEADERS, BODY)


def test_a_message_in_structured_mode_is_the_same_fact() -> None:
    attributes = {"specversion": "1.0", "id": "e-7", "source": "/ehr", "type": VisitCompleted.type}
    body = json.dumps(attributes | {"data": VISIT}).encode()
    fact = decode(SUBJECT, {"content-type": "application/cloudevents+json"}, body)
    binary = decode(SUBJECT, HEADERS, BODY)
    assert (fact.event, fact.id) == (binary.event, binary.id)


def test_a_message_without_an_envelope_gets_its_id_from_its_body() -> None:
    fact = decode(SUBJECT, None, BODY)
    assert fact.id == decode(SUBJECT, {}, BODY).id == basis_for(VisitCompleted, "p", "v", BODY).event_id
    assert fact.id != decode(SUBJECT, None, BODY + b" ").id


def test_the_basis_is_the_id_and_the_digest_of_the_body() -> None:
    assert decode(SUBJECT, HEADERS, BODY).basis == Basis(event_id="e-7", sha256=hashlib.sha256(BODY).hexdigest())
    plain = decode(SUBJECT, None, BODY)
    assert plain.basis == basis_for(VisitCompleted, "p", "v", BODY)


def test_a_basis_depends_on_kind_visit_and_body() -> None:
    ids = {
        basis_for(kind, practice, visit, body).event_id
        for kind in (VisitCompleted, VisitVoided)
        for practice, visit in (("p", "v"), ("p", "w"), ("q", "v"))
        for body in (b"1", b"2")
    }
    assert len(ids) == 12


@pytest.mark.parametrize(
    "subject", ["", "visits.p.v", "visits.p.v.ready", "orders.p.v.completed", "dead.claims.invalid"]
)
def test_an_unknown_subject_is_an_invalid_event(subject: str) -> None:
    assert problems(subject, HEADERS, BODY) == {"subject": "no event of the contract has this subject"}


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_an_invalid_event(body: bytes) -> None:
    assert problems(SUBJECT, HEADERS, body) == {"body": "empty; the event's data is a JSON object"}


@pytest.mark.parametrize(
    "body", [b"{", CANARY.encode(), b'{"practice_id": "p" "' + CANARY.encode() + b'"}', BODY + b"x", b"\xff\xfe"]
)
def test_what_is_not_json_is_an_invalid_event_with_the_place_of_the_fault(body: bytes) -> None:
    found = problems(SUBJECT, HEADERS, body)
    assert list(found) == ["body"]
    assert found["body"].startswith("not JSON: ")
    assert "line 1 column" in found["body"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"7"])
def test_json_that_is_no_object_is_an_invalid_event(body: bytes) -> None:
    assert list(problems(SUBJECT, HEADERS, body)) == ["body"]


def test_another_type_than_the_subject_carries_is_an_invalid_event() -> None:
    headers = HEADERS | {"ce-type": VisitVoided.type}
    assert problems(SUBJECT, headers, BODY) == {"ce-type": f"this subject carries {VisitCompleted.type}"}


def test_a_broken_envelope_is_an_invalid_event_by_attribute() -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "ce-id"}
    assert list(problems(SUBJECT, headers, BODY)) == ["ce-id"]
    assert problems(SUBJECT, HEADERS | {"ce-specversion": "0.3"}, BODY) == {"ce-specversion": "only 1.0 is understood"}


@pytest.mark.parametrize(
    ("data", "fields"),
    [({"practice_id": CANARY}, ["practice_id"]), ({"visit_id": CANARY}, ["visit_id"]),
     ({"practice_id": CANARY, "visit_id": CANARY}, ["practice_id", "visit_id"])],
)  # fmt: skip
def test_a_visit_of_another_practice_than_the_subject_names_is_invalid(data: dict[str, str], fields: list[str]) -> None:
    body = json.dumps(VISIT | data).encode()
    assert problems(SUBJECT, HEADERS, body) == dict.fromkeys(fields, "differs from the subject's token")


def test_each_wrong_field_is_named_with_its_path() -> None:
    data = VISIT | {"service_date": CANARY, "interventions": [{"id": "1", "minutes": -4711, "contact": CANARY}]}
    found = problems(SUBJECT, HEADERS, json.dumps(data).encode())
    assert list(found) == ["service_date", "interventions.0.minutes", "interventions.0.contact"]
    assert found["interventions.0.minutes"] == "Input should be greater than or equal to 0"


def test_a_rule_over_several_fields_names_one_of_them() -> None:
    twice = VISIT | {"interventions": [{"id": CANARY}, {"id": CANARY}]}
    assert problems(SUBJECT, HEADERS, json.dumps(twice).encode()) == {
        "interventions": "each id may stand once in a visit"
    }


def test_no_more_than_20_problems_are_named() -> None:
    data = VISIT | {"interventions": [{"id": str(place), "minutes": -1} for place in range(30)]}
    assert len(problems(SUBJECT, HEADERS, json.dumps(data).encode())) == 20


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_subject_of_the_contract_wants_data_of_its_own(event: Any) -> None:
    found = problems(subject_for(event, "p", "v"), None, b"{}")
    assert {"practice_id", "visit_id", "revision"} <= set(found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(VISIT)) | st.text(), inner),
    max_leaves=10,
)


@given(
    body=st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()),
    headers=st.none() | st.dictionaries(st.sampled_from([*HEADERS, "CE-ID", "traceparent"]), st.text(max_size=8)),
    subject=st.sampled_from([SUBJECT, "visits.p.v.coded", "claims.p.v.ready"]) | st.text(max_size=20),
)
def test_any_message_is_a_fact_or_poison(body: bytes, headers: dict[str, str] | None, subject: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(subject, headers, body)
    assert refused.value.problems


def test_problems_of_an_error_are_named_without_its_text() -> None:
    with pytest.raises(ValidationError) as refused:
        DeadLetter.model_validate({"stream": [CANARY], "seq": CANARY})
    found = problems_of(refused.value)
    assert found[0] == Problem(field="stream", problem="Input should be a valid string")
    assert {problem.field for problem in found} >= {"stream", "seq", "at"}
    assert CANARY not in repr(found)
    assert problems_of(ValueError(CANARY)) == ()
    assert problems_of(StaleRead(CANARY)) == ()


def test_problems_of_an_invalid_event_are_at_most_20() -> None:
    assert len(problems_of(InvalidEvent(*[Problem(field="f", problem="p")] * 30))) == 20
