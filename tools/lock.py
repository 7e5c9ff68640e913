"""Make the hash-pinned locks from the members' declared dependencies, without any address in them.

usage: make lock [ARGS=--upgrade]
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "requirements"


def third_party() -> list[str]:
    """What the members need from outside the workspace."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["claimbus"]["members"]
    projects = [tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"] for member in workspace]
    ours = {project["name"] for project in projects}
    return sorted({need for project in projects for need in project["dependencies"] if need not in ours})


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
        run.write_text("\n".join(third_party()) + "\n")
        compile_lock([run, REQUIREMENTS / "build.in"], REQUIREMENTS / "run.txt", *sys.argv[1:])
        compile_lock(
            [run, REQUIREMENTS / "build.in", REQUIREMENTS / "dev.in"],
            REQUIREMENTS / "dev.txt",
            "--constraint",
            str(REQUIREMENTS / "run.txt"),
            *sys.argv[1:],
        )


if __name__ == "__main__":
    main()
