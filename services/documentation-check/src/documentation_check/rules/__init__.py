"""The requirements and what they refer to, as dated tables; `RULES.on(day)` is ready for the check."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import product
from typing import Any

from claimbus.events import RuleSet
from claimbus.payers import profiles
from claimbus.rules import (
    Origin,
    ProfileBook,
    ProfileRow,
    Profiles,
    RuleError,
    Table,
    days_of_change,
    last_change,
    load_table,
    rule_set_of,
)
from claimbus.values import Program

from documentation_check.domain.predicates import PREDICATES
from documentation_check.domain.requirement import (
    DISCIPLINES,
    Check,
    Discipline,
    DocumentationRules,
    DocumentationSettings,
    ProgramGroupRow,
    RequiredByRow,
    Requirement,
    Weight,
    relaxes,
)
from documentation_check.domain.tables import (
    CertifierRow,
    CredentialRow,
    CueRow,
    LimitRow,
    Role,
    ServiceCodesRow,
    SupervisionRow,
    Terms,
)

_SECTION = "documentation"
_DEMANDS = "required_by.toml"
_FEDERAL = "federal"


class Rules:
    """The tables of this service. Raises `RuleError` on a table or a profile that must not be used."""

    def __init__(self, book: ProfileBook) -> None:
        self._book = book
        self.requirements: Table[Requirement] = load_table(
            __name__, "requirements.toml", Requirement, key=lambda row: row.id
        )
        self._refuse_unknown()
        self.profiles = Profiles(book, _SECTION, DocumentationSettings)
        self.required_by: Table[RequiredByRow] = load_table(
            __name__, _DEMANDS, RequiredByRow, key=lambda row: (row.requirements, row.programs)
        )
        self.groups = load_table(__name__, "program_groups.toml", ProgramGroupRow, key=lambda row: row.group)
        self._limits = load_table(__name__, "limits.toml", LimitRow, key=lambda row: row.name)
        self._credentials = load_table(
            __name__, "credentials.toml", CredentialRow, key=lambda row: (row.credential, row.discipline)
        )
        self._certifiers = load_table(__name__, "certifiers.toml", CertifierRow, key=lambda row: row.kind)
        self._services = load_table(__name__, "service_codes.toml", ServiceCodesRow, key=lambda row: row.kind)
        self._supervision = load_table(__name__, "supervision.toml", SupervisionRow, key=lambda row: row.facility)
        self._cues = load_table(__name__, "note_cues.toml", CueRow, key=lambda row: row.shows)
        own: tuple[Table[Any], ...] = (
            self.requirements,
            self.required_by,
            self.groups,
            self._limits,
            self._credentials,
            self._certifiers,
            self._services,
            self._supervision,
            self._cues,
        )
        self.tables: tuple[Table[Any], ...] = (book.table, *own)
        self.rule_set: RuleSet = rule_set_of(*self.tables)
        self._changes = days_of_change(row for table in own for row in table.rows)
        self._since = lru_cache(maxsize=64)(self._build)
        self._refuse_relaxed()

    def on(self, day: date) -> DocumentationRules:
        """What is in force on a date of service."""
        return self._since(last_change(self._changes, day))

    def demands(self, day: date) -> Iterator[tuple[Program, str, RequiredByRow]]:
        """Who asks for what on a day, before profiles: program, requirement and the row that says so."""
        groups = {row.group: row.programs for row in self.groups.on(day)}
        for row in self.required_by.on(day):
            if row.programs not in groups:
                raise RuleError(f"{_DEMANDS}: {row.programs} is no group of program_groups.toml")
            for program, name in product(groups[row.programs], row.requirements):
                yield program, name, row

    def asked_of(self, chain: tuple[str, ...], practice: str | None, day: date) -> Mapping[str, tuple[Weight, Origin]]:
        """What a chain of profiles asks for on a day: weight by requirement, and who says so."""
        program = Program(chain[0])
        asked: dict[str, tuple[Weight, Origin]] = {
            name: (row.severity.value, Origin(program, row.source, row.effective_from, row.effective_through, _DEMANDS))
            for of, name, row in self.demands(day)
            if of is program
        }
        profile = self.profiles.named(chain, practice, day)
        asked |= {name: (weight, profile.origins[name]) for name, weight in profile.settings.weights.items()}
        return {row.id: asked[row.id] for row in self.requirements.on(day) if row.id in asked}

    def _build(self, day: date) -> DocumentationRules:
        requirements = {row.id: row for row in self.requirements.on(day)}
        for requirement in requirements.values():
            if requirement.predicate not in PREDICATES:
                raise RuleError(f"requirements.toml: {requirement.id}: no predicate {requirement.predicate}")
        checks: dict[tuple[Program, Discipline], dict[str, Check]] = {
            (program, discipline): {} for program in Program for discipline in DISCIPLINES
        }
        for program, name, row in self.demands(day):
            if name not in requirements:
                raise RuleError(f"{_DEMANDS}: {name} is no requirement of requirements.toml on {day}")
            if name in checks[program, DISCIPLINES[0]]:
                raise RuleError(f"{_DEMANDS}: {name} has two rows for {program} on {day}")
            requirement = requirements[name]
            for discipline in DISCIPLINES:
                checks[program, discipline][name] = Check(
                    requirement,
                    PREDICATES[requirement.predicate],
                    row.severity,
                    requirement.rarc_for(discipline),
                    requirement.citation if row.is_cited_by_requirement else row.source,
                )
        in_order = {key: tuple(asked[name] for name in requirements if name in asked) for key, asked in checks.items()}
        return DocumentationRules(self._terms(day), self.profiles, requirements, PREDICATES, in_order)

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
            services={row.kind: frozenset(row.codes) for row in self._services.on(day)},
            supervision={row.facility: row.level for row in self._supervision.on(day)},
            cues={row.shows: re.compile("|".join(row.patterns), re.IGNORECASE) for row in self._cues.on(day)},
            group_patients=limits["group-patients"],
            cloned_note_likeness=limits["cloned-note-likeness"],
            cloned_note_words=limits["cloned-note-words"],
        )

    def _refuse_unknown(self) -> None:
        known = {row.id for row in self.requirements.rows}
        for row in self._profile_rows():
            if unknown := row.settings.keys() - known:
                raise RuleError(
                    f"{row.origin.file}: {_SECTION}.{min(unknown)} is no requirement; write its id in quotes, as in "
                    f'"progress-report.overdue" = "review"; claimbus rules show documentation-requirements lists them'
                )

    def _refuse_relaxed(self) -> None:
        """No profile may ask for less than CMS does of a federal program."""
        days = {*self._changes, *days_of_change(row.origin for row in self._profile_rows())}
        for practice, day in product(self._book.practices(), sorted(days)):
            groups = {row.group: row.programs for row in self.groups.on(day)}
            of_cms = {(program, name): row for program, name, row in self.demands(day) if row.authority == "cms"}
            for chain in self._book.chains(practice):
                program = Program(chain[0])
                profile = self.profiles.named(chain, practice, day)
                for name, weight in profile.settings.weights.items() if program in groups[_FEDERAL] else ():
                    row = of_cms.get((program, name))
                    if row is not None and relaxes(weight, row.severity):
                        raise RuleError(
                            f"{profile.origins[name].file}: {_SECTION}.{name} = {weight!r} relaxes what CMS asks of "
                            f"{program} ({row.severity}); for a federal program a requirement may only be added or "
                            "made heavier, so give the payer's other programs a profile of their own"
                        )

    def _profile_rows(self) -> list[ProfileRow]:
        return [row for file in self._book.files for row in file.rows if row.section == _SECTION]


RULES = Rules(profiles())
