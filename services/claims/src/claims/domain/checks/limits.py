"""Checks of what one claim can hold beside its lines: coverages, causes of an accident, dollars."""

from collections.abc import Iterable, Sequence

from claimbus.events import Checked, Line, VisitCompleted
from claimbus.values import Program

from claims.domain.checks.coverage import billed_coverages
from claims.domain.findings import ClaimFinding
from claims.domain.lines.fees import total_of
from claims.domain.tables import ClaimRules


def check_limits(visit: VisitCompleted, lines: Sequence[Line], rules: ClaimRules) -> Iterable[Checked]:
    """Nothing of a patient who pays alone."""
    if visit.primary.program is Program.SELF_PAY:
        return
    causes = {cause.strip().casefold() for cause in visit.case.related_to if cause.strip()} if visit.case else set()
    for finding, field, number, most in (
        (ClaimFinding.CLAIM_TOO_MANY_COVERAGES, "coverage", len(billed_coverages(visit)), rules.form.most_coverages),
        (ClaimFinding.CASE_TOO_MANY_CAUSES, "case.related_to", len(causes), rules.form.most_causes),
    ):
        row = rules.findings[finding]
        inputs = {"field": field, "number": number, "most": most.most}
        yield row.passed() if number <= most.most else row.fail(field=field, inputs=inputs)
    yield from _check_dollars(lines, rules)


def _check_dollars(lines: Sequence[Line], rules: ClaimRules) -> Iterable[Checked]:
    """A line of the CMS-1500 has five digits before the point, its total six (items 24F and 28)."""
    row, field = rules.findings[ClaimFinding.CHARGE_TOO_LARGE], "interventions.charge"
    most, most_in_all = rules.form.most_line_dollars.most, rules.form.most_claim_dollars.most
    large = [line.number for line in lines if line.charge is not None and line.charge >= most + 1]
    for number in large:
        yield row.fail(line=number, field=field, inputs={"field": field, "most": most})
    total = total_of(line.charge for line in lines)
    if not large and total is not None and total >= most_in_all + 1:
        yield row.fail("total", field=field, inputs={"field": field, "most": most_in_all})
    elif not large:
        yield row.passed()
