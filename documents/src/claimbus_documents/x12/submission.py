"""Who sends an interchange to whom: given by the submitter, with what the decisions themselves can tell as default."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeVar

from claimbus.events import Decision, Problem
from claimbus.identifiers import normalize_npi

from claimbus_documents.rules import DocumentTables
from claimbus_documents.x12.elements import Elements

_PHONE = re.compile(r"(?:\+?1)?(\d{10})")
_BETWEEN_DIGITS = re.compile(r"[\s().-]+")
_EMAIL = re.compile(r"[A-Z0-9!&'+\-./=?_]+@[A-Z0-9.-]+")
_LAST_CONTROL_NUMBER = 999_999_999
"""ISA13 has nine digits."""
_STAND_INS = {
    "sender_id": "SENDER",
    "sender_name": "TEST SENDER",
    "receiver_id": "RECEIVER",
    "receiver_name": "TEST RECEIVER",
    "contact_phone": "0000000000",
}
"""What stands in a test interchange for what was not given; nothing stands in for it in production."""
T = TypeVar("T")


class Given(NamedTuple):
    """What the submitter gives; nothing has to be given where a default is found, or for a test interchange."""

    control_number: int
    """1 to 999999999, another number for each interchange to a receiver."""
    created_at: datetime
    """With an offset; the interchange carries its local date and time."""
    usage: Literal["T", "P"] = "T"
    sender_id: str | None = None
    """Default: the NPI of the one billing provider of all claims."""
    sender_name: str | None = None
    sender_qualifier: str = "ZZ"
    receiver_id: str | None = None
    """Default: the id of the one payer of all claims."""
    receiver_name: str | None = None
    receiver_qualifier: str = "ZZ"
    contact_name: str | None = None
    """Default: the sender's name."""
    contact_phone: str | None = None
    contact_email: str | None = None


class Submission(NamedTuple):
    """Complete, and clean for X12."""

    control_number: int
    created_at: datetime
    usage: Literal["T", "P"]
    sender_id: str
    sender_name: str
    sender_qualifier: str
    receiver_id: str
    receiver_name: str
    receiver_qualifier: str
    contact_name: str
    contact_numbers: tuple[str, ...]
    """Qualifiers and numbers in turn, as PER takes them."""
    stood_in: Mapping[str, str] = {}
    """What was not given, by the names of `Given`, and what stands for it in this test interchange."""


class SubmissionError(ValueError):
    """What the submitter must give, or give otherwise; `field` is a name of `Given`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.field} {problem.problem}" for problem in problems))
        self.problems = problems


def complete_submission(given: Given, decisions: Sequence[Decision], tables: DocumentTables) -> Submission:
    """Raises `SubmissionError` with everything that is missing or cannot stand in an interchange."""
    billing = [decision.claim.billing_provider for decision in decisions]
    provider = _only((normalize_npi(provider.npi or ""), provider.name) for provider in billing if provider is not None)
    payer = _only((payer.payer_id, payer.payer_name) for decision in decisions for payer in decision.claim.coverage[:1])
    completed = given._replace(
        sender_id=given.sender_id or provider[0],
        sender_name=given.sender_name or provider[1],
        receiver_id=given.receiver_id or payer[0],
        receiver_name=given.receiver_name or payer[1],
    )
    stood_in = _stand_ins(completed)
    completed = Given(**{**completed._asdict(), **stood_in})
    fields = Elements(tables.x12, tables.identifiers, fix="give it for the interchange")
    if not 1 <= given.control_number <= _LAST_CONTROL_NUMBER:
        fields.refuse("control_number", f"must be 1 to {_LAST_CONTROL_NUMBER}: give another")
    submission = Submission(
        control_number=given.control_number,
        created_at=given.created_at,
        usage=given.usage,
        sender_id=fields.key("sender_id", completed.sender_id, "I06"),
        sender_name=fields.name("sender_name", completed.sender_name, "1035"),
        sender_qualifier=fields.code("sender_qualifier", given.sender_qualifier, "qualifier"),
        receiver_id=fields.key("receiver_id", completed.receiver_id, "I06"),
        receiver_name=fields.name("receiver_name", completed.receiver_name, "1035"),
        receiver_qualifier=fields.code("receiver_qualifier", given.receiver_qualifier, "qualifier"),
        contact_name=fields.name("contact_name", given.contact_name, "93", needed=False),
        contact_numbers=_contact_numbers(fields, completed),
        stood_in=stood_in,
    )
    if fields.problems:
        raise SubmissionError(tuple(fields.problems))
    return submission


def _stand_ins(given: Given) -> dict[str, str]:
    if given.usage != "T":
        return {}
    reached = given.contact_phone or given.contact_email
    return {
        name: stand_in
        for name, stand_in in _STAND_INS.items()
        if not (reached if name == "contact_phone" else getattr(given, name))
    }


def _only(pairs: Iterable[tuple[T | None, T | None]]) -> tuple[T | None, T | None]:
    """The one pair that all have in common; nothing where there are several."""
    different = set(pairs)
    return different.pop() if len(different) == 1 else (None, None)


def _contact_numbers(fields: Elements, given: Given) -> tuple[str, ...]:
    """Of PER: e-mail and telephone, at least one of them."""
    numbers: tuple[str, ...] = ()
    if given.contact_phone:
        found = _PHONE.fullmatch(_BETWEEN_DIGITS.sub("", given.contact_phone))
        digits = found[1] if found and found[1].isascii() else ""
        numbers += ("TE", digits or fields.refuse("contact_phone", "has not ten digits: give another"))
    if given.contact_email:
        email = given.contact_email.strip().upper()
        fits = _EMAIL.fullmatch(email) is not None
        numbers += ("EM", email if fits else fields.refuse("contact_email", "is no address that X12 can carry"))
    if not numbers:
        fields.refuse("contact_phone", "is missing: a receiver wants a telephone number or an e-mail address")
    return numbers
