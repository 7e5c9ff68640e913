"""Who may connect to the broker, as files that a server and its clients read."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claimbus.messaging.permissions import (
    Permissions,
    of_administrator,
    of_ehr,
    of_operator,
    of_provisioning,
    of_service,
    of_submission,
)
from claimbus.services import SERVICES

from claimbus_cli.bus.seeds import new_seed, public_key

SEED = "nkey"
SERVER = "server"
USERS, ENCRYPTION = "users.conf", "encryption.conf"
STREAMS = "streams"
"""Whose key is not a user's: what streams are encrypted with."""
_FIXED = (*SERVICES, "provision", "operator", "admin")
_ROLES_OF_A_PRACTICE = ("ehr", "submission")
_OF_A_PRACTICE = re.compile(rf"({'|'.join(_ROLES_OF_A_PRACTICE)})-(.+)")


@dataclass(frozen=True)
class KeyFolder:
    """A folder with one subfolder for each user, holding the seed, and one for the server, holding no seed.

    The server's `users.conf` has public keys and permissions; its `encryption.conf` has the key that streams are
    encrypted with at rest, which must outlive every rotation: without it the streams cannot be read.
    """

    place: Path

    def users(self) -> list[str]:
        return sorted(folder.name for folder in self.place.iterdir() if (folder / SEED).is_file())

    def practices(self) -> list[str]:
        return sorted({found[2] for user in self.users() if (found := _OF_A_PRACTICE.fullmatch(user))})

    def complete(self, *practices: str) -> list[str]:
        """Make what is missing; returns for whom. What exists is not touched."""
        wanted = [*_FIXED, *(f"{role}-{practice}" for practice in practices for role in _ROLES_OF_A_PRACTICE)]
        new = [user for user in wanted if not (self.place / user / SEED).exists()]
        for user in new:
            _write(self.place / user / SEED, new_seed())
        if not self._file_of(STREAMS).exists():
            _write(self._file_of(STREAMS), _new_encryption())
        self.write_server_files()
        return new

    def _file_of(self, user: str) -> Path:
        return self.place / SERVER / ENCRYPTION if user == STREAMS else self.place / user / SEED

    def rotating(self) -> list[str]:
        """Whose old key is still kept."""
        return [user for user in (*self.users(), STREAMS) if _old(self._file_of(user)).exists()]

    def rotate(self, user: str) -> None:
        """A new key; the old one is kept until `settle`, and of a user it is good until then."""
        file = self._file_of(user)
        _write(_old(file), file.read_bytes())
        _write(file, _new_encryption() if user == STREAMS else new_seed())
        self.write_server_files()

    def settle(self) -> list[str]:
        """Old keys are good no more; returns whose."""
        old = self.rotating()
        for user in old:
            _old(self._file_of(user)).unlink()
        self.write_server_files()
        return old

    def retire(self, practice: str) -> None:
        for role in _ROLES_OF_A_PRACTICE:
            shutil.rmtree(self.place / f"{role}-{practice}", ignore_errors=True)
        self.write_server_files()

    def write_server_files(self) -> None:
        lines = ["# Made by `claimbus keys`; do not edit. Public keys and what each may do: no secret is in here."]
        for user in self.users():
            for seed in sorted((self.place / user).iterdir()):
                key = public_key(seed)
                lines += [f"# {user}", f"{json.dumps(_entry(key, _permissions_of(user, key)))},"]
        body = "\n".join(lines)
        _write(self.place / SERVER / USERS, f"authorization {{ users = [\n{body}\n] }}\n".encode())

    def files(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Name of each Kubernetes Secret and what it holds, by file name."""
        server = self.place / SERVER
        yield "claimbus-nats-auth", {name: (server / name).read_bytes() for name in (USERS, ENCRYPTION)}
        for user in self.users():
            # Keys may have underscores; names of Kubernetes may not.
            yield f"claimbus-{user.replace('_', '-').lower()}-nkey", {SEED: (self.place / user / SEED).read_bytes()}


def _permissions_of(user: str, key: str) -> Permissions:
    if user in SERVICES:
        return of_service(user)
    if found := _OF_A_PRACTICE.fullmatch(user):
        return {"ehr": of_ehr, "submission": of_submission}[found[1]](found[2], key)
    if user == "admin":
        return of_administrator()
    return {"provision": of_provisioning, "operator": of_operator}[user](key)


def _entry(key: str, may: Permissions) -> dict[str, object]:
    publish: dict[str, object] = {"allow": may.publish}
    if may.never_publish:
        publish["deny"] = may.never_publish
    return {"nkey": key, "permissions": {"publish": publish, "subscribe": {"allow": may.subscribe}}}


def _new_encryption() -> bytes:
    return f'key: "{os.urandom(32).hex()}"\n'.encode()


def _old(file: Path) -> Path:
    return file.with_name(f"{file.name}.old")


def _write(path: Path, body: bytes) -> None:
    """Whole or not at all, and for nobody else's eyes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_bytes(body)
    partial.replace(path)
