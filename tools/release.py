"""Check that a release may be made, build it, or raise the version everywhere.

usage: make release-check                       everything below; writes dist/
       python tools/release.py check
       python tools/release.py bump 0.2.0       the version in every place that has it

Checks: the tree is clean; one version everywhere; the changelog says something; the contract's schemas are those of the
last tag; nothing that looks like a key is tracked; locks have hashes, no address, and are current; generated documents
are current; wheels built twice are the same bytes and hold what they must; installed by the lock, without the checkout,
they decide as the checkout does; a bill of materials (CycloneDX) of exactly that. Ends with 1 if one fails.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from workspace import ROOT, member_folders, project_in

BILL_MAKER = ROOT / ".bom/bin/cyclonedx-py"
SEED = re.compile(r"\bS[UAONC][A-Z2-7]{56}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
EXAMPLE = "examples/visits/01-medicare-plain.json"

PLACES: dict[str, str] = {
    "*/pyproject.toml": r'^version = "(.+)"$',
    "services/*/pyproject.toml": r'^version = "(.+)"$',
    "Dockerfile": r"^ARG VERSION=(.+)$",
    "docker-compose.yml": r"\$\{CLAIMBUS_VERSION:-(.+?)\}",
    "deploy/k8s/base/kustomization.yaml": r"newTag: ([\w.]+)",
    "deploy/k8s/base/*/kustomization.yaml": r"newTag: ([\w.]+)",
}
"""Where a version stands, as files and a pattern of the line."""
SIBLINGS = r'"claimbus(?:-[a-z-]+)?(?:\[\w+\])?==([\w.]+)"'
"""How members name one another: a release is one, and its parts are not mixed with those of another."""


class Failed(Exception):
    """A check that failed; the text says what and where."""


def places(root: Path) -> Iterator[tuple[Path, str]]:
    for glob, pattern in PLACES.items():
        for file in sorted(root.glob(glob)):
            yield file, pattern
            if file.name == "pyproject.toml":
                yield file, SIBLINGS


def versions(root: Path) -> dict[str, list[str]]:
    """The versions that stand in the tree, with the files that have each."""
    found: dict[str, list[str]] = {}
    for file, pattern in places(root):
        for version in re.findall(pattern, file.read_text(), re.MULTILINE):
            found.setdefault(version, []).append(str(file.relative_to(root)))
    return found


def bump(root: Path, version: str) -> int:
    """Write a version into every place; how many were changed."""
    changed = 0

    def renewed(match: re.Match[str]) -> str:
        nonlocal changed
        changed += match[1] != version
        return match[0].replace(match[1], version)

    for file, pattern in places(root):
        file.write_text(re.sub(pattern, renewed, file.read_text(), flags=re.MULTILINE))
    return changed


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command[:4]))}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def clean(root: Path) -> str:
    if changed := run("git", "status", "--porcelain", cwd=root).splitlines():
        raise Failed(f"{len(changed)} files are not committed, as {changed[0][3:]}")
    return run("git", "rev-parse", "--short", "HEAD", cwd=root).strip()


def one_version(root: Path) -> str:
    found = versions(root)
    if len(found) != 1:
        few = min(found, key=lambda version: len(found[version]))
        raise Failed(f"versions {', '.join(sorted(found))}; {few} in {', '.join(dict.fromkeys(found[few]))}")
    ((version, files),) = found.items()
    return f"{version} in {len(files)} places"


def changelog(root: Path) -> str:
    heading, _, entry = (root / "CHANGELOG.md").read_text().partition("\n## ")[2].partition("\n")
    version = next(iter(versions(root)))
    if heading not in ("Unreleased", version) and not heading.startswith(f"{version} "):
        raise Failed(f"the newest heading is {heading!r}, and the version {version}")
    entries = re.findall(r"^\* ", entry.partition("\n## ")[0], re.MULTILINE)
    if not entries:
        raise Failed(f"nothing is said under {heading!r}")
    return f"{heading}: {len(entries)} entries"


def contract(root: Path) -> str:
    tags = run("git", "tag", "--list", "v*", "--sort=-creatordate", cwd=root).split()
    if not tags:
        return "no tag yet to compare with"
    changed = run(
        "git", "diff", "--name-only", "--diff-filter=MD", tags[0], "HEAD", "--", "shared/schemas", cwd=root
    ).split()
    if changed:
        raise Failed(f"published since {tags[0]} and changed: {', '.join(changed)}; a changed event is a new version")
    return f"as in {tags[0]}, or added"


def no_keys(root: Path) -> str:
    files = run("git", "ls-files", "-z", cwd=root).split("\0")[:-1]
    for name in files:
        path = root / name
        if path.is_file() and (found := SEED.search(path.read_bytes().decode(errors="replace"))):
            raise Failed(f"{name} holds what looks like a key ({found[0][:6]}...)")
    return f"{len(files)} files looked through"


def locks(root: Path) -> str:
    pinned = 0
    for lock in sorted((root / "requirements").glob("*.txt")):
        text = lock.read_text()
        if address := re.search(r"https?://\S+|--(?:extra-)?index-url.*", text):
            raise Failed(f"{lock.name} names an address: {address[0]}")
        names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
        entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
        if bare := [name for name, entry in zip(names, entries, strict=True) if "--hash=sha256:" not in entry]:
            raise Failed(f"{lock.name}: {bare[0]} has no hash")
        pinned += len(names)
    before = {lock: lock.read_bytes() for lock in (root / "requirements").glob("*.txt")}
    try:
        run(sys.executable, "tools/lock.py", cwd=root)
        stale = [lock.name for lock, body in before.items() if lock.read_bytes() != body]
    finally:
        for lock, body in before.items():
            lock.write_bytes(body)
    if stale:
        raise Failed(f"{', '.join(stale)} are not what the members ask for; run: make lock")
    return f"{pinned} pins with hashes, as the members ask for"


def documents(_: Path) -> str:
    run(sys.executable, "tools/make_documents.py", "--check")
    return "as the code makes them"


def wheels(root: Path) -> str:
    """Into dist/, which holds nothing else afterwards."""
    shutil.rmtree(root / "dist", ignore_errors=True)
    epoch = run("git", "log", "-1", "--format=%ct", cwd=root).strip()
    with tempfile.TemporaryDirectory() as again:
        for folder in (root / "dist", Path(again)):
            pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
            run(*pip, "--wheel-dir", folder, *member_folders(root), SOURCE_DATE_EPOCH=epoch)
        made = {wheel.name: wheel.read_bytes() for wheel in (root / "dist").glob("*.whl")}
        if made != {wheel.name: wheel.read_bytes() for wheel in Path(again).glob("*.whl")}:
            raise Failed("two builds of one commit differ")
    for member in member_folders(root):
        wanted = {str(file.relative_to(member / "src")) for file in (member / "src").rglob("*") if _is_shipped(file)}
        name = project_in(member)["name"].replace("-", "_")
        (wheel,) = (root / "dist").glob(f"{name}-[0-9]*.whl")
        held = {entry for entry in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in entry}
        if held != wanted:
            raise Failed(f"{wheel.name} differs from its sources by {', '.join(sorted(held ^ wanted)[:3])}")
    return f"{len(made)} wheels, twice the same bytes"


def _is_shipped(file: Path) -> bool:
    return file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"


def installed(root: Path) -> str:
    """The wheels by the lock, in an environment that has never seen the checkout; and the bill of its materials."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin/python")
        run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", root / "requirements/run.txt")
        run(
            python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *sorted((root / "dist").glob("*.whl"))
        )
        run(python, "-m", "pip", "check")
        if _decision(python, root / EXAMPLE, Path(folder)) != _decision(sys.executable, root / EXAMPLE, Path(folder)):
            raise Failed(f"installed and checkout decide {EXAMPLE} differently")
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
        bill = root / "dist/sbom.cdx.json"
        run(
            BILL_MAKER, "environment", "--output-reproducible", "--output-format", "JSON",
            "--spec-version", "1.6", "--output-file", bill, python,
        )  # fmt: skip
        listed = {_canonical(component["name"]) for component in json.loads(bill.read_text())["components"]}
        if missing := _locked(root) - listed:
            raise Failed(f"the bill of materials lacks {', '.join(sorted(missing))}")
        if folder in bill.read_text():
            raise Failed("the bill of materials names a folder of this machine")
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in sorted((root / "dist").iterdir())
    ]
    (root / "dist/SHA256SUMS").write_text("\n".join(sums) + "\n")
    return f"decides as the checkout; {len(listed)} components in dist/sbom.cdx.json"


