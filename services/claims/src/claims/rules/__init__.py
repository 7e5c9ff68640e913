"""Claims' dated tables, loaded once."""

import csv
import hashlib
from dataclasses import replace
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from claimbus.events import RuleSet
from claimbus.payers import profiles
from claimbus.rules import (
    FindingRow,
    Profiles,
    RuleError,
    Table,
    days_of_change,
    last_change,
    load_table,
    rule_set_of,
)

from claims.domain.checks.icd10cm import CodeListRow, CodeSpanRow, DiagnosisBook
from claims.domain.tables import (
    AccidentRow,
    AssistantReductionRow,
    CheckRow,
    ClaimForm,
    ClaimRules,
    ClaimSettings,
    CodeRow,
    ConflictRow,
    ConversionFactorRow,
    DistinctLinesRow,
    Edits,
    InitialEvaluationRow,
    LimitRow,
    MemberIdRow,
    ModifierBook,
    ModifierRow,
    MpprRow,
    MueRow,
    NoticeEffectRow,
    NoticeRow,
    PtpRow,
    RequiredField,
    RvuRow,
    TelehealthRow,
    ThresholdRow,
)

_VOID = "9"
"""Modifier indicator of an edit that was deleted on the day it was to begin."""


class Rules:
    """All tables of the service. Raises `RuleError` at start when one must not be used."""

    def __init__(self) -> None:
        self.profiles = Profiles(profiles(), "claims", ClaimSettings)
        self._thresholds = load_table(__name__, "kx_thresholds.toml", ThresholdRow, lambda _: "threshold")
        self._required = load_table(__name__, "required_fields.toml", RequiredField, lambda row: row.id)
        self._rvus = load_table(__name__, "pfs_rvus.toml", RvuRow, lambda row: row.code)
        self._factors = load_table(__name__, "conversion_factors.toml", ConversionFactorRow, lambda _: "factor")
        self._mppr = load_table(__name__, "mppr.toml", MpprRow, lambda row: row.mult_proc)
        self._assistant = load_table(__name__, "assistant_reduction.toml", AssistantReductionRow, lambda _: "one")
        self._evaluations = load_table(
            __name__, "initial_evaluations.toml", InitialEvaluationRow, lambda row: row.discipline
        )
        self._pairs = load_table(__name__, "ncci_ptp.toml", PtpRow, _pair)
        self._distinct_lines = load_table(
            __name__, "distinct_modifier_lines.toml", DistinctLinesRow, lambda _: "columns"
        )
        self._most_units = load_table(__name__, "mue.toml", MueRow, lambda row: row.code)
        self._modifiers = load_table(__name__, "modifiers.toml", ModifierRow, lambda row: row.modifier)
        self._conflicts = load_table(
            __name__, "modifier_conflicts.toml", ConflictRow, lambda row: tuple(sorted((row.one, row.other)))
        )
        self._notices = load_table(__name__, "advance_notices.toml", NoticeRow, lambda row: row.said)
        self._effects = load_table(__name__, "notice_effects.toml", NoticeEffectRow, lambda row: row.modifier)
        self._telehealth = load_table(__name__, "telehealth.toml", TelehealthRow, lambda row: (row.about, row.code))
        self._checks = load_table(__name__, "claim_checks.toml", CheckRow, lambda row: row.id)
        self._limits = load_table(__name__, "claim_limits.toml", LimitRow, lambda row: row.of)
        self.states = load_table(__name__, "states.toml", CodeRow, lambda row: row.code)
        self._places = load_table(__name__, "places_of_service.toml", CodeRow, lambda row: row.code)
        self._member_ids = load_table(__name__, "member_id_shapes.toml", MemberIdRow, lambda row: row.program)
        self._causes = load_table(__name__, "accident_causes.toml", AccidentRow, lambda row: row.cause)
        self._code_lists, self.diagnosis_codes = _diagnosis_codes()
        of_form: tuple[Table[Any], ...] = (
            self._checks,
            self._limits,
            self.states,
            self._places,
            self._member_ids,
            self._causes,
        )
        self._findings = load_table(__name__, "findings.toml", FindingRow, lambda row: row.id)
        self.findings: tuple[FindingRow, ...] = (
            *self._findings.rows,
            *(row.as_finding() for row in self._required.rows),
            *(row.as_finding() for row in self._effects.rows),
            *(row.as_finding() for row in self._checks.rows),
        )
        """Of every day, those of a missing field, of an advance notice and of a claim's form too."""
        of_lines: tuple[Table[Any], ...] = (
            self._pairs,
            self._distinct_lines,
            self._most_units,
            self._modifiers,
            self._conflicts,
            self._notices,
            self._effects,
            self._telehealth,
        )
        self.tables: tuple[Table[Any], ...] = (
            profiles().table,
            self._thresholds,
            self._required,
            self._rvus,
            self._factors,
            self._mppr,
            self._assistant,
            self._evaluations,
            self._findings,
            *of_lines,
            *of_form,
            *self._code_lists,
        )
        self.rule_set: RuleSet = rule_set_of(*self.tables)
        self._changes = days_of_change(row for table in of_lines for row in table.rows)
        self._changes_of_form = days_of_change(row for table in of_form for row in table.rows)
        self._edits = lru_cache(maxsize=64)(self._edits_on)
        self._form = lru_cache(maxsize=64)(self._form_on)
        self._book = lru_cache(maxsize=64)(self._book_on)
        self.on = lru_cache(maxsize=1024)(self._on)

    def _on(self, day: date) -> ClaimRules:
        thresholds = self._thresholds.on(day)
        # The large tables change on few days; the days between two changes share one reading of them.
        since = last_change(self._changes, day)
        return ClaimRules(
            day=day,
            profiles=self.profiles,
            kx_threshold=thresholds[0] if thresholds else None,
            required_fields=self._required.on(day),
            form=self._form(last_change(self._changes_of_form, day)),
            diagnosis_codes=self.diagnosis_codes,
            edits=self._edits(since),
            modifiers=self._book(since),
            rvus={row.code: row for row in self._rvus.on(day)},
            conversion_factor=next(iter(self._factors.on(day)), None),
            mppr={row.mult_proc: row for row in self._mppr.on(day)},
            assistant_reduction=next(iter(self._assistant.on(day)), None),
            initial_evaluations={row.discipline: row.codes for row in self._evaluations.on(day)},
            findings={row.id: row for row in self.findings if row.in_force(day)},
        )

    def _form_on(self, day: date) -> ClaimForm:
        limits = {row.of: row for row in self._limits.on(day)}
        return ClaimForm(
            checks={row.id: row for row in self._checks.on(day)},
            most_lines=limits["lines"],
            most_diagnoses=limits["diagnoses"],
            most_pointers=limits["pointers"],
            states=frozenset(row.code for row in self.states.on(day)),
            places=frozenset(row.code for row in self._places.on(day)),
            member_ids={row.program: row for row in self._member_ids.on(day)},
            causes={row.cause: row for row in self._causes.on(day)},
        )

    def _edits_on(self, day: date) -> Edits:
        pairs: dict[str, dict[str, PtpRow]] = {}
        for row in self._pairs.on(day):
            if row.modifier_indicator != _VOID:
                pairs.setdefault(row.column1, {})[row.column2] = row
        return Edits(
            pairs=pairs,
            pairs_version=self._pairs.version,
            distinct_columns=next((row.columns for row in self._distinct_lines.on(day)), ()),
            most_units={row.code: row for row in self._most_units.on(day)},
            most_units_version=self._most_units.version,
        )

    def _book_on(self, day: date) -> ModifierBook:
        conflicts: dict[str, dict[str, ConflictRow]] = {}
        for row in self._conflicts.on(day):
            conflicts.setdefault(row.one, {})[row.other] = row
            conflicts.setdefault(row.other, {})[row.one] = row
        telehealth = self._telehealth.on(day)
        return ModifierBook(
            known={row.modifier: row for row in self._modifiers.on(day)},
            ever=frozenset(row.modifier for row in self._modifiers.rows),
            conflicts=conflicts,
            notices={row.said: row for row in self._notices.on(day)},
            notice_effects={row.modifier: row for row in self._effects.on(day)},
            media={row.about: row for row in telehealth if row.about in ("audio_video", "audio_only")},
            telehealth_places=frozenset(row.code for row in telehealth if row.about == "place"),
            telehealth_authority=next((row for row in telehealth if row.about == "authority"), None),
        )


