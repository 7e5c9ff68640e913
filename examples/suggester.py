"""A suggester of one's own, in miniature: the code of the most similar line that the practice coded before.

    PYTHONPATH=examples CLAIMBUS_SUGGESTER=suggester:PastLines claimbus code "Wall push ups for the shoulder blade"

What it says stands beside the rules' own suggestion and makes no line (docs/adr/0009). A real one would read the
practice's coded lines from its own store, or ask a model.
"""

from difflib import SequenceMatcher

from coding.domain.opinion import Asked, Opinion

CODED_BEFORE = {
    "wall push ups for the scapula": "97112",
    "stepping over cones while carrying a tray": "97530",
    "walking with the new prosthesis, cues for step length": "97116",
    "kinesio tape to the knee and quad sets": "97110",
    "soft tissue work to the calf before stretching": "97140",
}
LEAST_SIMILAR = 0.6


class PastLines:
    """Says nothing where no line of before is similar enough."""

    name = "past-lines-1"

    async def suggest(self, asked: Asked) -> Opinion | None:
        words = (asked.description or "").lower()
        similarity, line = max((SequenceMatcher(None, words, line).ratio(), line) for line in CODED_BEFORE)
        if similarity < LEAST_SIMILAR:
            return None
        return Opinion(CODED_BEFORE[line], round(similarity, 2), (("description", 0, len(words)),))
