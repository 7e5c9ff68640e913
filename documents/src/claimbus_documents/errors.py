"""What stops a document."""

from collections.abc import Iterable


class DocumentError(ValueError):
    """A decision that cannot become the document asked for; each problem names the field of the decision."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
