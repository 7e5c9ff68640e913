"""What would other rules have said: each visit decided by today's rules and by a draft, and what differs.

A process loads its rules once, so the draft's decisions are made in a process of their own, beside ours.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from claimbus.events import InvalidEvent
from claimbus.rules import RuleError
from rich.table import Table
from rich.text import Text

_BATCH = 32
"""Visits that are handed to the other process at a time."""

Body = tuple[int, bytes]
"""The line that a visit begins on, and the visit."""


class Draft(NamedTuple):
    """What is tried out; with neither, the rules as they are."""

    rules: Path | None
    as_of: date | None


class Brief(NamedTuple):
    """What is compared of a decision."""

    visit: str
    revision: int
    service_date: date
    outcome: str
    units: Mapping[str, int]
    """By code."""
    expected: Decimal | None
    """US dollars that the claim is expected to bring; null where not known."""
    findings: tuple[str, ...]
    """Of checks that did not pass: `mue.exceeded (block)`, `kx.not-supported (review, unknown)`."""
    sha256: str
    """Of the rules that it was decided by."""


class Unreadable(NamedTuple):
    """A visit that neither rules can be tried on."""

    line: int
    error: str


class Difference(NamedTuple):
    """One visit under both rules."""

    before: Brief
    after: Brief

    @property
    def units(self) -> dict[str, tuple[int, int]]:
        """By code whose units differ: before and after."""
        codes = dict.fromkeys((*self.before.units, *self.after.units))
        both = {code: (self.before.units.get(code, 0), self.after.units.get(code, 0)) for code in codes}
        return {code: pair for code, pair in both.items() if pair[0] != pair[1]}

    @property
    def added(self) -> list[str]:
        return list((Counter(self.after.findings) - Counter(self.before.findings)).elements())

    @property
    def removed(self) -> list[str]:
        return list((Counter(self.before.findings) - Counter(self.after.findings)).elements())

    @property
    def is_one(self) -> bool:
        return bool(
            self.units
            or self.before.expected != self.after.expected
            or self.before.outcome != self.after.outcome
            or self.added
            or self.removed
        )


def lay_draft(folder: Path) -> None:
    """Lay a folder over our rules in this process, before any are loaded: profiles, and tables by service.

    Raises `RuleError`, for a file that stands in for nothing too.
    """
    from claimbus.payers import lay_over
    from claimbus.rules import drafts_not_taken, replace_tables
    from claimbus.services import SERVICES

    services = tuple(SERVICES)
    lay_over(folder, apart=services)
    replace_tables(folder)
    from claimbus_cli import evaluate  # noqa: F401 - to import it is to load every service's rules

    if idle := drafts_not_taken(services):
        raise RuleError(f"{idle[0]}: {idle[0].parent.name} has no table of this file name; see: claimbus rules show")


def compare(bodies: Iterable[Body], draft: Draft) -> Iterator[Difference | Unreadable]:
    """Each visit under today's rules and under the draft, in order.

    Raises `RuleError` for a draft that cannot be used.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        if complaint := other.submit(_prepare, draft.rules).result():
            raise RuleError(complaint)
        rest = iter(bodies)
        while batch := list(islice(rest, _BATCH)):
            theirs = other.submit(_decide, batch, draft.as_of)
            for ours, drafted in zip(_decide(batch, None), theirs.result(), strict=True):
                if isinstance(ours, Unreadable):
                    yield ours
                elif isinstance(drafted, Unreadable):
                    yield drafted
                else:
                    yield Difference(ours, drafted)


def _prepare(rules: Path | None) -> str | None:
    """In the other process: load the draft. An error comes back as its text."""
    try:
        if rules is not None:
            lay_draft(rules)
    except RuleError as exc:
        return str(exc)
    return None


def _decide(batch: Sequence[Body], as_of: date | None) -> list[Brief | Unreadable]:
    from claimbus_cli.evaluate import evaluate_visit

    answers: list[Brief | Unreadable] = []
    for line, body in batch:
        try:
            decision = evaluate_visit(body, as_of)
        except InvalidEvent as exc:
            answers.append(Unreadable(line, str(exc)))
            continue
        units: Counter[str] = Counter()
        for one in decision.lines:
            units[one.code] += one.units
        answers.append(
            Brief(
                visit=f"{decision.practice_id}/{decision.visit_id}",
                revision=decision.revision,
                service_date=decision.claim.service_date,
                outcome=decision.outcome,
                units=dict(units),
                expected=decision.claim.total_expected if decision.lines else Decimal("0.00"),
                findings=tuple(
                    f"{one.id} ({one.severity}{', unknown' if one.result == 'unknown' else ''})"
                    for one in decision.findings
                    if not one.is_due
                ),
                sha256=decision.rule_set.sha256,
            )
        )
    return answers


class Totals:
    """What the differences of many visits add up to."""

    def __init__(self) -> None:
        self.visits = self.changed = 0
        self.units = [0, 0]
        self.ready = [0, 0]
        self.expected = [Decimal("0.00"), Decimal("0.00")]
        self.dollars_not_known = 0
        """Visits whose dollars are unknown under one of the rules; they are in neither sum."""
        self.added: Counter[str] = Counter()
        self.removed: Counter[str] = Counter()
        self.rules: tuple[str, str] | None = None

    def take(self, one: Difference) -> None:
        self.visits += 1
        self.changed += one.is_one
        self.rules = (one.before.sha256, one.after.sha256)
        for side, brief in enumerate((one.before, one.after)):
            self.units[side] += sum(brief.units.values())
            self.ready[side] += brief.outcome == "ready"
        if one.before.expected is None or one.after.expected is None:
            self.dollars_not_known += 1
        else:
            self.expected[0] += one.before.expected
            self.expected[1] += one.after.expected
        self.added.update(one.added)
        self.removed.update(one.removed)

    def as_data(self) -> dict[str, Any]:
        return {
            "visits": self.visits,
            "changed": self.changed,
            "units": self.units,
            "expected": self.expected,
            "dollars_not_known": self.dollars_not_known,
            "ready": self.ready,
            "findings_added": dict(self.added.most_common()),
            "findings_removed": dict(self.removed.most_common()),
            "rule_sets": self.rules,
        }


def as_data(one: Difference) -> dict[str, Any]:
    """A difference for programs; a pair is before and after."""
    before, after = one
    return {
        "visit": before.visit,
        "revision": before.revision,
        "service_date": before.service_date,
        "outcome": [before.outcome, after.outcome],
        "units": one.units,
        "expected": [before.expected, after.expected],
        "findings_added": one.added,
        "findings_removed": one.removed,
    }


def differences_table(found: Iterable[Difference]) -> Table:
    """A row for each visit that differs."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("visit", "date", "outcome", "units"):
        table.add_column(column, overflow="fold", no_wrap=column in ("visit", "date"))
    table.add_column("dollars", justify="right")
    table.add_column("findings", overflow="fold", ratio=1)
    for one in found:
        before, after = one
        units = ", ".join(f"{code} {was} -> {now}" for code, (was, now) in one.units.items())
        findings = "\n".join((*(f"+ {name}" for name in one.added), *(f"- {name}" for name in one.removed)))
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
