"""Rows of the tables that predicates read, and their value for one day.

The rows stay data: a predicate asks `Terms` and knows neither a number of days nor a credential.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from claimbus.rules import DatedRow

Role = Literal["therapist", "assistant", "unlicensed", "other"]
"""`unlicensed` (aide, student) outweighs whatever stands beside it; `other` is a profession that
therapy of this discipline is not billed by."""
MayCertify = Literal["yes", "no", "limited"]

_WORD = re.compile(r"[A-Z][A-Z/-]*")
_PART = re.compile(r"[A-Z]+")
_WEIGHT: tuple[Role, ...] = ("unlicensed", "therapist", "assistant", "other")


class LimitRow(DatedRow):
    """A number that a manual sets. `unit` is `calendar days` or `treatment days`."""

    name: str
    value: int
    unit: str
    citation: str


class CredentialRow(DatedRow):
    """What a credential makes of its bearer in one discipline, or in `any`."""

    credential: str
    role: Role
    discipline: Literal["PT", "OT", "SLP", "any"]


class CertifierRow(DatedRow):
    """Whether this kind of practitioner may certify a therapy plan of care."""

    kind: str
    may_certify: MayCertify


class EvaluationCodeRow(DatedRow):
    """A code that stands for an evaluation or a re-evaluation."""

    code: str
    kind: Literal["evaluation", "re_evaluation"] = "evaluation"


@dataclass(frozen=True)
class Terms:
    """What the predicates need of the tables on one date of service."""

    initial_certification_days: int
    certification_interval_days: int
    verbal_order_signature_days: int
    order_exception_days: int | None
    """Days in which the plan must have been sent for an order to stand for the first signature; null before 2025."""
    progress_report_treatment_days: int
    credentials: Mapping[str, Mapping[str, Role]]
    """Role by discipline by credential, in capitals."""
    certifiers: Mapping[str, MayCertify]
    evaluation_codes: frozenset[str]
    """Both kinds."""
    re_evaluation_codes: frozenset[str]

    def role_of(self, credential: str | None, discipline: str) -> Role | None:
        """Role of somebody who signs `PT, DPT` or `COTA/L`; null when no part of it is known."""
        text = (credential or "").upper().replace(".", "").strip()
        if whole := self._role(text, discipline):
            return whole
        roles = {self._role(word, discipline) for word in _words(text)}
        return next((role for role in _WEIGHT if role in roles), None)

    def _role(self, word: str, discipline: str) -> Role | None:
        roles = self.credentials.get(word)
        if roles is None:
            return None
        # A therapist of another discipline is somebody else here.
        return roles.get(discipline) or roles.get("any") or "other"

    def may_certify(self, kind: str) -> MayCertify | None:
        """Null for a kind that the table does not know."""
        return self.certifiers.get("_".join(_PART.findall(kind.upper())).lower())


def _words(text: str) -> list[str]:
    # "PT/OT" is two credentials, "COTA/L" one: the parts count besides the word.
    words = _WORD.findall(text)
    return words + [part for word in words if "/" in word or "-" in word for part in _PART.findall(word)]
