"""The only place that spells a subject.

`visits.<practice>.<visit>.<fact>`, `claims.<practice>.<visit>.<outcome>`, and what payers answered under
`outcomes.<practice>.<visit>.<fact>`; dead letters lie under `dead.<consumer>.<why>`, the tables of rule sets under
`rules.<service>.<digest>`. Practice and visit are opaque
keys: a subject never names a person.
"""

from typing import NamedTuple

from claimbus.events.claim_decided import ClaimDenialRisk, ClaimReady
from claimbus.events.claim_outcome import ClaimAdjudicated, ClaimSubmitted
from claimbus.events.documentation_checked import DocumentationChecked
from claimbus.events.model import Event
from claimbus.events.units_computed import UnitsComputed
from claimbus.events.visit_closed import ClaimVoided, VisitHeld, VisitSuperseded
from claimbus.events.visit_coded import VisitCoded
from claimbus.events.visit_completed import VisitCompleted, VisitVoided

EVENTS: tuple[type[Event], ...] = (
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
    ClaimSubmitted,
    ClaimAdjudicated,
)
_BY_TAIL = {(event.family, event.fact): event for event in EVENTS}

_FAMILIES = {event.family for event in EVENTS}

ALL_VISITS = "visits.*.*.*"
ALL_CLAIMS = "claims.*.*.*"
ALL_OUTCOMES = "outcomes.*.*.*"
ALL_DEAD = "dead.*.*"
ALL_RULE_SETS = "rules.*.*"


class Address(NamedTuple):
    """What a subject says: whose visit, and which fact."""

    family: str
    practice_id: str
    visit_id: str
    fact: str


def subject_for(event: type[Event], practice_id: str, visit_id: str) -> str:
    """Where that kind of event of that visit is published."""
    return f"{event.family}.{practice_id}.{visit_id}.{event.fact}"


def every(event: type[Event]) -> str:
    """Filter for that kind of event of all practices and visits."""
    return f"{event.family}.*.*.{event.fact}"


def all_claims_of(practice_id: str, visit_id: str) -> str:
    """Filter for whatever claims has said of a visit."""
    return f"claims.{practice_id}.{visit_id}.*"


def all_visits_of(practice_id: str, visit_id: str) -> str:
    """Filter for the visit and whatever the services found out about it."""
    return f"visits.{practice_id}.{visit_id}.*"


def all_outcomes_of(practice_id: str, visit_id: str) -> str:
    """Filter for whatever payers answered to the claims of a visit."""
    return f"outcomes.{practice_id}.{visit_id}.*"


def template(subject: str) -> str:
    """The subject without its keys, safe for span names and labels."""
    tokens = subject.split(".")
    if len(tokens) == 4 and tokens[0] in _FAMILIES:
        return f"{tokens[0]}.{{practice}}.{{visit}}.{tokens[3]}"
    return f"{tokens[0]}.>"


def template_of(event: type[Event]) -> str:
    return f"{event.family}.{{practice}}.{{visit}}.{event.fact}"


def parse(subject: str) -> Address:
    """Raises `ValueError` for a subject of no family of events."""
    tokens = subject.split(".")
    if len(tokens) != 4 or tokens[0] not in _FAMILIES:
        raise ValueError("not a subject of a visit or a claim")
    return Address(*tokens)


def event_at(address: Address) -> type[Event]:
    """The kind of event that an address carries; raises `KeyError` for one we do not know."""
    return _BY_TAIL[address.family, address.fact]


def rule_set_subject(service: str, sha256: str) -> str:
    """Where the tables of a service's rule set are stored; `*` for any digest."""
    return f"rules.{service}.{sha256}"


def dead(consumer: str, why: str) -> str:
    return f"dead.{consumer}.{why}"
