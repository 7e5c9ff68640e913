"""What all records and events share: frozen, tolerant of unknown fields, silent about their input."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from claimbus.values import Key


class Record(BaseModel):
    """A frozen value. Unknown fields are ignored, so that a sender may add some.

    `hide_input_in_errors`: an error text names the field and never repeats what stood in it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Keyed(Record):
    """Something said of one revision of one visit: an event, or the part of one that a reader needs."""

    practice_id: Key
    visit_id: Key
    revision: int = Field(ge=1)


class Event(Keyed):
    """A fact about one revision of one visit."""

    type: ClassVar[str]
    """CloudEvents `type`; carries the major version."""
    schema_version: ClassVar[str] = "1.0"
    """major.minor of the data's JSON Schema; the minor grows when a field is added."""
    family: ClassVar[str]
    """First token of the subject: `visits` or `claims`."""
    fact: ClassVar[str]
    """Last token of the subject."""
    omits_defaults: ClassVar[bool] = False
    """Whether its JSON leaves out what has its default: nulls, empty lists. Readers of any release fill it in."""

    def to_json(self) -> bytes:
        """The event's data as it is published."""
        return self.model_dump_json(exclude_defaults=self.omits_defaults).encode()

    @classmethod
    def schema_id(cls) -> str:
        """`$id` of the JSON Schema and CloudEvents `dataschema`, an absolute URI."""
        return f"urn:claimbus:{cls.family}:{cls.fact}:{cls.schema_version}"


class Basis(Record):
    """The very visit event that a derived fact was computed from.

    Two bodies under one revision are a sender's mistake; the digest keeps facts of the one from
    being joined with facts of the other.
    """

    event_id: str
    sha256: str


class RuleSet(Record):
    """Which dated tables were used, so that an answer can be repeated; `sha256` is over the content of all of them."""

    version: str
    sha256: str
    tables: dict[str, str]
    """Version by name of a table. Empty in what travels between services: the tables of a digest are stored once."""

    def __hash__(self) -> int:
        return hash((self.sha256, bool(self.tables)))

    @property
    def reference(self) -> "RuleSet":
        """Version and digest alone."""
        return RuleSet(version=self.version, sha256=self.sha256, tables={})


class Derived(Event):
    """A fact computed from a visit event by dated rules."""

    basis: Basis
    rule_set: RuleSet
