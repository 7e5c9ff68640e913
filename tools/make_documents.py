"""Make documents from code and tables: JSON Schema for each event, AsyncAPI for each service, three pages, the
dashboards, the alerts as Kubernetes has them, and what deployment files have of the table of services.

The pages are those of what a record must show, of all findings and of all telemetry.

usage: make schemas, or python tools/make_documents.py --check, which writes nothing and names what differs

A schema of an earlier version is left where it is: events of that version still lie in the streams.
"""

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any

from claimbus.events import DeadLetter, Event, Record
from claimbus.events.envelope import SPEC_VERSION, Envelope
from claimbus.events.subjects import EVENTS, dead, subject_for
from claimbus.messaging.topology import DEAD, STREAM_OF
from claimbus.services import SERVICES, ServiceRow
from claimbus.values import Key
from dashboards import dashboards
from findings_page import PAGE as FINDINGS_PAGE
from findings_page import findings_page
from manifests import ALERTS, alert_rules
from pydantic import TypeAdapter
from requirements_page import PAGE, requirements_page
from service_files import service_files
from telemetry_page import PAGE as TELEMETRY_PAGE
from telemetry_page import telemetry_page
from workspace import ROOT, project_in

SCHEMAS = Path("shared/schemas")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEAD_LETTER = Path("dead-letter/1.0.json")

Json = dict[str, Any]


def documents() -> dict[Path, str]:
    """Every document as it should stand, by its path below the repository's root."""
    made = {
        SCHEMAS / path_of(event): schema_of(event, event.schema_id(), {"x-ce-type": event.type}) for event in EVENTS
    }
    made[SCHEMAS / _DEAD_LETTER] = schema_of(DeadLetter, "urn:claimbus:dead-letter:1.0", {})
    made |= {Path("services") / row.name / "asyncapi.json": asyncapi_of(row) for row in SERVICES.values()}
    texts = {path: json.dumps(document, indent=2, sort_keys=True) + "\n" for path, document in made.items()}
    return (
        texts
        | {PAGE: requirements_page(), FINDINGS_PAGE: findings_page(), TELEMETRY_PAGE: telemetry_page()}
        | {ALERTS: alert_rules()}
        | dashboards()
        | service_files()
    )


def path_of(event: type[Event]) -> Path:
    """Where the event's schema lies below the folder of schemas."""
    return Path(event.family) / event.fact / f"{event.schema_version}.json"


def schema_of(record: type[Record], identity: str, extra: Json) -> Json:
    """JSON Schema of what a reader accepts."""
    schema = record.model_json_schema(mode="validation")
    return {**schema, "$schema": _DIALECT, "$id": identity, "title": record.__name__, **extra}


def asyncapi_of(row: ServiceRow) -> Json:
    """AsyncAPI 3.0 document of a service: what it receives, what it sends, and its dead letters."""
    project = project_in(ROOT / "services" / row.name)
    events = (*row.subscribes, *row.publishes)
    channels = {_name(event): _channel(event) for event in events}
    operations = {f"receive.{_name(event)}": _receive(row.name, event) for event in row.subscribes}
    operations |= {f"send.{_name(event)}": _send(event) for event in row.publishes}
    messages = {_name(event): _message(event) for event in events}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": project["name"], "version": project["version"], "description": project["description"]},
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "{host}",
                "protocol": "nats",
                "description": "NATS with JetStream; the streams are those that `claimbus provision` makes.",
                "variables": {"host": {"default": "127.0.0.1:4222", "description": "CLAIMBUS_NATS_URL"}},
            }
        },
        "channels": channels | {"dead-letter": _dead_letter_channel(row.name)},
        "operations": operations | {"dead-letter": _operation("send", "dead-letter", DEAD)},
        "components": {"messages": messages | {"dead-letter": _dead_letter_message()}},
    }


def _name(event: type[Event]) -> str:
    return f"{event.family}.{event.fact}"


