"""English word forms, as far as therapy notes need them: `squats`, `squatting` and `squat` are one word."""

from collections.abc import Iterator

_VOWELS = frozenset("aeiouy")
_SHORTEST = 4
"""Words below this length are mostly abbreviations; their last letters are no endings."""
_SUFFIXES = ("", "e", "s", "es", "ed", "d", "ing")
_CLOSE = frozenset("wxy")
"""Letters that end a word as they are: `rowing` is of `row`, where `biking` is of `bike`."""


def stem(word: str) -> str:
    """The part of a lower-case word that its plural and its verb forms share."""
    if len(word) < _SHORTEST or not word.isalpha():
        return word
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    base = word
    if word.endswith("ing"):
        base = _of_verb(word[:-3])
    elif word.endswith("ed"):
        base = _of_verb(word[:-2])
    elif word.endswith(("ses", "xes", "zes", "ches", "shes")):
        base = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        base = word[:-1]
    if len(base) < len(word) and not (len(base) > 1 and _VOWELS & set(base)):
        return word
    # A silent e stays on a short word: without it `cane` would be `can`, `sore` an abbreviation.
    return base[:-1] if base.endswith("e") and len(base) > _SHORTEST else base


def surfaces(word_stem: str) -> Iterator[str]:
    """Lower-case forms that a stem may have in a text, British spellings among them."""
    if not word_stem.isalpha():
        yield word_stem
        return
    roots = [word_stem]
    if "iz" in word_stem:
        roots.append(word_stem.replace("iz", "is"))
    for root in roots:
        endings = [root + suffix for suffix in _SUFFIXES]
        endings += [root + root[-1] + suffix for suffix in ("ed", "ing")]
        if root.endswith("e"):
            endings.append(root[:-1] + "ing")
        if root.endswith("y"):
            endings += [root[:-1] + "ies", root[:-1] + "ied"]
        yield root
        yield from (form for form in endings if stem(form) == root)


def _of_verb(base: str) -> str:
    """The verb before its ending: `squatt` is `squat`, and `bik` is `bike`."""
    if len(base) > 2 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    silent = [letter in _VOWELS for letter in base] == [False, True, False] and base[-1] not in _CLOSE
    return base + "e" if silent else base
