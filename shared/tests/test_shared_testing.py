"""The test kit: visits that are good, different and changed as asked, what follows them, and a bus that waits."""

import re
from datetime import date
from typing import Any

import pytest
from claimbus.events import ClaimReady, ClaimSubmitted, Event, VisitCompleted, VisitVoided, decision_adapter
from claimbus.testing.bus import Bus, running_bus
from claimbus.testing.claims import claim_adjudicated, claim_denial_risk, claim_ready, claim_submitted
from claimbus.testing.supervisor import ServiceFailedError, Supervisor
from claimbus.testing.visits import changed, example_bodies, npi, visit, visit_data, visit_voided, visits
from claimbus_engine import Rules, evaluate, read_visit
from pydantic_core import to_json

RULES = Rules.load()


def npis_in(data: Any, name: str = "") -> list[str]:
    if isinstance(data, dict):
        return [found for name, value in data.items() for found in npis_in(value, name)]
    if isinstance(data, list):
        return [found for value in data for found in npis_in(value)]
    return [data] if "npi" in name and data else []


# --- visits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["01-medicare-plain", "02-commercial-midpoint", "04-evaluation", "05-assistant-share"])
def test_a_good_visit_is_ready(name: str) -> None:
    assert evaluate(visit(name), RULES).outcome == "ready"


@pytest.mark.parametrize("name", example_bodies())
def test_the_numbers_of_an_example_have_the_right_check_digit(name: str) -> None:
    found = npis_in(visit_data(name))
    assert found
    assert [npi(number[:9]) for number in found] == found


def test_a_visit_is_changed_where_a_path_says_and_the_example_stays_as_it_is() -> None:
    changes = {
        "interventions.0.minutes": 8,
        "interventions.3": {"id": "4", "code": "97530", "minutes": 8},
        "assistant.npi": npi("100300030"),
        "service_date": date(2026, 11, 19),
    }
    made = visit(changes=changes, remove=["interventions.1", "interventions.2", "documentation.signature"], revision=2)
    assert [(row.id, row.minutes) for row in made.interventions] == [("1", 8), ("4", 8)]
    assert made.assistant is not None
    assert (made.assistant.npi, made.service_date, made.revision) == ("1003000308", date(2026, 11, 19), 2)
    assert made.documentation is not None
    assert made.documentation.signature is None
    assert visit().revision == 1


@pytest.mark.parametrize("path", ["interventions.9.minutes", "interventions.x", "visit_id.first", "patient.no.no.0"])
def test_a_path_that_leads_nowhere_is_named(path: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(path)}: no such place"):
        changed(visit_data(patient={"no": "text"}), {path: 1})
    with pytest.raises(ValueError, match=f"^{re.escape(path)}: no such place"):
        visit_data(patient={"no": "text"}, remove=[path])


def test_an_example_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"^medicare: no example visit; there are 01-medicare-plain, "):
        visit("medicare")


def test_many_visits_are_alike_for_the_same_arguments_and_no_two_of_them() -> None:
    made = list(visits(100, seed=3, days=30))
    assert made == list(visits(100, seed=3, days=30))
    assert made != list(visits(100, seed=4, days=30))
    for field in ("visit_id", "patient_id", "case_id"):
        assert (
            len({found for data in made for found in re.findall(rf'"{field}":"(.*?)"', to_json(data).decode())}) == 100
        )
    assert len({data["service_date"] for data in made[::33]}) > 1


def test_many_visits_are_decided_as_their_examples_whoever_the_patient_is() -> None:
    def outcome_of(body: bytes) -> object:
        decision = evaluate(read_visit(body)[0], RULES)
        return decision.outcome, decision.lines, sorted(finding.id for finding in decision.findings)

    bodies = example_bodies()
    assert [outcome_of(to_json(data)) for data in visits(len(bodies), seed=1)] == list(map(outcome_of, bodies.values()))


def test_a_visit_moves_with_all_its_dates_but_the_date_of_birth() -> None:
    early, late = (next(visits(1, prefix="same", seed=seed, days=60)) for seed in (1, 2))
    days = [date.fromisoformat(data["service_date"]) for data in (early, late)]
    signed = [date.fromisoformat(data["documentation"]["signature"]["signed_at"][:10]) for data in (early, late)]
    assert days == signed
    assert days[0] != days[1]
    assert next(visits(1))["service_date"] == visit_data()["service_date"]


# --- what follows them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", example_bodies())
def test_what_follows_a_visit_is_valid_and_about_it(name: str) -> None:
    about = visit(name)
    ready, at_risk = claim_ready(about), claim_denial_risk(about, finding_id="plan-of-care.missing")
    events: list[Event] = [ready, at_risk, visit_voided(about), claim_submitted(about), claim_adjudicated(ready)]
    assert {(event.practice_id, event.visit_id, event.revision) for event in events} == {
        (about.practice_id, about.visit_id, about.revision)
    }
    assert decision_adapter.validate_json(ready.to_json()) == ready
    assert [finding.id for finding in at_risk.findings] == ["plan-of-care.missing"]
    real = evaluate(about, RULES)
    for field in ("patient", "coverage", "diagnoses", "control_number", "billing_provider", "service_date"):
        assert getattr(ready.claim, field) == getattr(real.claim, field)


def test_a_decision_is_changed_as_a_visit_is() -> None:
    made = claim_ready(visit(), {"lines.0.charge": "10.00"}, remove=["lines.1"], frequency_code="7")
    assert (str(made.lines[0].charge), len(made.lines), made.frequency_code) == ("10.00", 2, "7")


# --- the bus --------------------------------------------------------------------------------------------------


async def test_a_bus_of_ones_own_keeps_an_event_once_and_gives_what_is_there() -> None:
    about = visit()
    async with running_bus() as bus:
        assert [await bus.publish(about), await bus.publish(about)] == [True, False]
        assert await bus.events(VisitCompleted, about) == [about]
        await bus.publish(visit_voided(about))
        assert len(await bus.events(VisitVoided, visit_data())) == 1
        for revision in (1, 2):
            await bus.publish(claim_ready(visit(revision=revision)))
        assert (await bus.decision(visit_data(revision=2))).revision == 2
        assert [type(event) for event in await bus.claim_events(about, 2)] == [ClaimReady, ClaimReady]
        assert await bus.events(ClaimSubmitted, about, count=0) == []
        assert await bus.dead_letters(0) == []


async def test_what_does_not_come_is_reported_with_what_came_instead(bus: Bus) -> None:
    bus.seconds = 0.2
    await bus.publish(visit_data(remove=["patient"]))
    with pytest.raises(TimeoutError, match=r"0 of 1 events on claims\.northside-pt.*stored of the visit: visits\.\S+$"):
        await bus.decision(visit())
    with pytest.raises(TimeoutError, match="'coding': 1"):
        await bus.settled()


async def test_services_that_are_not_installed_are_named(bus: Bus, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("claimbus.testing.supervisor.find_spec", lambda module: None if module == "coding" else module)
    with pytest.raises(ServiceFailedError, match=r"pip install claimbus-coding$"):
        async with Supervisor(bus.url, tmp_path):
            pass
