"""The tables that claims decides by, and what is in force on one day."""

import csv
import hashlib
from collections.abc import Hashable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from claimbus.identifiers import IdentifierBook
from claimbus.rules import (
    PayerRuleBook,
    ProfileBook,
    RuleError,
    RuleFolder,
    Table,
    TableOf,
    findings_by_id,
    read_profiles,
)

from claims.domain.checks.icd10cm import CodeListRow, CodeSpanRow, DiagnosisBook
from claims.domain.findings import ClaimFinding
from claims.domain.tables import (
    AccidentRow,
    AssistantReductionRow,
    ClaimFindingRow,
    ClaimForm,
    ClaimRules,
    ClaimSettings,
    ClaimTextRow,
    CodeRow,
    ConflictRow,
    ConversionFactorRow,
    DistinctLinesRow,
    Edits,
    HarmlessRow,
    InitialEvaluationRow,
    LimitRow,
    ModifierBook,
    ModifierRow,
    MpprRow,
    MueRow,
    NoticeEffectRow,
    NoticeRow,
    PtpRow,
    RequiredFieldRow,
    RvuRow,
    TelehealthRow,
    ThresholdRow,
)

_VOID = "9"
"""Modifier indicator of an edit that was deleted on the day it was to begin."""
_CODES = "icd10cm.csv"


def _pair(row: PtpRow) -> Hashable:
    """One edit at a time for a pair, whichever code comes first; void rows, never in force, only among themselves."""
    return *sorted((row.column1, row.column2)), row.modifier_indicator == _VOID


class ClaimRuleBook(PayerRuleBook[ClaimRules, ClaimSettings]):
    package = "claims"
    section, settings = "claims", ClaimSettings

    findings = TableOf("findings.toml", ClaimFindingRow, key=lambda row: row.id)
    required_fields = TableOf("required_fields.toml", RequiredFieldRow, key=lambda row: row.id)
    texts = TableOf("claim_texts.toml", ClaimTextRow, key=lambda row: row.id)
    harmless = TableOf("endangers_nothing.toml", HarmlessRow, key=lambda row: row.id)
    kx_thresholds = TableOf("kx_thresholds.toml", ThresholdRow, key=lambda _: "threshold")
    rvus = TableOf("pfs_rvus.toml", RvuRow, key=lambda row: row.code)
    conversion_factors = TableOf("conversion_factors.toml", ConversionFactorRow, key=lambda _: "factor")
    mppr = TableOf("mppr.toml", MpprRow, key=lambda row: row.mult_proc)
    assistant_reduction = TableOf("assistant_reduction.toml", AssistantReductionRow, key=lambda _: "reduction")
    initial_evaluations = TableOf("initial_evaluations.toml", InitialEvaluationRow, key=lambda row: row.discipline)
    pairs = TableOf("ncci_ptp.toml", PtpRow, key=_pair)
    distinct_lines = TableOf("distinct_modifier_lines.toml", DistinctLinesRow, key=lambda _: "columns")
    most_units = TableOf("mue.toml", MueRow, key=lambda row: row.code)
    modifiers = TableOf("modifiers.toml", ModifierRow, key=lambda row: row.modifier)
    conflicts = TableOf("modifier_conflicts.toml", ConflictRow, key=lambda row: frozenset((row.first, row.second)))
    notices = TableOf("advance_notices.toml", NoticeRow, key=lambda row: row.text)
    notice_effects = TableOf("notice_effects.toml", NoticeEffectRow, key=lambda row: row.modifier)
    telehealth = TableOf("telehealth.toml", TelehealthRow, key=lambda row: (row.about, row.code))
    limits = TableOf("claim_limits.toml", LimitRow, key=lambda row: row.of)
    places = TableOf("places_of_service.toml", CodeRow, key=lambda row: row.code)
    causes = TableOf("accident_causes.toml", AccidentRow, key=lambda row: row.cause)

    def __init__(self, folder: RuleFolder, profile_book: ProfileBook, identifiers: IdentifierBook) -> None:
        self._code_tables, self.diagnosis_codes = _read_diagnosis_codes(folder)
        self.identifiers = identifiers
        super().__init__(folder, profile_book)

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        overlay: Path | None = None,
        profile_book: ProfileBook | None = None,
        identifiers: IdentifierBook | None = None,
    ) -> Self:
        """`identifiers` are those that documents are written by too, where they were read already."""
        profiles = profile_book or read_profiles(overlay=overlay)
        return cls(cls.folder(folder, overlay), profiles, identifiers or IdentifierBook.load(overlay=overlay))

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        return (*super().tables, *self.identifiers.tables, *self._code_tables)

    def _on(self, day: date) -> ClaimRules:
        return replace(super()._on(day), identifiers=self.identifiers.on(day))

    def in_force(self, day: date) -> ClaimRules:
        findings = self.findings.on(day)
        return ClaimRules(
            day=day,
            rule_set=self.rule_set,
            profiles=self.profiles,
            kx_threshold=next(iter(self.kx_thresholds.on(day)), None),
            required_fields=self.required_fields.on(day),
            texts=self.texts.on(day),
            identifiers=self.identifiers.on(day),
            form=self._form(day),
            diagnosis_codes=self.diagnosis_codes,
            edits=self._edits(day),
            modifiers=self._modifier_book(day),
            rvus={row.code: row for row in self.rvus.on(day)},
            conversion_factor=next(iter(self.conversion_factors.on(day)), None),
            mppr={row.mult_proc: row for row in self.mppr.on(day)},
            assistant_reduction=next(iter(self.assistant_reduction.on(day)), None),
            initial_evaluations={row.discipline: row.codes for row in self.initial_evaluations.on(day)},
            findings=findings_by_id(findings, ClaimFinding),
            denies_all_units=frozenset(row.id for row in findings if row.denies_all_units),
            endangers_nothing=frozenset(row.id for row in findings if row.endangers_nothing)
            | {row.id for row in self.harmless.on(day)},
            consequences=frozenset(row.id for row in findings if row.is_consequence),
        )

    def kx_threshold_on(self, day: date) -> Decimal | None:
        """US dollars of the day's year above which KX is needed; null where the year is not in the table."""
        row = self.on(day).kx_threshold
        return row.amount if row else None

    def _form(self, day: date) -> ClaimForm:
        limits = {row.of: row for row in self.limits.on(day)}
        return ClaimForm(
            most_lines=limits["lines"],
            most_diagnoses=limits["diagnoses"],
            most_pointers=limits["pointers"],
            most_coverages=limits["coverages"],
            most_causes=limits["causes"],
            most_line_dollars=limits["line_dollars"],
            most_claim_dollars=limits["claim_dollars"],
            places=frozenset(row.code for row in self.places.on(day)),
            causes={row.cause: row for row in self.causes.on(day)},
        )

    def _edits(self, day: date) -> Edits:
        pairs: dict[str, dict[str, PtpRow]] = {}
        for row in self.pairs.on(day):
            if row.modifier_indicator != _VOID:
                pairs.setdefault(row.column1, {})[row.column2] = row
        return Edits(
            pairs=pairs,
            pairs_version=self.pairs.version,
            distinct_columns=next((row.columns for row in self.distinct_lines.on(day)), ()),
            most_units={row.code: row for row in self.most_units.on(day)},
            most_units_version=self.most_units.version,
        )

    def _modifier_book(self, day: date) -> ModifierBook:
        conflicts: dict[str, dict[str, ConflictRow]] = {}
        for row in self.conflicts.on(day):
            conflicts.setdefault(row.first, {})[row.second] = row
            conflicts.setdefault(row.second, {})[row.first] = row
        telehealth = self.telehealth.on(day)
        return ModifierBook(
            known={row.modifier: row for row in self.modifiers.on(day)},
            ever=self._modifiers_of_any_day,
            conflicts=conflicts,
            notices={row.text: row for row in self.notices.on(day)},
            notice_effects={row.modifier: row for row in self.notice_effects.on(day)},
            media={row.about: row for row in telehealth if row.about in ("audio_video", "audio_only")},
            telehealth_places=frozenset(row.code for row in telehealth if row.about == "place"),
            telehealth_authority=next((row for row in telehealth if row.about == "authority"), None),
        )

    @cached_property
    def _modifiers_of_any_day(self) -> frozenset[str]:
        return frozenset(row.modifier for row in self.modifiers.rows)


