"""Identifiers that can be validated without a table: NPI, tax id, taxonomy code, ZIP code."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

_SEPARATORS = re.compile(r"[\s\u2010-\u2015-]+")
"""Blanks and hyphens, as they are typed and as a word processor sets them."""
_NPI = re.compile(r"[12][0-9]{9}")
_NPI_ISSUER = "80840"
_TAXONOMY = re.compile(r"[0-9]{3}[0-9A-Z]{6}X")
_EIN = re.compile(r"(?!00)[0-9]{2}-?[0-9]{7}")
_SSN = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")
_POSTAL_CODE = re.compile(r"[0-9]{5}(-?[0-9]{4})?")


class TaxId(NamedTuple):
    """Nine digits, and whose number they are: an employer's (REF EI in X12) or a person's (SY)."""

    number: str
    kind: Literal["EIN", "SSN"]


@lru_cache(maxsize=4096)  # a practice's visits name the same few people
def normalize_npi(text: str) -> str | None:
    """Ten digits, the first 1 or 2, the last the check digit (45 CFR 162.406: ISO/IEC 7812 with the prefix 80840)."""
    npi = without_separators(text)
    return npi if _NPI.fullmatch(npi) and _luhn_sum(_NPI_ISSUER + npi) % 10 == 0 else None


def _luhn_sum(digits: str) -> int:
    """Of all digits, every second one from the right doubled and its own digits added."""
    return sum(
        int(digit) if place % 2 == 0 else sum(divmod(2 * int(digit), 10)) for place, digit in enumerate(digits[::-1])
    )


def normalize_tax_id(text: str) -> TaxId | None:
    """An EIN (two digits and seven, or nine together) or an SSN (three, two and four), as REF02 of loop 2010AA has it.

    No EIN begins with 00 (IRS, list of EIN prefixes); no SSN has an area of 000, 666 or 900 and above, a group of 00 or
    a serial number of 0000 (SSA POMS RM 10201.035). Nine digits without a separator are an EIN: billing providers of
    the contract are practices.
    """
    number = _SEPARATORS.sub("-", text.strip())
    if _SSN.fullmatch(number):
        return TaxId(number.replace("-", ""), "SSN")
    return TaxId(number.replace("-", ""), "EIN") if _EIN.fullmatch(number) else None


def normalize_taxonomy(text: str) -> str | None:
    """Ten characters, as all codes of the NUCC set are built: three digits, six digits or capitals, and X (PRV03)."""
    code = without_separators(text).upper()
    return code if _TAXONOMY.fullmatch(code) else None


def normalize_postal_code(text: str) -> str | None:
    """The five digits of a ZIP code or the nine of a ZIP+4, without a hyphen (N403; USPS Publication 28)."""
    code = _SEPARATORS.sub("-", text.strip())
    return code.replace("-", "") if _POSTAL_CODE.fullmatch(code) else None


def without_separators(text: str) -> str:
    """Without blanks and hyphens; empty where a character is beyond ASCII, for some of these have an ASCII capital."""
    bare = _SEPARATORS.sub("", text)
    return bare if bare.isascii() else ""
