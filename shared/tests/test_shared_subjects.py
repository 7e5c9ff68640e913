"""Subjects: spelled in one place, taken apart in the same place."""

import pytest
from claimbus.events import ClaimReady, Event, VisitCompleted
from claimbus.events.subjects import (
    ALL_CLAIMS,
    ALL_OUTCOMES,
    ALL_VISITS,
    EVENTS,
    Address,
    all_claims_of,
    all_outcomes_of,
    dead,
    event_at,
    every,
    parse,
    subject_for,
    template,
    template_of,
)

of_every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)


def matches(filter_: str, subject: str) -> bool:
    """Whether NATS would deliver `subject` under a filter of `*` wildcards."""
    wanted, tokens = filter_.split("."), subject.split(".")
    return len(wanted) == len(tokens) and all(want in ("*", token) for want, token in zip(wanted, tokens, strict=True))


@of_every_event
def test_a_subject_says_whose_visit_and_which_fact(event: type[Event]) -> None:
    subject = subject_for(event, "northside-pt", "0c9a")
    address = parse(subject)
    assert address == Address(event.family, "northside-pt", "0c9a", event.fact)
    assert event_at(address) is event


@of_every_event
def test_a_filter_for_one_kind_of_event_takes_no_other(event: type[Event]) -> None:
    taken = [kind for kind in EVENTS if matches(every(event), subject_for(kind, "p", "v"))]
    assert taken == [event]


@of_every_event
def test_every_event_lies_in_one_family(event: type[Event]) -> None:
    subject = subject_for(event, "p", "v")
    assert matches(ALL_VISITS, subject) is (event.family == "visits")
    assert matches(ALL_CLAIMS, subject) is (event.family == "claims")
    assert matches(ALL_OUTCOMES, subject) is (event.family == "outcomes")
    assert matches(all_claims_of("p", "v"), subject) is (event.family == "claims")
    assert matches(all_outcomes_of("p", "v"), subject) is (event.family == "outcomes")
    assert not matches(all_claims_of("p", "other"), subject)


@of_every_event
def test_a_template_names_no_visit(event: type[Event]) -> None:
    shown = template(subject_for(event, "SECRETPRACTICE", "SECRETVISIT"))
    assert shown == template_of(event) == f"{event.family}.{{practice}}.{{visit}}.{event.fact}"


def test_a_template_of_anything_else_keeps_its_first_word_only() -> None:
    assert template(dead("claims", "invalid")) == "dead.>"
    assert template("_INBOX.secret.1") == "_INBOX.>"
    assert template("visits.SECRET") == "visits.>"


def test_the_subjects_of_the_contract() -> None:
    assert subject_for(VisitCompleted, "p", "v") == "visits.p.v.completed"
    assert subject_for(ClaimReady, "p", "v") == "claims.p.v.ready"
    assert [event.type for event in EVENTS] == [
        "org.claimbus.visit.completed.v1",
        "org.claimbus.visit.voided.v1",
        "org.claimbus.visit.coded.v1",
        "org.claimbus.visit.units-computed.v1",
        "org.claimbus.visit.documentation-checked.v1",
        "org.claimbus.claim.ready.v1",
        "org.claimbus.claim.denial-risk.v1",
        "org.claimbus.visit.held.v1",
        "org.claimbus.visit.superseded.v1",
        "org.claimbus.claim.voided.v1",
        "org.claimbus.claim.submitted.v1",
        "org.claimbus.claim.adjudicated.v1",
    ]


def test_no_two_events_share_a_subject() -> None:
    assert len({subject_for(event, "p", "v") for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("subject", ["", "visits", "visits.p.v", "visits.p.v.completed.more", "dead.claims.invalid"])
def test_what_is_no_subject_of_a_visit_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="not a subject"):
        parse(subject)


@pytest.mark.parametrize("subject", ["orders.p.v.completed", "dead.a.b.c"])
def test_a_subject_of_another_family_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="not a subject"):
        parse(subject)


@pytest.mark.parametrize("subject", ["visits.p.v.ready", "claims.p.v.completed", "visits.p.v."])
def test_an_address_of_no_known_event_is_refused(subject: str) -> None:
    with pytest.raises(KeyError):
        event_at(parse(subject))
