"""Which evaluation code the components of an evaluation support."""

from dataclasses import dataclass

from claimbus.events import Evaluation

from coding.domain.tables import EvaluationRow, EvaluationRows, Kind

COMPONENTS = ("personal_factors", "examined_elements", "presentation", "decision_making")
"""Components of the level, as fields of `Evaluation`."""


@dataclass(frozen=True)
class LevelAnswer:
    """The row that the components support, or why there is none.

    `ceiling` is the highest level that the known components still allow: the lowest component
    governs, so that what is missing can only lower it. `by_components` is False where the codes of
    the kind are not told apart by components. `documented`: the visit brings an evaluation.
    """

    row: EvaluationRow | None
    ceiling: int | None = None
    missing: tuple[str, ...] = ()
    governed_by: tuple[str, ...] = ()
    by_components: bool = True
    reaches_no_level: bool = False
    documented: bool = False


def decide_level(evaluation: Evaluation | None, kind: Kind, discipline: str, rows: EvaluationRows) -> LevelAnswer:
    """The level is the lowest that any of the four components supports; time is no component.

    With components missing there is an answer only where the known ones already force the lowest
    level. Source: CPT 97161-97163, domain-rules section 3.
    """
    ladder = rows.of_kind(kind, discipline)
    if not ladder or not ladder[0].has_components:
        only = ladder[0] if len(ladder) == 1 else None
        return LevelAnswer(only, by_components=False, documented=evaluation is not None)
    levels = {} if evaluation is None else _levels_of(evaluation, ladder)
    missing = tuple(name for name in COMPONENTS if name not in levels)
    if not levels:
        return LevelAnswer(None, missing=missing, documented=evaluation is not None)
    ceiling = min(levels.values())
    governed_by = tuple(name for name, level in levels.items() if level == ceiling)
    lowest = ladder[0].level
    row = None
    if ceiling >= lowest and (not missing or ceiling == lowest):
        row = next(row for row in ladder if row.level == ceiling)
    return LevelAnswer(
        row, ceiling, missing, governed_by, reaches_no_level=ceiling < lowest, documented=evaluation is not None
    )


def _levels_of(evaluation: Evaluation, ladder: tuple[EvaluationRow, ...]) -> dict[str, int]:
    """By known component: the highest level that it supports; one below the ladder for none."""
    none = ladder[0].level - 1
    levels: dict[str, int] = {}
    for name, known, thresholds in (
        ("personal_factors", evaluation.personal_factors, [row.personal_factors_from for row in ladder]),
        ("examined_elements", evaluation.examined_elements, [row.examined_elements_from for row in ladder]),
    ):
        if known is not None:
            reached = [row.level for row, least in zip(ladder, thresholds, strict=True) if known >= (least or 0)]
            levels[name] = max(reached, default=none)
    for name, value, values in (
        ("presentation", evaluation.presentation, [row.presentation for row in ladder]),
        ("decision_making", evaluation.decision_making, [row.decision_making for row in ladder]),
    ):
        if value is not None:
            levels[name] = ladder[values.index(value)].level if value in values else none
    return levels
