"""What the payer did, beside what was decided. Names no patient."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from claimbus.events import AdjudicatedLine, Adjustment, ClaimAdjudicated, ClaimSubmitted, Finding, Line
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from claimbus_cli.views.account import Decision

Outcome = ClaimSubmitted | ClaimAdjudicated


def answers_of(outcomes: Iterable[Outcome], decisions: Mapping[str, Decision]) -> Iterator[RenderableType]:
    """Each answer in its order; an adjudication against the decision that it is about."""
    for number, outcome in enumerate(outcomes):
        if not number:
            yield Text("\nWhat the payer did", style="bold underline")
        yield _line(_title(outcome))
        if outcome.claim_id not in decisions:
            yield Text("  No decision on that revision is kept: there is nothing to compare it with.", style="dim")
        elif isinstance(outcome, ClaimAdjudicated):
            yield from _compared(outcome, decisions[outcome.claim_id])


def _line(text: str) -> Text:
    """A payer's text may hold what a terminal would obey; that is shown as `?`."""
    return Text("".join(sign if sign.isprintable() else "?" for sign in text))


def _title(outcome: Outcome) -> str:
    by = f"payer {outcome.coverage_rank}" if outcome.coverage_rank else "the payer billed first"
    under = f", under its number {outcome.payer_control_number}" if outcome.payer_control_number else ""
    if isinstance(outcome, ClaimSubmitted):
        why = " ".join("/".join(filter(None, (one.category, one.code))) for one in outcome.statuses)
        return f"{outcome.submitted_on}  revision {outcome.revision} {outcome.status} by {by}{under}  {why}".rstrip()
    return f"{outcome.adjudicated_on}  revision {outcome.revision} {outcome.status} by {by}{under}"


def _compared(outcome: ClaimAdjudicated, decision: Decision) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("line")
    for column in ("expected", "allowed", "paid", "patient", "paid and patient less expected"):
        table.add_column(column, justify="right")
    answered = list(_matched(outcome.lines, decision.lines))
    for line, told in answered:
        table.add_row(*_row(line, told))
    yield table
    if outcome.paid is not None:
        expected = decision.claim.total_expected
        yield Text(
            f"In all {_money(outcome.paid)} paid; {_money(expected)} were expected, the patient's share included."
        )
    for line, told in answered:
        if told is not None:
            yield from _adjustments(told.adjustments, told.rarcs, line, decision.findings)
    yield from _adjustments(outcome.adjustments, outcome.rarcs, None, decision.findings)
    yield from _spared(outcome, decision)


def _matched(
    told: Iterable[AdjudicatedLine], lines: Iterable[Line]
) -> Iterator[tuple[Line | None, AdjudicatedLine | None]]:
    """Each line of the decision with the payer's, by number or else by code and modifiers; then what fits none."""
    left = list(told)
    for line in lines:
        fits = [one for one in left if one.number == line.number] or [
            one for one in left if one.number is None and one.code == line.code and _alike(one, line)
        ]
        if fits:
            left.remove(fits[0])
        yield line, fits[0] if fits else None
    yield from ((None, one) for one in left)


def _alike(told: AdjudicatedLine, line: Line) -> bool:
    return not told.modifiers or set(told.modifiers) == set(line.modifiers)


def _row(line: Line | None, told: AdjudicatedLine | None) -> list[str]:
    name = f"{line.number}. {line.code} x{line.units}" if line else f"{(told and told.code) or '?'} (not on our claim)"
    expected = line.expected_amount if line else None
    if told is None:
        return [name, _money(expected), "no answer", "", "", ""]
    known = [one for one in (told.paid, told.patient_responsibility) if one is not None]
    difference = sum(known, Decimal(0)) - expected if told.paid is not None and expected is not None else None
    return [
        name,
        _money(expected),
        _money(told.allowed),
        _money(told.paid),
        _money(told.patient_responsibility),
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
    named = [one for one in findings if line is None or not one.lines or line.number in one.lines]
    for one in adjustments:
        foreseen = [finding.id for finding in named if finding.carc == one.carc]
        yield Text(f"  {where}: {one.group}-{one.carc} {_money(one.amount)}: {_why(one, line, foreseen)}")
    for code in rarcs:
        foreseen = [finding.id for finding in named if finding.rarc == code]
        yield Text(f"  {where}: remark {code}: {_foreseen(foreseen)}")


def _why(one: Adjustment, line: Line | None, foreseen: list[str]) -> str:
    if foreseen:
        return _foreseen(foreseen)
    if one.group == "PR":
        return "the patient's share"
    if one.group == "CO" and line and line.charge is not None and line.allowed_amount is not None:
        above = line.charge - line.allowed_amount
        if abs(above - one.amount) < Decimal("0.01"):
            return "what the charge is above the fee schedule, as expected"
    return _foreseen(foreseen)


def _foreseen(ids: list[str]) -> str:
    return f"foreseen by {', '.join(dict.fromkeys(ids))}" if ids else "not foreseen by any finding"


def _spared(outcome: ClaimAdjudicated, decision: Decision) -> Iterator[Text]:
    """Denials that findings warned of and that did not come."""
    came = {one.carc for one in outcome.adjustments} | {one.carc for line in outcome.lines for one in line.adjustments}
    warned = [one for one in decision.findings if one.result == "fail" and one.severity != "info" and one.carc]
    spared = dict.fromkeys(one.id for one in warned if one.carc not in came)
    if spared:
        yield Text(f"  Warned of and did not come: {', '.join(spared)}", style="dim")
