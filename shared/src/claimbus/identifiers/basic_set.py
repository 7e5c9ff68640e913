"""Text as X12 can carry it: the basic character set, in capitals (X12 005010, appendix B.1.1.2.2)."""

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
_ALIEN = re.compile(r"[^A-Z0-9!\"&'()+,\-./;?= ]+")
"""What is not of the basic set, or is one of the delimiters `*`, `:`, `^` and `~` of our interchanges."""
_SPACES = re.compile(r" {2,}")
_TRANSLATION = str.maketrans(LETTERS | {"İ": "I", "`": "'", "´": "'", "‒": "-"})


def to_basic_set(text: str) -> str:
    """A name or an address in capitals of the basic set: accents folded, anything else a space; may be empty."""
    capitals = text.upper()
    if not capitals.isascii():
        apart = unicodedata.normalize("NFKD", capitals.translate(_TRANSLATION)).upper()
        capitals = "".join(sign for sign in apart.translate(_TRANSLATION) if not unicodedata.combining(sign))
    return _SPACES.sub(" ", _ALIEN.sub(" ", capitals)).strip()


def in_basic_set(text: str) -> str | None:
    """An id in capitals, or None where it has a character that X12 cannot carry: without it, it is another id."""
    if not text.isascii():
        return None  # some letters beyond ASCII have an ASCII capital
    capitals = text.strip().upper()
    return None if _ALIEN.search(capitals) else capitals
