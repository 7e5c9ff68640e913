"""No PHI leaves the events: a canary in every field that the schemas mark, through the pipeline with its failures."""

import base64
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from claimbus.events import ClaimAdjudicated, ClaimSubmitted, Event, VisitCompleted, VisitVoided
from claimbus.events.subjects import subject_for
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import CLAIMS, DEAD, OUTCOMES, RULES, VISITS, consumer_names
from claimbus.telemetry import registry
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import visit_data
from claimbus_cli.bus.publishing import replay
from claimbus_cli.bus.reading import all_messages
from nats.aio.client import Client
from nats.errors import Error as NatsError
from observing import Collector, eventually, words_of_claims
from phi import Canaries, Planted, leaks
from test_looking import command

OUTCOMES_SENT = Path(__file__).parents[2] / "examples" / "outcomes"
COMPLETED = "visits/completed/1.0.json"
KINDS: dict[str, type[Event]] = {
    "visits/voided/1.0.json": VisitVoided,
    "outcomes/submitted/1.0.json": ClaimSubmitted,
    "outcomes/adjudicated/1.0.json": ClaimAdjudicated,
}


def visit(canaries: Canaries, key: str, example: str = "01-medicare-plain") -> Planted:
    planted = canaries.plant(COMPLETED, visit_data(example))
    planted.event.update(practice_id="canaries", visit_id=key, revision=1)
    return planted


def spoiled(planted: Planted, path: str) -> dict[str, Any]:
    """The visit with the canary of one field where no text can be, so that the field is what is wrong with it."""
    event = json.loads(json.dumps(planted.event))
    *above, last = path.split(".")
    place = event
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = {"said": planted.canaries[path]}  # type: ignore[index]
    return event


async def stored(client: Client) -> AsyncIterator[tuple[str, Any]]:
    for stream in (VISITS, CLAIMS, OUTCOMES, DEAD, RULES):
        async for msg in all_messages(client, stream, ">"):
            yield stream, msg


