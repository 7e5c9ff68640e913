"""Streams and consumers as declared, and how a drift from them is told."""

from dataclasses import replace
from typing import Any

import pytest
from claimbus.events import (
    ClaimAdjudicated,
    ClaimSubmitted,
    DocumentationChecked,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitVoided,
)
from claimbus.events.subjects import EVENTS, every, subject_for
from claimbus.messaging import topology
from claimbus.messaging.topology import consumer_names, consumers, drift, streams
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig


def by_name() -> dict[str | None, StreamConfig]:
    return {stream.name: stream for stream in streams()}


def covers(filter_: str, subject: str) -> bool:
    wanted, tokens = filter_.split("."), subject.split(".")
    return len(wanted) == len(tokens) and all(want in ("*", token) for want, token in zip(wanted, tokens, strict=True))


def test_the_streams_are_declared() -> None:
    assert list(by_name()) == ["VISITS", "CLAIMS", "OUTCOMES", "DEAD", "RULES"]


@pytest.mark.parametrize("stream", streams(), ids=lambda stream: stream.name)
def test_a_full_stream_refuses_and_never_forgets(stream: StreamConfig) -> None:
    assert stream.retention is RetentionPolicy.LIMITS
    assert stream.discard is DiscardPolicy.NEW
    assert stream.storage is StorageType.FILE
    assert stream.allow_direct
    assert stream.max_bytes
    assert stream.max_age or stream.name == "RULES", "the tables are named for as long as a decision is kept"
    assert stream.max_msg_size


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_is_kept_by_exactly_one_stream(event: Any) -> None:
    subject = subject_for(event, "p", "v")
    keepers = [s.name for s in streams() if any(covers(pattern, subject) for pattern in s.subjects or ())]
    assert keepers == [event.family.upper()]


@pytest.mark.parametrize("name", ["VISITS", "CLAIMS", "OUTCOMES"])
def test_a_calendar_year_and_its_late_visits_can_be_rebuilt(name: str) -> None:
    assert (by_name()[name].max_age or 0) >= (366 + 30) * topology.DAY


def test_dead_letters_and_given_up_messages_are_kept_apart() -> None:
    dead = by_name()["DEAD"].subjects or []
    assert any(covers(pattern, "dead.units.invalid") for pattern in dead)
    for received in ("VISITS.units", "OUTCOMES.claims"):
        assert any(covers(pattern, f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{received}") for pattern in dead)


def test_replicas_are_the_operators_choice() -> None:
    assert {stream.num_replicas for stream in streams()} == {1}
    assert {stream.num_replicas for stream in streams(3)} == {3}


def test_each_service_subscribes_to_what_it_needs() -> None:
    assert {name: set(consumer.filter_subjects or ()) for name, consumer in consumers().items()} == {
        "coding": {every(VisitCompleted)},
        "documentation-check": {every(VisitCompleted)},
        "units": {every(VisitCoded)},
        "claims": {every(event) for event in (VisitCompleted, VisitVoided, UnitsComputed, DocumentationChecked)},
    }
    assert {name: set(consumer.filter_subjects or ()) for name, consumer in consumers("OUTCOMES").items()} == {
        "claims": {every(ClaimSubmitted), every(ClaimAdjudicated)},
    }


@pytest.mark.parametrize(("stream", "name"), consumer_names())
def test_a_consumer_is_durable_and_acknowledges_by_hand(stream: str, name: str) -> None:
    consumer = consumers(stream)[name]
    assert consumer.durable_name == name
    assert consumer.ack_policy is AckPolicy.EXPLICIT
    assert (consumer.max_ack_pending or 0) >= topology.BATCH


def test_our_own_attempts_end_before_the_broker_gives_up() -> None:
    assert topology.ATTEMPTS < topology.MAX_DELIVER
    assert len(topology.RETRY_DELAYS) == topology.ATTEMPTS - 1
    assert list(topology.RETRY_DELAYS) == sorted(topology.RETRY_DELAYS)


def test_no_retry_can_publish_a_fact_twice() -> None:
    longest = 1.2 * sum(topology.RETRY_DELAYS) + topology.ATTEMPTS * topology.ACK_WAIT
    assert longest < topology.DUPLICATE_WINDOW
    assert {stream.duplicate_window for stream in streams()} == {topology.DUPLICATE_WINDOW}


@pytest.mark.parametrize("want", [*streams(), *consumers().values()], ids=lambda config: type(config).__name__)
def test_what_is_as_declared_has_not_drifted(want: StreamConfig | ConsumerConfig) -> None:
    assert drift(want, want) == {}


def test_a_drift_names_the_field_with_what_is_and_what_should_be() -> None:
    want = consumers()["claims"]
    assert drift(replace(want, ack_wait=1.0), want) == {"ack_wait": (1.0, topology.ACK_WAIT)}
    stream = by_name()["VISITS"]
    have = replace(stream, discard=DiscardPolicy.OLD, max_bytes=-1)
    assert drift(have, stream) == {
        "discard": (DiscardPolicy.OLD, DiscardPolicy.NEW),
        "max_bytes": (-1, stream.max_bytes),
    }


def test_what_is_not_declared_may_be_anything() -> None:
    want = consumers()["units"]
    assert drift(replace(want, max_waiting=512, description="added by the server"), want) == {}


def test_one_filter_may_come_back_in_the_singular() -> None:
    want = consumers()["coding"]
    assert drift(replace(want, filter_subjects=None, filter_subject=every(VisitCompleted)), want) == {}
    changed = replace(want, filter_subjects=None, filter_subject=every(VisitCoded))
    assert list(drift(changed, want)) == ["filter_subjects"]


def test_a_missing_filter_is_a_drift() -> None:
    want = consumers()["claims"]
    assert list(drift(replace(want, filter_subjects=[every(VisitCompleted)]), want)) == ["filter_subjects"]
    assert list(drift(replace(want, filter_subjects=None), want)) == ["filter_subjects"]
