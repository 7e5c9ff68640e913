"""The page of everything that leaves a service, made from the registry."""

from collections.abc import Iterable
from pathlib import Path

from claimbus.telemetry import registry
from claimbus.telemetry.registry import Metric

PAGE = Path("docs/telemetry.md")
_HEAD = """\
# What leaves a service

Made by `make schemas` from `claimbus.telemetry.registry`; a test holds what the running pipeline sends against it.
Names that begin with `messaging.` and `error.type` are those of OpenTelemetry's semantic conventions for messaging;
the rest is ours. No span, metric or log line holds a name, a date of birth, a member number or a word of a note: an
attribute that is not below cannot be set, a log field that is not below is dropped, and of an error only its class
is told.

Services send by OTLP over HTTP when `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector. In Prometheus a metric's name
has underscores for dots, the unit after it, and `_total` after a counter: `claimbus.visit.decision.duration` is
`claimbus_visit_decision_duration_seconds`. A point that was recorded within a span has that span's trace as its
exemplar.
"""


def telemetry_page() -> str:
    """The page as it should stand."""
    parts = [
        _HEAD,
        "## Spans\n",
        _table(("begins with", "is"), ((f"`{name}`", text) for name, text in registry.SPANS.items())),
        "## Attributes of spans and links\n",
        _table(("attribute", "is"), _attributes(registry.SPAN_ATTRIBUTES)),
        "## Metrics\n",
        _table(("metric", "kind", "unit", "is", "labels"), map(_row, registry.METRICS.values())),
        "Labels, beside those that spans have too:\n",
        _table(("label", "is"), _attributes(set(registry.ATTRIBUTES) - registry.SPAN_ATTRIBUTES)),
        "## Buckets of histograms\n",
        _table(
            ("metric", "upper bounds in seconds"),
            ((f"`{metric.name}`", ", ".join(f"{bound:g}" for bound in metric.buckets)) for metric in _histograms()),
        ),
        "## Resource\n",
        _table(("attribute", "is"), ((f"`{name}`", text) for name, text in registry.RESOURCE.items())),
        "## Fields of a log line\n",
        ", ".join(f"`{name}`" for name in sorted(registry.LOG_FIELDS)) + "\n",
    ]
    return "\n".join(parts)


def _histograms() -> list[Metric]:
    return [metric for metric in registry.METRICS.values() if metric.buckets]


def _attributes(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", registry.ATTRIBUTES[name]) for name in registry.ATTRIBUTES if name in set(names)]


def _row(metric: Metric) -> tuple[str, ...]:
    unit = "" if metric.unit.startswith("{") else metric.unit
    labels = ", ".join(f"`{name}`" for name in registry.ATTRIBUTES if name in metric.labels)
    return f"`{metric.name}`", metric.kind, unit, metric.description, labels


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
