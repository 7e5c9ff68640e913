"""The tables that documentation is checked by, and what is in force on one day."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import product
from typing import TypeVar

from claimbus.rules import (
    FindingRow,
    Origin,
    PayerRuleBook,
    ProfileRow,
    RuleError,
    TableOf,
    days_of_change,
)
from claimbus.values import Program, Severity

from documentation_check.domain.predicates import PREDICATES
from documentation_check.domain.tables import (
    DISCIPLINES,
    REASON,
    SKILLS,
    CertifierRow,
    CredentialRow,
    CueRow,
    Discipline,
    DocumentationRules,
    DocumentationSettings,
    LimitRow,
    ProgramGroupRow,
    Required,
    RequiredByRow,
    Requirement,
    Role,
    ServiceCodesRow,
    SupervisionRow,
    Terms,
    Weight,
)

V = TypeVar("V")
_FEDERAL = "federal"
_HEAVIEST_FIRST: tuple[Weight, ...] = ("block", "review", "info", "none")


class DocumentationRuleBook(PayerRuleBook[DocumentationRules, DocumentationSettings]):
    package = "documentation_check"
    section, settings = "documentation", DocumentationSettings

    requirements = TableOf("requirements.toml", Requirement, key=lambda row: row.id)
    required_by = TableOf("required_by.toml", RequiredByRow, key=lambda row: (row.requirements, row.programs))
    groups = TableOf("program_groups.toml", ProgramGroupRow, key=lambda row: row.group)
    limits = TableOf("limits.toml", LimitRow, key=lambda row: row.name)
    credentials = TableOf("credentials.toml", CredentialRow, key=lambda row: (row.credential, row.discipline))
    certifiers = TableOf("certifiers.toml", CertifierRow, key=lambda row: row.kind)
    service_codes = TableOf("service_codes.toml", ServiceCodesRow, key=lambda row: row.kind)
    supervision = TableOf("supervision.toml", SupervisionRow, key=lambda row: row.facility)
    cues = TableOf("note_cues.toml", CueRow, key=lambda row: row.shows)

    @property
    def finding_rows(self) -> tuple[FindingRow, ...]:
        """Every requirement with its meaning in full, the severity that all programs give it, and all remark codes."""
        return tuple(map(self._described, self.requirements.rows))

    def in_force(self, day: date) -> DocumentationRules:
        by_discipline = {name: self._requirements(day, name) for name in DISCIPLINES}
        required_by: dict[Program, dict[str, RequiredByRow]] = {program: {} for program in Program}
        for program, name, row in self.required_on(day):
            if name not in by_discipline[DISCIPLINES[0]]:
                raise RuleError(f"required_by.toml: {name} is no requirement of requirements.toml on {day}")
            if name in required_by[program]:
                raise RuleError(f"required_by.toml: {name} has two rows for {program} on {day}")
            required_by[program][name] = row
        return DocumentationRules(
            day=day,
            rule_set=self.rule_set,
            profiles=self.profiles,
            terms=self._terms(day),
            requirements=by_discipline,
            required={
                (program, discipline): {
                    name: _required(requirement, required_by[program][name])
                    for name, requirement in requirements.items()
                    if name in required_by[program]
                }
                for program, (discipline, requirements) in product(Program, by_discipline.items())
            },
        )

    def _requirements(self, day: date, discipline: Discipline) -> Mapping[str, Requirement]:
        rows = self.requirements.on(day)
        for row in rows:
            if row.predicate not in PREDICATES:
                raise RuleError(f"requirements.toml: {row.id}: no predicate {row.predicate}")
            if missing := PREDICATES[row.predicate].variants - row.variants.keys():
                raise RuleError(f"requirements.toml: {row.id}: no variant {min(missing)}; {row.predicate} needs it")
        return {row.id: row.for_discipline(discipline) for row in rows}

    def required_on(self, day: date) -> Iterator[tuple[Program, str, RequiredByRow]]:
        """What each program requires on a day, before profiles: program, requirement and the row that it comes from."""
        groups = {row.group: row.programs for row in self.groups.on(day)}
        for row in self.required_by.on(day):
            if row.programs not in groups:
                raise RuleError(f"required_by.toml: {row.programs} is no group of program_groups.toml")
            for program, name in product(groups[row.programs], row.requirements):
                yield program, name, row

    def requirements_of(
        self, chain: tuple[str, ...], practice: str | None, day: date
    ) -> Mapping[str, tuple[Weight, Origin]]:
        """What a chain of profiles requires on a day: weight by requirement, and where it comes from."""
        required: dict[str, tuple[Weight, Origin]] = {
            name: (
                row.severity.value,
                Origin(program, row.source, row.effective_from, row.effective_through, "required_by.toml"),
            )
            for program, name, row in self.required_on(day)
            if program == chain[0]
        }
        profile = self.profiles.named(chain, practice, day)
        required |= {name: (weight, profile.origins[name]) for name, weight in profile.settings.weights.items()}
        return {row.id: required[row.id] for row in self.requirements.on(day) if row.id in required}

    def check(self) -> None:
        """Beside what every service refuses: weights of no requirement, and less than CMS requires of a program."""
        rows = [row for file in self.profile_book.files for row in file.rows if row.section == self.section]
        self._refuse_unknown(rows)  # first: TOML reads an id without quotes as a table, which is no weight either
        super().check()
        self._refuse_relaxed({*self._changes, *days_of_change(row.origin for row in rows)})

    def _refuse_unknown(self, rows: Iterable[ProfileRow]) -> None:
        known = {row.id for row in self.requirements.rows}
        for row in rows:
            if unknown := row.settings.keys() - known:
                raise RuleError(
                    f"{row.origin.file}: {self.section}.{min(unknown)} is no requirement; write its id in quotes, as "
                    'in "progress-report.overdue" = "review"; claimbus rules show documentation-requirements lists them'
                )

    def _refuse_relaxed(self, days: Iterable[date]) -> None:
        """No profile may require less than CMS does of a federal program."""
        for practice, day in product(self.profile_book.practices(), sorted(days)):
            groups = _Rows("program_groups.toml", {row.group: row.programs for row in self.groups.on(day)})
            of_cms = {
                (program, name): row.severity
                for program, name, row in self.required_on(day)
                if row.authority == "cms" and program in groups[_FEDERAL]
            }
            for chain in self.profile_book.chains(practice):
                program = Program(chain[0])
                profile = self.profiles.named(chain, practice, day)
                for name, weight in profile.settings.weights.items():
                    severity = of_cms.get((program, name))
                    if severity is not None and _relaxes(weight, severity):
                        raise RuleError(
                            f"{profile.origins[name].file}: {self.section}.{name} = {weight!r} relaxes what CMS asks "
                            f"of {program} ({severity}); for a federal program a requirement may only be added or "
                            "made heavier, so give the payer's other programs a profile of their own"
                        )

    def _described(self, row: Requirement) -> Requirement:
        severities = {required.severity for required in self.required_by.rows if row.id in required.requirements}
        by_code: dict[str, list[str]] = {}
        for discipline, code in row.rarc_by_discipline.items():
            by_code.setdefault(code, []).append(discipline)
        in_sentence = row.requirement[:1].lower() + row.requirement[1:]
        return row.model_copy(
            update={
                "meaning": row.meaning.replace("{requirement}", in_sentence),
                "severity": severities.pop() if len(severities) == 1 else row.severity,
                "rarc": ", ".join(f"{code} ({', '.join(names)})" for code, names in by_code.items()) or row.rarc,
                "source": row.citation,
            }
        )

    def _terms(self, day: date) -> Terms:
        limits = _Rows("limits.toml", {row.name: row.value for row in self.limits.on(day)})
        cues = _Rows("note_cues.toml", {row.shows: _pattern(row) for row in self.cues.on(day)})
        credentials: dict[str, dict[str, Role]] = {}
        for row in self.credentials.on(day):
            credentials.setdefault(row.credential, {})[row.discipline] = row.role
        return Terms(
            initial_certification_days=limits["initial-certification"],
            certification_interval_days=limits["certification-interval"],
            verbal_order_signature_days=limits["verbal-order-signature"],
            order_exception_days=limits.get("order-exception"),
            progress_report_treatment_days=limits["progress-report"],
            credentials=credentials,
            certifiers={row.kind: row.may_certify for row in self.certifiers.on(day)},
            services={row.kind: frozenset(row.codes) for row in self.service_codes.on(day)},
            supervision={row.facility: row.level for row in self.supervision.on(day)},
            cues={name: cues[name] for name in (*SKILLS, REASON)},
            group_patients=limits["group-patients"],
            cloned_note_likeness=limits["cloned-note-likeness"],
            cloned_note_words=limits["cloned-note-words"],
        )


class _Rows(dict[str, V]):
    """Values of a table by name. Raises `RuleError` for one that the table does not have."""

    def __init__(self, file: str, values: Mapping[str, V]) -> None:
        super().__init__(values)
        self._file = file

    def __missing__(self, name: str) -> V:
        raise RuleError(f"{self._file}: no row for {name}")


def _pattern(row: CueRow) -> re.Pattern[str]:
    try:
        return re.compile("|".join(row.patterns), re.IGNORECASE)
    except re.error as exc:
        raise RuleError(f"note_cues.toml: {row.shows}: {exc}") from None


def _required(requirement: Requirement, row: RequiredByRow) -> Required:
    return Required(requirement, row.severity, requirement.citation if row.is_cited_by_requirement else row.source)


def _relaxes(weight: Weight, severity: Severity) -> bool:
    """Whether a profile's weight is less than what a program requires."""
    return _HEAVIEST_FIRST.index(weight) > _HEAVIEST_FIRST.index(severity.value)
