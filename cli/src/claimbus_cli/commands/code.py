"""`claimbus code`: what coding makes of a phrase, with the words it relies on."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime

import click
from claimbus.events import Basis, VisitCoded, VisitCompleted
from claimbus.values import Program
from claimbus_engine import Rules
from coding.domain.opinion import Suggester
from coding.domain.suggest import suggest_codes
from pydantic import ValidationError

from claimbus_cli.decisions import load_rules, suggester_of_practice, suggestions_on
from claimbus_cli.views.code import print_coded
from claimbus_cli.views.terminal import print_json

_LONGEST = 20_000
_MINUTES = 15
_CONTACTS = ("one_on_one", "group", "supervised", "unattended")


@click.command()
@click.argument("text", nargs=-1)
@click.option("--narrative", help="What was done, beside the label in TEXT.")
@click.option("--code", "chosen", metavar="CODE", help="The clinician's code: agree or disagree with it.")
@click.option("--contact", type=click.Choice(_CONTACTS), help="How the EHR says it was delivered.")
@click.option("--region", metavar="WORDS", help="Body region.")
@click.option(
    "--program",
    type=click.Choice([program.value for program in Program]),
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
    rules, suggester = load_rules(), suggester_of_practice()
    for phrase in phrases:
        if len(phrase) > _LONGEST:
            raise click.ClickException(f"a phrase of {len(phrase)} characters; a line takes at most {_LONGEST}")
        coded = _code({**fields, "description": phrase}, program, on, rules, suggester)
        if as_json:
            print_json({"text": phrase, **coded.interventions[0].model_dump(exclude_none=True)}, indent=None)
        else:
            print_coded({"description": phrase, "narrative": fields["narrative"]}, coded)


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


def _code(
    intervention: dict[str, str | None], program: str, on: date, rules: Rules, suggester: Suggester | None
) -> VisitCoded:
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
    basis = Basis(event_id="trial", sha256="")
    return suggest_codes(visit, basis, rules.coding.on(on), suggestions_on(visit, suggester))
