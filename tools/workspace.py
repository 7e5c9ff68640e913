"""The members of the workspace, as the root's pyproject.toml lists them."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def member_folders(root: Path = ROOT) -> list[Path]:
    """The folder of each member; `services/*` in the list stands for every folder there."""
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["claimbus"]["members"]
    return [project.parent for pattern in patterns for project in sorted(root.glob(f"{pattern}/pyproject.toml"))]


def project_in(folder: Path) -> dict[str, Any]:
    """The `[project]` table of a member."""
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project
