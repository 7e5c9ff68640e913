"""`claimbus code`: what coding makes of a phrase, with the words it relies on."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING

import click
from claimbus.events import Basis, CodedIntervention, VisitCoded, VisitCompleted
from claimbus.settings import Settings
from claimbus.values import Program
from pydantic import ValidationError
from pydantic_core import to_json
from rich.table import Table
from rich.text import Text

from claimbus_cli.views.terminal import loading_rules, out

if TYPE_CHECKING:
    from coding.domain.opinion import Suggester
    from coding.rule_book import CodingRuleBook

_LONGEST = 20_000
_MINUTES = 15
_NARROW = 60
"""Columns below which the evidence is no table: its cells would be cut."""
_LOWERS = "delivery."
_STYLES = {"for": "black on green", "lowers": "black on red"}
_CONTACTS = ("one_on_one", "group", "supervised", "unattended")


@click.command()
@click.argument("text", nargs=-1)
@click.option("--narrative", help="What was done, beside the label in TEXT.")
@click.option("--code", "chosen", metavar="CODE", help="The clinician's code: agree or disagree with it.")
@click.option("--contact", type=click.Choice(_CONTACTS), help="How the EHR says it was delivered.")
@click.option("--region", metavar="WORDS", help="Body region.")
@click.option(
    "--program",
    type=click.Choice([one.value for one in Program]),
    default=Program.COMMERCIAL.value,
    show_default=True,
    help="Payer program: some take a service under another code.",
)
@click.option("--on", "day", metavar="YYYY-MM-DD", help="Date of service.  [default: today]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each phrase, nothing else.")
def code(
    text: tuple[str, ...],
    narrative: str | None,
    chosen: str | None,
    contact: str | None,
    region: str | None,
    program: str,
    day: str | None,
    as_json: bool,
) -> None:
    """Try what coding makes of documented words, as of a line that the EHR lists with minutes.

    TEXT is the line's label or sentence; - reads one phrase a line from standard input. Green words
    speak for the code, red ones take the service out of today.

    \b
    claimbus code "TherEx w/ TB"
    claimbus code "Squats" --narrative "to pick up boxes from the floor" --code 97110
    claimbus code "E-stim to quads" --contact unattended --program medicare_part_b
    cat phrases.txt | claimbus code - --json
    """
    phrases = list(_lines()) if text == ("-",) else [_decoded(" ".join(text))]
    if not any(phrase.strip() for phrase in phrases) and not narrative:
        raise click.UsageError('nothing to read; give the words, as in: claimbus code "STM to R UT"')
    given = {"narrative": narrative, "code": chosen, "contact": contact, "body_region": region}
    fields = {name: _decoded(value) if value is not None else None for name, value in given.items()}
    on = _day(day)
    for phrase in phrases:
        if len(phrase) > _LONGEST:
            raise click.ClickException(f"a phrase of {len(phrase)} characters; a line takes at most {_LONGEST}")
        coded = _code({**fields, "description": phrase}, program, on)
        if as_json:
            one = coded.interventions[0]
            sys.stdout.write(to_json({"text": phrase, **one.model_dump(exclude_none=True)}).decode() + "\n")
        else:
            _show({"description": phrase, "narrative": fields["narrative"]}, coded)


def _lines() -> Iterator[str]:
    """Lines of standard input; what is no UTF-8 is replaced, because a file of phrases may have any encoding."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _decoded(text: str) -> str:
    """An argument with bytes that are no UTF-8 replaced."""
    return text.encode("utf-8", "replace").decode()


def _day(given: str | None) -> date:
    try:
        return date.fromisoformat(given) if given else datetime.now(UTC).date()
    except ValueError as exc:
        raise click.BadParameter(f"{given!r} is not a date as 2026-11-18", param_hint="--on") from exc


@cache
def _suggester() -> "Suggester | None":
    """Loaded once, however many phrases are read. Raises `SettingsError`."""
    from coding.suggester import load_suggester

    return load_suggester(Settings.read().suggester)


@cache
def _rules() -> "CodingRuleBook":
    from coding.rule_book import CodingRuleBook

    return CodingRuleBook.load(overlay=Settings.read().profiles)


def _code(intervention: dict[str, str | None], program: str, on: date) -> VisitCoded:
    with loading_rules():
        from coding.domain.suggest import suggest_codes
        from coding.suggester import ask

        rules, suggester = _rules(), _suggester()
    try:
        visit = VisitCompleted.model_validate(
            {
                "practice_id": "trial",
                "visit_id": "trial",
                "revision": 1,
                "service_date": on,
                "patient": {"patient_id": "trial"},
                "coverage": [{"program": program}],
                "interventions": [{**intervention, "minutes": _MINUTES}],
            }
        )
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        raise click.ClickException(f"{error['loc'][-1]}: {error['msg']}") from exc
    suggestions = asyncio.run(ask(visit, suggester))
    return suggest_codes(visit, Basis(event_id="trial", sha256=""), rules.on(on), suggestions)


def _show(texts: dict[str, str | None], coded: VisitCoded) -> None:
    one = coded.interventions[0]
    for field, text in texts.items():
        if text:
            out.print(_highlighted(field, text, one), soft_wrap=True)
    out.print(_verdict(one))
    table = Table(box=None, pad_edge=False, show_header=False)
    for evidence in one.evidence:
        lowers = evidence.rule.startswith(_LOWERS)
        words = Text(_visible(evidence.text), style=_STYLES["lowers" if lowers else "for"])
        row = "not today" if lowers else "because", words, f"{evidence.field} {evidence.start}", evidence.rule
        if out.width < _NARROW:
            out.print(Text("  ").join(Text(cell) if isinstance(cell, str) else cell for cell in row), soft_wrap=True)
        else:
            table.add_row(*row)
    if table.rows:
        out.print(table)
    if one.suggested_code is not None:
        out.print(Text(f"source    {one.citation}", style="dim"), soft_wrap=True)
    for other in one.alternatives:
        out.print(f"or        {other.code}  {other.confidence:.0%}", highlight=False)
    if (machine := one.machine_suggestion) is not None:
        by = f"the same as {machine.supported_by}" if machine.supported_by else "no rule and no person says so"
        out.print(f"machine   {machine.code}  {machine.suggester}: {by}", highlight=False, markup=False)
    if one.question:
        out.print(Text(f"ask       {one.question}", style="yellow"))
    for finding in coded.findings:
        if finding.result.value != "pass" and finding.id != "coding.no-code":
            out.print(f"{finding.severity.value:9} {finding.id}: {finding.message}", highlight=False)
    out.print()


def _highlighted(field: str, text: str, one: CodedIntervention) -> Text:
    shown = Text(_visible(text))
    for evidence in one.evidence:
        if evidence.field == field:
            lowers = evidence.rule.startswith(_LOWERS)
            shown.stylize(_STYLES["lowers" if lowers else "for"], evidence.start, evidence.end)
    return shown


def _visible(text: str) -> str:
    """The text with characters that would steer a terminal replaced, one for one, so that offsets hold."""
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def _verdict(one: CodedIntervention) -> Text:
    if one.suggested_code is None:
        return Text("no code   the words do not support one today", style="bold")
    agreement = {"agree": f"agrees with {one.code}", "disagree": f"disagrees with {one.code}"}.get(one.agreement)
    standing = agreement or ("sure enough to stand as the code" if one.code is not None else "not sure: asks")
    return Text(f"{one.suggested_code:9} {one.confidence:.0%} sure; {standing}", style="bold")