def _channel(event: type[Event]) -> Json:
    name = _name(event)
    pattern = TypeAdapter(Key).json_schema()["pattern"]
    return {
        "address": subject_for(event, "{practice_id}", "{visit_id}"),
        "parameters": {
            field: {"description": f"`{field}` of the data; matches {pattern}"} for field in ("practice_id", "visit_id")
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _dead_letter_channel(service: str) -> Json:
    return {
        "address": dead(service, "{why}"),
        "parameters": {"why": {"enum": ["invalid", "exhausted"], "description": "`why` of the dead letter"}},
        "messages": {"dead-letter": {"$ref": "#/components/messages/dead-letter"}},
    }


def _receive(service: str, event: type[Event]) -> Json:
    operation = _operation("receive", _name(event), STREAM_OF[event.family])
    operation["x-jetstream"]["durable"] = service
    return operation


def _send(event: type[Event]) -> Json:
    return _operation("send", _name(event), STREAM_OF[event.family])


def _operation(action: str, name: str, stream: str) -> Json:
    # The NATS binding knows queue groups only. Replicas share a durable pull consumer, which is not
    # one, so what they subscribe with stands in an extension.
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "x-jetstream": {"stream": stream},
    }


def _message(event: type[Event]) -> Json:
    ours = any(event in row.publishes for row in SERVICES.values())
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": _first_line(event),
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce-correlationid", "description": "the visit"},
        "headers": _headers(event, ours=ours),
        "payload": _payload(path_of(event)),
    }


def _headers(event: type[Event], *, ours: bool) -> Json:
    """Headers of binary mode. What a service publishes has all of them; an EHR may send the data alone."""
    known: Json = {
        "ce-specversion": {"const": SPEC_VERSION},
        "ce-type": {"const": event.type},
        "ce-time": {"format": "date-time"},
        "ce-revision": {"pattern": "^[1-9][0-9]*$"},
        "Content-Type": {"const": "application/json"},
    }
    names = ["Content-Type" if field == "datacontenttype" else f"ce-{field}" for field in Envelope.model_fields]
    names = [name for name in names if name != "ce-subject"]
    properties = {name: {"type": "string", **known.get(name, {})} for name in (*names, "Nats-Msg-Id", "traceparent")}
    if ours:
        return {"type": "object", "properties": properties, "required": sorted(properties.keys() - {"traceparent"})}
    needed = [f"ce-{name}" for name, field in Envelope.model_fields.items() if field.is_required()] + ["ce-specversion"]
    return {
        "type": "object",
        "description": "CloudEvents 1.0, binary mode; structured mode and a body without any ce- header are read too.",
        "properties": properties,
        "dependencies": {name: sorted({*needed} - {name}) for name in names if name.startswith("ce-")},
    }


def _dead_letter_message() -> Json:
    return {
        "name": "dead-letter",
        "title": DeadLetter.__name__,
        "summary": _first_line(DeadLetter),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {"Nats-Msg-Id": {"type": "string"}, "traceparent": {"type": "string"}},
            "required": ["Nats-Msg-Id"],
        },
        "payload": _payload(_DEAD_LETTER),
    }


def _payload(schema: Path) -> Json:
    return {"$ref": f"../../{(SCHEMAS / schema).as_posix()}"}


def _first_line(record: type[Record]) -> str:
    return (inspect.getdoc(record) or "").partition("\n")[0]


def differing(made: dict[Path, str]) -> list[Path]:
    """Documents that are missing, or do not stand as the code would have them."""
    return sorted(
        path for path, text in made.items() if not (ROOT / path).is_file() or (ROOT / path).read_text() != text
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Make JSON Schema and AsyncAPI documents from the contract's code.")
    parser.add_argument("--check", action="store_true", help="write nothing; name what differs, with status 1")
    made = documents()
    changed = differing(made)
    if parser.parse_args().check:
        if changed:
            sys.exit("\n".join(["differs from the code; run: make schemas", *map(str, changed)]))
        return
    for path in changed:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(made[path])
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
