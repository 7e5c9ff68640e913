"""Findings are made from their rows alone: every row is used, every id is one service's, and each is explained."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from claimbus.events import DUE
from claimbus.rules import FindingRow
from claimbus.services import SERVICES
from claimbus_engine import Rules
from claims.domain.findings import ClaimFinding
from claims.rule_book import ClaimRuleBook
from coding.domain.findings import CodingFinding
from coding.rule_book import CodingRuleBook
from units.domain.findings import UnitFinding
from units.rule_book import UnitRuleBook

ROOT = Path(__file__).parents[2]
RULES = Rules.load()
IDS: dict[str, type[StrEnum]] = {"coding": CodingFinding, "units": UnitFinding, "claims": ClaimFinding}
"""Typed ids by service; documentation-check makes each finding from the row of its requirement."""
ROWS = [row for book in RULES.books for row in book.finding_rows]


def sources(service: str) -> str:
    return "\n".join(file.read_text() for file in (ROOT / "services" / service / "src").rglob("*.py"))


def test_every_service_has_its_typed_ids_or_its_requirements() -> None:
    assert {*IDS, "documentation-check"} == SERVICES.keys()


@pytest.mark.parametrize("book", [RULES.coding, RULES.units, RULES.claims], ids=lambda book: book.service())
def test_every_typed_id_is_used(book: CodingRuleBook | UnitRuleBook | ClaimRuleBook) -> None:
    ids, text = IDS[book.service()], sources(book.service())
    # A field that is required, and what a notice brings about, are gone through row by row.
    by_row = {row.id for row in book.finding_rows} - {row.id for row in book.findings.rows}
    assert [member for member in ids if f"{ids.__name__}.{member.name}" not in text and member not in by_row] == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_finding_is_made_elsewhere_than_from_a_row(service: str) -> None:
    assert "Finding(" not in sources(service).replace("Finding(StrEnum)", "")


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_decides_by_an_explanation(service: str) -> None:
    assert ".inputs[" not in sources(service)
    assert ".inputs.get(" not in sources(service)


def test_an_id_is_one_services() -> None:
    owners = Counter(name for book in RULES.books for name in {row.id for row in book.finding_rows})
    assert [name for name, count in owners.items() if count > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_explains_itself(row: FindingRow) -> None:
    assert row.meaning.endswith(".")
    assert row.source
    assert not row.rarc or row.carc, "a remark goes with a reason"
    texts = list(_texts(row))
    assert texts, "it has a text for a failure, for what is unknown or for what is due"
    assert bool(row.message_due) is row.id.startswith(DUE)


def _texts(row: FindingRow) -> Iterator[str]:
    for part in (row, *row.variants.values()):
        yield from filter(None, (part.message, part.message_unknown, part.message_due))
