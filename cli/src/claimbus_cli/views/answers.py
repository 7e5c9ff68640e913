"""What the payer did, beside what was decided. Names no patient."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from claimbus.events import AdjudicatedLine, Adjustment, ClaimAdjudicated, ClaimSubmitted, Decision, Finding, Line
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from claimbus_cli.views.terminal import printable

Outcome = ClaimSubmitted | ClaimAdjudicated


def answers_of(outcomes: Iterable[Outcome], decisions: Mapping[str, Decision]) -> Iterator[RenderableType]:
    """Each answer in its order; an adjudication against the decision that it is about."""
    for number, outcome in enumerate(outcomes):
        if not number:
            yield Text("\nWhat the payer did", style="bold underline")
        yield Text(printable(_title(outcome)))
        if outcome.claim_id not in decisions:
            yield Text("  No decision on that revision is kept: there is nothing to compare it with.", style="dim")
        elif isinstance(outcome, ClaimAdjudicated):
            yield from _compared(outcome, decisions[outcome.claim_id])


def _title(outcome: Outcome) -> str:
    by = f"payer {outcome.coverage_rank}" if outcome.coverage_rank else "the payer billed first"
    under = f", under its number {outcome.payer_control_number}" if outcome.payer_control_number else ""
    if isinstance(outcome, ClaimSubmitted):
        why = " ".join("/".join(filter(None, (status.category, status.code))) for status in outcome.statuses)
        return f"{outcome.submitted_on}  revision {outcome.revision} {outcome.status} by {by}{under}  {why}".rstrip()
    return f"{outcome.adjudicated_on}  revision {outcome.revision} {outcome.status} by {by}{under}"


def _compared(outcome: ClaimAdjudicated, decision: Decision) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("line")
    for column in ("expected", "allowed", "paid", "patient", "paid and patient less expected"):
        table.add_column(column, justify="right")
    answered = list(_matched(outcome.lines, decision.lines))
    for line, answer in answered:
        table.add_row(*_row(line, answer))
    yield table
    if outcome.paid is not None:
        expected = decision.claim.total_expected
        yield Text(
            f"In all {_money(outcome.paid)} paid; {_money(expected)} were expected, the patient's share included."
        )
    for line, answer in answered:
        if answer is not None:
            yield from _adjustments(answer.adjustments, answer.rarcs, line, decision.findings)
    yield from _adjustments(outcome.adjustments, outcome.rarcs, None, decision.findings)
    yield from _spared(outcome, decision)


def _matched(
    answers: Iterable[AdjudicatedLine], lines: Iterable[Line]
) -> Iterator[tuple[Line | None, AdjudicatedLine | None]]:
    """Each line of the decision with the payer's, by number or else by code and modifiers; then what fits none."""
    left = list(answers)
    for line in lines:
        fits = [answer for answer in left if answer.number == line.number] or [
            answer for answer in left if answer.number is None and answer.code == line.code and _alike(answer, line)
        ]
        if fits:
            left.remove(fits[0])
        yield line, fits[0] if fits else None
    yield from ((None, answer) for answer in left)


def _alike(answer: AdjudicatedLine, line: Line) -> bool:
    return not answer.modifiers or set(answer.modifiers) == set(line.modifiers)


def _row(line: Line | None, answer: AdjudicatedLine | None) -> list[str]:
    name = (
        f"{line.number}. {line.code} x{line.units}" if line else f"{(answer and answer.code) or '?'} (not on our claim)"
    )
    expected = line.expected_amount if line else None
    if answer is None:
        return [name, _money(expected), "no answer", "", "", ""]
    known = [amount for amount in (answer.paid, answer.patient_responsibility) if amount is not None]
    difference = sum(known, Decimal(0)) - expected if answer.paid is not None and expected is not None else None
    return [
        name,
        _money(expected),
        _money(answer.allowed),
        _money(answer.paid),
        _money(answer.patient_responsibility),
        "unknown" if difference is None else f"{difference:+,.2f}",
    ]


def _money(amount: Decimal | None) -> str:
    if amount is None:
        return "unknown"
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def _adjustments(
    adjustments: Iterable[Adjustment], rarcs: Iterable[str], line: Line | None, findings: Iterable[Finding]
) -> Iterator[Text]:
    where = f"line {line.number}" if line else "claim"
    named = [finding for finding in findings if line is None or not finding.lines or line.number in finding.lines]
    for adjustment in adjustments:
        foreseen = [finding.id for finding in named if finding.carc == adjustment.carc]
        what = f"{adjustment.group}-{adjustment.carc} {_money(adjustment.amount)}"
        yield Text(f"  {where}: {what}: {_why(adjustment, line, foreseen)}")
    for code in rarcs:
        foreseen = [finding.id for finding in named if finding.rarc == code]
        yield Text(f"  {where}: remark {code}: {_foreseen(foreseen)}")


def _why(adjustment: Adjustment, line: Line | None, foreseen: list[str]) -> str:
    if foreseen:
        return _foreseen(foreseen)
    if adjustment.group == "PR":
        return "the patient's share"
    if adjustment.group == "CO" and line and line.charge is not None and line.allowed_amount is not None:
        above = line.charge - line.allowed_amount
        if abs(above - adjustment.amount) < Decimal("0.01"):
            return "what the charge is above the fee schedule, as expected"
    return _foreseen(foreseen)


def _foreseen(ids: list[str]) -> str:
    return f"foreseen by {', '.join(dict.fromkeys(ids))}" if ids else "not foreseen by any finding"


def _spared(outcome: ClaimAdjudicated, decision: Decision) -> Iterator[Text]:
    """Denials that findings warned of and that did not come."""
    made = [*outcome.adjustments, *(adjustment for line in outcome.lines for adjustment in line.adjustments)]
    carcs = {adjustment.carc for adjustment in made}
    spared = dict.fromkeys(
        finding.id
        for finding in decision.findings
        if finding.result == "fail" and finding.severity != "info" and finding.carc and finding.carc not in carcs
    )
    if spared:
        yield Text(f"  Warned of and did not come: {', '.join(spared)}", style="dim")
