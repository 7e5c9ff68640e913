"""Text for print: what a form in capitals of plain ASCII can show."""

import re
import unicodedata

from claimbus.identifiers.basic_set import LETTERS

_TRANSLATION = str.maketrans(LETTERS)
_BLANKS = re.compile(r"\s+")


def folded(text: str) -> tuple[str, int]:
    """In capitals, without accents, control characters or doubled blanks; and how many characters had no likeness.

    Those stand as `?`, so that a reader of the form sees that something is missing.
    """
    taken_apart = unicodedata.normalize("NFKD", text.upper().translate(_TRANSLATION))
    lost = 0
    kept: list[str] = []
    for character in taken_apart:
        kind = unicodedata.category(character)
        if character.isspace() or kind in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif " " <= character <= "~":
            kept.append(character)
        elif kind not in ("Mn", "Cf"):
            kept.append("?")
            lost += 1
    return _BLANKS.sub(" ", "".join(kept)).strip(), lost
