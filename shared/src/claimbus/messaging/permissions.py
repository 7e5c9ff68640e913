"""Who may publish and subscribe to what on the bus: the least that each user of the server needs, as data.

Computed from the table of services and the topology, so that what a row adds is allowed at once, and nothing else.
The server checks it; `claimbus keys` writes it down for the server.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from claimbus.events import ClaimAdjudicated, ClaimSubmitted, Derived, Event, VisitCompleted, VisitVoided
from claimbus.events.subjects import (
    ALL_CLAIMS,
    ALL_OUTCOMES,
    ALL_VISITS,
    all_claims_of,
    dead,
    every,
    rule_set_subject,
    subject_for,
)
from claimbus.messaging.topology import CLAIMS, RULES, STREAM_OF, STREAMS, consumer_names
from claimbus.services import SERVICES

_API = "$JS.API"


@dataclass(frozen=True)
class Permissions:
    """Subjects that a user may publish to and subscribe to. What is not named is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    never_publish: tuple[str, ...] = ()


def inbox_of(user: str) -> str:
    """Prefix of the subjects that answers to a user come to: nobody else may listen there.

    `user` is the name of a service, or the public key of any other user: clients know theirs from their seed.
    """
    return f"_INBOX_{user}"


def of_service(service: str) -> Permissions:
    """What the service's row says, its dead letters, and what it checks; no stream is ever changed."""
    return Permissions(tuple(_needs_of(service)), (f"{inbox_of(service)}.>",))


def _needs_of(service: str) -> Iterator[str]:
    row = SERVICES[service]
    yield from map(every, row.publishes)
    yield dead(service, "*")
    yield rule_set_subject(service, "*")
    for stream in _streams_of(row.subscribes):
        yield from _worked_off(stream, service)
    # Every service reports the lag of all.
    yield from (f"{_API}.CONSUMER.INFO.{stream}.{name}" for stream, name in consumer_names() if name != service)
    yield from (f"{_API}.STREAM.INFO.{stream}" for stream in STREAMS)
    for stream in _streams_of(row.follows):
        # The name of such a consumer is the server's choice. One that survives its process has a name in the
        # subject of the request, and is refused.
        yield f"{_API}.CONSUMER.CREATE.{stream}"
        yield f"{_API}.CONSUMER.MSG.NEXT.{stream}.*"
    yield from (f"{_API}.DIRECT.GET.{stream}" for stream in _streams_of(row.reads))
    if any(issubclass(event, Derived) for event in row.reads):
        yield f"{_API}.DIRECT.GET.{RULES}"


def _streams_of(events: Iterable[type[Event]]) -> dict[str, None]:
    """The streams that keep some kinds of events, each once."""
    return dict.fromkeys(STREAM_OF[event.family] for event in events)


def _worked_off(stream: str, consumer: str) -> Iterator[str]:
    """What it takes to work off a durable consumer that exists."""
    yield f"{_API}.CONSUMER.INFO.{stream}.{consumer}"
    yield f"{_API}.CONSUMER.MSG.NEXT.{stream}.{consumer}"
    # Two forms: the longer one names account and domain, and is what servers will use by default.
    yield f"$JS.ACK.{stream}.{consumer}.>"
    yield f"$JS.ACK.*.*.{stream}.{consumer}.>"


def of_provisioning(key: str) -> Permissions:
    """Streams and consumers may be made and changed, never deleted, purged or read."""
    actions = ("STREAM.INFO", "STREAM.CREATE", "STREAM.UPDATE")
    return Permissions(
        (
            f"{_API}.INFO",
            *(f"{_API}.{action}.{stream}" for action in actions for stream in STREAMS),
            *(f"{_API}.CONSUMER.{action}.{stream}.>" for action in ("INFO", "DURABLE.CREATE") for stream in STREAMS),
        ),
        (f"{inbox_of(key)}.>",),
    )


def of_operator(key: str) -> Permissions:
    """The command line's user: reads everything and publishes for others; it changes no stream and takes no
    service's work. What it may not do takes the administrator's key.
    """
    changes = ("CREATE", "UPDATE", "DELETE", "PURGE", "RESTORE", "MSG.DELETE")
    works_off = ("CREATE", "DURABLE.CREATE", "DELETE", "MSG.NEXT")
    return Permissions(
        (ALL_VISITS, ALL_CLAIMS, ALL_OUTCOMES, f"{_API}.>", "$JS.ACK.>", "$JS.FC.>"),
        (f"{inbox_of(key)}.>",),
        (
            *(f"{_API}.STREAM.{action}.>" for action in changes),
            *(
                f"{_API}.CONSUMER.{action}.{stream}.{name}{deeper}"
                for action in works_off
                for stream, name in consumer_names()
                for deeper in ("", ".>")
            ),
        ),
    )


def of_administrator() -> Permissions:
    """Everything: for backups, restores and repairs by hand."""
    return Permissions((">",), (">",))


def of_ehr(practice_id: str, key: str) -> Permissions:
    """Visits of one practice go in, nothing comes out."""
    events = (VisitCompleted, VisitVoided)
    return Permissions(tuple(subject_for(event, practice_id, "*") for event in events), (f"{inbox_of(key)}.>",))


def submission_consumer(practice_id: str) -> str:
    """Name of the durable consumer on the claims stream that a practice's submission service may make."""
    return f"submission-{practice_id}"


def of_submission(practice_id: str, key: str) -> Permissions:
    """The claims of one practice come out, what became of them goes in.

    It may make one consumer, whose filter is part of the request's subject: the server refuses another practice's.
    """
    consumer = submission_consumer(practice_id)
    of_the_practice = all_claims_of(practice_id, "*")
    return Permissions(
        (
            *(subject_for(event, practice_id, "*") for event in (ClaimSubmitted, ClaimAdjudicated)),
            f"{_API}.CONSUMER.CREATE.{CLAIMS}.{consumer}.{of_the_practice}",
            *_worked_off(CLAIMS, consumer),
        ),
        (f"{inbox_of(key)}.>",),
    )
