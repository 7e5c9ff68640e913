"""Seeds of users (NATS nkeys): the file that proves who connects, and the public half that the server knows."""

import os
from pathlib import Path

import nkeys  # type: ignore[import-untyped]


def new_seed() -> bytes:
    """A user's seed, of 32 bytes of the system's randomness."""
    return bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))


def public_key(seed: Path) -> str:
    """The public half of a user's seed."""
    return bytes(nkeys.from_seed(bytearray(seed.read_bytes().strip())).public_key).decode()