def _pair(row: PtpRow) -> tuple[str, str, bool]:
    """One edit at a time for a pair, whichever code comes first; void rows, never in force, only among themselves."""
    one, other = sorted((row.column1, row.column2))
    return one, other, row.modifier_indicator == _VOID


def _diagnosis_codes() -> tuple[tuple[Table[Any], ...], DiagnosisBook]:
    """The lists of billable ICD-10-CM codes, and the tables that go into a rule set for them.

    Raises `RuleError`.
    """
    lists = load_table(__name__, "icd10cm.toml", CodeListRow, lambda row: row.list)
    changes = load_table(__name__, "icd10cm_changes.toml", CodeSpanRow, lambda row: row.code)
    raw = files(__name__).joinpath("icd10cm.csv").read_bytes()
    held_by_all = frozenset(row.list for row in lists.rows)
    # Few different sets of lists stand behind many codes.
    sets: dict[str, frozenset[str]] = {"": held_by_all}
    codes: dict[str, frozenset[str]] = {}
    for code, held in csv.reader(raw.decode().splitlines()[1:], strict=True):
        codes[code] = sets.setdefault(held, frozenset(held.split()))
    if unknown := frozenset().union(*sets.values()) - held_by_all:
        raise RuleError(f"{__name__}/icd10cm.csv: list {min(unknown)} has no row in icd10cm.toml")
    spans: dict[str, tuple[CodeSpanRow, ...]] = {}
    for row in changes.rows:
        spans[row.code] = (*spans.get(row.code, ()), row)
    whole = replace(lists, sha256=hashlib.sha256(lists.sha256.encode() + raw).hexdigest())
    return (whole, changes), DiagnosisBook(lists.rows, codes, spans)


RULES = Rules()
