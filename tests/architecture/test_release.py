"""The release check lets through what may be released, and fails for each thing that may not."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from release import PLACES, ROOT, Failed, bump, changelog, clean, contract, locks, no_keys, one_version, versions


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the checks read, under git."""
    names = ["CHANGELOG.md", "requirements", "shared/schemas", "pyproject.toml"]
    names += [str(file.relative_to(ROOT)) for glob in PLACES for file in ROOT.glob(glob)]
    for name in dict.fromkeys(names):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    git(tmp_path, "tag", "v0.0.1")
    return tmp_path


def git(tree: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, capture_output=True)


def commit(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "as it stands")


@pytest.mark.parametrize("check", [clean, one_version, changelog, contract, no_keys])
def test_what_is_in_order_passes(check: Callable[[Path], str], tree: Path) -> None:
    assert check(tree)


def test_every_place_has_a_version_and_a_bump_reaches_all(tree: Path) -> None:
    ((old, files),) = versions(tree).items()
    for glob in PLACES:
        assert any(Path(file).match(glob) for file in files), f"no version in {glob}"
    assert bump(tree, "9.8.7") == len(files)
    assert list(versions(tree)) == ["9.8.7"]
    assert bump(tree, old) == len(files)
    assert all((tree / file).read_text() == (ROOT / file).read_text() for file in files)


def _other_version(tree: Path) -> None:
    file = tree / "services/units/pyproject.toml"
    file.write_text(file.read_text().replace("claimbus==0", "claimbus==9"))


def _other_image(tree: Path) -> None:
    file = tree / "docker-compose.yml"
    file.write_text(file.read_text().replace("claims:${CLAIMBUS_VERSION:-0", "claims:${CLAIMBUS_VERSION:-9"))


def _silence(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n### Added\n\n## 0.0.1\n\n* Something.\n")


def _old_heading(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## 0.0.1\n\n* Something.\n")


def _changed_schema(tree: Path) -> None:
    file = tree / "shared/schemas/visits/completed/1.0.json"
    file.write_text(file.read_text().replace("visit_id", "visit_key"))
    commit(tree)


def _removed_schema(tree: Path) -> None:
    (tree / "shared/schemas/visits/completed/1.0.json").unlink()
    commit(tree)


def _seed(tree: Path) -> None:
    (tree / "notes.txt").write_text(f"nkey: {'SU' + 'A' * 56}\n")
    commit(tree)


def _key(tree: Path) -> None:
    (tree / "tls.key").write_text("-----BEGIN " + "PRIVATE KEY-----\n")
    commit(tree)


def _no_hash(tree: Path) -> None:
    file = tree / "requirements/run.txt"
    file.write_text(file.read_text() + "colorama==0.4.6\n")


def _address(tree: Path) -> None:
    file = tree / "requirements/run.txt"
    file.write_text("--index-url https://packages.invalid/simple\n" + file.read_text())


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        (clean, _other_version), (one_version, _other_version), (one_version, _other_image), (changelog, _silence),
        (changelog, _old_heading), (contract, _changed_schema), (contract, _removed_schema), (no_keys, _seed),
        (no_keys, _key), (locks, _no_hash), (locks, _address),
    ],
)  # fmt: skip
def test_what_may_not_be_released_fails(
    check: Callable[[Path], str], spoil: Callable[[Path], None], tree: Path
) -> None:
    spoil(tree)
    with pytest.raises(Failed):
        check(tree)


def test_a_schema_that_is_added_is_no_change(tree: Path) -> None:
    folder = tree / "shared/schemas/visits/completed"
    shutil.copy(folder / "1.0.json", folder / "1.1.json")
    commit(tree)
    assert contract(tree)
