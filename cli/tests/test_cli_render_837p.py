"""`claimbus render`: the example visits judged by others, and what a person sees when one cannot be written."""

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus.testing.visits import EXAMPLES, example_bodies
from claimbus_cli.commands.render import FORMATS
from claimbus_cli.main import main
from click.testing import CliRunner, Result
from deciding import evaluate_visit
from good_claim import decision_with
from x12_validators import complaints, expected, reread, segment_ids, with_flags

CONTACT = ("--contact-phone", "617-555-0100")
RECEIVER = ("--receiver-id", "CLEAR1", "--receiver-name", "Example Clearing")

Command = Callable[..., subprocess.CompletedProcess[str]]


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["render", "--format", "837p", *arguments], input=stdin)


def lines_of(*decisions: ClaimReady | ClaimDenialRisk) -> str:
    return "".join(f"{decision.model_dump_json()}\n" for decision in decisions)


@cache
def examples() -> tuple[ClaimReady | ClaimDenialRisk, ...]:
    """The decisions on all example visits that are visits."""
    return tuple(with_flags(map(evaluate_visit, example_bodies().values())))


def test_every_ready_example_passes_pyx12_in_one_interchange_and_is_read_back_as_decided() -> None:
    ready = [decision for decision in examples() if decision.outcome == "ready"]
    ran = run("-", *CONTACT, *RECEIVER, "--control-number", "17", stdin=lines_of(*ready))
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert complaints(ran.stdout) == []
    assert segment_ids(ran.stdout).count("CLM") == len(ready) > 15
    found = {claim.control_number: claim for claim in reread(ran.stdout)}
    assert found == {decision.claim.control_number: expected(decision) for decision in ready}


def test_a_denial_risk_is_written_and_told() -> None:
    risks = [decision for decision in examples() if decision.outcome == "denial_risk"]
    ran = run("-", *CONTACT, *RECEIVER, stdin=lines_of(*risks))
    assert ran.exit_code == 0
    assert complaints(ran.stdout) == []
    assert ran.stderr.splitlines() == [
        f"line {line}: note: denial risk: not to be sent as it stands; see claimbus explain"
        for line in range(1, len(risks) + 1)
    ]


def test_a_visit_is_decided_first() -> None:
    file = EXAMPLES / "03-mixed-remainders.json"
    decided = evaluate_visit(file.read_bytes())
    arguments = (*CONTACT, "--control-number", "1", "--created-at", "2026-11-20T08:30:00-05:00")
    of_visit, of_decision = run(str(file), *arguments), run("-", *arguments, stdin=lines_of(decided))
    assert of_visit.exit_code == of_decision.exit_code
    assert of_visit.stdout == of_decision.stdout
    assert of_visit.stderr == of_decision.stderr
    assert decided.claim.control_number in of_visit.stdout or "revision 1: claim." in of_visit.stderr


def test_a_document_and_a_list_are_read_as_json_lines_are() -> None:
    decision = decision_with()
    arguments = ("-", *CONTACT, "--control-number", "1", "--created-at", "2026-11-20T08:30:00-05:00")
    whole = json.loads(decision.model_dump_json())
    outputs = {
        run(*arguments, stdin=text).stdout
        for text in (lines_of(decision), json.dumps(whole, indent=2), json.dumps([whole], indent=2))
    }
    assert len(outputs) == 1
    assert segment_ids(outputs.pop())[-1] == "IEA"


def test_the_clock_gives_what_is_not_given(tmp_path: Path) -> None:
    ran = run("-", *CONTACT, "--output", str(tmp_path / "claims.x12"), stdin=lines_of(decision_with()))
    assert (ran.exit_code, ran.output) == (0, "")
    written = (tmp_path / "claims.x12").read_bytes()
    assert complaints(written.decode("ascii")) == []
    assert written.startswith(b"ISA*00*          *00*          *ZZ*1902000011     *ZZ*60054          *")
    assert written.count(b"\n") == 0


def test_segments_stand_on_lines_for_reading() -> None:
    ran = run("-", *CONTACT, "--one-a-line", stdin=lines_of(decision_with()))
    assert [line[-1] for line in ran.stdout.splitlines()] == ["~"] * len(segment_ids(ran.stdout))
    assert complaints(ran.stdout) == []


