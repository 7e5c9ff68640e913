"""The requirements and what they refer to, as dated tables; `RULES.on(day)` is ready for the check."""

from datetime import date
from functools import lru_cache
from typing import Any

from claimbus.events import RuleSet
from claimbus.rules import RuleError, Table, load_table, rule_set_of
from claimbus.values import Program

from documentation_check.domain.predicates import PREDICATES
from documentation_check.domain.requirement import (
    DISCIPLINES,
    Check,
    Discipline,
    DocumentationRules,
    ProgramGroupRow,
    Requirement,
)
from documentation_check.domain.terms import CertifierRow, CredentialRow, EvaluationCodeRow, LimitRow, Role, Terms


class Rules:
    """The tables of this service. Raises `RuleError` on a table that must not be used."""

    def __init__(self) -> None:
        self.requirements: Table[Requirement] = load_table(
            __name__, "requirements.toml", Requirement, key=lambda row: (row.id, row.programs, row.disciplines)
        )
        self._groups = load_table(__name__, "program_groups.toml", ProgramGroupRow, key=lambda row: row.group)
        self._limits = load_table(__name__, "limits.toml", LimitRow, key=lambda row: row.name)
        self._credentials = load_table(
            __name__, "credentials.toml", CredentialRow, key=lambda row: (row.credential, row.discipline)
        )
        self._certifiers = load_table(__name__, "certifiers.toml", CertifierRow, key=lambda row: row.kind)
        self._evaluations = load_table(__name__, "evaluation_codes.toml", EvaluationCodeRow, key=lambda row: row.code)
        self.tables: tuple[Table[Any], ...] = (
            self.requirements,
            self._groups,
            self._limits,
            self._credentials,
            self._certifiers,
            self._evaluations,
        )
        self.rule_set: RuleSet = rule_set_of(*self.tables)

    def on(self, day: date) -> DocumentationRules:
        """What is in force on a date of service."""
        return _rules_on(day)

    def _build(self, day: date) -> DocumentationRules:
        groups = {row.group: row.programs for row in self._groups.on(day)}
        checks: dict[tuple[Program, Discipline], dict[str, Check]] = {
            (program, discipline): {} for program in Program for discipline in DISCIPLINES
        }
        for row in self.requirements.on(day):
            if row.predicate not in PREDICATES or row.programs not in groups:
                raise RuleError(f"requirements.toml: {row.id} names a predicate or a program group that does not exist")
            for program in groups[row.programs]:
                for discipline in row.disciplines:
                    if row.id in checks[program, discipline]:
                        raise RuleError(f"requirements.toml: {row.id} has two rows for {program} {discipline} on {day}")
                    check = Check(row, PREDICATES[row.predicate], row.rarc_for(discipline))
                    checks[program, discipline][row.id] = check
        return DocumentationRules(self._terms(day), {key: tuple(rows.values()) for key, rows in checks.items()})

    def _terms(self, day: date) -> Terms:
        limits = {row.name: row.value for row in self._limits.on(day)}
        credentials: dict[str, dict[str, Role]] = {}
        for row in self._credentials.on(day):
            credentials.setdefault(row.credential, {})[row.discipline] = row.role
        return Terms(
            initial_certification_days=limits["initial-certification"],
            certification_interval_days=limits["certification-interval"],
            verbal_order_signature_days=limits["verbal-order-signature"],
            order_exception_days=limits.get("order-exception"),
            progress_report_treatment_days=limits["progress-report"],
            credentials=credentials,
            certifiers={row.kind: row.may_certify for row in self._certifiers.on(day)},
            evaluation_codes=frozenset(row.code for row in self._evaluations.on(day)),
            re_evaluation_codes=frozenset(row.code for row in self._evaluations.on(day) if row.kind == "re_evaluation"),
        )


RULES = Rules()


@lru_cache(maxsize=1024)
def _rules_on(day: date) -> DocumentationRules:
    return RULES._build(day)  # noqa: SLF001  (the cache of this very class, kept off its instances)
