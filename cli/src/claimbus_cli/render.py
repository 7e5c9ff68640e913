"""`claimbus render`: decisions as claim documents. Each format is a module of its own, registered in `FORMATS`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

import click
from claimbus.messaging import Poison
from click.core import ParameterSource

from claimbus_cli import render_837p
from claimbus_cli.decisions import decision_of
from claimbus_cli.formats import Decision, Format
from claimbus_cli.visits import VisitsError, read_visits

FORMATS: dict[str, Format] = {one.name: one for one in (render_837p.FORMAT,)}
"""All that `--format` takes. A new one: a module with a `Format`, and its name here."""

F = TypeVar("F", bound=Callable[..., Any])


def _options_of_formats(command: F) -> F:
    """Adds each format's own options; one that several formats take stands once."""
    options = {option: None for one in FORMATS.values() for option in one.options}
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("source", metavar="[FILE or -]", default="-")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), required=True, help="Which document.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: standard output]"
)
@_options_of_formats
@click.pass_context
def render(context: click.Context, /, source: str, name: str, output: Path | None, **options: Any) -> None:
    """Write decisions as a claim document that a payer reads.

    FILE holds decisions, or visits that are decided first: JSON lines, a JSON document, a list or a folder.
    What cannot be written is told on standard error, with the fields and what to do; the rest is
    written all the same, and the status is 1.

    \b
    claimbus render --format 837p visits.jsonl --contact-phone 617-555-0100 --output claims.x12
    claimbus render --format 837p - --contact-email billing@example.org < decisions.jsonl
    claimbus render --format 837p examples/visits --contact-phone 617-555-0100 \\
        --receiver-id CLEAR1 --receiver-name "Example Clearing" --control-number 1207 --usage P
    """  # noqa: D301  # click looks for the character \b itself
    chosen = FORMATS[name]
    _refuse_foreign(context, chosen)
    own = {one: value for one, value in options.items() if one in chosen.option_names}
    failed = False
    decisions: list[Decision] = []
    for line, read in _read(source):
        if isinstance(read, Poison):
            failed = True
            click.echo(f"line {line}: {read}", err=True)
        else:
            decisions.append(read)
    if not decisions:
        raise click.ClickException(f"{source}: no decision and no visit to write")
    _warn(decisions)
    document = chosen.render(decisions, own)
    for refusal in document.refused:
        click.echo(refusal, err=True)
    if document.body is not None:
        _write(document.body, output)
    sys.exit(int(failed or bool(document.refused)))


def _refuse_foreign(context: click.Context, chosen: Format) -> None:
    """An option that the format does not take was meant for another one: say so instead of ignoring it."""
    for parameter in context.command.params:
        if not isinstance(parameter, click.Option) or parameter.name is None:
            continue
        shared = not any(parameter.name in one.option_names for one in FORMATS.values())
        given = context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        if given and not shared and parameter.name not in chosen.option_names:
            raise click.UsageError(f"{parameter.opts[0]} means nothing to --format {chosen.name}")


def _read(source: str) -> Iterator[tuple[int, Decision | Poison]]:
    try:
        for line, body in read_visits(source):
            try:
                yield line, decision_of(body)
            except Poison as exc:
                yield line, exc
    except VisitsError as exc:
        raise click.ClickException(str(exc)) from exc


def _warn(decisions: list[Decision]) -> None:
    for decision in decisions:
        if decision.outcome == "denial_risk":
            click.echo(
                f"{decision.practice_id}/{decision.visit_id} revision {decision.revision}: a denial risk; "
                "claimbus explain tells why it should not be sent as it is",
                err=True,
            )


def _write(body: bytes, output: Path | None) -> None:
    if output is None:
        stream: IO[bytes] = sys.stdout.buffer
        stream.write(body)
        stream.flush()
        return
    try:
        output.write_bytes(body)
    except OSError as exc:
        raise click.ClickException(f"{output}: {exc.strerror}") from exc
