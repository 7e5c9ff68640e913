"""`claimbus keys`: who may connect to the broker."""

import json
from base64 import b64encode
from pathlib import Path

import click
from claimbus.values import Key
from pydantic import TypeAdapter, ValidationError

from claimbus_cli.bus.key_folder import SEED, STREAMS, KeyFolder
from claimbus_cli.bus.seeds import public_key
from claimbus_cli.views.terminal import out

_KEY = TypeAdapter[str](Key)
_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_MADE_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))


def _practice(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for practice in given:
        try:
            _KEY.validate_python(practice)
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
