"""What keeps a decision from becoming a document."""

from collections.abc import Iterable

from claimbus.events import Decision, Problem


class Refusal(ValueError):
    """A decision that cannot become the document asked for, with every reason.

    `field` of a problem is a path in the decision, places counted from 0; `problem` is what is wrong, and the fix. No
    values of the decision.
    """

    def __init__(self, decision: Decision, problems: Iterable[Problem]) -> None:
        self.practice_id, self.visit_id, self.revision = decision.practice_id, decision.visit_id, decision.revision
        self.problems = tuple(dict.fromkeys(problems))
        reasons = "; ".join(f"{problem.field} {problem.problem}" for problem in self.problems)
        super().__init__(f"{self.practice_id}/{self.visit_id} revision {self.revision}: {reasons}")
