"""Checks of each coverage that a document of the claim names: whose policy it is, and under which number."""

from collections.abc import Iterable

from claimbus.events import Checked, VisitCompleted
from claimbus.events.visit_completed import Address, Coverage
from claimbus.identifiers import normalize_postal_code
from claimbus.values import Program

from claims.domain.findings import ClaimFinding
from claims.domain.tables import ClaimRules


def billed_coverages(visit: VisitCompleted) -> list[Coverage]:
    """Those with a payer, in the order of payment; a patient who pays for the rest is no payer."""
    ranked = sorted(visit.coverage, key=lambda coverage: coverage.rank)
    return [coverage for coverage in ranked if coverage.program is not Program.SELF_PAY]


def check_coverage(visit: VisitCompleted, rules: ClaimRules) -> Iterable[Checked]:
    """Relationship, subscriber and member id, of every payer; nothing of a patient who pays alone.

    A member id that the first payer's claim lacks is missed by `claim-required-fields`.
    """
    if visit.primary.program is Program.SELF_PAY:
        return
    for coverage in billed_coverages(visit):
        yield from _check_relationship(coverage, rules)
        yield from _check_member_id(coverage, rules, is_first=coverage is visit.primary)


def _check_relationship(coverage: Coverage, rules: ClaimRules) -> Iterable[Checked]:
    """X12 element 1069; who is not the subscriber needs the subscriber's name (2010BA and 2330A)."""
    row, field = rules.findings[ClaimFinding.COVERAGE_RELATIONSHIP_UNKNOWN], "coverage.relationship"
    given = (coverage.relationship or "").strip()
    if not given:
        yield row.unknown(field=field, inputs={"field": field, "rank": coverage.rank})
        return
    relationship = rules.identifiers.find_relationship(given)
    if relationship is None:
        yield row.fail(field=field, inputs={"field": field, "rank": coverage.rank})
        return
    yield row.passed()
    if not relationship.is_self:
        row, field = rules.findings[ClaimFinding.COVERAGE_SUBSCRIBER_MISSING], "coverage.subscriber"
        there = coverage.subscriber is not None
        yield row.passed() if there else row.unknown(field=field, inputs={"field": field, "rank": coverage.rank})
        yield from _check_address(coverage.subscriber.address if coverage.subscriber else None, rules)


def _check_address(address: Address | None, rules: ClaimRules) -> Iterable[Checked]:
    """Of a subscriber, where there is one: the CMS-1500 prints it in item 7."""
    if address is None:
        return
    for finding, name, normalize in (
        (ClaimFinding.SUBSCRIBER_STATE_UNKNOWN, "state", rules.identifiers.normalize_state),
        (ClaimFinding.SUBSCRIBER_POSTAL_CODE_INVALID, "postal_code", normalize_postal_code),
    ):
        row, given = rules.findings[finding], getattr(address, name) or ""
        if given.strip():
            field = f"coverage.subscriber.address.{name}"
            yield row.fail(field=field, inputs={"field": field}) if normalize(given) is None else row.passed()


def _check_member_id(coverage: Coverage, rules: ClaimRules, *, is_first: bool) -> Iterable[Checked]:
    row, field = rules.findings[ClaimFinding.MEMBER_ID_INVALID], "coverage.member_id"
    given, identifiers = (coverage.member_id or "").strip(), rules.identifiers
    shape = identifiers.member_ids.get(coverage.program)
    if given and identifiers.normalize_member_id(given, coverage.program) is not None:
        yield row.passed()
    elif given and shape is not None:
        citation = f"{shape.source}; {row.source}"
        yield row.fail(field=field, citation=citation, inputs={"field": field}, text={"name": shape.name})
    elif given:
        yield row.fail("characters", field=field, inputs={"field": field})
    elif not is_first:
        yield row.unknown(field=field, inputs={"field": field, "rank": coverage.rank})
