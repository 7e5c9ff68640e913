"""The group of commands: what `claimbus --help` names, and that it imports none of them for it."""

import subprocess
import sys

import click
import pytest
from claimbus_cli.main import COMMANDS, main
from click.testing import CliRunner


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_a_command_by_the_first_sentence_of_its_own_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.get_short_help_str(limit=200) == COMMANDS[name]


def test_help_imports_no_command() -> None:
    look = "import sys; from claimbus_cli.main import main; main(['--help'], standalone_mode=False); "
    look += "print(*sys.modules, sep='\\n', file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stderr.split()
    assert "claimbus_cli.main" in loaded
    assert not [name for name in loaded if name.split(".")[0] in ("claimbus", "claims", "nats", "pydantic", "rich")]


def test_a_command_that_is_none_is_refused() -> None:
    ran = CliRunner().invoke(main, ["nonsense"])
    assert ran.exit_code == 2
    assert "No such command 'nonsense'" in ran.output
