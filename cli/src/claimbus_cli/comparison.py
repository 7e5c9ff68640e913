"""What would other rules decide: each visit by today's rules and by others, and what differs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, Self

from claimbus.events import Decision, InvalidEvent
from claimbus_engine import Rules, evaluate_fully, read_visit
from coding.domain.opinion import Suggester

from claimbus_cli.decisions import suggestions_on


class Summary(NamedTuple):
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

    @classmethod
    def of(cls, decision: Decision) -> Self:
        units: Counter[str] = Counter()
        for line in decision.lines:
            units[line.code] += line.units
        return cls(
            visit=f"{decision.practice_id}/{decision.visit_id}",
            revision=decision.revision,
            service_date=decision.claim.service_date,
            outcome=decision.outcome,
            units=dict(units),
            expected=decision.claim.total_expected if decision.lines else Decimal("0.00"),
            findings=tuple(
                f"{finding.id} ({finding.severity}{', unknown' if finding.result == 'unknown' else ''})"
                for finding in decision.findings
                if not finding.is_due
            ),
            sha256=decision.rule_set.sha256,
        )


class Unreadable(NamedTuple):
    """A visit that cannot be decided by any rules."""

    line: int
    error: str


class Difference(NamedTuple):
    """One visit by both rules."""

    before: Summary
    after: Summary

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
    def is_change(self) -> bool:
        return bool(
            self.units
            or self.before.expected != self.after.expected
            or self.before.outcome != self.after.outcome
            or self.added
            or self.removed
        )


def compare(
    bodies: Iterable[tuple[int, bytes]], today: Rules, proposed: Rules, suggester: Suggester | None = None
) -> Iterator[Difference | Unreadable]:
    """Each visit by today's rules and by those proposed, in order; a visit comes with the line that it begins on."""
    for line, body in bodies:
        try:
            visit, basis = read_visit(body)
        except InvalidEvent as exc:
            yield Unreadable(line, str(exc))
            continue
        suggestions = suggestions_on(visit, suggester)
        before, after = (
            Summary.of(evaluate_fully(visit, rules, basis=basis, suggestions=suggestions).decision)
            for rules in (today, proposed)
        )
        yield Difference(before, after)


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

    def add(self, difference: Difference) -> None:
        self.visits += 1
        self.changed += difference.is_change
        self.rules = (difference.before.sha256, difference.after.sha256)
        for side, summary in enumerate(difference):
            self.units[side] += sum(summary.units.values())
            self.ready[side] += summary.outcome == "ready"
        if difference.before.expected is None or difference.after.expected is None:
            self.dollars_not_known += 1
        else:
            self.expected[0] += difference.before.expected
            self.expected[1] += difference.after.expected
        self.added.update(difference.added)
        self.removed.update(difference.removed)

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


def as_data(difference: Difference) -> dict[str, Any]:
    """A difference for programs; a pair is before and after."""
    before, after = difference
    return {
        "visit": before.visit,
        "revision": before.revision,
        "service_date": before.service_date,
        "outcome": [before.outcome, after.outcome],
        "units": difference.units,
        "expected": [before.expected, after.expected],
        "findings_added": difference.added,
        "findings_removed": difference.removed,
    }
