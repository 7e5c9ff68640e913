"""The command in a process of its own: a process loads its rules once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def claimbus() -> Command:
    """Runs `claimbus` with arguments, and environment variables as keywords."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "claimbus_cli", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
            env={**os.environ, **environment},
            check=False,
        )

    return run
