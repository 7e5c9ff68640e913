"""Text for print: what a form in capitals of plain ASCII can show."""

import re
import unicodedata

LETTERS = {
    "Ø": "O",
    "Ł": "L",
    "Đ": "D",
    "Ð": "D",
    "Þ": "TH",
    "Æ": "AE",
    "Œ": "OE",
    "Ħ": "H",
    "Ŧ": "T",
    "‘": "'",
    "’": "'",
    "ʼ": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
}
"""Letters and marks that no Unicode decomposition takes apart, as passports and typewriters write them."""
_TRANSLATION = str.maketrans(LETTERS)
_BLANKS = re.compile(r"\s+")


def folded(text: str) -> tuple[str, int]:
    """In capitals, without accents, control characters or doubled blanks; and how many characters had no likeness.

    Those stand as `?`, so that a reader of the form sees that something is missing.
    """
    taken_apart = unicodedata.normalize("NFKD", text.upper().translate(_TRANSLATION))
    lost = 0
    kept: list[str] = []
    for one in taken_apart:
        kind = unicodedata.category(one)
        if one.isspace() or kind in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif " " <= one <= "~":
            kept.append(one)
        elif kind not in ("Mn", "Cf"):
            kept.append("?")
            lost += 1
    return _BLANKS.sub(" ", "".join(kept)).strip(), lost
