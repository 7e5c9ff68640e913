"""`claimbus keys`: made once, rotated without a gap, withdrawn, and never readable by others."""

import base64
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from claimbus.services import SERVICES
from claimbus_cli.bus.key_folder import KeyFolder
from claimbus_cli.bus.seeds import public_key

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def made(tmp_path: Path) -> KeyFolder:
    folder = KeyFolder(tmp_path / "keys")
    folder.complete("northside-pt")
    return folder


def test_what_is_made_is_private_and_stays_when_made_again(made: KeyFolder, claimbus: Command) -> None:
    files = [file for file in made.place.rglob("*") if file.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    before = {file: file.read_bytes() for file in files}
    ran = claimbus("keys", "make", str(made.place), "--practice", "northside-pt")
    assert "every key exists" in ran.stdout
    assert {file: file.read_bytes() for file in files} == before


def test_no_seed_is_told_to_the_server_or_shown(made: KeyFolder, claimbus: Command) -> None:
    seeds = {user: (made.place / user / "nkey").read_text() for user in made.users()}
    assert len(set(seeds.values())) == len(seeds)
    assert seeds.keys() == {*SERVICES, "provision", "operator", "admin", "ehr-northside-pt", "submission-northside-pt"}
    shown = claimbus("keys", "list", str(made.place)).stdout + (made.place / "server/users.conf").read_text()
    for user, seed in seeds.items():
        assert seed not in shown
        assert public_key(made.place / user / "nkey") in shown


def test_the_key_of_the_streams_survives_whatever_is_done_to_users(made: KeyFolder) -> None:
    key = (made.place / "server/encryption.conf").read_bytes()
    made.rotate("claims")
    made.settle()
    made.retire("northside-pt")
    made.complete("lakeside")
    assert (made.place / "server/encryption.conf").read_bytes() == key
    assert made.practices() == ["lakeside"]


def test_a_rotation_is_finished_before_the_next(made: KeyFolder, claimbus: Command) -> None:
    old = public_key(made.place / "claims/nkey")
    assert claimbus("keys", "rotate", str(made.place), "claims").returncode == 0
    new = public_key(made.place / "claims/nkey")
    users = (made.place / "server/users.conf").read_text()
    assert old != new
    assert old in users
    assert new in users
    ran = claimbus("keys", "rotate", str(made.place), "claims")
    assert ran.returncode == 1
    assert "claimbus keys settle" in ran.stderr
    assert "claims" in claimbus("keys", "settle", str(made.place)).stdout
    assert old not in (made.place / "server/users.conf").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("rotate", "{}", "billing"), "there are: admin, claims"),
        (("retire", "{}", "lakeside"), "there are: northside-pt"),
        (("make", "{}", "--practice", "north side"), "letters, digits"),
        (("list", "{}/nowhere"), "does not exist"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    arguments: tuple[str, ...], complaint: str, made: KeyFolder, claimbus: Command
) -> None:
    ran = claimbus("keys", *(argument.format(made.place) for argument in arguments))
    assert ran.returncode == 2
    assert complaint in ran.stderr


def test_the_key_of_the_streams_is_rotated_and_the_old_one_kept(made: KeyFolder, claimbus: Command) -> None:
    file = made.place / "server/encryption.conf"
    old = file.read_text()
    assert claimbus("keys", "rotate", str(made.place), "streams").returncode == 0
    assert file.read_text() != old
    assert file.with_name("encryption.conf.old").read_text() == old
    assert claimbus("keys", "rotate", str(made.place), "streams").returncode == 1
    assert "streams" in claimbus("keys", "settle", str(made.place)).stdout
    assert not file.with_name("encryption.conf.old").exists()


def test_a_cluster_gets_them_as_secrets(made: KeyFolder, claimbus: Command) -> None:
    printed = list(yaml.safe_load_all(claimbus("keys", "kubernetes", str(made.place)).stdout))
    secrets = {secret["metadata"]["name"]: secret for secret in printed}
    assert {secret["metadata"]["namespace"] for secret in printed} == {"claimbus"}
    seed = base64.b64decode(secrets["claimbus-claims-nkey"]["data"]["nkey"])
    assert seed == (made.place / "claims/nkey").read_bytes()
    assert set(secrets["claimbus-nats-auth"]["data"]) == {"users.conf", "encryption.conf"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (None, "No such file or directory"),
        ("U" + "A" * 55, "holds no seed of a user"),  # the public half
        ("SU" + "A" * 30, "holds no seed of a user"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_named(
    given: str | None, complaint: str, tmp_path: Path, claimbus: Command
) -> None:
    file = tmp_path / "nkey"
    if given:
        file.write_text(given)
    ran = claimbus("doctor", CLAIMBUS_NATS_NKEY=str(file))
    assert ran.returncode == 1
    assert f"CLAIMBUS_NATS_NKEY: {file}" in ran.stderr
    assert complaint in ran.stderr
