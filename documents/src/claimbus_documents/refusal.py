"""What a document cannot be made of: the fields of the decision, and what to do about each."""

from typing import NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady, Problem

Decision = ClaimReady | ClaimDenialRisk


class Refusal(NamedTuple):
    """A claim that is not in the document, with every reason."""

    practice_id: str
    visit_id: str
    revision: int
    problems: tuple[Problem, ...]
    """`field`: a path in the decision, places counted from 0; `problem`: what is wrong, and the fix. No values."""

    def __str__(self) -> str:
        told = "; ".join(f"{one.field} {one.problem}" for one in self.problems)
        return f"{self.practice_id}/{self.visit_id} revision {self.revision}: {told}"


def refuse(decision: Decision, *problems: Problem) -> Refusal:
    return Refusal(decision.practice_id, decision.visit_id, decision.revision, problems)
