"""Everything that knows JetStream; what a service needs of it is listed here."""

from claimbus.messaging.broker import broker, subscription
from claimbus.messaging.decisions import LatestClaimEvent
from claimbus.messaging.decode import Received, decode
from claimbus.messaging.errors import Drift, MessagingError, StaleRead
from claimbus.messaging.join import Join, Joined
from claimbus.messaging.outcomes import note_outcome
from claimbus.messaging.projection import Projection, Reading
from claimbus.messaging.publish import Outgoing, publish_derived, publish_event, publish_once
from claimbus.messaging.rule_sets import RuleSets
from claimbus.messaging.stalled import StalledVisit, StalledVisits
from claimbus.telemetry.tracing import trace_id

__all__ = [
    "Drift",
    "Join",
    "Joined",
    "LatestClaimEvent",
    "MessagingError",
    "Outgoing",
    "Projection",
    "Reading",
    "Received",
    "RuleSets",
    "StaleRead",
    "StalledVisit",
    "StalledVisits",
    "broker",
    "decode",
    "note_outcome",
    "publish_derived",
    "publish_event",
    "publish_once",
    "subscription",
    "trace_id",
]
