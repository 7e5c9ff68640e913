"""`claimbus findings`: the registry of findings as a person and a program read it."""

import json
import shlex
from pathlib import Path

import pytest
from claimbus.services import SERVICES
from claimbus_cli.commands.findings import findings
from claimbus_cli.main import main
from claimbus_cli.registry import registry
from click.testing import CliRunner, Result
from deciding import RULES

ROOT = Path(__file__).parents[2]
REGISTRY = registry(RULES)


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["findings", *arguments])


def test_the_list_has_a_row_for_each_finding() -> None:
    ran = ask()
    assert ran.exit_code == 0
    begins = {line.split(" ")[0] for line in ran.output.splitlines()}
    assert REGISTRY.keys() <= begins
    assert f"{len(REGISTRY)} findings." in ran.output


@pytest.mark.parametrize("service", SERVICES)
def test_one_services_findings_can_be_listed_alone(service: str) -> None:
    found = json.loads(ask("--service", service, "--json").output)
    assert {entry["service"] for entry in found} == {service}
    assert [entry["id"] for entry in found] == [name for name, entry in REGISTRY.items() if entry.service == service]


def test_a_finding_is_explained_with_its_denial_and_who_mends_it_how() -> None:
    text = " ".join(ask("ncci.pair-not-distinct").output.split())
    assert "CARC 236" in text
    assert "mended by therapist how by addendum" in text
    assert "said by claims" in text


def test_a_remark_that_hangs_on_the_discipline_names_each() -> None:
    entry = json.loads(ask("re-evaluation.unjustified", "--json").output)
    page = (ROOT / "docs/documentation-requirements.md").read_text()
    assert f"RARC {entry['rarc']}" in page


@pytest.mark.parametrize(
    ("typed", "meant"), [("overdue", "progress-report.overdue"), ("ncci.pair-not-distnct", "ncci.pair-not-distinct")]
)
def test_an_unknown_id_names_the_nearest(typed: str, meant: str) -> None:
    ran = ask(typed)
    assert ran.exit_code == 1
    assert f"no finding has the id {typed}; the nearest: " in ran.output
    assert meant in ran.output


def test_a_finding_asked_of_the_wrong_service_names_the_right_one() -> None:
    ran = ask("mue.exceeded", "--service", "units")
    assert ran.exit_code == 1
    assert "mue.exceeded is said by claims, not by units" in ran.output


def test_every_example_of_the_help_runs() -> None:
    lines = [line.strip() for line in (findings.help or "").splitlines()]
    examples = [line.partition(" | ")[0] for line in lines if line.startswith("claimbus findings")]
    assert len(examples) > 3
    for line in examples:
        assert CliRunner().invoke(main, shlex.split(line)[1:]).exit_code == 0, line
