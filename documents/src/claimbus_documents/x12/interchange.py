"""X12 as text: segments, and the envelope around transaction sets.

A segment is a tuple: its id, then its elements; an element is text, or a tuple of components. Whatever
a sender wrote goes through `claimbus.identifiers` on its way in. `write_segment` looks once more and
refuses what could end an element, so no text of a visit can ever become a segment of its own.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

Element = str | tuple[str, ...]
Segment = tuple[Element, ...]

_ELEMENT, _COMPONENT, _REPETITION, _TERMINATOR = "*:^~"
_SAFE = re.compile(r"[A-Z0-9!\"&'()+,\-./;?= @_]*")
"""The basic set, and what an e-mail address needs of the extended one."""


class UnsafeTextError(ValueError):
    """Text that would break the interchange reached the writer: a renderer forgot to clean it."""


def write_segment(segment: Segment) -> str:
    """Raises `UnsafeTextError` for text that is not of the character set or holds a delimiter."""
    return _ELEMENT.join(_without_tail([_written(element) for element in segment])) + _TERMINATOR


def _written(element: Element) -> str:
    if isinstance(element, tuple):
        return _COMPONENT.join(_without_tail([_checked(part) for part in element]))
    return _checked(element)


def _checked(text: str) -> str:
    if _SAFE.fullmatch(text) is None:
        raise UnsafeTextError("an element holds a delimiter or a character outside the set")
    return text


def _without_tail(parts: list[str]) -> list[str]:
    """Without empty parts at the end, which X12 leaves out."""
    while parts and not parts[-1]:
        parts.pop()
    return parts


class Envelope(NamedTuple):
    """The interchange and the group around transaction sets of one kind."""

    sender_qualifier: str
    sender_id: str
    receiver_qualifier: str
    receiver_id: str
    usage: str
    """T: test, P: production."""
    control_number: int
    """1 to 999999999; ISA13 and GS06."""
    created_at: datetime
    group: str
    """GS01: HC for health care claims."""
    kind: str
    """ST01: 837."""
    version: str
    """The implementation guide, GS08 and ST03."""


def write_interchange(envelope: Envelope, transactions: Sequence[Sequence[Segment]]) -> str:
    """One group with the transaction sets, each given without its ST and SE."""
    day, hour = envelope.created_at.date().isoformat().replace("-", ""), envelope.created_at.strftime("%H%M")
    number, control = str(envelope.control_number), f"{envelope.control_number:09d}"
    sender, receiver = envelope.sender_id, envelope.receiver_id
    written = [_interchange_header(envelope, day[2:], hour, control)]
    group = ("GS", envelope.group, sender, receiver, day, hour, number, "X", envelope.version)
    written.append(write_segment(group))
    for place, segments in enumerate(transactions, 1):
        set_number = f"{place:04d}"
        written.append(write_segment(("ST", envelope.kind, set_number, envelope.version)))
        written += map(write_segment, segments)
        written.append(write_segment(("SE", str(len(segments) + 2), set_number)))
    written.append(write_segment(("GE", str(len(transactions)), number)))
    written.append(write_segment(("IEA", "1", control)))
    return "".join(written)


def _interchange_header(envelope: Envelope, day: str, hour: str, control: str) -> str:
    """ISA, the one segment of fixed width; it declares the delimiters."""
    nothing = ("00", " " * 10)
    sender = (envelope.sender_qualifier, f"{envelope.sender_id:<15}")
    receiver = (envelope.receiver_qualifier, f"{envelope.receiver_id:<15}")
    before = [_checked(text) for text in ("ISA", *nothing, *nothing, *sender, *receiver, day, hour)]
    after = [_checked(text) for text in ("00501", control, "0", envelope.usage)]
    return _ELEMENT.join((*before, _REPETITION, *after, _COMPONENT)) + _TERMINATOR


def read_segments(interchange: str) -> list[str]:
    """The segments of what `write_interchange` wrote, each with its terminator."""
    return [f"{segment}{_TERMINATOR}" for segment in interchange.split(_TERMINATOR)[:-1]]
