"""A billed service of a visit, with what the visit and the EHR say of it."""

from typing import NamedTuple

from claimbus.events.visit_completed import Intervention


class Billed(NamedTuple):
    """All units of one code."""

    code: str
    line: int
    """Number of its first claim line."""
    units: tuple[int, ...]
    """Of each of its lines."""
    rows: tuple[Intervention, ...]
    set_by_ehr: tuple[str, ...]
    """Modifiers that exist on the date of service, in the EHR's order, each once."""
