"""What other rules would change, as tables."""

from collections.abc import Iterable
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from claimbus_cli.comparison import Difference, Totals


def differences_table(differences: Iterable[Difference]) -> Table:
    """A row for each visit that differs."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("visit", "date", "outcome", "units"):
        table.add_column(column, overflow="fold", no_wrap=column in ("visit", "date"))
    table.add_column("dollars", justify="right")
    table.add_column("findings", overflow="fold", ratio=1)
    for difference in differences:
        before, after = difference
        units = ", ".join(f"{code} {was} -> {now}" for code, (was, now) in difference.units.items())
        findings = "\n".join(
            (*(f"+ {name}" for name in difference.added), *(f"- {name}" for name in difference.removed))
        )
        table.add_row(
            *map(Text, (before.visit, str(before.service_date), _pair(before.outcome, after.outcome), units or "same")),
            Text(_change(before.expected, after.expected)),
            Text(findings),
        )
    return table


def totals_table(totals: Totals) -> Table:
    """What all visits together come to."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("in total", "today's rules", "the draft", "difference"):
        table.add_column(column, justify="left" if column == "in total" else "right")
    for name, (was, now) in (("ready", totals.ready), ("units", totals.units)):
        table.add_row(name, str(was), str(now), f"{now - was:+}")
    before, after = totals.expected
    table.add_row("dollars to expect", f"{before:,.2f}", f"{after:,.2f}", f"{after - before:+,.2f}")
    for name in sorted({*totals.added, *totals.removed}):
        table.add_row(Text(name), "", "", f"{totals.added[name] - totals.removed[name]:+}")
    return table


def _pair(was: str, now: str) -> str:
    return was if was == now else f"{was} -> {now}"


def _change(was: Decimal | None, now: Decimal | None) -> str:
    if was == now:
        return "same"
    if was is None or now is None:
        return f"{'unknown' if was is None else was} -> {'unknown' if now is None else now}"
    return f"{now - was:+}"
