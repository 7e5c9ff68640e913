"""One visit, one trace: across all services, linked where facts are joined, and without a word of PHI."""

import asyncio
import os
import sys
from collections import defaultdict
from pathlib import Path

from claimbus.telemetry import registry
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import EXAMPLES
from nats.aio.client import Client
from observing import Collector, SpanSeen, decisions_are_in


async def traced(nats_url: str, client: Client, collector: Collector, logs: Path, visits: str) -> None:
    """Publish visits with the command while everything exports its spans; end when all are sent."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
    async with Supervisor(nats_url, logs, environment=environment):
        publishing = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "claimbus_cli",
            "publish",
            str(EXAMPLES / visits),
            env={**os.environ, **environment, "CLAIMBUS_NATS_URL": nats_url},
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await publishing.wait() == 0
        await decisions_are_in(client, 1)


def tree(spans: list[SpanSeen]) -> list[str]:
    """The spans of a trace as lines, children under their parents."""
    children: dict[str, list[SpanSeen]] = defaultdict(list)
    for span in spans:
        children[span.parent_id].append(span)
    names = {span.span_id: f"{span.service}: {span.name}" for span in spans}

    def lines(parent: str, depth: int) -> list[str]:
        found = []
        for span in children[parent]:
            links = "".join(f"  -> {names[link]}" for link in span.links)
            found += [f"{'  ' * depth}{span.service}: {span.name}{links}", *lines(span.span_id, depth + 1)]
        return found

    return lines("", 0)


async def test_one_visit_is_one_trace_through_every_service_and_the_decision_links_to_what_it_joined(
    nats_url: str, client: Client, collector: Collector, tmp_path: Path
) -> None:
    await traced(nats_url, client, collector, tmp_path, "01-medicare-plain.json")
    spans = collector.spans
    print("\n" + "\n".join(tree(spans)))  # noqa: T201  (shown with pytest -s)

    assert len({span.trace_id for span in spans}) == 1
    by_id = {span.span_id: span for span in spans}
    (root,) = [span for span in spans if span.parent_id not in by_id]
    assert (root.service, root.parent_id) == ("claimbus-cli", "")
    assert {span.service for span in spans} == {
        "claimbus-cli",
        "claimbus-coding",
        "claimbus-units",
        "claimbus-documentation-check",
        "claimbus-claims",
    }
    hops = {(by_id[span.parent_id].name, span.service, span.name) for span in spans if span.parent_id}
    for caused, service in (
        ("completed", "coding"),
        ("completed", "documentation-check"),
        ("completed", "claims"),
        ("coded", "units"),
        ("units-computed", "claims"),
        ("documentation-checked", "claims"),
    ):
        destination = f"visits.{{practice}}.{{visit}}.{caused}"
        assert (f"publish {destination}", f"claimbus-{service}", f"process {destination}") in hops

    (decide,) = [span for span in spans if span.name == "decide"]
    process = by_id[decide.parent_id]
    joined = {by_id[link].name.rpartition(".")[2] for link in decide.links} | {process.name.rpartition(".")[2]}
    assert joined == {"completed", "coded", "units-computed", "documentation-checked"}
    assert len(decide.links) == 3
    (said,) = [span for span in spans if span.parent_id == decide.span_id]
    assert said.name == "publish claims.{practice}.{visit}.ready"
    assert not [span for span in spans if span.status == 2], "nothing failed, so nothing is red"


async def test_a_bad_event_shows_its_error_class_and_its_burial_but_not_its_text(
    nats_url: str, client: Client, collector: Collector, tmp_path: Path
) -> None:
    async with Supervisor(nats_url, tmp_path, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}):
        await client.jetstream().publish("visits.p.bad.completed", b'{"visit_id": "Zebulon-Canary"')
        await asyncio.sleep(1)
    processed = [span for span in collector.spans if span.name.startswith("process")]
    assert len(processed) == 3
    assert len({span.trace_id for span in processed}) == 1, "without a traceparent all readers still meet in one trace"
    for span in processed:
        assert "InvalidEvent" in str(span.attributes[registry.ERROR_TYPE])
        assert span.attributes[registry.SETTLEMENT] == "dead-letter"
        assert span.events == ()
        assert span.status != 2
    assert "Zebulon" not in str(collector.spans)


async def test_a_collector_that_is_down_costs_no_visit(nats_url: str, client: Client, tmp_path: Path) -> None:
    nobody = Collector(endpoint="http://127.0.0.1:9")
    await traced(nats_url, client, nobody, tmp_path, "01-medicare-plain.json")
    assert nobody.spans == []
