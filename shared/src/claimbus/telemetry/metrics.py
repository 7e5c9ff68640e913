"""The instruments of the registry, and how a value gets into one. Without an OTLP endpoint nothing is kept."""

from collections.abc import Callable, Mapping

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from claimbus.telemetry.registry import METRICS, Metric

Labels = Mapping[str, str]

_recorders: dict[str, Callable[[float, Labels | None], None]] = {}


def configure(resource: Resource) -> MeterProvider:
    """Send metrics to the collector every `OTEL_METRIC_EXPORT_INTERVAL` milliseconds.

    A value recorded inside a span bears the span's trace as an exemplar.
    """
    provider = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter(timeout=5))], resource, shutdown_on_exit=False
    )
    use(provider.get_meter("claimbus"))
    return provider


def use(meter: Meter) -> None:
    """Make every instrument of the registry on a meter."""
    _recorders.update({name: _recorder(meter, metric) for name, metric in METRICS.items()})


def _recorder(meter: Meter, metric: Metric) -> Callable[[float, Labels | None], None]:
    if metric.kind == "counter":
        return meter.create_counter(metric.name, metric.unit, metric.description).add
    if metric.kind == "gauge":
        return meter.create_gauge(metric.name, metric.unit, metric.description).set
    return meter.create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=metric.buckets
    ).record


def are_sent() -> bool:
    """Whether anybody is told; what costs work to find out is not found out for nobody."""
    return bool(_recorders)


def record(metric: Metric, value: float, labels: Labels | None = None) -> None:
    """Add to a counter, set a gauge, or put a value into a histogram."""
    if (recorder := _recorders.get(metric.name)) is not None:
        recorder(value, labels)
