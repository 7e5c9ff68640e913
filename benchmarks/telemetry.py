"""What traces, metrics and logs cost: the pipeline with everything sent beside the pipeline with nothing sent.

Both run in turn on fresh servers, round by round. The collector is a process that takes what comes and drops it; its
own time is not counted, the services' exporting is.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pipeline import Measured, measure, product
from rich.console import Console
from rich.table import Table


class _Take(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


def _sink() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Take)
    print(server.server_port, flush=True)
    server.serve_forever()


async def _rounds(arguments: argparse.Namespace, on: dict[str, str]) -> list[tuple[Measured, Measured]]:
    pairs = []
    for _ in range(arguments.rounds):
        async with product("always") as side:
            without = await measure(side, arguments.visits, arguments.rate)
        async with product("always", on) as side:
            pairs.append((without, await measure(side, arguments.visits, arguments.rate)))
    return pairs


def _milliseconds(row: Measured) -> float:
    """Processor time of all services for a visit; the broker does the same either way."""
    return sum(spent for name, spent in row.cpu_ms_per_visit.items() if name != "broker")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visits", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20.0, help="visits a second while latency is measured")
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sink:
        _sink()
        return
    with subprocess.Popen([sys.executable, __file__, "--sink"], stdout=subprocess.PIPE, text=True) as sink:
        try:
            assert sink.stdout is not None  # noqa: S101  (piped above)
            on = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{int(sink.stdout.readline())}"}
            pairs = asyncio.run(_rounds(arguments, on))
        finally:
            sink.terminate()
    table = Table(
        "", "nothing sent", "all sent", "ratio", title=f"{arguments.visits} visits, {arguments.rounds} rounds"
    )
    rows = (
        ("CPU ms a visit, all services", _milliseconds, ".2f"),
        ("visits a second", lambda row: row.visits_per_second, ".0f"),
        ("ms from publish to decision, p50", lambda row: row.latency_ms["p50"], ".1f"),
        ("ms from publish to decision, p95", lambda row: row.latency_ms["p95"], ".1f"),
    )
    for name, value, spelling in rows:
        off, sent = (statistics.median(value(pair[side]) for pair in pairs) for side in (0, 1))
        ratio = statistics.median(value(with_) / value(without) for without, with_ in pairs)
        table.add_row(name, format(off, spelling), format(sent, spelling), f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
