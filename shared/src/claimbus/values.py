"""Types that carry their own validation: keys, money, minutes, payer programs.

What is refused is kept small on purpose. A wrong NPI or an unknown CPT code is a finding that a
person can act on, so those stay plain text here and a service judges them; only what would make an
event meaningless (a key with a space, a negative minute, an unknown payer program) is refused.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import (
    AwareDatetime,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An opaque key that may stand in a subject: letters, digits, `_` and `-`, at most 64 of them."""

Minutes = Annotated[int, Field(ge=0, le=1440)]
"""Whole minutes within one day."""


Count = Annotated[int, Field(ge=0)]
Percent = Annotated[Decimal, Field(ge=0, le=1000)]


def _dollars(amount: Decimal) -> str:
    exponent = amount.as_tuple().exponent
    return f"{abs(amount):f}" if isinstance(exponent, int) and exponent < -2 else f"{abs(amount):.2f}"


Money = Annotated[
    Decimal,
    Field(ge=0),
    PlainSerializer(_dollars, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": r"^\d+(\.\d+)?$"}, {"type": "number", "minimum": 0}],
            "x-unit": "USD",
        }
    ),
]
"""US dollars: a decimal string in JSON (`"120.00"`), never a binary float."""

SignedMoney = Annotated[
    Decimal,
    Field(max_digits=12),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, {"type": "number"}], "x-unit": "USD"}),
]
"""US dollars that a payer may also take back: below zero in a reversal."""

GivenMoney = Annotated[Money, Field(max_digits=12)]
"""Money as a sender gives it; what is computed from it may have more digits."""

WholeCents = Annotated[Money, Field(max_digits=12, decimal_places=2)]
"""Money that a claim can carry as it stands."""

PHI = Field(json_schema_extra={"x-phi": True})
"""Marks protected health information in the JSON Schema, so that tests can look for leaks of it."""

PhiText = Annotated[str, PHI]
PhiDate = Annotated[date, PHI]

Instant = AwareDatetime
"""RFC 3339 with an offset. A naive time is refused: a visit's day depends on the zone."""


class _ReadsNullAs:
    """Reads null as a default, and says in the JSON Schema that null may stand there."""

    def __init__(self, default: Any) -> None:
        self._default = default

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(
            lambda value: self._default if value is None else value, handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "null"}]}


def or_else(default: Any) -> _ReadsNullAs:
    """Reads null as absent, for a field that has a default."""
    return _ReadsNullAs(default)


T = TypeVar("T")
Rows = Annotated[tuple[T, ...], _ReadsNullAs(())]
"""A list that a sender may leave out or set to null when it does not know; reads as no entries."""

FindingId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
"""`<subject>.<problem>`, lower-case; stable once published."""


class Program(StrEnum):
    """Payer programs of the contract; each chooses its unit rule and its requirements by data."""

    MEDICARE_PART_B = "medicare_part_b"
    MEDICARE_ADVANTAGE = "medicare_advantage"
    MEDICAID = "medicaid"
    TRICARE = "tricare"
    VA_COMMUNITY_CARE = "va_community_care"
    WORKERS_COMPENSATION = "workers_compensation"
    AUTO = "auto"
    COMMERCIAL = "commercial"
    SELF_PAY = "self_pay"


class PayerKey(NamedTuple):
    """What a visit says of who pays: enough to choose the payer's profile."""

    program: Program
    payer_id: str | None = None
    payer_name: str | None = None
    plan_id: str | None = None


class Result(StrEnum):
    """Answer of a check. Unknown is an answer of its own, never counted as a pass."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """What a finding does to a claim: stops it, asks a person, or informs."""

    BLOCK = "block"
    REVIEW = "review"
    INFO = "info"
