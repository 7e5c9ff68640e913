"""The table of services. A service is one row here and one folder under `services/`.

Topology, permissions, the command, the documents and all deployment files are made from this table or held to it by
`tests/architecture/test_services.py`; `make schemas` writes those that are made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from claimbus.events import (
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    ClaimVoided,
    DocumentationChecked,
    Event,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    VisitHeld,
    VisitSuperseded,
    VisitVoided,
)


class Memory(NamedTuple):
    """What a replica is given on Kubernetes: reserved for it, and the most that it may take."""

    request: str = "128Mi"
    limit: str = "512Mi"


USUAL_MEMORY = Memory()


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service, and what it may do on the bus: what no column names, the broker refuses."""

    name: str
    """Its folder, image, user and key, and its durable consumer, one on each stream that it subscribes to."""
    subscribes: tuple[type[Event], ...]
    """Events that it works off: each is acknowledged, tried again or given up."""
    publishes: tuple[type[Event], ...]
    """Beside the dead letters of messages that it could not use."""
    messages_per_replica: int
    """Waiting messages for which one more replica is started: about ten seconds' work of one (docs/capacity.md)."""
    follows: tuple[type[Event], ...] = ()
    """Events that it rebuilds its projections from whenever it starts."""
    reads: tuple[type[Event], ...] = ()
    """Events that it reads single messages of; the broker can only allow the whole stream that keeps them."""
    memory: Memory = USUAL_MEMORY

    @property
    def module(self) -> str:
        """The import package: `python -m` runs it."""
        return self.name.replace("-", "_")


SERVICES: Mapping[str, ServiceRow] = {
    row.name: row
    for row in (
        ServiceRow("coding", subscribes=(VisitCompleted,), publishes=(VisitCoded,), messages_per_replica=6000),
        ServiceRow("units", subscribes=(VisitCoded,), publishes=(UnitsComputed,), messages_per_replica=10_000),
        ServiceRow(
            "documentation-check",
            subscribes=(VisitCompleted,),
            publishes=(DocumentationChecked,),
            messages_per_replica=7500,
            follows=(VisitCompleted, VisitVoided),
        ),
        ServiceRow(
            "claims",
            subscribes=(
                VisitCompleted,
                VisitVoided,
                UnitsComputed,
                DocumentationChecked,
                ClaimSubmitted,
                ClaimAdjudicated,
            ),
            publishes=(ClaimReady, ClaimDenialRisk, VisitHeld, VisitSuperseded, ClaimVoided),
            messages_per_replica=2500,
            follows=(ClaimReady, ClaimDenialRisk, ClaimVoided, ClaimSubmitted, ClaimAdjudicated),
            reads=(
                VisitCompleted,
                VisitVoided,
                VisitCoded,
                UnitsComputed,
                DocumentationChecked,
                ClaimReady,
                ClaimDenialRisk,
                VisitHeld,
                VisitSuperseded,
                ClaimVoided,
            ),
            # The totals of a calendar year live in memory, in each replica.
            memory=Memory(request="512Mi", limit="2Gi"),
        ),
    )
}
"""By name, in the order in which a visit passes through them."""


def publisher_of(event: type[Event]) -> str:
    """Name of the service that publishes such events."""
    return next(row.name for row in SERVICES.values() if event in row.publishes)
