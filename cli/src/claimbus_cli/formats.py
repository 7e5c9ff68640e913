"""What a format of `claimbus render` is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimReady

Decision = ClaimReady | ClaimDenialRisk

OptionDecorator = Callable[[Any], Any]
"""As `click.option(...)` makes it."""


class Document(NamedTuple):
    """What came of a call."""

    body: bytes | None
    """None when nothing could be written."""
    refused: tuple[str, ...]
    """One line for each decision that is not in it, with its fields and the fix."""


class Format(NamedTuple):
    name: str
    options: tuple[OptionDecorator, ...]
    """Those that only some formats take."""
    option_names: frozenset[str]
    """The parameter names of these options."""
    render: Callable[[Sequence[Decision], Mapping[str, Any]], Document]
    """From at least one decision and the format's own options. Raises `click.ClickException` for a wrong option."""