def test_what_cannot_be_written_is_told_by_field_and_the_rest_is_written(tmp_path: Path) -> None:
    good = decision_with({"visit_id": "good"})
    bad = decision_with({"visit_id": "bad", "claim.patient.address.state": "Utopia", "lines.0.charge": "95.125"})
    broken = json.loads(decision_with().model_dump_json()) | {"lines": 3}
    text = f"{lines_of(bad)}{json.dumps(broken)}\nnot json\n{lines_of(good)}"
    ran = run("-", *CONTACT, "--output", str(tmp_path / "out"), stdin=text)
    assert ran.exit_code == 1
    errors = ran.stderr.splitlines()
    assert errors[0].startswith("line 2: lines: ")
    assert errors[1].startswith("line 3: ")
    assert errors[2].startswith("p/bad revision 1: ")
    assert "claim.patient.address.state is not a state of the USA" in errors[2]
    assert "lines.0.charge has parts of a cent" in errors[2]
    assert "Utopia" not in ran.stderr
    assert segment_ids((tmp_path / "out").read_text()).count("CLM") == 1


def test_nothing_is_written_when_there_is_nothing_to_write(tmp_path: Path) -> None:
    bad = decision_with({"claim.patient.last_name": None})
    ran = run("-", *CONTACT, "--output", str(tmp_path / "out"), stdin=lines_of(bad))
    assert ran.exit_code == 1
    assert not (tmp_path / "out").exists()
    for nothing in ("", "\n"):
        ran = run("-", *CONTACT, stdin=nothing)
        assert (ran.exit_code, ran.stderr) == (1, "Error: -: no decision and no visit in it\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--usage", "P"), "--contact-phone is missing"),
        (("--contact-email", "nobody"), "--contact-email is no address"),
        ((*CONTACT, "--sender-id", "A*B"), "--sender-id has a character that X12 cannot carry"),
        ((*CONTACT, "--receiver-qualifier", "Q"), "--receiver-qualifier is none of zz"),
        ((*CONTACT, "--created-at", "yesterday"), "give a date and a time"),
        ((*CONTACT, "--control-number", "0"), "--control-number"),
        ((*CONTACT, "--output", "/nowhere/claims.x12"), "/nowhere/claims.x12: No such file or directory"),
    ],
)
def test_what_the_submitter_says_wrongly_is_named_by_its_option(arguments: tuple[str, ...], complaint: str) -> None:
    ran = run("-", *arguments, stdin=lines_of(decision_with()))
    assert ran.exit_code in (1, 2)
    assert complaint in ran.stderr
    assert "Traceback" not in ran.output


def test_without_any_option_a_test_interchange_is_written_and_what_stands_in_is_told() -> None:
    ran = run("-", stdin=lines_of(decision_with()))
    assert ran.exit_code == 0
    assert "PER*IC**TE*0000000000~" in ran.stdout
    assert ran.stderr == "note: --contact-phone was not given: 0000000000 stands in this test interchange\n"


def test_a_file_that_is_not_there_is_named() -> None:
    ran = run("nowhere.json", *CONTACT)
    assert (ran.exit_code, ran.stderr) == (1, "Error: nowhere.json: No such file or directory\n")


def test_an_option_of_this_format_is_refused_by_another() -> None:
    ran = CliRunner().invoke(main, ["render", "--format", "fhir", "--usage", "P", "-"])
    assert (ran.exit_code, "--usage is for --format 837p" in ran.stderr) == (2, True)


def test_help_tells_the_formats_and_keeps_its_examples_apart() -> None:
    ran = CliRunner().invoke(main, ["render", "--help"], terminal_width=120)
    examples_told = [line for line in ran.output.splitlines() if line.startswith("  claimbus render --format ")]
    assert len(examples_told) > 3
    assert all(name in ran.output for name in FORMATS)


def test_the_command_writes_bytes_in_a_process_of_its_own(claimbus: Command, tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_text(lines_of(decision_with({"claim.patient.last_name": "Müller~SE*1*0001"})))
    ran = claimbus("render", "--format", "837p", str(file), *CONTACT)
    assert ran.returncode == 0
    assert "NM1*IL*1*MULLER SE 1 0001*ALEX****MI*XQZ100200300~" in ran.stdout
