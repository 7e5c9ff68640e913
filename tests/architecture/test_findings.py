"""The registry of findings: each id is one service's, its row is whole, and what the examples find agrees with it."""

from collections import Counter
from pathlib import Path

from claimbus.events import InvalidEvent
from claimbus.values import Result, Severity
from claimbus_cli.registry import registry
from claimbus_engine import Rules, evaluate, read_visit

ROOT = Path(__file__).parents[2]
RULES = Rules.load()
REGISTRY = registry(RULES)


def test_an_id_stands_in_one_service_only() -> None:
    services = Counter(name for book in RULES.books for name in {row.id for row in book.finding_rows})
    assert [name for name, number in services.items() if number > 1] == []


def test_every_row_has_its_meaning_who_fixes_it_how_and_its_source() -> None:
    for entry in REGISTRY.values():
        assert entry.meaning.endswith("."), entry.id
        assert entry.fixable_by, entry.id
        assert entry.mending in ("addendum", "document", "correction", "none"), entry.id
        assert entry.source, entry.id
        assert not entry.rarc or entry.carc, f"{entry.id}: a remark goes with a reason"


def test_what_the_examples_find_agrees_with_the_registry() -> None:
    heaviest_first = list(Severity)
    seen = set()
    for path in sorted((ROOT / "examples/visits").glob("*.json")):
        try:
            visit, _ = read_visit(path.read_bytes())
        except InvalidEvent:
            assert "invalid" in path.name
            continue
        for finding in evaluate(visit, RULES).findings:
            entry = REGISTRY[finding.id]
            if entry.severity != "by payer":
                weights = heaviest_first.index(finding.severity), heaviest_first.index(Severity(entry.severity))
                assert weights[0] >= weights[1], finding.id
            if finding.result is Result.PASS:
                continue
            seen.add(finding.id)
            assert (finding.carc or "") == entry.carc, finding.id
            assert (finding.rarc or "") in entry.rarc, finding.id
            assert finding.fixable_by == entry.fixable_by, finding.id
            ways = {entry.mending} if finding.result is Result.FAIL else {entry.mending, "correction"}
            assert finding.mending in ways, finding.id
            assert finding.fix, finding.id
    assert len(seen) > 25, "the examples show too few findings to prove much"
