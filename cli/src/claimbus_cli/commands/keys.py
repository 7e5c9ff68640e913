"""`claimbus keys`: who may connect to the broker, as files that a server and its clients read."""

import json
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
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
from claimbus.values import Key
from pydantic import TypeAdapter, ValidationError

from claimbus_cli.bus.seeds import new_seed, public_key
from claimbus_cli.views.terminal import out

SEED = "nkey"
SERVER = "server"
USERS, ENCRYPTION = "users.conf", "encryption.conf"
STREAMS = "streams"
"""Whose key is not a user's: what streams are encrypted with."""
_FIXED = (*SERVICES, "provision", "operator", "admin")
_ROLES_OF_A_PRACTICE = ("ehr", "submission")
_PRACTICE_KEY = TypeAdapter[str](Key)
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
        """Make what is missing; says for whom. What exists is not touched."""
        wanted = [*_FIXED, *(f"{role}-{practice}" for practice in practices for role in _ROLES_OF_A_PRACTICE)]
        new = [user for user in wanted if not (self.place / user / SEED).exists()]
        for user in new:
            _write(self.place / user / SEED, new_seed())
        if not self._file_of(STREAMS).exists():
            _write(self._file_of(STREAMS), _new_encryption())
        self.tell_server()
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
        self.tell_server()

    def settle(self) -> list[str]:
        """Old keys are good no more; says whose."""
        old = self.rotating()
        for user in old:
            _old(self._file_of(user)).unlink()
        self.tell_server()
        return old

    def retire(self, practice: str) -> None:
        for role in _ROLES_OF_A_PRACTICE:
            shutil.rmtree(self.place / f"{role}-{practice}", ignore_errors=True)
        self.tell_server()

    def tell_server(self) -> None:
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


_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_MADE_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))


def _practice(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for practice in given:
        try:
            _PRACTICE_KEY.validate_python(practice)
        except ValidationError:
            raise click.BadParameter(
                f"{practice!r} is no practice's key: 1 to 64 letters, digits, '_' or '-'"
            ) from None
    return given


@click.group()
def keys() -> None:
    """Make, rotate and withdraw the keys (NATS nkeys) that services, EHRs and people connect with.

    A folder holds one subfolder for each user, with the seed in a file `nkey`, and `server/` for the NATS server. After
    every change the server has to be told: `nats-server --signal reload=PID` (in a container, PID is 1). A command
    finds its key by CLAIMBUS_NATS_NKEY.
    """


@keys.command()
@_FOLDER
@click.option("--practice", "practices", multiple=True, callback=_practice, help="Also for its EHR and submissions.")
def make(folder: Path, practices: tuple[str, ...]) -> None:
    """Make the keys that are missing: of the services, the people who operate them, and practices. Safe to repeat.

    \b
    claimbus keys make ~/claimbus-keys
    claimbus keys make ~/claimbus-keys --practice northside-pt --practice lakeside
    """
    new = KeyFolder(folder).complete(*practices)
    out.print(f"New keys: {', '.join(new)}." if new else "Nothing to make: every key exists.", soft_wrap=True)
    if practices:
        out.print("Tell the server: nats-server --signal reload=PID")


@keys.command("list")
@_MADE_FOLDER
def list_(folder: Path) -> None:
    """Who has a key, with the public half; no seed is shown."""
    made = KeyFolder(folder)
    for user in made.users():
        seed = made.place / user / SEED
        old = "   the old one is still good" if user in made.rotating() else ""
        out.print(f"{user:32} {public_key(seed)}{old}", soft_wrap=True)


@keys.command()
@_MADE_FOLDER
@click.argument("user")
def rotate(folder: Path, user: str) -> None:
    """Give a user a new key; the old one stays good until `settle`, so that nobody is cut off.

    USER may also be `streams`: what the broker encrypts its disk with. No server reads a disk under two keys safely, so
    each starts with an empty one under the new key: restored from a backup, or filled by the others of a cluster.

    \b
    claimbus keys rotate ~/claimbus-keys claims
    # reload the server, hand out the new file, restart the user, then:
    claimbus keys settle ~/claimbus-keys
    # and reload the server once more
    """
    made = KeyFolder(folder)
    there = [*made.users(), STREAMS]
    if user not in there:
        raise click.BadParameter(f"{user!r} has no key here; there are: {', '.join(there)}", param_hint="USER")
    if user in made.rotating():
        raise click.ClickException(f"{user} was rotated before, and the old key is still good: claimbus keys settle")
    made.rotate(user)
    kept = "kept" if user == STREAMS else "good"
    out.print(f"{user} has a new key; the old one is {kept} until: claimbus keys settle {folder}", soft_wrap=True)


@keys.command()
@_MADE_FOLDER
def settle(folder: Path) -> None:
    """Withdraw the old keys of all who were given a new one."""
    old = KeyFolder(folder).settle()
    out.print(f"Withdrawn: the old keys of {', '.join(old)}." if old else "No old key is left.", soft_wrap=True)


@keys.command()
@_MADE_FOLDER
@click.argument("practice")
def retire(folder: Path, practice: str) -> None:
    """Withdraw the keys of a practice's EHR and submission service. What is stored stays stored.

    \b
    claimbus keys retire ~/claimbus-keys lakeside
    """
    made = KeyFolder(folder)
    if practice not in made.practices():
        raise click.BadParameter(f"{practice!r} has no key here; there are: {', '.join(made.practices()) or 'none'}")
    made.retire(practice)
    out.print(f"The keys of {practice} are withdrawn once the server is told: nats-server --signal reload=PID")


@keys.command()
@_MADE_FOLDER
@click.option("--namespace", default="claimbus", show_default=True)
def kubernetes(folder: Path, namespace: str) -> None:
    """Print the keys as Kubernetes Secrets, for a cluster without a store of secrets.

    \b
    claimbus keys kubernetes ~/claimbus-keys | kubectl apply -f -
    """
    for name, files in KeyFolder(folder).files():
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "data": {file: b64encode(body).decode() for file, body in files.items()},
        }
        click.echo(f"---\n{json.dumps(secret, indent=2)}")
