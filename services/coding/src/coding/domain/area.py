"""The wound surface that the words of an intervention state, for codes that are counted by it."""

import re
from decimal import Decimal
from typing import NamedTuple

from claimbus.events import Evidence, Intervention

_RULE = "stated-area"
_AREA = re.compile(
    r"(?<![\d.,x×])(\d{1,5}(?:\.\d{1,2})?)\s*(?:sq\.?\s*cm\b|square\s+(?:cm\b|centimet(?:er|re)s?\b)|cm\s?(?:²|2\b|\^2))",
    re.IGNORECASE,
)
_TIMES = ("x", "X", "×", "*")


class StatedArea(NamedTuple):
    """Square centimeters, and the words that state them."""

    sq_cm: Decimal
    evidence: Evidence


def read_area(intervention: Intervention) -> StatedArea | None:
    """The one area that description and narrative state; none where they state several, which may not be a sum."""
    found: list[StatedArea] = []
    for field in ("description", "narrative"):
        text = getattr(intervention, field) or ""
        lowered = text.lower()
        if "cm" not in lowered and "centim" not in lowered:
            continue  # nine texts of ten, for a tenth of the time that the pattern takes
        for match in _AREA.finditer(text):
            if text[: match.start()].rstrip()[-1:] in _TIMES:
                return None  # a length by a width: whether the figure is the product is open
            evidence = Evidence(field=field, start=match.start(), end=match.end(), text=match[0], rule=_RULE)
            found.append(StatedArea(Decimal(match[1]), evidence))
    return found[0] if len({area.sq_cm for area in found}) == 1 else None
