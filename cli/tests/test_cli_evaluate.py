"""Trying rules out: drafts, other dates, what would change, and the visits of the bus to try them on."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from claimbus.events import DeadLetter, VisitHeld, VisitVoided
from claimbus.events.subjects import dead, subject_for
from claimbus.messaging import Outgoing, publish_event
from claimbus.messaging.topology import VISITS
from claimbus.testing.visits import EXAMPLES, example_bodies
from claimbus_cli.bus.publishing import outgoing, publish_visit
from claimbus_cli.comparison import Totals, Unreadable, compare
from claimbus_cli.decisions import decide_visit
from claimbus_cli.visit_files import read_visits
from claimbus_engine import Rules
from deciding import RULES, evaluate_visit
from nats.aio.client import Client

ROOT = Path(__file__).parents[2]
CLAIMS_RULES = ROOT / "services/claims/src/claims/rules"
MIDPOINT = EXAMPLES / "02-commercial-midpoint.json"
PLAIN = EXAMPLES / "03-mixed-remainders.json"
"""Two units of 97110."""
Command = Callable[..., subprocess.CompletedProcess[str]]


def decision(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def units(found: dict[str, Any]) -> dict[str, int]:
    return {line["code"]: line["units"] for line in found["lines"]}


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    """A payer that goes over to the 8-Minute Rule on a day to come."""
    (tmp_path / "commercial.toml").write_text(
        '[profile]\nname = "commercial"\nversion = "draft"\nprogram = "commercial"\nsource = "a letter"\n\n'
        '[[units]]\nunit_rule = "cms-8-minute"\neffective_from = 2027-01-01\n'
    )
    return tmp_path


def fewer_units(folder: Path) -> Path:
    """A medically unlikely edit of one unit for 97110."""
    (folder / "claims").mkdir()
    rows = (CLAIMS_RULES / "mue.csv").read_text().splitlines()
    cut = [row.replace("97110,6,8,", "97110,1,1,") for row in rows]
    assert cut != rows
    (folder / "claims" / "mue.csv").write_text("\n".join(cut) + "\n")
    return folder


# --- other rules ----------------------------------------------------------------------------------------


def test_a_draft_profile_decides_from_its_day_on_and_as_of_that_day(claimbus: Command, drafts: Path) -> None:
    today = decision(claimbus("evaluate", str(MIDPOINT)))
    before_its_day = decision(claimbus("evaluate", str(MIDPOINT), "--rules", str(drafts)))
    as_of = decision(claimbus("evaluate", str(MIDPOINT), "--rules", str(drafts), "--as-of", "2027-02-01"))
    assert units(today) == units(before_its_day)
    assert (today["units"]["rule"], as_of["units"]["rule"]) == ("ama-midpoint", "cms-8-minute")
    assert units(as_of) == today["units"]["other_rules"]["cms-8-minute"]
    assert as_of["claim"]["service_date"] == today["claim"]["service_date"]
    assert today["rule_set"]["sha256"] != before_its_day["rule_set"]["sha256"] == as_of["rule_set"]["sha256"]


def test_a_draft_table_stands_in_for_the_services_own(claimbus: Command, tmp_path: Path) -> None:
    found = decision(claimbus("evaluate", str(PLAIN), "--rules", str(fewer_units(tmp_path))))
    assert found["outcome"] == "denial_risk"
    (over,) = [finding for finding in found["findings"] if finding["id"] == "mue.exceeded"]
    assert over["inputs"]["mue"] == 1


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("claims/mue.cvs", "code\n", "mue.cvs: no table has this file name"),
        ("units/mue.csv", "code\n", "mue.csv: no table has this file name"),
        ("claims/mue.csv", "code,practitioner\n97110,many\n", "row 1: practitioner"),
        ("claims/mue.toml", "[table]\n", "claims/mue.toml: 'name'"),
        ("commercial.toml", '[profile]\nname = "commercial"\n', "version"),
    ],
)
@pytest.mark.parametrize("further", [(), ("--compare",)])
def test_a_draft_that_cannot_be_used_is_refused_by_name(
    claimbus: Command, tmp_path: Path, file: str, text: str, complaint: str, further: tuple[str, ...]
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    ran = claimbus("evaluate", str(PLAIN), "--rules", str(tmp_path), *further)
    assert ran.returncode == 1
    assert complaint in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_a_draft_for_one_practice_leaves_the_others_alone(claimbus: Command, drafts: Path) -> None:
    of_one = drafts / "somebody-else"
    of_one.mkdir()
    shutil.move(drafts / "commercial.toml", of_one / "commercial.toml")
    found = decision(claimbus("evaluate", str(MIDPOINT), "--rules", str(drafts), "--as-of", "2027-02-01"))
    assert found["units"]["rule"] == "ama-midpoint"


# --- another date ---------------------------------------------------------------------------------------


def test_another_date_changes_the_rules_and_no_date_of_the_visit() -> None:
    body = example_bodies()["28-assistant-unsupervised-2024"]
    then, later = evaluate_visit(body), decide_visit(body, RULES.as_of(date(2025, 1, 24)))
    assert "supervision.insufficient" in {finding.id for finding in then.findings}
    assert "supervision.insufficient" not in {finding.id for finding in later.findings}
    assert then.claim.service_date == later.claim.service_date == date(2024, 12, 31)
    assert then.claim.total_expected != later.claim.total_expected


@pytest.mark.parametrize("name", example_bodies())
def test_as_of_the_visits_own_date_nothing_changes(name: str) -> None:
    decision = evaluate_visit(example_bodies()[name])
    pinned = decide_visit(example_bodies()[name], RULES.as_of(decision.claim.service_date))
    differs = {"decided_at"}
    assert decision.model_dump(exclude=differs) == pinned.model_dump(exclude=differs)


# --- what would change ----------------------------------------------------------------------------------


def test_the_comparison_says_what_each_decision_says(drafts: Path, claimbus: Command) -> None:
    ran = claimbus("evaluate", str(EXAMPLES), "--rules", str(drafts), "--as-of", "2027-02-01", "--compare", "--json")
    found = json.loads(ran.stdout)
    after = decision(claimbus("evaluate", str(MIDPOINT), "--rules", str(drafts), "--as-of", "2027-02-01"))
    before = decision(claimbus("evaluate", str(MIDPOINT)))
    (difference,) = [difference for difference in found["visits"] if difference["visit"].endswith(before["visit_id"])]
    assert difference["units"] == {
        code: [units(before).get(code, 0), units(after).get(code, 0)]
        for code in units(before) | units(after)
        if units(before).get(code) != units(after).get(code)
    }
    assert found["total"]["rule_sets"] == [before["rule_set"]["sha256"], after["rule_set"]["sha256"]]
    # The two examples that are no visits are told of, and cost the rest nothing.
    assert ran.returncode == 1
    assert len(found["errors"]) == 2
    assert found["total"]["visits"] == len(example_bodies())


def test_totals_add_up_over_all_visits(tmp_path: Path) -> None:
    totals = Totals()
    for difference in compare(read_visits(str(EXAMPLES)), RULES, Rules.load(fewer_units(tmp_path))):
        if not isinstance(difference, Unreadable):
            totals.add(difference)
    decisions = list(map(evaluate_visit, example_bodies().values()))
    assert totals.units[0] == sum(line.units for decision in decisions for line in decision.lines)
    assert totals.ready[0] == sum(decision.outcome == "ready" for decision in decisions)
    known = [decision.claim.total_expected for decision in decisions]
    assert totals.expected[0] == sum((amount for amount in known if amount is not None), Decimal(0))
    assert totals.dollars_not_known == known.count(None)
    assert totals.added["mue.exceeded (block)"] > 0
    assert totals.ready[0] - totals.ready[1] > 0
    assert totals.units[0] == totals.units[1]


def test_a_person_is_told_of_each_visit_and_of_all(claimbus: Command, tmp_path: Path) -> None:
    ran = claimbus("evaluate", str(PLAIN), "--rules", str(fewer_units(tmp_path)), "--compare")
    assert ran.returncode == 0
    text = " ".join(ran.stdout.split())
    assert "northside-pt/v03-mixed-remainders 2026-11-18 ready -> denial_risk same same + mue.exceeded (block)" in text
    assert "ready 1 0 -1" in text
    assert "1 of 1 visits would change." in text


def test_rules_that_are_the_same_change_nothing(claimbus: Command) -> None:
    ran = claimbus("evaluate", str(PLAIN), "--as-of", "2026-11-18", "--compare", "--json")
    found = json.loads(ran.stdout)
    assert (ran.returncode, found["visits"], found["total"]["changed"]) == (0, [], 0)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(("--compare",), "give --rules, --as-of or both"), (("--json",), "--json goes with --compare")],
)
def test_options_that_make_no_sense_say_so(claimbus: Command, options: tuple[str, ...], complaint: str) -> None:
    ran = claimbus("evaluate", str(PLAIN), *options)
    assert ran.returncode == 2
    assert complaint in ran.stderr


# --- the visits of the bus ------------------------------------------------------------------------------


def sent(visit_id: str, revision: int = 1, service_date: str = "2026-11-18", **facts: Any) -> bytes:
    visit = json.loads(PLAIN.read_text()) | {"visit_id": visit_id, "revision": revision, "service_date": service_date}
    return json.dumps(visit | facts).encode()


async def test_the_newest_revision_of_each_stored_visit_comes_back_by_date(
    client: Client, nats_url: str, claimbus: Command
) -> None:
    october = {"service_date": "2026-10-05"}
    bodies = [
        sent("later"),
        sent("corrected", place_of_service=None),
        sent("corrected", 2),
        sent("early", **october),
        sent("moved", **october),
        sent("moved", 2, "2026-12-01"),
        sent("voided"),
        sent("elsewhere", practice_id="southside-pt"),
    ]
    for body in bodies:
        await publish_visit(client, outgoing(body))
    void = VisitVoided(practice_id="northside-pt", visit_id="voided", revision=1)
    js = client.jetstream()
    await js.publish(subject_for(VisitVoided, void.practice_id, void.visit_id), void.model_dump_json().encode())
    await js.publish("visits.northside-pt.broken.completed", b"{")

    def stored(*options: str) -> list[tuple[str, int]]:
        ran = claimbus("visits", *options, CLAIMBUS_NATS_URL=nats_url)
        assert ran.returncode == 0, ran.stderr
        assert "1 stored events are no visits" in ran.stderr or "southside-pt" in options
        found = [json.loads(line) for line in ran.stdout.splitlines()]
        return [(visit["visit_id"], visit["revision"]) for visit in found]

    everything = stored()
    assert everything[0] == ("early", 1)
    assert everything[-1] == ("moved", 2)
    assert set(everything) == {("early", 1), ("later", 1), ("corrected", 2), ("moved", 2), ("elsewhere", 1)}
    assert stored("--since", "2026-10-01", "--through", "2026-10-31") == [("early", 1)]
    assert stored("--practice", "southside-pt") == [("elsewhere", 1)]
    assert stored("--since", "2026-11-01", "--practice", "northside-pt")[-1] == ("moved", 2)


async def test_the_undecided_alone_come_back_to_be_published_again(
    client: Client, nats_url: str, claimbus: Command
) -> None:
    for body in (sent("decided"), sent("lost"), sent("corrected"), sent("corrected", 2), sent("held")):
        await publish_visit(client, outgoing(body))
    for body in (sent("decided"), sent("corrected")):  # the correction has no event of claims
        await publish_event(client, Outgoing.of(evaluate_visit(body)), source="/test")
    held = VisitHeld.model_construct(practice_id="northside-pt", visit_id="held", revision=1)
    await client.jetstream().publish(
        subject_for(VisitHeld, "northside-pt", "held"), held.model_dump_json(warnings=False).encode()
    )
    await publish_visit(client, outgoing(sent("buried")))
    place = await client.jetstream().get_last_msg(VISITS, "visits.*.buried.completed")
    dead_letter = DeadLetter(
        stream=VISITS, seq=place.seq or 0, subject="visits.northside-pt.buried.completed", consumer="claims",
        deliveries=1, why="invalid", error="InvalidEvent", at=datetime.now(UTC),
    )  # fmt: skip
    await client.jetstream().publish(dead("claims", "invalid"), dead_letter.model_dump_json().encode())
    ran = claimbus("visits", "--undecided", CLAIMBUS_NATS_URL=nats_url)
    found = {(visit["visit_id"], visit["revision"]) for visit in map(json.loads, ran.stdout.splitlines())}
    assert found == {("lost", 1), ("corrected", 2), ("held", 1)}


async def test_no_stored_visits_are_no_lines(client: Client, nats_url: str, claimbus: Command) -> None:
    ran = claimbus("visits", CLAIMBUS_NATS_URL=nats_url)
    assert (ran.returncode, ran.stdout) == (0, "")


async def test_rules_are_tried_on_the_visits_of_the_bus(
    client: Client, nats_url: str, claimbus: Command, tmp_path: Path
) -> None:
    for number in range(40):
        await publish_visit(client, outgoing(sent(f"v{number}")))
    month = tmp_path / "month.jsonl"
    month.write_text(claimbus("visits", "--since", "2026-11-01", CLAIMBUS_NATS_URL=nats_url).stdout)
    folder = tmp_path / "drafts"
    folder.mkdir()
    ran = claimbus("evaluate", str(month), "--rules", str(fewer_units(folder)), "--compare", "--json")
    total = json.loads(ran.stdout)["total"]
    assert (ran.returncode, total["visits"], total["ready"]) == (0, 40, [40, 0])
    assert total["findings_added"] == {"mue.exceeded (block)": 40}


def test_a_range_that_ends_before_it_begins_is_refused(claimbus: Command) -> None:
    ran = claimbus("visits", "--since", "2026-11-01", "--through", "2026-10-01")
    assert ran.returncode == 2
    assert "lies before" in ran.stderr
