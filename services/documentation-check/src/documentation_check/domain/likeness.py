"""How much two notes are alike, from sketches of them: small sets of numbers that no words can be read from.

A sketch keeps the smallest hashes of a note's word triples. The part of the smallest hashes of two notes together
that both hold estimates the part of all triples that they share (Broder 1997, resemblance of documents); for a
note with no more triples than a sketch holds it is exact.
"""

import re
from array import array
from heapq import nsmallest
from zlib import crc32

_WORD = re.compile(r"\w+(?:[./]\w+)*")
_KEPT = 64
"""Hashes of a sketch: the estimate is off by some 4 percent where 90 percent are shared."""
_PRIME = 2_654_435_761
_BITS = 0xFFFF_FFFF

Sketch = bytes


def sketch_of(text: str, least_words: int) -> Sketch | None:
    """The sketch of a note; null where it has fewer words than can be compared."""
    words = [crc32(word.encode()) for word in _WORD.findall(text.casefold())]
    if len(words) < least_words:
        return None
    triples = {
        ((first * 31 + second) * 31 + third) * _PRIME & _BITS
        for first, second, third in zip(words, words[1:], words[2:], strict=False)
    }
    return array("I", nsmallest(_KEPT, triples)).tobytes()


def likeness(sketch: Sketch, earlier: Sketch) -> int:
    """Percent of both notes' word triples that they share, rounded down."""
    left, right = set(array("I", sketch)), set(array("I", earlier))
    smallest = nsmallest(_KEPT, left | right)
    return 100 * sum(value in left and value in right for value in smallest) // max(len(smallest), 1)
