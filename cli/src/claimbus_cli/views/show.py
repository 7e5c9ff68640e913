"""Decisions and dead letters as a person reads them in a terminal."""

from claimbus.events import Decision, Finding, Line, VisitHeld, VisitSuperseded
from claimbus.messaging.dead_letters import StoredDeadLetter
from rich.table import Table
from rich.text import Text

from claimbus_cli.bus.reading import ClaimEvent

_STYLES = {"ready": "green", "denial-risk": "red"}
_ORDER = {"block": 0, "review": 1, "info": 2}


def decisions_table() -> Table:
    """An empty table of decisions; fill it with `add_decision`."""
    table = Table(title="Decisions", title_justify="left", expand=False)
    table.add_column("visit", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("lines", no_wrap=True)
    table.add_column("first reason", overflow="fold", min_width=32)
    return table


def add_decision(table: Table, event: ClaimEvent) -> None:
    """One row: what a biller wants to know first."""
    outcome = Text(event.fact, style=_STYLES.get(event.fact, "yellow"))
    if isinstance(event, Decision):
        lines = "\n".join(map(line_text, event.lines)) or "none"
        table.add_row(event.visit_id, outcome, lines, first_reason(event.findings))
        return
    # The reason of a void is the EHR's own text, and may say anything; ours say what is waited for.
    table.add_row(event.visit_id, outcome, "", event.reason if isinstance(event, VisitHeld | VisitSuperseded) else "")


def line_text(line: Line) -> str:
    """`97110 x2 GP CQ`."""
    return " ".join((f"{line.code} x{line.units}", *line.modifiers))


def first_reason(findings: tuple[Finding, ...]) -> str:
    """The finding that matters most: what failed before what is unknown, a block before a review."""
    of_checks = [finding for finding in findings if not finding.is_due]
    if not of_checks:
        return "all checks passed"
    first = min(of_checks, key=lambda finding: (_ORDER[finding.severity], finding.result != "fail"))
    more = len(of_checks) - 1
    return f"{first.id}" + (f" (+{more} more)" if more else "") + f"\n{first.message}"


def dead_letters_table(found: list[StoredDeadLetter]) -> Table:
    """One row for each dead letter; nothing of a message's content is in it."""
    table = Table(title="Dead letters", title_justify="left")
    for column in ("number", "subject", "why", "found by", "problem"):
        table.add_column(column, overflow="fold")
    for stored in found:
        dead_letter = stored.dead_letter
        named = [f"{problem.field}: {problem.problem}" for problem in dead_letter.problems]
        problems = "\n".join(named) or dead_letter.error
        where = dead_letter.subject or f"{dead_letter.stream}:{dead_letter.seq}"
        table.add_row(str(stored.number), where, dead_letter.why, dead_letter.consumer, problems)
    return table
