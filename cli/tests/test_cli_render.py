"""`claimbus render`: every ready example as a claim document, judged and read back; several at once and broken ones."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus.testing.visits import EXAMPLES, example_bodies
from claimbus_cli.main import main
from click.testing import CliRunner, Result
from deciding import decision_on
from fhir_validators import faults_by_rules, faults_by_validators
from pypdf import PdfReader

Decision = ClaimReady | ClaimDenialRisk
Command = Callable[..., subprocess.CompletedProcess[str]]
VALID = [EXAMPLES / f"{name}.json" for name in example_bodies()]


def ready() -> list[Path]:
    return [file for file in VALID if decision_on(file.stem).outcome == "ready"]


def render(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["render", *arguments], input=stdin)


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


# --- The examples


def test_there_are_ready_examples_of_several_programs() -> None:
    programs = {decision_on(file.stem).claim.coverage[0].program for file in ready()}
    assert len(ready()) >= 15
    assert len(programs) >= 3


@pytest.mark.parametrize("file", ready(), ids=lambda file: file.stem)
def test_each_ready_example_is_a_valid_fhir_claim_that_tells_the_decision(file: Path) -> None:
    decision = decision_on(file.stem)
    ran = render("--format", "fhir", "-", stdin=decision.model_dump_json())
    assert ran.exit_code == 0, ran.stderr
    assert faults_by_validators(ran.stdout) == []
    assert faults_by_rules(ran.stdout) == []
    claim = json.loads(ran.stdout, parse_float=Decimal)
    assert claim["resourceType"] == "Claim"
    assert [item_fields(item) for item in claim["item"]] == [
        (line.code, line.units, line.modifiers, line.charge, line.diagnosis_pointers) for line in decision.lines
    ]
    assert claim["total"]["value"] == decision.claim.total_charge


def item_fields(item: dict[str, Any]) -> tuple[str, int, tuple[str, ...], Decimal, tuple[int, ...]]:
    return (
        item["productOrService"]["coding"][0]["code"],
        item["quantity"]["value"],
        tuple(modifier["coding"][0]["code"] for modifier in item.get("modifier", [])),
        item["net"]["value"],
        tuple(item["diagnosisSequence"]),
    )


@pytest.mark.parametrize("file", ready(), ids=lambda file: file.stem)
def test_each_ready_example_fills_a_form(file: Path) -> None:
    decision = decision_on(file.stem)
    ran = render("--format", "cms1500", "-", stdin=decision.model_dump_json())
    assert ran.exit_code == 0, ran.stderr
    (page,) = pages(ran.stdout_bytes)
    for line in decision.lines:
        assert line.code in page
    assert f"{decision.claim.total_charge:.2f}".replace(".", " ") in page


# --- What comes in


def test_a_visit_is_decided_first_and_a_decision_is_taken_as_it_is() -> None:
    file = EXAMPLES / "03-mixed-remainders.json"
    of_visit = json.loads(render("--format", "fhir", str(file)).stdout)
    of_decision = json.loads(render("--format", "fhir", "-", stdin=decision_on(file.stem).model_dump_json()).stdout)
    assert of_visit.pop("created")
    assert of_decision.pop("created")
    assert of_visit == of_decision


def several(*changes: dict[str, Any]) -> str:
    decision = decision_on(EXAMPLES / "03-mixed-remainders.json").model_dump(mode="json")
    return "\n".join(json.dumps({**decision, **change}) for change in changes)


def test_several_decisions_give_one_claim_a_line_and_what_is_wrong_is_named_by_line_and_field() -> None:
    ran = render("--format", "fhir", "-", stdin=several({}, {"lines": []}, {"lines": 3}, {"revision": 2}) + "\nnothing")
    assert ran.exit_code == 1
    claims = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [claim["identifier"][1]["value"].rpartition("/")[2] for claim in claims] == ["1", "2"]
    errors = ran.stderr.splitlines()
    assert errors[0].startswith(
        "line 2: northside-pt/v03-mixed-remainders revision 1: lines is empty: nothing of the visit"
    )
    assert errors[1].startswith("line 3: lines: ")
    assert errors[2].startswith("line 5: ")
    assert "Traceback" not in ran.stderr


def test_several_decisions_give_one_pdf_and_those_without_a_form_are_named() -> None:
    ran = render("--format", "cms1500", "-", stdin=several({}, {"lines": []}, {"revision": 2}))
    assert ran.exit_code == 1
    assert len(pages(ran.stdout_bytes)) == 2
    assert "line 2: northside-pt/v03-mixed-remainders revision 1: lines is empty: nothing of the visit" in ran.stderr


def test_a_claim_at_risk_is_written_with_a_warning() -> None:
    file = next(file for file in VALID if decision_on(file.stem).outcome == "denial_risk")
    ran = render("--format", "fhir", str(file))
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["status"] == "active"
    assert "denial risk: not to be sent as it stands" in ran.stderr


@pytest.mark.parametrize("format_", ["fhir", "cms1500"])
def test_where_there_is_nothing_to_write_nothing_is_written(format_: str, tmp_path: Path) -> None:
    target = tmp_path / "claims"
    empty = render("--format", format_, "-", "--output", str(target), stdin="")
    assert empty.exit_code == 1
    assert "no decision and no visit in it" in empty.stderr
    refused = render("--format", format_, "-", "--output", str(target), stdin=several({"lines": []}))
    assert refused.exit_code == 1
    assert not target.exists()


def test_a_path_that_cannot_be_read_or_written_is_one_line(tmp_path: Path) -> None:
    absent = render("--format", "fhir", str(tmp_path / "absent.json"))
    assert (absent.exit_code, absent.stderr.count("\n")) == (1, 1)
    nowhere = render("--format", "fhir", str(VALID[0]), "--output", str(tmp_path / "no" / "folder"))
    assert nowhere.exit_code == 1
    assert "No such file or directory" in nowhere.stderr


# --- What goes out


def test_the_file_holds_what_standard_output_would_and_the_same_each_time(tmp_path: Path, claimbus: Command) -> None:
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text(several({}, {"revision": 2}))
    for format_ in ("fhir", "cms1500"):
        targets = [tmp_path / f"{format_}-{number}" for number in range(2)]
        for target in targets:
            ran = claimbus("render", "--format", format_, str(decisions), "--output", str(target))
            assert (ran.returncode, ran.stdout) == (0, "")
        written = {target.read_bytes() for target in targets}
        assert written == {render("--format", format_, str(decisions)).stdout_bytes}


def test_options_reach_the_form() -> None:
    lines = [{**line, "number": number} for number, line in enumerate(json.loads(several({}))["lines"] * 4, 1)]
    total = f"{sum(Decimal(line['charge']) for line in lines):.2f}"
    claim = {**json.loads(several({}))["claim"], "total_charge": total}
    given = several({"lines": lines, "claim": claim})
    plain = pages(render("--format", "cms1500", "-", stdin=given).stdout_bytes)
    by_page = pages(render("--format", "cms1500", "--page-totals", "each", "-", stdin=given).stdout_bytes)
    proof = pages(render("--format", "cms1500", "--proof", "-", stdin=given).stdout_bytes)
    assert ("CONTINUED" in plain[0], "CONTINUED" in plain[1]) == (True, False)
    assert "CONTINUED" not in by_page[0]
    assert all("NOT A CMS-1500" in page for page in proof)
    assert not any("NOT A CMS-1500" in page for page in plain)
    off = render("--format", "cms1500", "--offset-x", "-60", "-", stdin=given)
    assert off.exit_code == 1
    assert "off the paper" in off.stderr


def test_an_option_of_another_format_is_refused() -> None:
    ran = render("--format", "fhir", "--proof", str(VALID[0]))
    assert ran.exit_code == 2
    assert "--proof is for --format cms1500" in ran.stderr


def test_help_shows_each_format_with_an_example() -> None:
    text = render("--help").stdout
    examples = [line.strip() for line in text.splitlines() if line.strip().startswith("claimbus ")]
    assert len(examples) == 6
    for format_ in ("fhir", "cms1500"):
        assert any(f"claimbus render --format {format_}" in example for example in examples)


def test_other_commands_load_no_library_of_documents() -> None:
    look = "import claimbus_cli.commands.evaluate, claims.handlers, sys; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "claims.handlers" in loaded
    assert not [module for module in loaded if module.startswith(("reportlab", "claimbus_documents"))]


def test_tables_of_documents_are_shown_like_all_rules(claimbus: Command) -> None:
    ran = claimbus("rules", "show", "fhir-codes")
    assert ran.returncode == 0, ran.stderr
    assert "icd-10-cm" in ran.stdout
