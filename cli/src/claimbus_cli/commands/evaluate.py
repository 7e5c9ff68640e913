"""`claimbus evaluate`: visits decided without a broker, or what other rules would make of them."""

import sys
from datetime import datetime
from pathlib import Path

import click
from claimbus.events import InvalidEvent
from claimbus_engine import Rules
from pydantic_core import to_json

from claimbus_cli.comparison import Difference, Totals, Unreadable, as_data, compare
from claimbus_cli.decisions import decide_visit, load_rules, suggester_of_practice
from claimbus_cli.views.comparison import differences_table, totals_table
from claimbus_cli.views.terminal import counted, out, print_json
from claimbus_cli.visit_files import read_visits


@click.command()
@click.argument("visits", default="-")
@click.option(
    "--rules",
    "overlay",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draft rules: payer profiles laid over ours, as with `rules check --profiles`; and in a folder named as a "
    "service, files that stand in for its tables: DIR/claims/mue.csv.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="By the rules of this date of service, whatever the visit's own is; its dates stay as they are.",
)
@click.option("--compare", "comparing", is_flag=True, help="Against today's rules, print what would change instead.")
@click.option("--json", "as_json", is_flag=True, help="With --compare: one JSON object instead of tables.")
def evaluate(visits: str, overlay: Path | None, as_of: datetime | None, comparing: bool, as_json: bool) -> None:
    """Decide visits without a broker: one visit a line in, one decision a line out.

    A visit that is not valid gives {"error": ..., "line": n}, and status 1 at the end. What earlier visits add up to
    is known on the bus alone: here each visit stands for itself.

    \b
    claimbus evaluate visits.jsonl > decisions.jsonl
    cat visit.json | claimbus evaluate -
    claimbus evaluate october.jsonl --rules ./drafts --compare
    claimbus visits --since 2026-10-01 | claimbus evaluate - --as-of 2027-01-01 --compare --json
    """
    if as_json and not comparing:
        raise click.UsageError("--json goes with --compare; without it the answer is JSON lines already")
    if comparing and overlay is None and as_of is None:
        raise click.UsageError("--compare needs something to compare with: give --rules, --as-of or both")
    loaded = load_rules(overlay)
    proposed = loaded.as_of(as_of.date()) if as_of else loaded
    if not comparing:
        sys.exit(_decide_all(visits, proposed))
    sys.exit(_compare_all(visits, load_rules() if overlay else loaded, proposed, as_json))


def _decide_all(visits: str, rules: Rules) -> int:
    suggester = suggester_of_practice()
    failed = False
    with counted("decided", while_writing=True) as advance:
        for line, body in read_visits(visits):
            try:
                answer = decide_visit(body, rules, suggester).model_dump_json().encode()
            except InvalidEvent as exc:
                failed = True
                answer = to_json({"error": str(exc), "line": line})
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
            advance()
    return int(failed)


def _compare_all(visits: str, today: Rules, proposed: Rules, as_json: bool) -> int:
    totals = Totals()
    differing: list[Difference] = []
    unreadable: list[Unreadable] = []
    with counted("compared") as advance:
        for result in compare(read_visits(visits), today, proposed, suggester_of_practice()):
            advance()
            if isinstance(result, Unreadable):
                unreadable.append(result)
                continue
            totals.add(result)
            if result.is_change:
                differing.append(result)
    if as_json:
        errors = [failure._asdict() for failure in unreadable]
        print_json({"visits": list(map(as_data, differing)), "total": totals.as_data(), "errors": errors})
        return int(bool(unreadable))
    if differing:
        out.print(differences_table(differing))
        out.print()
    out.print(totals_table(totals))
    out.print(f"{totals.changed} of {totals.visits} visits would change.", highlight=False)
    if totals.dollars_not_known:
        out.print(f"Of {totals.dollars_not_known} the dollars are not known; they are in neither sum.", highlight=False)
    for failure in unreadable:
        click.echo(f"line {failure.line}: {failure.error}", err=True)
    return int(bool(unreadable))
