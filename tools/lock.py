"""Make the hash-pinned locks from the members' declared dependencies, without any address in them.

usage: make lock [ARGS=--upgrade]
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workspace import ROOT, member_folders, project_in

REQUIREMENTS = ROOT / "requirements"
_IN_SERVICE_IMAGES = ("shared", "services")


def members() -> list[dict[str, Any]]:
    return list(map(project_in, member_folders()))


def third_party(needs: list[str]) -> list[str]:
    """Those needs that come from outside the workspace."""
    ours = {project["name"] for project in members()}
    return sorted({need for need in needs if re.split(r"[\[<>=!~; ]", need, maxsplit=1)[0] not in ours})


def compile_lock(inputs: list[Path], output: Path, *options: str) -> None:
    command = [
        sys.executable, "-m", "uv", "pip", "compile",
        "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header",
        *options, *map(str, inputs), "--output-file", str(output),
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT)
    head = "# Made by `make lock`; do not edit.\n"
    output.write_text(head + output.read_text())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run.in"
        declared = [need for project in members() for need in project["dependencies"]]
        run.write_text("\n".join(third_party(declared)) + "\n")
        compile_lock([run, REQUIREMENTS / "build.in"], REQUIREMENTS / "run.txt", *sys.argv[1:])
        # An image carries what its service needs: no command, no documents, no broker, nothing that builds.
        services = Path(folder) / "services.in"
        carried = [folder for folder in member_folders() if folder.relative_to(ROOT).parts[0] in _IN_SERVICE_IMAGES]
        needed = [need for folder in carried for need in project_in(folder)["dependencies"]]
        services.write_text("\n".join(third_party(needed)) + "\n")
        compile_lock([services], REQUIREMENTS / "services.txt", "--constraint", str(REQUIREMENTS / "run.txt"))
        compile_lock(
            [run, REQUIREMENTS / "build.in", REQUIREMENTS / "dev.in"],
            REQUIREMENTS / "dev.txt",
            "--constraint",
            str(REQUIREMENTS / "run.txt"),
            *sys.argv[1:],
        )


if __name__ == "__main__":
    main()
