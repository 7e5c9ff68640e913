"""What coding makes of an intervention, with the words it relies on in color."""

from claimbus.events import CodedIntervention, VisitCoded
from rich.table import Table
from rich.text import Text

from claimbus_cli.views.terminal import out

_NARROW = 60
"""Columns below which the evidence is no table: its cells would be cut."""
_LOWERS = "delivery."
_STYLES = {"for": "black on green", "lowers": "black on red"}


def print_coded(texts: dict[str, str | None], coded: VisitCoded) -> None:
    """Print what coding makes of an intervention; `texts` are those of its fields."""
    intervention = coded.interventions[0]
    for field, text in texts.items():
        if text:
            out.print(_highlighted(field, text, intervention), soft_wrap=True)
    out.print(_summary(intervention))
    table = Table(box=None, pad_edge=False, show_header=False)
    for evidence in intervention.evidence:
        lowers = evidence.rule.startswith(_LOWERS)
        words = Text(_visible(evidence.text), style=_STYLES["lowers" if lowers else "for"])
        row = "not today" if lowers else "because", words, f"{evidence.field} {evidence.start}", evidence.rule
        if out.width < _NARROW:
            out.print(Text("  ").join(Text(cell) if isinstance(cell, str) else cell for cell in row), soft_wrap=True)
        else:
            table.add_row(*row)
    if table.rows:
        out.print(table)
    if intervention.suggested_code is not None:
        out.print(Text(f"source    {intervention.citation}", style="dim"), soft_wrap=True)
    for alternative in intervention.alternatives:
        out.print(f"or        {alternative.code}  {alternative.confidence:.0%}", highlight=False)
    if (machine := intervention.machine_suggestion) is not None:
        by = f"the same as {machine.supported_by}" if machine.supported_by else "no rule and no person says so"
        out.print(f"machine   {machine.code}  {machine.suggester}: {by}", highlight=False, markup=False)
    if intervention.question:
        out.print(Text(f"ask       {intervention.question}", style="yellow"))
    for finding in coded.findings:
        if finding.result.value != "pass" and finding.id != "coding.no-code":
            out.print(f"{finding.severity.value:9} {finding.id}: {finding.message}", highlight=False)
    out.print()


def _highlighted(field: str, text: str, intervention: CodedIntervention) -> Text:
    shown = Text(_visible(text))
    for evidence in intervention.evidence:
        if evidence.field == field:
            lowers = evidence.rule.startswith(_LOWERS)
            shown.stylize(_STYLES["lowers" if lowers else "for"], evidence.start, evidence.end)
    return shown


def _visible(text: str) -> str:
    """The text with characters that would steer a terminal replaced, one for one, so that offsets hold."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)


def _summary(intervention: CodedIntervention) -> Text:
    if intervention.suggested_code is None:
        return Text("no code   the words do not support one today", style="bold")
    code = intervention.code
    agreement = {"agree": f"agrees with {code}", "disagree": f"disagrees with {code}"}.get(intervention.agreement)
    detail = agreement or ("sure enough to stand as the code" if code is not None else "not sure: asks")
    return Text(f"{intervention.suggested_code:9} {intervention.confidence:.0%} sure; {detail}", style="bold")
