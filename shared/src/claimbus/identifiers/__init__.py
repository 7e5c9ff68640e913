"""What can be told of an identifier by looking at it."""

import re
from functools import lru_cache

_NPI = re.compile(r"[12][0-9]{9}")
_ISSUER = "80840"
"""Stands before an NPI when its check digit is computed: health applications of the United States."""
_TAXONOMY = re.compile(r"[0-9]{3}[0-9A-Z]{6}X")
_TAX_ID = re.compile(r"[0-9]{9}")
_ZIP = re.compile(r"[0-9]{5}(-?[0-9]{4})?")
_ZIP_PLUS_4 = re.compile(r"[0-9]{5}-?[0-9]{4}")


@lru_cache(maxsize=4096)  # a practice's visits name the same few people
def is_npi(text: str) -> bool:
    """Ten digits, the first 1 or 2, the last the check digit (45 CFR 162.406; ISO/IEC 7812 with the prefix 80840)."""
    return _NPI.fullmatch(text) is not None and _luhn_sum(_ISSUER + text) % 10 == 0


def npi_with_check_digit(nine: str) -> str:
    """The NPI that begins with these nine digits."""
    return f"{nine}{-_luhn_sum(f'{_ISSUER}{nine}0') % 10}"


def _luhn_sum(digits: str) -> int:
    """Of all digits, every second one from the right doubled and its own digits added."""
    return sum(
        int(digit) if place % 2 == 0 else sum(divmod(2 * int(digit), 10)) for place, digit in enumerate(digits[::-1])
    )


def is_taxonomy(text: str) -> bool:
    """Ten characters: three digits, six digits or capital letters, and X, as all codes of the NUCC set are built."""
    return _TAXONOMY.fullmatch(text) is not None


def is_tax_id(text: str) -> bool:
    """Nine digits of an EIN or SSN, as a claim carries them."""
    return _TAX_ID.fullmatch(text) is not None


def is_zip(text: str) -> bool:
    """Five digits or nine, with or without a hyphen."""
    return _ZIP.fullmatch(text) is not None


def is_zip_plus_4(text: str) -> bool:
    """Nine digits, with or without a hyphen."""
    return _ZIP_PLUS_4.fullmatch(text) is not None
