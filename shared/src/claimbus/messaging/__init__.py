"""Everything that knows JetStream: topology, delivery, settlement, publishing, the join."""

from claimbus.messaging.broker import broker, hears
from claimbus.messaging.decode import Heard, basis_for, decode, validated
from claimbus.messaging.emit import Outgoing, emit, identity_of, publish
from claimbus.messaging.errors import Drift, MessagingError, Poison, Stale
from claimbus.messaging.join import Join, Joined, say_once
from claimbus.messaging.outcomes import note_outcome
from claimbus.messaging.overdue import Open, Overdue
from claimbus.messaging.projection import Projection, Reading
from claimbus.messaging.stored import LastWord
from claimbus.telemetry.tracing import trace_id

__all__ = [
    "Drift",
    "Heard",
    "Join",
    "Joined",
    "LastWord",
    "MessagingError",
    "Open",
    "Outgoing",
    "Overdue",
    "Poison",
    "Projection",
    "Reading",
    "Stale",
    "basis_for",
    "broker",
    "decode",
    "emit",
    "hears",
    "identity_of",
    "note_outcome",
    "publish",
    "say_once",
    "trace_id",
    "validated",
]
