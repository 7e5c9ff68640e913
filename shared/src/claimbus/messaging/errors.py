"""What can go wrong with a message.

MessagingError
+-- StaleRead         the broker's answer is older than the message in hand: try again
+-- Drift         the broker is not provisioned as declared: refuse to run
"""

from pydantic import ValidationError

from claimbus.events import InvalidEvent, Problem


class MessagingError(Exception):
    """Base of this package's errors."""


class StaleRead(MessagingError):
    """A replica answered that has not reached the message being handled."""


class Drift(MessagingError):
    """Streams or consumers differ from the declared topology; the text names what and the fix."""


def problems_of(error: Exception) -> tuple[Problem, ...]:
    """Field by field what was wrong, without any of the input; at most 20 problems."""
    if isinstance(error, InvalidEvent):
        return error.problems
    if isinstance(error, ValidationError):
        return tuple(
            Problem(field=".".join(map(str, details["loc"])) or "body", problem=details["msg"])
            for details in error.errors(include_url=False, include_context=False, include_input=False)[:20]
        )
    return ()
