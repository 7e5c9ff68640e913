"""`claimbus explain`: the page on a decision, from a file, from standard input and from the bus."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from claimbus.events import (
    ClaimDenialRisk,
    ClaimReady,
    ClaimVoided,
    EhrUnits,
    Reason,
    RunningTotals,
    TableRow,
    Unbilled,
    UnitsSummary,
    VisitHeld,
)
from claimbus.events.subjects import subject_for
from claimbus.testing.visits import EXAMPLES, example_bodies, visit_data
from claimbus_cli.main import main
from claimbus_cli.views.account import account_of
from claimbus_cli.views.sentences import sentence
from click.testing import CliRunner, Result
from deciding import decision_on, evaluate_visit
from nats.aio.client import Client
from rich.console import Console

SECTIONS = ["What decides", "Worksheet", "Lines", "Beside that"]

Decision = ClaimReady | ClaimDenialRisk
Command = Callable[..., subprocess.CompletedProcess[str]]


def explain(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], input=stdin)


def page(decision: Decision, width: int = 120) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(account_of(decision), highlight=False)
    return captured.get()


def flat(text: str) -> str:
    """Without line breaks and columns."""
    return " ".join(text.split())


# --- From a file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", example_bodies())
@pytest.mark.parametrize("width", [80, 120])
def test_each_example_is_explained_within_the_width_and_without_the_patients_name(name: str, width: int) -> None:
    ran = explain(str(EXAMPLES / f"{name}.json"), "--width", str(width))
    assert ran.exit_code == 0, ran.output
    assert max(map(len, ran.output.splitlines())) <= width
    assert [line for line in ran.output.splitlines() if line in SECTIONS] == SECTIONS
    patient = visit_data(name)["patient"]
    for field in ("first_name", "last_name", "birth_date"):
        assert not re.search(rf"\b{patient[field]}\b", ran.output)


@pytest.mark.parametrize("name", example_bodies())
def test_everything_that_the_decision_says_stands_on_the_page(name: str) -> None:
    decision = decision_on(name)
    text = flat(page(decision, 400))
    assert f"{decision.practice_id}/{decision.visit_id}" in text
    for finding in decision.findings:
        assert flat(finding.message) in text
        assert finding.id in text
        assert finding.fix is None or flat(finding.fix) in text
    for line in decision.lines:
        assert f"{line.number}. {' '.join([line.code, f'x{line.units}', *line.modifiers])}" in text
        for modifier in line.modifiers:
            assert re.search(rf"(^| ){modifier} |: .*\b{modifier}\b.*\.", text)
    for line in decision.unbilled:
        assert line.reason in text
    assert decision.rule_set.sha256[:16] in text


def test_a_decision_is_explained_as_it_is_and_a_visit_is_decided_first() -> None:
    decision = decision_on("03")
    of_decision = explain("-", stdin=decision.model_dump_json())
    of_visit = explain(str(EXAMPLES / "03-mixed-remainders.json"))
    assert of_decision.exit_code == 0
    without_time = [re.sub(r"\ndecided.*", "", ran.output) for ran in (of_decision, of_visit)]
    assert without_time[0] == without_time[1]


def test_several_visits_are_told_one_after_another_and_what_is_wrong_is_named_by_line() -> None:
    good = visit_data()
    bad = good | {"service_date": "soon"}
    ran = explain("-", stdin="\n".join(map(json.dumps, (good, bad, good | {"visit_id": "second"}))))
    assert ran.exit_code == 1
    assert "northside-pt/v01-medicare-plain" in ran.output
    assert "northside-pt/second" in ran.output
    assert "line 2: service_date: " in ran.output


def test_a_decision_that_cannot_be_read_is_named_by_its_field() -> None:
    broken = json.loads(decision_on("03").model_dump_json()) | {"lines": 3}
    ran = explain("-", stdin=json.dumps(broken))
    assert ran.exit_code == 1
    assert ran.output.startswith("line 1: lines: ")
    assert "Traceback" not in ran.output


def test_a_file_that_is_not_there_is_no_visit_on_the_bus() -> None:
    ran = explain("nowhere.json")
    assert ran.exit_code == 1
    assert ran.output == "Error: nowhere.json: No such file or directory\n"


# --- What the page says ---------------------------------------------------------------------------------


def test_the_worksheet_tells_the_pool_the_tie_and_the_other_rule() -> None:
    text = flat(page(decision_on("09")))
    assert "40 pooled minutes stand in the row 38 to 52 of the CMS table: 3 units." in text
    assert "Whole fifteens take 2; the largest left-over minutes take 1." in text
    assert "A tie: 97110 x2, 97530 x1 was taken; as legal: 97110 x1, 97530 x2." in text
    assert "By ama-midpoint: 97110 x1, 97530 x1 (2 units)." in text


def test_two_units_of_9_to_14_minutes_each_are_told_apart() -> None:
    decision = decision_on("16")
    assert [(line.units, line.modifiers) for line in decision.lines] == [(1, ("GP",)), (1, ("GP", "CQ"))]
    text = flat(page(decision))
    assert "97110, unit 2: therapist 0 min, assistant 12 min: the assistant furnished this unit." in text
    assert "CQ By unit: assistant 12 min alone, therapist 0 min;" in text


def test_a_distinct_service_is_told_with_the_pair_and_the_reason_that_the_visit_gives() -> None:
    decision = decision_on("18")
    assert [line.modifiers for line in decision.lines if line.code == "97140"] == [("GP", "59")]
    assert "NCCI pairs 97012/97140 (indicator 1), and the visit documents a distinct service: “" in flat(page(decision))


def test_a_pair_that_nothing_rescues_is_a_denial_risk_with_what_it_costs() -> None:
    decision = decision_on("19")
    text = flat(page(decision))
    assert text.startswith(
        "visit northside-pt/v19-excluded-pair · revision 1 · 2026-11-18 outcome DENIAL RISK: 1 blocking"
    )
    assert re.search(
        r"block 97124 is never paid beside 97140.* Not to be mended afterwards: .* at risk · denial to expect CARC 236",
        text,
    )


def test_units_of_the_ehr_stand_beside_ours() -> None:
    text = page(decision_on("24"))
    assert re.search(r"^code .* EHR's$", text, re.MULTILINE)
    assert "The EHR's units are below cms-8-minute: 97110 -1." in text


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("17", [("97110", 2, ("GP",)), ("97140", 1, ("GP",))]),
        ("20", [("97110", 2, ("GP", "CQ", "KX")), ("97112", 2, ("GP", "KX")), ("97530", 1, ("GP", "KX"))]),
        ("21", [("97110", 2, ("GP", "95")), ("97530", 1, ("GP", "95"))]),
        ("22", [("G0283", 1, ("GP",)), ("97110", 2, ("GP",)), ("97140", 1, ("GP",))]),
        ("23", [("97545", 1, ()), ("97546", 2, ())]),
        ("24", [("97110", 2, ("GP", "97")), ("97112", 1, ("GP", "97")), ("97140", 1, ("GP", "97"))]),
        ("25", [("97162", 1, ("GP",)), ("97530", 1, ("GP",)), ("97140", 1, ("GP",))]),
    ],
)
def test_the_hard_visits_are_billed_as_the_reference_says(
    name: str, lines: list[tuple[str, int, tuple[str, ...]]]
) -> None:
    assert [(line.code, line.units, line.modifiers) for line in decision_on(name).lines] == lines


@pytest.mark.parametrize(
    ("name", "outcome"), [("17", "denial_risk"), ("19", "denial_risk"), ("20", "ready"), ("25", "ready")]
)
def test_the_hard_visits_have_the_outcome_that_their_table_says(name: str, outcome: str) -> None:
    assert decision_on(name).outcome == outcome


def test_an_old_decision_without_worksheet_totals_and_amounts_is_explained() -> None:
    decision = decision_on("05")
    bare = decision.model_copy(
        update={
            "profile": "",
            "totals": None,
            "units": UnitsSummary(rule="cms-8-minute", timed_minutes=55, timed_units=4),
            "lines": tuple(
                line.model_copy(update={"expected_amount": None, "minutes": None}) for line in decision.lines
            ),
            "claim": decision.claim.model_copy(update={"total_expected": None, "file_by": None, "total_charge": None}),
        }
    )
    text = flat(page(bare, 80))
    assert "payer profile not said" in text
    assert "charges unknown · to expect unknown" in text
    assert "cms-8-minute: 55 timed minutes, 4 timed units." in text


def test_totals_and_the_ehrs_surplus_are_told() -> None:
    decision = decision_on("09")
    units = decision.units.model_copy(
        update={
            "ehr": EhrUnits(units={"97110": 3}, over={"cms-8-minute": {"97110": 1}, "ama-midpoint": {"97110": 2}}),
            "table_row": TableRow(minutes_from=38, minutes_through=52, units=3),
        }
    )
    totals = RunningTotals(therapy_dollars=None, therapy_visits=1, authorized_visits=4)
    text = flat(page(decision.model_copy(update={"units": units, "totals": totals})))
    assert "The EHR's units are above cms-8-minute: 97110 +1. The EHR's units are above ama-midpoint: 97110 +2." in text
    assert "unknown toward the threshold in 1 earlier visit; 4 earlier visits under this authorization" in text


def test_a_visit_with_nothing_to_bill_says_so() -> None:
    decision = decision_on("01").model_copy(
        update={"lines": (), "unbilled": (Unbilled(intervention_id="1", code=None, reason="No code", rule="no-code"),)}
    )
    text = flat(page(decision))
    assert "Lines Nothing can be billed. Not billed no code (intervention 1): No code. [no-code]" in text


def test_text_of_an_ehr_cannot_steer_the_terminal() -> None:
    decision = decision_on("01")
    finding = decision_on("06").findings[0].model_copy(update={"message": "[red]a\x1b[2Jb[/red]"})
    text = page(decision.model_copy(update={"findings": (finding,)}))
    assert "\x1b[2J" not in text
    assert "[red]a?[2Jb[/red]" in text


# --- Sentences ------------------------------------------------------------------------------------------


def reason(rule: str, **inputs: object) -> Reason:
    return Reason(about="units", rule=rule, citation="Manual s1", inputs=inputs)


def test_a_rule_without_a_sentence_is_told_by_its_facts() -> None:
    text = sentence(reason("new-rule", minutes=33, at_once=True, codes=["97110", "97140"], of=None, by={"97110": 2}))
    assert text == "new-rule: minutes 33, at once yes, codes 97110; 97140, of unknown, by 97110=2"
    assert sentence(reason("new-rule")) == "new-rule"


@pytest.mark.parametrize("rule", ["cms-8-minute", "kx-threshold", "ncci-ptp", "fee-schedule", "evaluation-levels"])
def test_a_known_rule_with_other_facts_is_told_by_them(rule: str) -> None:
    assert sentence(reason(rule, minutes=33)) == f"{rule}: minutes 33"


@pytest.mark.parametrize("name", example_bodies())
def test_each_reason_of_the_examples_has_a_sentence(name: str, claimbus: Command) -> None:
    sentences = {reason.rule: sentence(reason) for line in decision_on(name).lines for reason in line.reasons}
    assert [rule for rule, text in sentences.items() if text.startswith(f"{rule}:")] == []


# --- On the bus -----------------------------------------------------------------------------------------


async def say(client: Client, *events: Decision | ClaimVoided | VisitHeld) -> None:
    for event in events:
        subject = subject_for(type(event), event.practice_id, event.visit_id)
        await client.jetstream().publish(subject, event.model_dump_json().encode())


async def test_a_visit_on_the_bus_is_explained_by_its_key_with_or_without_its_practice(
    nats_url: str, client: Client, claimbus: Command
) -> None:
    decision = decision_on("12")
    await say(client, decision, decision_on("01"))
    for name in ("northside-pt/v12-above-threshold", "v12-above-threshold"):
        ran = claimbus("explain", name, CLAIMBUS_NATS_URL=nats_url)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == page(decision)


async def test_the_last_word_counts_and_a_decision_before_it_is_shown_as_past(
    nats_url: str, client: Client, claimbus: Command
) -> None:
    decision = decision_on("01")
    keys = {"practice_id": decision.practice_id, "visit_id": decision.visit_id}
    await say(client, decision, decision.model_copy(update={"revision": 2}))
    again = claimbus("explain", "v01-medicare-plain", CLAIMBUS_NATS_URL=nats_url).stdout
    assert "revision 2" in again
    assert "revision 1" not in again
    await say(client, ClaimVoided(**keys, revision=3, retracts=decision.claim_id))
    voided = claimbus("explain", "v01-medicare-plain", CLAIMBUS_NATS_URL=nats_url).stdout
    assert voided.startswith(
        "northside-pt/v01-medicare-plain: voided. The EHR took this visit back: nothing of it may be billed.\n"
        "What was decided before that, and holds no more:\n"
    )
    assert "revision 2" in voided
    await say(client, VisitHeld(practice_id="northside-pt", visit_id="waiting", revision=1, reason="units"))
    held = claimbus("explain", "waiting", CLAIMBUS_NATS_URL=nats_url)
    assert (
        held.stdout
        == "northside-pt/waiting: held. The visit is held: claims waits for a fact that has not come.\nunits\n"
    )


async def test_a_key_that_two_practices_use_is_to_be_named_with_its_practice(
    nats_url: str, client: Client, claimbus: Command
) -> None:
    decision = decision_on("01")
    await say(client, decision, decision.model_copy(update={"practice_id": "southside-pt"}))
    ran = claimbus("explain", "v01-medicare-plain", CLAIMBUS_NATS_URL=nats_url)
    assert ran.returncode == 1
    assert "name northside-pt/v01-medicare-plain or southside-pt/v01-medicare-plain" in ran.stderr
    ran = claimbus("explain", "southside-pt/v01-medicare-plain", CLAIMBUS_NATS_URL=nats_url)
    assert "southside-pt/v01-medicare-plain · revision 1" in ran.stdout


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "never-received-of",
            "no file never-received-of, and claims has said nothing of such a visit; see: claimbus dead list",
        ),
        ("a b", "no file a b, and no visit's key: those are letters, digits, '_' and '-'"),
        ("north.side/v1", "no file north.side/v1, and no visit's key"),
        ("*", "no file *, and no visit's key"),
    ],
)
async def test_what_is_neither_file_nor_visit_is_one_line(
    nats_url: str, client: Client, name: str, complaint: str, claimbus: Command
) -> None:
    ran = claimbus("explain", name, CLAIMBUS_NATS_URL=nats_url)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"Error: {complaint}")
    assert ran.stderr.count("\n") == 1


def test_a_charge_with_a_fraction_of_a_cent_is_shown_as_it_is() -> None:
    data = visit_data(changes={"interventions.0.charge": "47.005"})
    text = flat(page(evaluate_visit(json.dumps(data).encode())))
    assert "The charge of intervention 1 has more than two decimals." in text
    assert "charge $47.005 " in text
    assert "charges $173.005 " in text


def test_a_charge_of_the_fee_schedule_says_where_it_comes_from(claimbus: Command, tmp_path: Path) -> None:
    head = '[profile]\nname = "medicare_part_b"\nversion = "1"\nprogram = "medicare_part_b"\n'
    row = '[[claims]]\ncharges = { 97110 = "61.50" }\nsource = "our fee schedule of 2026"\n'
    overlay = tmp_path / "own"
    overlay.mkdir()
    (overlay / "medicare.toml").write_text(head + row)
    visit = tmp_path / "visit.json"
    visit.write_text(json.dumps(visit_data(remove=["interventions.0.charge"])))
    ran = claimbus("evaluate", str(visit), CLAIMBUS_PROFILES=str(overlay))
    line = json.loads(ran.stdout)["lines"][0]
    assert (line["code"], line["charge"]) == ("97110", "61.50")
    assert "our fee schedule of 2026" in {reason["citation"] for reason in line["reasons"]}
    text = flat(claimbus("explain", str(visit), CLAIMBUS_PROFILES=str(overlay)).stdout)
    assert "fee schedule has $61.50 for one unit. [our fee schedule of 2026]" in text
