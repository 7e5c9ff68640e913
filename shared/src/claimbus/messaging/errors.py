"""What can go wrong with a message.

MessagingError
+-- InvalidEvent        no delivery of this message can succeed: dead letter at once
+-- StaleRead         the broker's answer is older than the message in hand: try again
+-- Drift         the broker is not provisioned as declared: refuse to run
"""

from pydantic import ValidationError

from claimbus.events import Problem


class MessagingError(Exception):
    """Base of this package's errors."""


class InvalidEvent(MessagingError):
    """A message that can never be used; names fields and never repeats their content."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.problem}" for problem in problems))
        self.problems = problems


class StaleRead(MessagingError):
    """A replica answered that has not reached the message being handled."""


class Drift(MessagingError):
    """Streams or consumers differ from the declared topology; the text names what and the fix."""


def problems_of(error: Exception) -> tuple[Problem, ...]:
    """Field by field what was wrong, without any of the input; at most 20 problems."""
    if isinstance(error, InvalidEvent):
        return error.problems[:20]
    if isinstance(error, ValidationError):
        return tuple(
            Problem(field=".".join(map(str, details["loc"])) or "body", problem=details["msg"])
            for details in error.errors(include_url=False, include_context=False, include_input=False)[:20]
        )
    return ()
