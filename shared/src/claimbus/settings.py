"""What a process takes from its environment: read once by whoever runs it, and handed on. Nothing else reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from claimbus.telemetry.registry import RESOURCE

_PREFIX = "CLAIMBUS_"
_MOST_SECONDS = 7 * 86_400.0
"""The longest time to wait for anything: half of what is looked back at after a start (`messaging.stalled`)."""
_SEED = re.compile(rb"SU[A-Z2-7]{56}")
_PREFIX_OF_PYDANTIC = "Value error, "

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")


class SettingsError(ValueError):
    """An environment variable that cannot be used; the text names it and the fix."""


def _variable(info: ValidationInfo) -> str:
    return f"{_PREFIX}{str(info.field_name).upper()}"


def _port(given: str, info: ValidationInfo) -> int:
    if not (given.isdigit() and int(given) < 65536):
        raise ValueError(f"{_variable(info)}: {given!r} is not a port from 0 to 65535")
    return int(given)


def _seconds(given: str, info: ValidationInfo) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:
        raise ValueError(
            f"{_variable(info)}: {given!r} is not a number of seconds from 0 to {_MOST_SECONDS:.0f}; 0 turns it off"
        )
    return seconds


def _key_file(given: str, info: ValidationInfo) -> Path:
    try:
        seed = Path(given).read_bytes()
    except OSError as exc:
        raise ValueError(f"{_variable(info)}: {given}: {exc.strerror}; see: claimbus keys --help") from None
    if not _SEED.fullmatch(seed.strip()):
        raise ValueError(f"{_variable(info)}: {given} holds no seed of a user: SU and 56 more letters and digits")
    return Path(given)


_Seconds = Annotated[float, BeforeValidator(_seconds)]


@dataclass(frozen=True)
class Exports:
    """Which telemetry a process sends."""

    signals: frozenset[Signal] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of the resource."""
    traces: Path | None = None
    """Folder that spans are written to where none are sent."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Exports":
        """An endpoint is named for all signals, or for one of them; of the resource what `RESOURCE` lists is taken."""
        everything = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        pairs = (pair.partition("=") for pair in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
        folder = environment.get("CLAIMBUS_TRACES_DIR")
        return cls(
            frozenset(
                signal
                for signal in SIGNALS
                if not is_off and (everything or environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"))
            ),
            {name.strip(): value.strip() for name, _, value in pairs if name.strip() in RESOURCE and value.strip()},
            Path(folder) if folder else None,
        )


class Settings(BaseSettings):
    """The variables `CLAIMBUS_...`, and what telemetry is sent; an empty variable counts as unset."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, validate_default=False, hide_input_in_errors=True
    )

    nats_url: str | None = None
    """The server, where one is named."""
    nats_nkey: Annotated[Path, BeforeValidator(_key_file)] | None = None
    """File of the seed that proves to the server who this is."""
    health_host: str = "127.0.0.1"
    health_port: Annotated[int, BeforeValidator(_port)] | None = None
    log_level: str = "INFO"
    profiles: Path | None = None
    """Folder of payer profiles of one's own."""
    suggester: str | None = None
    """A suggester of one's own, as `module:name`; coding alone asks it."""
    wait: _Seconds = 0.0
    """Seconds that a service waits, when it starts, for its consumers to be as declared."""
    held_after: _Seconds = 300.0
    """Seconds after which claims holds a visit that a fact is missing of; 0: never. Claims alone looks."""
    exports: Annotated[Exports, NoDecode] = Exports()

    @property
    def server(self) -> str:
        """The server to use; where none is named, the usual port of this machine."""
        return self.nats_url or "nats://127.0.0.1:4222"

    @classmethod
    def read(cls) -> "Settings":
        """Raises `SettingsError`."""
        try:
            return cls(exports=Exports.read(os.environ))
        except ValidationError as exc:
            raise SettingsError(str(exc.errors()[0]["msg"]).removeprefix(_PREFIX_OF_PYDANTIC)) from None
