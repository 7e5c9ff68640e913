"""Decide a visit with the functions that the services call, one after the other and without a broker."""

from datetime import UTC, datetime
from typing import NamedTuple

from claimbus.events import (
    Basis,
    Decision,
    DocumentationChecked,
    UnitsComputed,
    VisitCoded,
    VisitCompleted,
    basis_for,
    identity_of,
    validated,
)
from claims.domain.assemble import Facts, decide_claim
from claims.domain.history.claim_history import NO_HISTORY as NO_CLAIM_HISTORY
from claims.domain.history.claim_history import History as ClaimHistory
from coding.domain.opinion import NO_SUGGESTIONS, MachineSuggestions
from coding.domain.suggest import suggest_codes
from documentation_check.domain.case_history import Seen
from documentation_check.domain.check import check_documentation
from units.domain.compute import compute_units

from claimbus_engine.rules import Rules


class History(NamedTuple):
    """What is known of a patient's other visits and of this visit's earlier revisions; each part may be unknown."""

    case: Seen | None = None
    """Other visits of the case, as documentation-check asks for them."""
    claims: ClaimHistory = NO_CLAIM_HISTORY
    """Totals, duplicates, and the decision that this one replaces."""


NO_HISTORY = History()


class Evaluation(NamedTuple):
    """The decision and the facts that it was made from, as the services publish them."""

    coded: VisitCoded
    units: UnitsComputed
    documentation: DocumentationChecked
    decision: Decision


def read_visit(body: bytes) -> tuple[VisitCompleted, Basis]:
    """A visit from the JSON data of a visit-completed event, and its identity.

    Raises `claimbus.events.InvalidEvent`, naming each wrong field.
    """
    visit = validated(VisitCompleted, body)
    return visit, basis_for(VisitCompleted, visit.practice_id, visit.visit_id, body)


def evaluate(visit: VisitCompleted, rules: Rules, history: History = NO_HISTORY) -> Decision:
    """The decision on one visit."""
    return evaluate_fully(visit, rules, history).decision


def evaluate_fully(
    visit: VisitCompleted,
    rules: Rules,
    history: History = NO_HISTORY,
    *,
    basis: Basis | None = None,
    suggestions: MachineSuggestions = NO_SUGGESTIONS,
) -> Evaluation:
    """The decision and all that it rests on.

    `basis` is the identity of the event that the visit came in; `suggestions` those of a practice's own suggester.
    """
    if basis is None:
        basis = basis_for(VisitCompleted, visit.practice_id, visit.visit_id, visit.to_json())
    day = rules.on(visit.service_date)
    coded = suggest_codes(visit, basis, day.coding, suggestions)
    units = compute_units(coded, day.units)
    documentation = check_documentation(visit, basis, day.documentation, seen=history.case)
    facts = Facts(
        visit=visit,
        coded=coded,
        units=units,
        documentation=documentation,
        basis=basis,
        event_ids={
            VisitCompleted.fact: basis.event_id,
            **{event.fact: identity_of(event) for event in (coded, units, documentation)},
        },
        rule_sets=(rules.coding.rule_set, rules.units.rule_set, rules.documentation.rule_set),
    )
    decision = decide_claim(facts, day.claims, history.claims, decided_at=datetime.now(UTC), trace_id=None)
    return Evaluation(coded, units, documentation, decision)