def _read_diagnosis_codes(folder: RuleFolder) -> tuple[tuple[Table[Any], ...], DiagnosisBook]:
    """The lists of billable ICD-10-CM codes, and the tables that go into a rule set for them.

    The codes are no rows: 75,000 of them with dates and a source would take a second to read. Raises `RuleError`.
    """
    lists = TableOf("icd10cm.toml", CodeListRow, key=lambda row: row.list).read(folder)
    changes = TableOf("icd10cm_changes.toml", CodeSpanRow, key=lambda row: row.code).read(folder)
    place = folder.find(_CODES)
    held_by_all = frozenset(row.list for row in lists.rows)
    # Few different sets of lists stand behind many codes.
    sets: dict[str, frozenset[str]] = {"": held_by_all}
    codes: dict[str, frozenset[str]] = {}
    try:
        raw = place.read_bytes()
        for code, held in csv.reader(raw.decode().splitlines()[1:], strict=True):
            codes[code] = sets.get(held) or sets.setdefault(held, frozenset(held.split()))
    except (ValueError, OSError, csv.Error) as exc:
        raise RuleError(f"{place}: {exc}") from exc
    if unknown := frozenset().union(*sets.values()) - held_by_all:
        raise RuleError(f"{place}: list {min(unknown)} has no row in icd10cm.toml")
    spans: dict[str, tuple[CodeSpanRow, ...]] = {}
    for row in changes.rows:
        spans[row.code] = (*spans.get(row.code, ()), row)
    whole = replace(lists, sha256=hashlib.sha256(lists.sha256.encode() + raw).hexdigest())
    return (whole, changes), DiagnosisBook(lists.rows, codes, spans)
