"""Findings as data: what each id means, how heavy it is, its texts, which denial to expect, who fixes it and how.

A service keeps a row for each id in its `rules/findings.toml`. Its code decides whether and where; the row has the
rest, so a finding is made here and nowhere else::

    [[row]]
    id = "mue.exceeded"
    meaning = "The units of a day are above the medically unlikely edit."   # in the list of all findings
    severity = "block"                      # or "by payer": the payer's profile sets it
    message = "{code}: {units} units are above the medically unlikely edit."
    message_unknown = "{code}: the limit depends on the setting, which is not known."
    fix = "Bill what the record supports."
    fix_unknown = "Send facility."          # left out: the same as `fix`
    carc = "151"
    fixable_by = "biller"
    mending = "none"

    [row.variants.by-line]                  # replaces what it names, where the code asks for it
    message = "{code}: {units} units are above the edit of a line."

Texts take values by name, in braces.
"""

import string
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict, model_validator

from claimbus.events.finding import Checked, Finding, FixableBy, Mending, Passed
from claimbus.rules.table import DatedRow, RuleError
from claimbus.values import FindingId, Result, Severity

_TEXTS = ("message", "message_unknown", "message_due", "fix", "fix_unknown")
_HEAVIEST_FIRST = tuple(Severity)


class About(TypedDict, total=False):
    """What a finding is about in this visit."""

    line: int | None
    intervention_id: str | None
    intervention_ids: tuple[str, ...]
    codes: tuple[str, ...]
    field: str | None
    amount_at_risk: Decimal | None
    severity: Severity
    """Where the payer's profile sets it."""
    rule: str
    citation: str
    """Rule and citation where another row of data is the source, as an edit, a profile or a term of the lexicon."""
    inputs: Mapping[str, Any]
    """What was used. It explains, and no code reads it."""
    text: Mapping[str, Any]
    """Values that only the texts use, beside the inputs."""


class _Values(dict[str, Any]):
    """A name without a value stays as it is written: a text of one's own must never stop a visit."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


class FindingVariant(BaseModel):
    """What replaces columns of a finding's row in one situation; what it leaves out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Severity | None = None
    message: str | None = None
    message_unknown: str | None = None
    message_due: str | None = None
    fix: str | None = None
    fix_unknown: str | None = None
    fixable_by: FixableBy | None = None
    mending: Mending | None = None
    mending_unknown: Mending | None = None
    carc: str | None = None
    rarc: str | None = None
    citation: str | None = None

    @model_validator(mode="after")
    def _texts_can_be_filled(self) -> "FindingVariant":
        _refuse_broken(self)
        return self


class FindingRow(DatedRow):
    """One id of a finding. `source` is who says so; `citation`, where it differs, is what the finding cites."""

    id: FindingId
    meaning: str
    severity: Severity | Literal["by payer"]
    """Of a failure. What is unknown asks a person and is never heavier than review."""
    rule: str = ""
    """Name of the rule behind it; the id where it is left out."""
    citation: str = ""
    message: str = ""
    message_unknown: str = ""
    message_due: str = ""
    """Of a finding that says what is due next."""
    fix: str = ""
    fix_unknown: str = ""
    carc: str | None = None
    rarc: str | None = None
    fixable_by: FixableBy
    mending: Mending
    """Of a failure."""
    mending_unknown: Mending = "correction"
    """What is unknown is fixed by sending what the record has, almost always."""
    variants: Mapping[str, FindingVariant] = {}

    @model_validator(mode="after")
    def _texts_can_be_filled(self) -> "FindingRow":
        _refuse_broken(self)
        return self

    def passed(self) -> Passed:
        """The check was made and found nothing."""
        return Passed(self.id)

    def fail(self, variant: str = "", **about: Unpack[About]) -> Finding:
        """The check failed. Raises `KeyError` for a variant that the row does not have."""
        return self._finding(Result.FAIL, variant, about, "message", "fix")

    def unknown(self, variant: str = "", **about: Unpack[About]) -> Finding:
        """The visit does not say enough to answer. Raises `KeyError` as `fail`."""
        return self._finding(Result.UNKNOWN, variant, about, "message_unknown", "fix_unknown")

    def due(self, variant: str = "", **about: Unpack[About]) -> Finding:
        """What is due next, and how much is left until then. Raises `KeyError` as `fail`."""
        return self._finding(Result.PASS, variant, about, "message_due", "")

    def _finding(self, result: Result, variant: str, about: About, message: str, fix: str) -> Finding:
        chosen = self.variants[variant] if variant else None
        inputs = about.get("inputs", {})
        values = _Values(inputs, **about.get("text", {}))
        fix_text = (self._column(chosen, fix) or self._column(chosen, "fix")) if fix else ""
        return Finding(
            id=self.id,
            result=result,
            severity=self._severity(result, about.get("severity") or self._column(chosen, "severity")),
            line=about.get("line"),
            intervention_id=about.get("intervention_id"),
            intervention_ids=about.get("intervention_ids", ()),
            codes=about.get("codes", ()),
            field=about.get("field"),
            message=self._column(chosen, message).format_map(values),
            fix=fix_text.format_map(values) or None,
            fixable_by=self._column(chosen, "fixable_by") if fix else None,
            mending=self._column(chosen, "mending_unknown" if result is Result.UNKNOWN else "mending") if fix else None,
            carc=self._column(chosen, "carc") if fix else None,
            rarc=self._column(chosen, "rarc") if fix else None,
            amount_at_risk=about.get("amount_at_risk"),
            rule=about.get("rule") or self.rule or self.id,
            citation=about.get("citation") or self._column(chosen, "citation") or self.source,
            inputs=dict(inputs),
        )

    def _column(self, variant: FindingVariant | None, name: str) -> Any:
        given = getattr(variant, name) if variant is not None else None
        return getattr(self, name) if given is None else given

    def _severity(self, result: Result, severity: Severity | Literal["by payer"]) -> Severity:
        heaviest = Severity.BLOCK if severity == "by payer" else severity
        return max(heaviest, Severity.REVIEW, key=_HEAVIEST_FIRST.index) if result is Result.UNKNOWN else heaviest


def _refuse_broken(row: BaseModel) -> None:
    for column in _TEXTS:
        text = getattr(row, column) or ""
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        except ValueError as exc:
            raise ValueError(f"{column}: {exc}") from None
        if wrong := [name for name in names if not name.isidentifier()]:
            raise ValueError(f"{column}: {{{wrong[0]}}} is no name of a value; write one, as in {{code}}")


Id = TypeVar("Id", bound=StrEnum)


def findings_by_id(rows: Iterable[FindingRow], ids: type[Id]) -> Mapping[Id, FindingRow]:
    """The rows by their typed id. Raises `RuleError` for a row that no code makes and for an id without a row."""
    by_id = {row.id: row for row in rows}
    if unknown := by_id.keys() - {*ids}:
        raise RuleError(f"findings.toml: {min(unknown)} is no finding of this service; {ids.__name__} lists them")
    if missing := {*ids} - by_id.keys():
        raise RuleError(f"findings.toml: no row for {min(missing)}")
    return {ids(name): row for name, row in by_id.items()}


def sorted_out(checked: Iterable[Checked]) -> tuple[tuple[Finding, ...], tuple[FindingId, ...]]:
    """What failed, is unknown or is due next; and the ids of what passed, one for each check that was made."""
    findings: list[Finding] = []
    passed: list[FindingId] = []
    for check in checked:
        if isinstance(check, Passed):
            passed.append(check.id)
        else:
            findings.append(check)
    return tuple(findings), tuple(passed)
