"""`claimbus trace`: every step of a visit."""

import click

from claimbus_cli.spans import traces_of
from claimbus_cli.views.terminal import print_json
from claimbus_cli.views.trace import as_data, show_trace


@click.command()
@click.argument("visit")
@click.option(
    "--from",
    "source",
    envvar=["CLAIMBUS_TRACES", "CLAIMBUS_TRACES_DIR"],
    default=".claimbus/traces",
    show_default=True,
    metavar="FOLDER|FILE|URL",
    help="Traces of `claimbus up`, a file of OTLP lines, or the address of Jaeger; CLAIMBUS_TRACES says it for good, "
    "and else CLAIMBUS_TRACES_DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a trace.")
def trace(visit: str, source: str, as_json: bool) -> None:
    """Show every step of a visit: who did it, when, for how long, and what it joined.

    VISIT is the visit's key, or practice/visit. A visit that was replayed or amended has several traces, the newest
    last.

    \b
    claimbus trace demo-01
    claimbus trace northside-pt/demo-01 --from http://127.0.0.1:16686
    """
    key = visit.replace("/", ".", 1)
    for spans in traces_of(source, key):
        if as_json:
            print_json(as_data(spans), indent=None)
        else:
            show_trace(spans, visit)
