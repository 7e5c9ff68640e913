"""CloudEvents 1.0 on NATS: binary mode out, binary or structured mode in.

In binary mode attributes are `ce-` headers and the body is the data alone; in structured mode
(`Content-Type: application/cloudevents+json`) the body holds the whole event. Header values follow
the NATS binding: printable ASCII, with space, double quote, percent and everything else
percent-encoded (CloudEvents NATS protocol binding 1.0.2, section 3.1.3.2).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

SPEC_VERSION = "1.0"
STRUCTURED = "application/cloudevents"
_IDS = UUID("6f0a5f5e-3b0c-5b39-9d3a-4d8a6f0f7c11")
"""Namespace of our event ids; chosen once, never changed."""

_PLAIN = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_NAME = re.compile(r"^[a-z0-9]+$")


class Envelope(BaseModel):
    """Attributes of one event. `correlationid` is the visit, `causationid` the event behind it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    specversion: str = SPEC_VERSION
    id: str
    source: str
    type: str
    time: str | None = None
    subject: str | None = None
    datacontenttype: str | None = "application/json"
    dataschema: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    revision: str | None = None
    """Own extension: the visit revision, so that a reader need not open the data."""


class EnvelopeError(ValueError):
    """A message whose CloudEvents envelope cannot be read; the text names the attribute."""


def event_id(*parts: object) -> str:
    """The same inputs give the same id, so a retry is seen as a retry (UUID version 5)."""
    return str(uuid5(_IDS, "\x1f".join(map(str, parts))))


def to_headers(envelope: Envelope) -> dict[str, str]:
    """Binary mode headers."""
    return {
        f"ce-{name}" if name != "datacontenttype" else "Content-Type": _encode(value)
        for name, value in envelope.__dict__.items()
        if value is not None
    }


def _encode(value: str) -> str:
    # Our own ids, types and templates need no encoding; asking first is 10 times cheaper than quote().
    if value.isascii() and value.isprintable() and not set(' "%') & set(value):
        return value
    return quote(value, safe=_PLAIN)


def read(headers: Mapping[str, str] | None, body: bytes) -> tuple[Envelope | None, bytes]:
    """Envelope and data of a message; no envelope for a message that carries no attribute at all.

    Raises `EnvelopeError` when there is an envelope that breaks CloudEvents 1.0.
    """
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    if lowered.get("content-type", "").strip().lower().startswith(STRUCTURED):
        return _structured(body)
    attributes = {name[3:]: value for name, value in lowered.items() if name.startswith("ce-")}
    if not attributes:
        return None, body
    if content_type := lowered.get("content-type"):
        attributes["datacontenttype"] = content_type
    decoded = {name: value if "%" not in value else _decode(name, value) for name, value in attributes.items()}
    return _checked(decoded), body


def _decode(name: str, value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise EnvelopeError(f"ce-{name}: not UTF-8 after percent-decoding") from None


def _structured(body: bytes) -> tuple[Envelope, bytes]:
    try:
        event: Any = from_json(body)
    except ValueError:
        raise EnvelopeError("body: not JSON, though Content-Type says a structured CloudEvent") from None
    if not isinstance(event, dict):
        raise EnvelopeError("body: a structured CloudEvent is a JSON object")
    if "data" not in event:
        raise EnvelopeError("data: missing from the structured CloudEvent")
    data = event.pop("data")
    return _checked({name: value for name, value in event.items() if _NAME.match(name)}), to_json(data)


def _checked(attributes: Mapping[str, Any]) -> Envelope:
    try:
        envelope = Envelope.model_validate({"specversion": "", **attributes})
    except ValidationError as exc:
        names = ", ".join(sorted({f"ce-{error['loc'][0]}" for error in exc.errors()}))
        raise EnvelopeError(f"{names}: required by CloudEvents 1.0, missing or not text") from None
    if envelope.specversion != SPEC_VERSION:
        raise EnvelopeError("ce-specversion: only 1.0 is understood")
    if not (envelope.id and envelope.source and envelope.type):
        raise EnvelopeError("ce-id, ce-source, ce-type: may not be empty")
    return envelope
