"""The decision on every example visit explains itself whole, and says what would make its claim ready."""

import json
from typing import Any

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady, Reason
from claimbus.testing.visits import example_bodies, visit_data
from claimbus.values import Result, Severity
from claimbus_cli.views.account import account_of
from deciding import evaluate_visit
from rich.console import Console

DECISIONS = {name: evaluate_visit(body) for name, body in example_bodies().items()}
AT_RISK = [name for name, decision in DECISIONS.items() if decision.outcome == "denial_risk"]
every_example = pytest.mark.parametrize("name", DECISIONS)


def says_why(reason: Reason) -> bool:
    return bool(reason.rule.strip() and reason.citation.strip() and reason.inputs)


# Every part of a decision has its reason


@every_example
def test_each_code_unit_amount_and_modifier_of_a_line_has_a_reason_with_rule_citation_and_inputs(name: str) -> None:
    for line in DECISIONS[name].lines:
        about = [reason.about for reason in line.reasons]
        for part in ("code", "units", "expected_amount", *(f"modifier:{modifier}" for modifier in line.modifiers)):
            assert part in about, f"line {line.number} does not say why {part}"
        assert {part for part in about if part.startswith("modifier:")} == {
            f"modifier:{modifier}" for modifier in line.modifiers
        }
        assert [reason for reason in line.reasons if not says_why(reason)] == []


@every_example
def test_each_finding_has_rule_citation_and_a_mend(name: str) -> None:
    for finding in DECISIONS[name].findings:
        assert finding.rule.strip(), finding.id
        assert finding.citation.strip(), finding.id
        assert finding.message.strip(), finding.id
        if finding.result is Result.FAIL:
            assert finding.fix, finding.id
            assert finding.fixable_by, finding.id
            assert finding.mending, finding.id
            assert finding.inputs, finding.id


@every_example
def test_each_intervention_is_on_a_line_or_told_why_it_is_not(name: str) -> None:
    decision = DECISIONS[name]
    sent = {row["id"] for row in json.loads(example_bodies()[name])["interventions"]}
    billed = {key for line in decision.lines for key in line.intervention_ids}
    left_off = {line.intervention_id for line in decision.unbilled}
    assert sent <= billed | left_off
    assert all(line.reason.strip() and line.rule.strip() for line in decision.unbilled)


@every_example
def test_the_checks_are_counted_by_their_three_answers(name: str) -> None:
    decision = DECISIONS[name]
    results = [finding.result for finding in decision.findings if not finding.is_due]
    checks = decision.checks
    assert (checks.failed, checks.unknown) == (results.count(Result.FAIL), results.count(Result.UNKNOWN))
    assert Result.PASS not in results
    assert checks.passed > 0


@every_example
def test_it_names_the_rules_the_tables_and_the_events_that_it_was_made_from(name: str) -> None:
    decision = DECISIONS[name]
    assert decision.rule_set.version
    assert len(decision.rule_set.sha256) == 64
    assert all(decision.rule_set.tables.values())
    assert {"payer-profiles", "ncci-ptp", "mue", "claims-findings"} <= decision.rule_set.tables.keys()
    assert decision.event_ids.keys() == {"completed", "coded", "units-computed", "documentation-checked"}
    assert len(set(decision.event_ids.values())) == 4
    assert decision.event_ids["completed"] == decision.basis.event_id
    assert decision.profile


# What would make it ready


@every_example
def test_a_claim_has_steps_exactly_when_it_is_not_ready(name: str) -> None:
    decision = DECISIONS[name]
    assert bool(decision.steps_to_ready) == (decision.outcome == "denial_risk")
    blocking = {
        finding.id
        for finding in decision.findings
        if (finding.result, finding.severity) == (Result.FAIL, Severity.BLOCK)
    }
    for step in decision.steps_to_ready:
        assert blocking & set(step.finding_ids)
        assert step.fix
        assert set(step.lines) <= {line.number for line in decision.lines}


def without(body: bytes, interventions: set[str]) -> bytes:
    visit: dict[str, Any] = json.loads(body)
    visit["interventions"] = [row for row in visit["interventions"] if row["id"] not in interventions]
    if not any(row.get("assistant_minutes") or row.get("joint_minutes") for row in visit["interventions"]):
        visit["assistant"] = None  # who furnished nothing of the claim has no part in it
    return json.dumps(visit).encode()


LEFT_OFF = [name for name in AT_RISK if [step.kind for step in DECISIONS[name].steps_to_ready] == ["leave_off"]]


def test_there_are_examples_that_only_a_shorter_claim_helps() -> None:
    assert len(LEFT_OFF) > 1


@pytest.mark.parametrize("name", LEFT_OFF)
def test_a_visit_without_what_is_left_off_is_ready_and_brings_what_was_said_to_remain(name: str) -> None:
    decision = DECISIONS[name]
    (step,) = decision.steps_to_ready
    off = {key for line in decision.lines if line.number in step.lines for key in line.intervention_ids}
    kept = {key for line in decision.lines if line.number not in step.lines for key in line.intervention_ids}
    assert off.isdisjoint(kept)
    shorter = evaluate_visit(without(example_bodies()[name], off))
    assert shorter.outcome == "ready"
    assert shorter.claim.total_expected == step.remains


def changed(name: str, changes: dict[str, Any]) -> ClaimReady | ClaimDenialRisk:
    return evaluate_visit(json.dumps(visit_data(name, changes)).encode())


def test_a_visit_that_is_mended_as_the_step_says_is_ready_and_brings_what_waited_for_it() -> None:
    (step,) = DECISIONS["06-missing-signature"].steps_to_ready
    assert (step.kind, step.fixable_by, step.mending) == ("mend", "therapist", "document")
    signed = {"signed_at": "2026-11-20T09:00:00-05:00", "name": "Pat Therapist", "credential": "PT"}
    corrected = changed("06-missing-signature", {"documentation.signature": signed})
    assert (corrected.outcome, corrected.steps_to_ready) == ("ready", ())
    assert corrected.claim.total_expected == step.releases


def test_a_visit_on_which_everything_hangs_on_what_nothing_mends_is_told_so() -> None:
    late = changed("01-medicare-plain", {"documentation.plan_of_care.established_on": "2026-12-01"})
    first, *further = late.steps_to_ready
    assert (first.kind, further) == ("nothing_helps", [])
    assert "plan-of-care.after-service" in first.finding_ids


def page(decision: ClaimReady | ClaimDenialRisk) -> str:
    console = Console(width=110)
    with console.capture() as capture:
        console.print(account_of(decision))
    return " ".join(capture.get().split())


@pytest.mark.parametrize("name", AT_RISK)
def test_the_page_for_a_person_tells_each_step(name: str) -> None:
    text = page(DECISIONS[name])
    assert "To make it ready" in text
    for step in DECISIONS[name].steps_to_ready:
        assert " ".join(step.fix.split()) in text


def test_the_page_of_a_ready_claim_has_no_steps() -> None:
    assert "To make it ready" not in page(DECISIONS["01-medicare-plain"])
