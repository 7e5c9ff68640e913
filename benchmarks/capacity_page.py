"""The page on capacity: every figure is measured, declared in code, or an assumption that is named as one."""

import math
from typing import Any, NamedTuple

from claimbus.messaging.topology import CLAIMS, DAY, KEPT, VISITS, streams

GIB = 1 << 30
WORKING_DAYS = 250
"""Days of a year on which patients are treated. An assumption."""
PEAK_SHARE = 0.2
"""Share of a day's visits that are completed in its busiest hour. An assumption."""
HEADROOM = 0.5
"""How much of a core is planned for: at more, visits wait for one another (the latencies above)."""
POD_MEMORY = 8 * 10**9
"""Bytes of memory that one pod of claims is given at most, before a load is split into cells. A choice."""
COPIES = 3


class Size(NamedTuple):
    name: str
    visits_a_day: int
    where_from: str


SIZES = (
    Size("one clinic", 60, "four therapists with 15 visits each"),
    Size("a regional group", 5_000, "some eighty clinics"),
    Size(
        "a national load", 1_200_000, "outpatient visits of a large country on a working day; an assumption, put yours"
    ),
)


def page(found: dict[str, Any]) -> str:
    """`docs/capacity.md`, from the figures of `capacity.json`."""
    cpu = found["cpu_ms_per_visit"]
    services = [name for name in cpu if name != "broker"]
    a_visit = sum(cpu.values())
    on_disk = found["bytes_per_visit"]
    claims_memory = found["memory_per_million_visits"]["claims"] / 1e6
    start = found["start_seconds_per_million_visits"]
    kept_days = KEPT / DAY
    kept_working_days = kept_days * WORKING_DAYS / 365
    limits = {str(stream.name): int(stream.max_bytes or 0) for stream in streams()}
    holds = {name: limits[name] / on_disk[name] for name in (VISITS, CLAIMS)}
    base = found["starts"]["claims"][0]["bytes"] - found["starts"]["claims"][0]["visits"] * claims_memory
    a_cell = (POD_MEMORY - base) / claims_memory / kept_working_days

    def sized(size: Size) -> list[str]:
        cells = max(1, math.ceil(size.visits_a_day / a_cell))
        daily = size.visits_a_day / cells
        peak = daily * PEAK_SHARE / 3600
        stored = daily * kept_working_days
        room = max(1, math.ceil(max(stored * on_disk[name] / limits[name] for name in (VISITS, CLAIMS))))
        cores = {name: peak * cpu[name] / 1000 for name in services}
        replicas = max(2, max(math.ceil(core / HEADROOM) for core in cores.values()))
        disk = stored * sum(on_disk.values())
        return [
            size.name,
            f"{size.visits_a_day:,}",
            f"{cells:,}",
            f"{daily:,.0f}",
            _figure(peak),
            _figure(sum(cores.values()) + peak * cpu["broker"] / 1000),
            str(replicas),
            _bytes(base + stored * claims_memory),
            _time(stored / 1e6 * start["claims"]),
            f"`--room {room}`",
            f"{_bytes(disk)} x {COPIES}",
        ]

    heads = [
        "", "visits a day", "cells", "a day in a cell", "a second in the busiest hour", "cores busy then", "replicas of each service",
        "memory of each claims", "start of claims", "streams", "disk of the broker",
    ]  # fmt: skip
    latencies = found["latency_ms_at"]
    largest = found["starts"]["claims"][-1]
    lines = [
        "# Capacity",
        "",
        f"Made by `benchmarks/capacity.py` from `benchmarks/capacity.json`, measured on {found['measured_on']} on {found['cores']} cores shared by the "
        "services, the broker with `sync_interval: always`, and who published; other machines differ, so measure on yours with the same command.",
        "",
        "## What a visit costs",
        "",
        *_table(
            ["", *services, "broker", "together"],
            [
                [
                    "processor ms a visit",
                    *(_figure(cpu[name]) for name in services),
                    _figure(cpu["broker"]),
                    _figure(a_visit),
                ]
            ],
        ),
        "",
        f"* **A core** does about {1000 / a_visit:,.0f} visits a second, all services and the broker together; the {found['cores']} cores did "
        f"{found['visits_per_second']:,.0f} a second with the publisher beside them.",
        "* **From publish to decision**, median and 99th percentile: "
        + ", ".join(
            f"{_figure(row['p50'])} and {_figure(row['p99'])} ms at {share}" for share, row in latencies.items()
        )
        + " of that rate.",
        f"* **The broker stores** {on_disk[VISITS] / 1000:,.1f} kB a visit in VISITS ({found['messages_per_visit'][VISITS]:.0f} messages) and "
        f"{on_disk[CLAIMS] / 1000:,.1f} kB in CLAIMS, times its copies. Compressed (S2) the same messages take {found['compressed_share']:.0%} of the disk; "
        "they are not: an event that is read singly would be unpacked with its neighbours.",
        f"* **Memory for a million stored visits**: {_bytes(claims_memory * 1e6)} in each claims and "
        f"{_bytes(found['memory_per_million_visits']['documentation-check'])} in each documentation-check, whose projections hold what earlier visits add up to "
        f"(measured up to {largest['visits']:,} visits, each of a patient of its own, which is the most). Coding and units hold nothing: "
        f"{_bytes(found['starts']['coding'][-1]['bytes'])} each.",
        f"* **A start of claims** takes {_time(start['claims'])} for a million stored visits, before it is ready; the others go on meanwhile.",
        "",
        "## Which limit comes first",
        "",
        f"Not the processor. Events are kept {kept_days:.0f} days (ADR 8), and as declared VISITS holds {holds[VISITS]:,.0f} visits and CLAIMS {holds[CLAIMS]:,.0f}: "
        f"at more than **{min(holds.values()) / kept_working_days:,.0f} visits on a working day** a stream is full before its oldest events go, and a full stream "
        "refuses new visits. Give it more room before that: `claimbus provision --room FACTOR`, with the broker's `STORE_LIMIT` and disk to match.",
        "",
        f"Then the memory of claims: each replica holds all practices of its broker. Past {_bytes(POD_MEMORY)} a pod, which is {a_cell:,.0f} visits on a working day, split by "
        "practice into **cells**: a cell is a whole pipeline with a broker of its own (the production overlay once more, in another namespace), and a practice "
        "lives in one. Practices that bill under one NPI live in the same, since their timed minutes of a day are one total to the payer; beyond that practices share nothing. "
        "An EHR is told its cell's address.",
        "",
        "## Three sizes",
        "",
        *_table(heads, [sized(size) for size in SIZES]),
        "",
        *(f"* {size.name}: {size.where_from}." for size in SIZES),
        f"* Assumed: {WORKING_DAYS} working days a year, {PEAK_SHARE:.0%} of a day's visits in its busiest hour; a core is planned to {HEADROOM:.0%}; two replicas at least.",
        "",
        "## The arithmetic, to redo with your own numbers",
        "",
        "```",
        "peak           = visits a day in a cell x share in the busiest hour / 3600",
        f"cores          = peak x {a_visit / 1000:.5f} s",
        f"replicas       = the greater of 2 and  peak x {max(cpu[name] for name in services) / 1000:.5f} s / {HEADROOM}      (claims)",
        f"stored         = visits a day in a cell x working days in {kept_days:.0f} days ({kept_working_days:.0f})",
        f"memory         = {base / 1e6:.0f} MB + stored x {claims_memory:,.0f} B                             (each claims)",
        f"start          = stored x {start['claims'] / 1e6 * 1e6:.1f} us                                         (claims)",
        f"room           = stored x {on_disk[VISITS]:,.0f} B / {limits[VISITS] / GIB:.0f} GiB, or stored x {on_disk[CLAIMS]:,.0f} B / {limits[CLAIMS] / GIB:.0f} GiB, the greater",
        f"disk           = stored x {sum(on_disk.values()):,.0f} B, on each of {COPIES} brokers",
        "```",
        "",
        "## What to scale when",
        "",
        *_table(
            ["what is seen", "what it means", "what to do"],
            [
                [
                    "`ClaimbusLagGrowing` on one consumer",
                    "more comes than that service does",
                    "replicas of that service: KEDA adds them by the same lag, up to 8",
                ],
                [
                    "lag on all, the broker's processor busy",
                    "one stream's writer is at its end",
                    f"cells; of one core it would take about {1000 / cpu['broker']:,.0f} visits a second",
                ],
                [
                    "`ClaimbusStreamNearFull`",
                    "the oldest events do not go fast enough",
                    "`claimbus provision --room`, and the disk",
                ],
                [
                    "claims near its memory limit, or its start near 15 minutes",
                    "more stored visits than a pod holds",
                    "a higher limit; past the above, cells",
                ],
                [
                    "`ClaimbusDecisionsSlow` without lag",
                    "the broker's disk is slow to sync",
                    "faster disks: every visit waits for five writes",
                ],
            ],
        ),
        "",
    ]
    return "\n".join(lines)


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _figure(value: float) -> str:
    """Two digits that count."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def _bytes(value: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= size:
            return f"{_figure(value / size)} {unit}"
    return f"{value:,.0f} B"


def _time(seconds: float) -> str:
    return f"{_figure(seconds / 60)} min" if seconds >= 120 else f"{_figure(max(seconds, 1))} s"
