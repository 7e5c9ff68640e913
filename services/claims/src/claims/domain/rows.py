"""The finding that a row of the table of claim checks makes of a field."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from claimbus.events import Finding
from claimbus.values import Result

from claims.domain.tables import CheckRow


@lru_cache(maxsize=1024)
def judged(row: CheckRow, result: Result, field: str) -> Finding:
    """The same for every visit, so it is made once for each field and result. `field` names no value."""
    return explained(row, result, field, {"field": field})


def explained(
    row: CheckRow, result: Result, about: str, inputs: Mapping[str, Any], *, detail: str = "", **facts: Any
) -> Finding:
    """A finding with inputs of this visit; `about` begins its sentence and `detail` ends it."""
    text = {
        Result.PASS: f"{about}: in order.",
        Result.UNKNOWN: f"{about} is not known{detail}.",
        Result.FAIL: f"{about} {row.problem}{detail}.",
    }
    passed = result is Result.PASS
    return Finding(
        id=row.id,
        result=result,
        severity=row.severity,
        message=text[result],
        fix=None if passed else row.fix,
        fixable_by=None if passed else row.fixable_by,
        mending=None if passed else row.mending,
        carc=row.carc,
        rarc=row.rarc,
        rule="claim-checks",
        citation=row.source,
        inputs=dict(inputs),
        **facts,
    )
