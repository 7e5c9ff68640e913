"""`claimbus render`: decisions as claim documents. What is in a document is made by claimbus_documents."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click
from claimbus.events import Decision, InvalidEvent
from claimbus_documents.cms1500.drawing import Layout, OffPaperError, draw_forms
from claimbus_documents.cms1500.form import fill_form
from claimbus_documents.fhir.claim import claim_of
from claimbus_documents.fhir.exact_json import to_json
from claimbus_documents.refusal import Refusal
from claimbus_documents.rules import DocumentRules
from click.core import ParameterSource

from claimbus_cli.commands import render_837p
from claimbus_cli.decisions import DecisionReader, loading_rules
from claimbus_cli.visit_files import read_visits

Numbered = tuple[int, Decision]
"""A decision with the line of input that it came from."""


@dataclass(frozen=True)
class RenderOptions:
    """What a person asked for beside the format, and the tables to write by; each format reads its part."""

    rules: DocumentRules
    page_totals: Literal["last", "each"] = "last"
    offset_x: float = 0.0
    offset_y: float = 0.0
    proof: bool = False
    submission: Mapping[str, Any] = field(default_factory=dict)
    """What `render_837p` takes."""


@dataclass
class Report:
    """What goes to standard error: claims that have no document, and what a person must know of those that have."""

    refused: int = 0
    rendered: int = 0

    def refuse(self, line: int, why: str) -> None:
        self.refused += 1
        click.echo(f"line {line}: {why}", err=True)

    def remark(self, line: int, what: str) -> None:
        click.echo(f"line {line}: note: {what}", err=True)


Renderer = Callable[[Iterable[Numbered], RenderOptions, Report], Iterator[bytes]]
"""Decisions in, pieces of the document out; the report has what it cannot make."""


def _fhir(decisions: Iterable[Numbered], options: RenderOptions, report: Report) -> Iterator[bytes]:
    for line, decision in decisions:
        try:
            claim = to_json(claim_of(decision, options.rules.on(decision.claim.service_date)))
        except Refusal as exc:
            report.refuse(line, str(exc))
            continue
        report.rendered += 1
        yield claim.encode() + b"\n"


def _cms1500(decisions: Iterable[Numbered], options: RenderOptions, report: Report) -> Iterator[bytes]:
    forms = []
    for line, decision in decisions:
        try:
            form = fill_form(decision, options.rules.on(decision.claim.service_date), options.page_totals)
        except Refusal as exc:
            report.refuse(line, str(exc))
            continue
        for remark in form.remarks:
            report.remark(line, remark)
        forms.append(form)
    if not forms:
        return
    try:
        document = draw_forms(forms, Layout(options.offset_x, options.offset_y, options.proof))
    except OffPaperError as exc:
        raise click.ClickException(str(exc)) from exc
    report.rendered += len(forms)
    yield document


def _professional(decisions: Iterable[Numbered], options: RenderOptions, report: Report) -> Iterator[bytes]:
    """One interchange of all claims; a refusal names its visit, for it may be another visit that is in its way."""
    given = [decision for _, decision in decisions]
    if not given:
        return
    interchange = render_837p.render_interchange(given, options.submission, options.rules)
    for refusal in interchange.refused:
        report.refused += 1
        click.echo(refusal, err=True)
    for remark in interchange.remarks:
        click.echo(f"note: {remark}", err=True)
    report.rendered += len(given) - len(interchange.refused)
    if interchange.body is not None:
        yield interchange.body


FORMATS: Mapping[str, Renderer] = {"837p": _professional, "fhir": _fhir, "cms1500": _cms1500}
_OPTIONS_OF: Mapping[str, Iterable[str]] = {
    "837p": render_837p.OPTION_NAMES,
    "cms1500": ("page_totals", "offset_x", "offset_y", "proof"),
}
"""Options that mean something to one format alone."""
_BINARY = frozenset({"cms1500"})


@click.command()
@click.argument("source", metavar="[FILE or -]", default="-")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), required=True, help="Which document.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: standard output]"
)
@click.option("--proof", is_flag=True, help="cms1500: on plain paper, with labelled boxes of our own.")
@click.option("--offset-x", type=click.FloatRange(-72, 72), default=0.0, help="cms1500: points to the right.")
@click.option("--offset-y", type=click.FloatRange(-72, 72), default=0.0, help="cms1500: points down.")
@click.option(
    "--page-totals",
    type=click.Choice(["last", "each"]),
    default="last",
    show_default=True,
    help="cms1500, more than six lines: the total on the last page, or each page's own.",
)
@render_837p.takes_options
@click.pass_context
def render(
    context: click.Context,
    /,
    source: str,
    format_: str,
    output: Path | None,
    proof: bool,
    offset_x: float,
    offset_y: float,
    page_totals: Literal["last", "each"],
    **submission: Any,
) -> None:
    """Write decisions as claim documents.

    Reads decisions, or visits that it decides first: a file, a folder, or standard input (-). 837p gives one
    interchange of all claims. fhir gives one R4 Claim a line. cms1500 gives one PDF: data only, for pre-printed red
    forms; what is cut or left blank is told on standard error. A claim that lacks what the document needs is named
    there with its fields, the others are written, and the status is 1.

    \b
    claimbus render --format 837p decisions.jsonl --output claims.x12
    claimbus render --format 837p examples/visits --contact-email billing@example.org \\
        --receiver-id CLEAR1 --receiver-name "Example Clearing" --control-number 1207 --usage P
    claimbus render --format fhir examples/visits/03-mixed-remainders.json
    claimbus evaluate visits.jsonl | claimbus render --format fhir > claims.ndjson
    claimbus render --format cms1500 decisions.jsonl --output claims.pdf --offset-x 2
    claimbus render --format cms1500 --proof examples/visits --output proof.pdf
    """
    _refuse_foreign_options(context, format_)
    if format_ in _BINARY and output is None and sys.stdout.isatty():
        raise click.UsageError("a PDF is nothing for a terminal; name a file with --output, or pipe it on")
    with loading_rules():
        rules = DocumentRules.load()
    report = Report()
    options = RenderOptions(rules, page_totals, offset_x, offset_y, proof, submission)
    pieces = FORMATS[format_](_decisions(source, report), options, report)
    try:
        _write(pieces, output)
    except OSError as exc:
        raise click.ClickException(f"{output or 'standard output'}: {exc.strerror}") from exc
    if not report.rendered and not report.refused:
        raise click.ClickException(f"{source}: no decision and no visit in it")
    sys.exit(1 if report.refused else 0)


def _refuse_foreign_options(context: click.Context, format_: str) -> None:
    for owner, names in _OPTIONS_OF.items():
        for name in names:
            if owner != format_ and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} is for --format {owner}")


def _decisions(source: str, report: Report) -> Iterator[Numbered]:
    decisions = DecisionReader()
    for line, body in read_visits(source):
        try:
            decision = decisions.read(body)
        except InvalidEvent as exc:
            report.refuse(line, str(exc))
            continue
        if decision.outcome == "denial_risk":
            report.remark(line, "denial risk: not to be sent as it stands; see claimbus explain")
        yield line, decision


def _write(pieces: Iterator[bytes], output: Path | None) -> None:
    """A file is written whole or not at all: nothing is there when no claim has a document."""
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return
    content = b"".join(pieces)
    if content:
        output.write_bytes(content)
