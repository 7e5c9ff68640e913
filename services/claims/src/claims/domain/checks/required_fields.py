"""Fields of the visit that a claim cannot be sent without."""

from collections.abc import Iterable

from claimbus.events import Checked, VisitCompleted
from claimbus.values import Program

from claims.domain.tables import ClaimRules


def check_required_fields(visit: VisitCompleted, rules: ClaimRules) -> Iterable[Checked]:
    """Whether each is there that the payer's program asks for; nothing of a patient who pays alone."""
    payer = visit.primary
    if payer.program is Program.SELF_PAY:
        return
    for row in rules.required_fields:
        if row.programs and payer.program not in row.programs:
            continue
        root, *path = row.path.split(".")
        value: object = payer if root == "coverage" else getattr(visit, root)
        for name in path:
            value = getattr(value, name, None)
        if value is None or (isinstance(value, str) and not value.strip()):
            yield row.fail(field=row.path, inputs={"field": row.path})
        else:
            yield row.passed()
