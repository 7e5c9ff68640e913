"""Checks of names, addresses and numbers as text: a claim carries Latin letters, and numbers of a limited length."""

from collections.abc import Iterable
from typing import Any

from claimbus.events import Checked, VisitCompleted
from claimbus.events.visit_completed import Clinician
from claimbus.identifiers import in_basic_set, normalize_npi, to_basic_set
from claimbus.values import Program

from claims.domain.checks.coverage import billed_coverages
from claims.domain.tables import ClaimRules, ClaimTextRow


def check_texts(visit: VisitCompleted, rules: ClaimRules) -> Iterable[Checked]:
    """By the rows of `claim_texts.toml`; nothing of a patient who pays alone."""
    if visit.primary.program is Program.SELF_PAY:
        return
    coverages = billed_coverages(visit)
    unused = [id(record) for record in _unused_records(visit, rules)]
    for row in rules.texts:
        root, *path = row.record.split(".")
        if root == "coverage":
            records = [_part_of(coverage, path) for coverage in (coverages if row.every_coverage else coverages[:1])]
        else:
            records = [_part_of(visit, [root, *path])]
        for record in records:
            if record is not None and id(record) not in unused:
                yield from _check_record(record, row)


def _unused_records(visit: VisitCompleted, rules: ClaimRules) -> Iterable[object]:
    """A rendering provider who bills too is named as billing provider alone (loop 2310B), a patient as subscriber."""
    rendering, billing = visit.rendering_provider, visit.billing_provider
    if rendering is not None and billing is not None:
        npi = normalize_npi(rendering.npi or "")
        if npi is not None and npi == normalize_npi(billing.npi or ""):
            yield rendering
    for coverage in visit.coverage:
        relationship = rules.identifiers.find_relationship(coverage.relationship or "")
        if relationship is not None and relationship.is_self:
            yield coverage.subscriber


def _part_of(record: Any, path: Iterable[str]) -> Any:
    for name in path:
        record = getattr(record, name, None)
    return record


def _check_record(record: Any, row: ClaimTextRow) -> Iterable[Checked]:
    known = not isinstance(record, Clinician) or any((record.npi, record.first_name, record.last_name))
    for name, shortest in row.fields.items():
        field, given = f"{row.record}.{name}", (getattr(record, name) or "").strip()
        if given:
            yield row.passed() if _fits(given, shortest, row) else row.fail(field=field, inputs={"field": field})
        elif known and name in row.needed:
            yield row.unknown(field=field, inputs={"field": field})


def _fits(given: str, shortest: int, row: ClaimTextRow) -> bool:
    text = to_basic_set(given) if row.longest is None else in_basic_set(given)
    if text is None or not any(map(str.isalnum, text)):
        return False
    return shortest <= len(text) and (row.longest is None or len(text) <= row.longest)
