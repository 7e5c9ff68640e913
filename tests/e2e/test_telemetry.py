"""Everything that leaves the services is in the registry, and its figures are those of the decisions."""

import asyncio
import os
import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path

from claimbus.events import ClaimDenialRisk, ClaimReady, Decision
from claimbus.telemetry import registry
from claimbus.telemetry.business import dollars_at_risk
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import example_bodies, visit_data
from claimbus_cli.bus.reading import following
from nats.aio.client import Client
from observing import Collector, decisions_are_in, eventually


async def decisions(client: Client, count: int) -> list[Decision]:
    async with following(client, from_start=True) as events:
        found = []
        async for event in events:
            assert isinstance(event, Decision)
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_what_is_sent_is_registered_and_counts_what_was_decided(
    nats_url: str, client: Client, collector: Collector, tmp_path: Path
) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=claims-0,host.name=hidden",
        "CLAIMBUS_HELD_AFTER": "1",
    }
    bodies = example_bodies()
    async with Supervisor(nats_url, tmp_path, environment=environment):
        for body in bodies.values():
            await Bus(client).publish(body)
        await client.jetstream().publish("visits.p.bad.completed", b'{"visit_id": ')
        await decisions_are_in(client, len(bodies), logs=tmp_path)
        await eventually(lambda: collector.total("claimbus.consumer.ack_pending.limit"))
        await eventually(lambda: any(point.metric == registry.OPEN.name for point in collector.points))
    decided = await decisions(client, len(bodies))

    registered_only(collector)
    assert {point.metric for point in collector.points} == set(registry.METRICS) - {registry.RETRIES.name}

    for outcome in (ClaimReady, ClaimDenialRisk):
        of_it = [one for one in decided if isinstance(one, outcome)]
        assert collector.total(registry.DECISIONS.name, **{registry.OUTCOME: outcome.fact}) == len(of_it) > 0
    for program, count in Counter(one.claim.coverage[0].program.value for one in decided).items():
        assert collector.total(registry.DECISION_TIME.name, **{registry.PAYER_CLASS: program}) == count
    touchless = sum(
        isinstance(one, ClaimReady)
        and not [each for each in one.findings if each.severity != "info" and each.result != "pass"]
        for one in decided
    )
    assert collector.total(registry.DECISIONS.name, **{registry.TOUCHLESS: "true"}) == touchless > 0
    found = Counter(each.id for one in decided for each in one.findings if not each.is_due)
    for finding, count in found.items():
        assert collector.total(registry.FINDINGS.name, **{registry.FINDING_ID: finding}) == count
    risk = sum((dollars_at_risk(one) for one in decided), Decimal(0))
    assert round(collector.total(registry.AT_RISK.name), 2) == float(risk) > 0
    ehrs = [(one.units.rule, one.units.ehr) for one in decided if one.units.ehr is not None]
    removed, added = (
        sum(sum(getattr(ehr, name).get(rule, {}).values()) for rule, ehr in ehrs) for name in ("over", "under")
    )
    assert collector.total(registry.UNITS_CHANGED.name, **{registry.DIRECTION: "removed"}) == removed
    assert collector.total(registry.UNITS_CHANGED.name, **{registry.DIRECTION: "added"}) == added > 0
    dead_letters = collector.total(registry.DEAD_LETTERS.name, **{registry.WHY: "invalid"})
    assert dead_letters == 3, "coding, documentation-check and claims each give it up"
    traces = {span.trace_id for span in collector.spans}
    exemplars = {one for point in collector.points for one in point.exemplars}
    assert exemplars
    assert exemplars <= traces
    assert {line.trace_id for line in collector.lines if line.event == "claim.published"} <= traces
    settled = Counter(span.attributes.get(registry.SETTLEMENT) for span in collector.spans if "process" in span.name)
    assert settled["dead-letter"] == 3
    assert settled["ack"] == sum(settled.values()) - 3


async def test_a_visit_that_waits_shows_until_it_is_decided(
    nats_url: str, client: Client, collector: Collector, tmp_path: Path
) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        "CLAIMBUS_HELD_AFTER": "1",
    }
    supervisor = Supervisor(nats_url, tmp_path, environment=environment)

    def now(metric: registry.Metric) -> float | None:
        return next((point.value for point in reversed(collector.points) if point.metric == metric.name), None)

    try:
        await supervisor.start()
        os.kill(supervisor.pid_of("units"), signal.SIGSTOP)
        await Bus(client).publish(visit_data())
        await eventually(lambda: now(registry.OPEN) == 1)
        await eventually(lambda: (now(registry.OLDEST_OPEN) or 0) > 1)
        await eventually(lambda: collector.total(registry.CLAIM_EVENTS.name, **{registry.OUTCOME: "held"}) == 1)
        await asyncio.sleep(2)
        assert now(registry.UNACCOUNTED) == 0, "it is held, which is a word"
        assert collector.total(registry.PENDING.name, **{registry.CONSUMER_GROUP: "units"}) >= 0
        os.kill(supervisor.pid_of("units"), signal.SIGCONT)
        await eventually(lambda: now(registry.OPEN) == 0)
        await eventually(lambda: now(registry.OLDEST_OPEN) == 0)
    finally:
        os.kill(supervisor.pid_of("units"), signal.SIGCONT)
        await supervisor.stop()
    registered_only(collector)


def registered_only(collector: Collector) -> None:
    assert {span.name.partition(" ")[0] for span in collector.spans} <= set(registry.SPANS)
    assert {name for span in collector.spans for name in span.attributes} <= registry.SPAN_ATTRIBUTES
    assert {name for span in collector.spans for name in span.link_attributes} <= registry.SPAN_ATTRIBUTES
    assert not [event for span in collector.spans for event in span.events]
    for point in collector.points:
        metric = registry.METRICS[point.metric]
        assert set(point.labels) <= metric.labels, point
        assert (point.kind, point.unit) == ({"counter": "sum"}.get(metric.kind, metric.kind), metric.unit)
    assert {name for line in collector.lines for name in line.fields} <= registry.LOG_FIELDS
    assert collector.lines
    assert collector.resources <= set(registry.RESOURCE)