def _decision(python: str | Path, visit: Path, cwd: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(python, "-m", "claimbus_cli", "evaluate", visit, cwd=cwd))
    del found["decided_at"]
    return found


def _locked(root: Path) -> set[str]:
    """What the lock has for this platform."""
    pins = re.findall(
        r"^([\w.-]+)==\S+( ; (?:sys_platform|platform_system))?",
        (root / "requirements/run.txt").read_text(),
        re.MULTILINE,
    )
    return {_canonical(name) for name, elsewhere in pins if not elsewhere}


def _canonical(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


CHECKS: tuple[Callable[[Path], str], ...] = (
    clean, one_version, changelog, contract, no_keys, locks, documents, wheels, installed,
)  # fmt: skip


def check(root: Path) -> int:
    failed = 0
    for look in CHECKS:
        try:
            result, mark = look(root), "ok    "
        except Failed as exc:
            result, mark, failed = str(exc), "FAILED", failed + 1
        sys.stdout.write(f"{mark}  {look.__name__.replace('_', ' '):12}  {result}\n")
        sys.stdout.flush()
    return int(failed > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("check", help="may this commit be released?")
    raising = actions.add_parser("bump", help="raise the version everywhere")
    raising.add_argument("version", help="such as 0.2.0")
    arguments = parser.parse_args()
    if arguments.action == "check":
        return check(ROOT)
    if not re.fullmatch(r"\d+\.\d+\.\d+", arguments.version):
        parser.error(f"{arguments.version!r} is no version of three numbers")
    sys.stdout.write(f"{bump(ROOT, arguments.version)} places now say {arguments.version}; then: make lock schemas\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
