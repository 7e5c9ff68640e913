"""The cases beside the rules: each comes out as it says, and every finding of a service has one that makes it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from claimbus.events import Finding
from claimbus.rules import FindingRow
from claimbus.values import Result, Severity
from claimbus_engine.cases import CaseResult, case_files, read_cases, run_cases
from claimbus_engine.rules import Book, Rules

RULES = Rules.load()
FILES = case_files(RULES)
_NO_CLAIM_NEEDS_IT = "asks for nothing: no claim needs the text"
WITHOUT_A_CASE = {
    "coding.machine-suggestion unknown": "needs a suggester of the practice's own",
    "coding.machine-suggestion unknown beside-a-code": "needs a suggester of the practice's own",
    "replacement.control-number-differs fail": "needs the payer's own answer to an earlier claim",
    "diagnosis.not-in-force fail not-begun-replaced": "no code of the lists at hand becomes a category",
    "billing-provider.address-invalid unknown": _NO_CLAIM_NEEDS_IT,
    "patient.name-invalid unknown": "is claim.patient-name-missing",
    "patient.address-invalid unknown": _NO_CLAIM_NEEDS_IT,
    "member-id.too-long unknown": "is claim.member-id-missing",
    "coverage.group-number-invalid unknown": _NO_CLAIM_NEEDS_IT,
    "authorization.number-invalid unknown": _NO_CLAIM_NEEDS_IT,
    "coverage.claim-number-invalid unknown": _NO_CLAIM_NEEDS_IT,
}
"""`id result variant` of findings that no case can make, with the reason."""


class Text(NamedTuple):
    """One text of a finding's row: what a case has to make."""

    name: str
    """`id result variant`; the variant is left out for the row's own text."""
    id: str
    result: Result
    message: str
    severity: Severity | None
    """Where a variant has its own."""
    shared: bool
    """Whether it comes from the table's defaults, so that every row has it: one that makes it is enough."""


def texts_of(rows: Sequence[FindingRow]) -> Iterator[Text]:
    columns = {Result.FAIL: "message", Result.UNKNOWN: "message_unknown", Result.PASS: "message_due"}
    variants = Counter(name for row in rows for name in row.variants)
    for row in rows:
        for name, variant in [("", row), *row.variants.items()]:
            for result, column in columns.items():
                severity = row.variants[name].severity if name else None
                # A variant with neither text nor severity replaces what is shown beside them.
                message = getattr(variant, column) or (getattr(row, column) if severity else "")
                if message:
                    shared = variants[name] == len(rows)
                    yield Text(f"{row.id} {result.value} {name}".strip(), row.id, result, message, severity, shared)


def makes(finding: Finding, text: Text) -> bool:
    pattern = ".*".join(re.escape(part) for part in re.split(r"\{\w+\}", text.message))
    same_row = text.shared or finding.id == text.id
    same = same_row and finding.result is text.result and text.severity in (None, finding.severity)
    return same and bool(re.fullmatch(pattern, finding.message))


@cache
def results(path: Path) -> dict[str, CaseResult]:
    return {result.name: result for result in run_cases(RULES, [path])}


def shown(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.name}"


@pytest.mark.parametrize(
    ("path", "name"),
    [pytest.param(path, case.name, id=f"{shown(path)}: {case.name}") for path in FILES for case in read_cases(path)],
)
def test_a_case_comes_out_as_it_says(path: Path, name: str) -> None:
    assert not results(path)[name].problems


@pytest.mark.parametrize("book", RULES.books, ids=lambda book: book.service())
def test_every_finding_has_a_case_that_makes_it(book: Book) -> None:
    proven = [finding for path in FILES for result in results(path).values() for finding in result.proven]
    texts = list(texts_of(book.finding_rows))
    without = [text.name for text in texts if not any(makes(finding, text) for finding in proven)]
    exempt = WITHOUT_A_CASE.keys() & {text.name for text in texts}
    assert not set(without) - exempt, "a finding without a case; write one in the service's folder `cases`"
    assert not exempt - set(without), "a finding has a case now; take it off the list"