async def test_no_canary_leaves_the_events(nats_url: str, client: Client, collector: Collector, tmp_path: Path) -> None:
    canaries = Canaries()
    exports = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    environment = exports | {"CLAIMBUS_HELD_AFTER": "2", "CLAIMBUS_LOG_LEVEL": "DEBUG"}
    bus = Bus(client, 120)
    js = client.jetstream()

    async def put(event: dict[str, Any] | bytes, key: str, kind: type[Event] = VisitCompleted, **headers: str) -> None:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        await js.publish(subject_for(kind, "canaries", key), body, headers=headers or None)

    outputs: dict[str, bytes] = {}

    async def told(*arguments: str) -> None:
        outputs[" ".join(arguments)] = (await command(nats_url, *arguments))[1].encode()

    async with Supervisor(nats_url, tmp_path / "logs", environment=environment) as supervisor:
        plain = visit(canaries, "plain")
        files = tmp_path / "plain.json"
        files.write_text(json.dumps(plain.event))
        await told("publish", str(files))
        for number, example in enumerate(
            ("06-missing-signature", "25-evaluation-and-treatment", "18-distinct-service")
        ):
            await bus.publish(visit(canaries, f"v{number}", example).event)

        # Whatever is wrong with an event, its dead letter names the field and not what stands there.
        for number, path in enumerate(plain.canaries):
            await put(spoiled(plain, path) | {"visit_id": f"spoiled-{number}"}, f"spoiled-{number}")
        await put(json.dumps(visit(canaries, "cut").event).encode()[:-40], "cut")
        await put(visit(canaries, "other").event, "foreign")
        await put(visit(canaries, "typed").event, "typed", **{"ce-specversion": "1.0", "ce-type": canaries.another(),
                                                              "ce-id": "1", "ce-source": "/ehr"})  # fmt: skip

        # A process that dies, one that hangs, and what is taken back or answered.
        os.kill(supervisor.pid_of("claims"), signal.SIGKILL)
        os.kill(supervisor.pid_of("units"), signal.SIGSTOP)
        await put(visit(canaries, "held").event, "held")
        await eventually(lambda: said(client, "held", "held"), 60)
        os.kill(supervisor.pid_of("units"), signal.SIGCONT)
        for schema, kind in KINDS.items():
            example = next(OUTCOMES_SENT.glob(f"*-{kind.fact}.json"), None)
            planted = canaries.plant(schema, json.loads(example.read_text()) if example else {"revision": 1})
            planted.event.update(practice_id="canaries", visit_id="plain", revision=1)
            await put(planted.event, "plain", kind)
            for path in planted.canaries:
                await put(spoiled(canaries.plant(schema, planted.event), path), "plain", kind)
        await eventually(lambda: said(client, "held", "ready", "denial-risk"), 60)
        await eventually(lambda: said(client, "plain", "voided"), 60)
        await bus.settled()
        for dead_letter in await read_dead_letters(client):
            await replay(client, dead_letter)
        await bus.settled()
        # What the broker refuses to store is tried again.
        large = visit(canaries, "large")
        one = large.event["interventions"][0]
        large.event["interventions"] = [
            one | {"id": str(number), "narrative": f"{one['narrative']} {'quad sets ' * 18}"} for number in range(500)
        ]
        await put(large.event, "large")
        await eventually(lambda: collector.total(registry.RETRIES.name) >= 2, 60)
        dead_letters = await read_dead_letters(client)
        for arguments in (("doctor",), ("dead", "list"), ("top", "--once"), ("reconcile", "--older-than", "0")):
            await told(*arguments)
        for dead_letter in dead_letters[:: max(1, len(dead_letters) // 10)]:
            await told("dead", "show", str(dead_letter.number))

    places = {f"otlp {number}": body for number, body in enumerate(collector.bodies)}
    places |= {f"log {log.name}": log.read_bytes() for log in (tmp_path / "logs").glob("*.log")}
    places |= {f"output of claimbus {name}": output for name, output in outputs.items()}
    bodies, subjects, headers = b"", 0, 0
    async for stream, msg in stored(client):
        where = f"{stream} {msg.metadata.sequence.stream}"
        if "ce-type" not in (msg.headers or {}) or not where.startswith(VISITS):
            places[f"headers of {where}"] = json.dumps(dict(msg.headers or {})).encode()
        places[f"subject of {where}"] = msg.subject.encode()
        subjects, headers = subjects + 1, headers + len(msg.headers or {})
        if stream == DEAD:
            places[f"dead letter {where}"] = msg.data
        else:
            bodies += msg.data
    for stream, name in consumer_names():
        places[f"consumer {name}"] = json.dumps((await js.consumer_info(stream, name)).config.as_dict()).encode()

    print(  # noqa: T201  (shown with pytest -s)
        f"{len(canaries.all)} canaries, {len(plain.canaries)} marked fields of a visit; searched: "
        f"{len(collector.spans)} spans, {len(collector.points)} metric points, {len(collector.lines)} lines by OTLP, "
        f"{sum(one.count(b'{') for name, one in places.items() if name.startswith('log'))} lines of log, "
        f"{subjects} subjects, {headers} headers, {len(dead_letters)} dead letters, {len(outputs)} outputs of commands"
    )
    assert collector.spans
    assert collector.points
    assert collector.lines
    assert len(dead_letters) > len(plain.canaries)
    for planted in plain.canaries.values():
        assert planted.encode() in bodies, "what is looked for went through"
    assert leaks(canaries.all, places) == []


async def said(client: Client, key: str, *facts: str) -> bool:
    try:
        words = await words_of_claims(client)
    except NatsError:
        return False
    return any(f"claims.canaries.{key}.{fact}" in words for fact in facts)


@pytest.mark.parametrize("spelt", ["{}", "x{}y", "19030203", "2/3/1903"])
def test_a_canary_that_leaks_is_found(spelt: str) -> None:
    canaries = Canaries()
    text, day = canaries.another(), "1903-02-03"
    told = {"a span": b"attributes: " + spelt.format(text).encode(), "a letter": b"nothing here"}
    assert leaks([text, day], told) == [f"{text if '{' in spelt else day} in a span"]
    for before in range(3):
        hidden = base64.b64encode(b"-" * before + text.encode() + b"--")
        assert leaks([text], {"a header": hidden}) == [f"{text} in a header"]
