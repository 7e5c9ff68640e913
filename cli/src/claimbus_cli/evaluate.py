"""The whole pipeline without a broker: the very functions that the services call."""

import asyncio
from datetime import UTC, datetime

from claimbus.events import ClaimDenialRisk, ClaimReady, VisitCompleted
from claimbus.messaging import basis_for, identity_of, validated
from claims.domain.decide import decide_claim
from claims.rules import RULES as CLAIMS
from coding.domain.suggest import suggest_codes
from coding.rules import RULES as CODING
from coding.suggester import SUGGESTER, ask
from documentation_check.domain.check import check_documentation
from documentation_check.rules import RULES as DOCUMENTATION
from units.domain.compute import compute_units
from units.rules import RULES as UNITS


def evaluate_visit(body: bytes) -> ClaimReady | ClaimDenialRisk:
    """The decision on one visit, given as the JSON data of a visit-completed event.

    Raises `claimbus.messaging.Poison`, naming each wrong field, for data that the services would
    send to the dead letters.
    """
    visit = validated(VisitCompleted, body)
    day = visit.service_date
    basis = basis_for(VisitCompleted, visit.practice_id, visit.visit_id, body)
    opinions = asyncio.run(ask(visit)) if SUGGESTER is not None else {}
    coded = suggest_codes(visit, basis, CODING.on(day), CODING.rule_set, opinions)
    units = compute_units(coded, UNITS.on(day), UNITS.rule_set)
    documentation = check_documentation(visit, basis, DOCUMENTATION.on(day), DOCUMENTATION.rule_set)
    return decide_claim(
        visit,
        coded,
        units,
        documentation,
        CLAIMS.on(day),
        CLAIMS.rule_set,
        basis=basis,
        event_ids={
            VisitCompleted.fact: basis.event_id,
            **{event.fact: identity_of(event) for event in (coded, units, documentation)},
        },
        supersedes_revision=None,
        decided_at=datetime.now(UTC),
        trace_id=None,
    )
