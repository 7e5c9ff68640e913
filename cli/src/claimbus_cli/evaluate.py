"""The whole pipeline without a broker: the very functions that the services call."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady, VisitCompleted, basis_for, identity_of, validated
from claimbus.settings import Settings
from claims.domain.assemble import decide_claim
from claims.domain.tables import ClaimRules
from claims.rules import RULES as CLAIMS
from coding.domain.rulebook import CodingRules
from coding.domain.suggest import suggest_codes
from coding.rules import RULES as CODING
from coding.suggester import ask, load_suggester
from documentation_check.domain.check import check_documentation
from documentation_check.domain.requirement import DocumentationRules
from documentation_check.rules import RULES as DOCUMENTATION
from units.domain.compute import compute_units
from units.domain.tables import UnitRules
from units.rule_book import UnitRuleBook

UNITS = UnitRuleBook.load()
_SUGGESTER = load_suggester(Settings.read().suggester)


class _Rules(NamedTuple):
    coding: CodingRules
    units: UnitRules
    documentation: DocumentationRules
    claims: ClaimRules


def _rules_on(day: date) -> _Rules:
    return _Rules(CODING.on(day), UNITS.on(day), DOCUMENTATION.on(day), CLAIMS.on(day))


@lru_cache(maxsize=16)
def _rules_as_of(day: date) -> _Rules:
    """The rules of one day for visits of any day."""
    coding, units, documentation, claims = _rules_on(day)
    return _Rules(
        coding,
        units,
        replace(documentation, profiles=documentation.profiles.pinned_to(day)),
        replace(claims, profiles=claims.profiles.pinned_to(day)),
    )


def evaluate_visit(body: bytes, as_of: date | None = None) -> ClaimReady | ClaimDenialRisk:
    """The decision on one visit, given as the JSON data of a visit-completed event.

    `as_of`: decide by the rules of that date of service, whatever the visit's own is.
    Raises `claimbus.messaging.InvalidEvent`, naming each wrong field, for data that the services would
    send to the dead letters.
    """
    visit = validated(VisitCompleted, body)
    rules = _rules_on(visit.service_date) if as_of is None else _rules_as_of(as_of)
    basis = basis_for(VisitCompleted, visit.practice_id, visit.visit_id, body)
    opinions = asyncio.run(ask(visit, _SUGGESTER)) if _SUGGESTER is not None else {}
    coded = suggest_codes(visit, basis, rules.coding, CODING.rule_set, opinions)
    units = compute_units(coded, rules.units)
    documentation = check_documentation(visit, basis, rules.documentation, DOCUMENTATION.rule_set)
    return decide_claim(
        visit,
        coded,
        units,
        documentation,
        rules.claims,
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
