"""The Grafana dashboards, from what each panel asks; `make schemas` writes them.

`expressions` gives every PromQL expression for the tests, which run each against a real Prometheus.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from grafana_foundation_sdk.builders import bargauge, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataSourceRef

FOLDER = Path("deploy/k8s/config/grafana/dashboards")
_METRICS = DataSourceRef("prometheus", "prometheus")
_TRACES = DataSourceRef("jaeger", "jaeger")
_WINDOW = "$__rate_interval"
_PERIOD = "$__range"
_HEIGHT = 8


@dataclass(frozen=True)
class Ask:
    """One expression, and how its series are named."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    title: str
    description: str
    asks: tuple[Ask, ...]
    unit: str = "short"
    shape: Literal["lines", "number", "bars", "table"] = "lines"
    width: int = 8
    traces_of: str = ""
    """Service whose traces the panel links to."""


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{where}[{_WINDOW}]))"


def _sum(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (increase({metric}{where}[{_PERIOD}]))"


def _p95(histogram: str, by: str) -> str:
    return f"histogram_quantile(0.95, sum by (le, {by}) (rate({histogram}_bucket[{_WINDOW}])))"


_GROUP = "messaging_consumer_group_name"
_PAYER_AND_PRACTICE = "claimbus_payer_class, claimbus_practice"
_FAILED = '{error_type!=""}'
_TOUCHLESS = '{claimbus_touchless="true"}'
_PIPELINE = (
    Panel(
        "Messages handled",
        "A second, by service: deliveries that came to an end, well or not.",
        (Ask(_rate("messaging_process_duration_seconds_count", _GROUP), "{{messaging_consumer_group_name}}"),),
        "cps",
        traces_of="claimbus-claims",
    ),
    Panel(
        "Failures",
        "Share of deliveries that ended in a retry or a dead letter.",
        (
            Ask(
                f"{_rate('messaging_process_duration_seconds_count', _GROUP, _FAILED)} "
                f"/ {_rate('messaging_process_duration_seconds_count', _GROUP)}",
                "{{messaging_consumer_group_name}}",
            ),
        ),
        "percentunit",
        traces_of="claimbus-claims",
    ),
    Panel(
        "Time in hand, p95",
        "From delivery to settlement. The dots are traces.",
        (Ask(_p95("messaging_process_duration_seconds", _GROUP), "{{messaging_consumer_group_name}}"),),
        "s",
        traces_of="claimbus-claims",
    ),
    Panel(
        "Visit to decision, p50 and p95",
        "From the moment the broker stored the visit. The dots are traces.",
        (
            Ask(_p95("claimbus_visit_decision_duration_seconds", "claimbus_outcome"), "p95 {{claimbus_outcome}}"),
            Ask(
                _p95("claimbus_visit_decision_duration_seconds", "claimbus_outcome").replace("0.95", "0.5"),
                "p50 {{claimbus_outcome}}",
            ),
        ),
        "s",
        traces_of="claimbus-claims",
    ),
    Panel(
        "Open visits",
        "Without a decision, and of those the ones without any claim event after twice the time to be held.",
        (
            Ask("max(claimbus_visits_open)", "open"),
            Ask("max(claimbus_visits_unaccounted)", "unaccounted for"),
        ),
        traces_of="claimbus-claims",
    ),
    Panel(
        "Age of the oldest open visit",
        "What it waits for: claimbus explain VISIT.",
        (Ask("max(claimbus_visits_oldest_open_age_seconds)", "age"),),
        "s",
        traces_of="claimbus-claims",
    ),
    Panel(
        "Lag",
        "Messages that are stored and not delivered yet, by consumer.",
        (
            Ask(
                f"max by ({_GROUP}, claimbus_stream) (claimbus_consumer_pending)",
                "{{messaging_consumer_group_name}} {{claimbus_stream}}",
            ),
        ),
    ),
    Panel(
        "In hand, of the most that may be",
        "At 100 % the broker delivers nothing more until something is settled.",
        (
            Ask(
                f"max by ({_GROUP}, claimbus_stream) (claimbus_consumer_ack_pending "
                "/ claimbus_consumer_ack_pending_limit)",
                "{{messaging_consumer_group_name}} {{claimbus_stream}}",
            ),
        ),
        "percentunit",
    ),
    Panel(
        "Redelivered",
        "Messages delivered more than once and not settled yet, and retries a second.",
        (
            Ask(
                f"max by ({_GROUP}, claimbus_stream) (claimbus_consumer_redelivered)",
                "{{messaging_consumer_group_name}}",
            ),
            Ask(f"sum by ({_GROUP}, error_type) (rate(claimbus_retries_total[{_WINDOW}]))", "retries {{error_type}}"),
        ),
    ),
    Panel(
        "Dead letters",
        "In the period, by who gave up and why. See them: claimbus dead list.",
        (
            Ask(
                _sum("claimbus_dead_letters_total", f"{_GROUP}, claimbus_dead_letter_why"),
                "{{messaging_consumer_group_name}} {{claimbus_dead_letter_why}}",
            ),
        ),
        shape="bars",
        traces_of="claimbus-coding",
    ),
    Panel(
        "Room in the broker's streams",
        "Share of the bytes that a stream may hold. A full one refuses events.",
        (
            Ask(
                "max by (claimbus_stream) (claimbus_stream_size_bytes / claimbus_stream_size_limit_bytes)",
                "{{claimbus_stream}}",
            ),
        ),
        "percentunit",
    ),
    Panel(
        "Stored in the broker's streams",
        "Messages that each stream holds.",
        (Ask("max by (claimbus_stream) (claimbus_stream_messages)", "{{claimbus_stream}}"),),
    ),
    Panel(
        "Publishing, p95",
        "Until the broker says that an event is stored.",
        (
            Ask(
                _p95("messaging_client_operation_duration_seconds", "messaging_destination_template"),
                "{{messaging_destination_template}}",
            ),
        ),
        "s",
        width=12,
    ),
    Panel(
        "Rules in use",
        "More than one version for long: an upgrade that stopped half-way.",
        (
            Ask(
                "count by (claimbus_rule_set_version, claimbus_rule_set_sha256, service_name) (claimbus_rule_set_info)",
                "{{service_name}} {{claimbus_rule_set_version}} {{claimbus_rule_set_sha256}}",
            ),
        ),
        shape="table",
        width=12,
    ),
)

_REVENUE = (
    Panel(
        "Ready",
        "Claims in the period that may be sent.",
        (Ask(f'sum(increase(claimbus_decisions_total{{claimbus_outcome="ready"}}[{_PERIOD}]))'),),
        shape="number",
        width=6,
    ),
    Panel(
        "Denial risk",
        "Claims in the period that a payer would deny as they stand.",
        (Ask(f'sum(increase(claimbus_decisions_total{{claimbus_outcome="denial-risk"}}[{_PERIOD}]))'),),
        shape="number",
        width=6,
        traces_of="claimbus-claims",
    ),
    Panel(
        "Dollars at risk",
        "Expected on the lines that a blocking finding endangers, each line once.",
        (Ask(f"sum(increase(claimbus_decision_amount_at_risk_total[{_PERIOD}]))"),),
        "currencyUSD",
        shape="number",
        width=6,
    ),
    Panel(
        "Touchless",
        "Share of decisions that nobody has to look at.",
        (
            Ask(
                f'sum(increase(claimbus_decisions_total{{claimbus_touchless="true"}}[{_PERIOD}])) '
                f"/ sum(increase(claimbus_decisions_total[{_PERIOD}]))"
            ),
        ),
        "percentunit",
        shape="number",
        width=6,
    ),
    Panel(
        "Decisions",
        "A second, by outcome.",
        (Ask(_rate("claimbus_decisions_total", "claimbus_outcome"), "{{claimbus_outcome}}"),),
        "cps",
        width=12,
        traces_of="claimbus-claims",
    ),
    Panel(
        "Findings, most frequent first",
        "Failed or unknown, in the period. What each means: docs/findings.md.",
        (
            Ask(
                f"topk(20, {_sum('claimbus_findings_total', 'claimbus_finding_id, claimbus_finding_severity')})",
                "{{claimbus_finding_id}} ({{claimbus_finding_severity}})",
            ),
        ),
        shape="bars",
        width=12,
    ),
    Panel(
        "Dollars by finding",
        "A line that several findings endanger counts in each.",
        (
            Ask(
                f"topk(20, {_sum('claimbus_finding_amount_at_risk_total', 'claimbus_finding_id')})",
                "{{claimbus_finding_id}}",
            ),
        ),
        "currencyUSD",
        shape="bars",
        width=12,
    ),
    Panel(
        "Dollars by payer class and practice",
        "Expected on endangered lines, each line once.",
        (
            Ask(
                _sum("claimbus_decision_amount_at_risk_total", _PAYER_AND_PRACTICE),
                "{{claimbus_practice}} {{claimbus_payer_class}}",
            ),
        ),
        "currencyUSD",
        shape="bars",
        width=12,
    ),
    Panel(
        "Touchless by payer class and practice",
        "Share of decisions that nobody has to look at.",
        (
            Ask(
                f"{_sum('claimbus_decisions_total', _PAYER_AND_PRACTICE, _TOUCHLESS)}"
                f" / {_sum('claimbus_decisions_total', _PAYER_AND_PRACTICE)}",
                "{{claimbus_practice}} {{claimbus_payer_class}}",
            ),
        ),
        "percentunit",
        shape="bars",
        width=12,
    ),
    Panel(
        "Units changed against the EHR's",
        "Added: the rule gives more than the EHR had. Removed: it gives less.",
        (
            Ask(
                _sum("claimbus_units_changed_total", "claimbus_units_direction, claimbus_payer_class"),
                "{{claimbus_units_direction}} {{claimbus_payer_class}}",
            ),
        ),
        shape="bars",
        width=12,
    ),
    Panel(
        "Visit to decision by payer class, p95",
        "From the moment the broker stored the visit. The dots are traces.",
        (Ask(_p95("claimbus_visit_decision_duration_seconds", "claimbus_payer_class"), "{{claimbus_payer_class}}"),),
        "s",
        width=12,
        traces_of="claimbus-claims",
    ),
    Panel(
        "Claim events",
        "In the period: decisions, and what takes their place.",
        (Ask(_sum("claimbus_claim_events_total", "claimbus_outcome"), "{{claimbus_outcome}}"),),
        shape="bars",
        width=12,
    ),
)

_VISIT = (
    Panel(
        "How long each step takes, p95",
        "Of all visits, to hold the one above against.",
        (
            Ask(
                "histogram_quantile(0.95, sum by (le, service_name, span_name) "
                f"(rate(claimbus_spans_duration_seconds_bucket[{_WINDOW}])))",
                "{{service_name}} {{span_name}}",
            ),
        ),
        "s",
        width=24,
        traces_of="claimbus-claims",
    ),
)

_ALL = {"pipeline": _PIPELINE, "revenue": _REVENUE, "visit": _VISIT}


def expressions() -> Iterator[tuple[str, str, str]]:
    """Dashboard, panel and PromQL of everything that the dashboards ask Prometheus."""
    for name, panels in _ALL.items():
        yield from ((name, panel.title, ask.expr) for panel in panels for ask in panel.asks)


def dashboards() -> dict[Path, str]:
    """Every dashboard as Grafana reads it, by its path."""
    made = {name: _titled(name, panels) for name, panels in _ALL.items()}
    return {FOLDER / f"{name}.json": _json(built) for name, built in made.items()}


def _json(built: dashboard.Dashboard) -> str:
    plain = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    for number, panel in enumerate(plain["panels"], 1):
        panel["id"] = number
    return json.dumps(plain, indent=1, sort_keys=True) + "\n"


def _titled(name: str, panels: tuple[Panel, ...]) -> dashboard.Dashboard:
    board = (
        dashboard.Dashboard(f"Claimbus: {name}")
        .uid(f"claimbus-{name}")
        .tags(["claimbus"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .link(dashboard.DashboardLink("Claimbus").type(DashboardLinkType.DASHBOARDS).tags(["claimbus"]).keep_time(True))
    )
    if name == "visit":
        board = (
            board.with_variable(dashboard.TextBoxVariable("visit").label("Visit, as practice.visit"))
            .with_variable(dashboard.TextBoxVariable("trace").label("Trace"))
            .with_panel(_traces_found())
            .with_panel(_timeline())
        )
    for panel in panels:
        board = board.with_panel(_panel(panel))
    return board


def _panel(panel: Panel) -> Any:
    shapes: dict[str, Any] = {
        "lines": timeseries.Panel,
        "number": stat.Panel,
        "bars": bargauge.Panel,
        "table": table.Panel,
    }
    built = shapes[panel.shape]().title(panel.title).description(panel.description).unit(panel.unit)
    built = built.datasource(_METRICS).span(panel.width).height(_HEIGHT if panel.shape != "number" else 4)
    if panel.shape == "bars":
        built = built.orientation(common.VizOrientation.HORIZONTAL)
    if panel.traces_of:
        built = built.links([_link("Traces", {"queryType": "search", "service": panel.traces_of})])
    for number, ask in enumerate(panel.asks):
        query = prometheus.Dataquery().expr(ask.expr).legend_format(ask.legend).ref_id(chr(ord("A") + number))
        query = query.range().exemplar("_bucket" in ask.expr) if panel.shape == "lines" else query.instant()
        built = built.with_target(query)
    return built


def _link(title: str, query: dict[str, str]) -> dashboard.DashboardLink:
    """To Grafana's page for exploring traces, with a search."""
    panes = {
        "traces": {
            "datasource": "jaeger",
            "queries": [{"refId": "A", **query}],
            "range": {"from": "now-1h", "to": "now"},
        }
    }
    url = f"/explore?schemaVersion=1&panes={quote(json.dumps(panes, separators=(',', ':')))}"
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


class _TraceQuery(prometheus.Dataquery):
    """A query of the Jaeger data source; the SDK has no builder for it."""

    def __init__(self, **query: str) -> None:
        super().__init__()
        self._query = query

    def build(self) -> Any:
        return _Plain({"refId": "A", "datasource": {"type": "jaeger", "uid": "jaeger"}, **self._query})


class _Plain:
    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def to_json(self) -> dict[str, Any]:
        return self._values


def _traces_found() -> Any:
    return (
        table.Panel()
        .title("Traces of the visit")
        .description("One for each time that it was published or replayed. A click shows it below.")
        .datasource(_TRACES)
        .span(24)
        .height(6)
        .with_target(_TraceQuery(queryType="search", service="claimbus-claims", tags="claimbus.visit.key=${visit}"))
        .data_links(
            [
                dashboard.DashboardLink("Show below")
                .type(DashboardLinkType.LINK)
                .url("/d/claimbus-visit?var-visit=${visit}&var-trace=${__data.fields.traceID}&${__url_time_range}")
            ]
        )
    )


def _timeline() -> Any:
    return (
        dashboard.Panel()
        .type("traces")
        .title("Timeline")
        .description("Every span of the trace that was chosen above.")
        .datasource(_TRACES)
        .span(24)
        .height(16)
        .with_target(_TraceQuery(query="${trace}"))
    )
