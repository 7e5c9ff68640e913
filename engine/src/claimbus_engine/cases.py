"""Cases as data: a base visit, what is different, and the findings and lines that must come out.

They lie beside the rules that they prove: in the folder `cases` of each service, and in that of an overlay::

    base = "01-medicare-plain"              # an example visit, or a JSON file beside this one

    [[case]]
    name = "five units of 97112 are above the medically unlikely edit of a practitioner"
    set = { "interventions.0.code" = "97112", "interventions.0.minutes" = 75 }
    remove = ["interventions.1"]
    outcome = "denial_risk"
    lines = ["97112 x5 GP"]
    findings = [{ id = "mue.exceeded", result = "fail", severity = "block", line = 1 }]
    absent = ["ncci.pair-not-distinct"]     # findings that must not be there
    passed = ["signature.missing"]          # checks that were made, and found nothing
    charges = ["340.00"]                    # of every line; `expected_amounts` in the same way
    diagnoses = ["M25.561", "R26.89"]
    earlier = [{ set = { service_date = 2026-11-16 } }]   # visits decided before, each the base with changes
    overlay = "our-fees"                    # a folder beside the file: profiles and tables laid over ours

A path counts list entries from 0; one past the last entry appends. What a case does not name is not asked for.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from claimbus.events import Decision, Finding, InvalidEvent, Line, VisitCompleted
from claimbus.rules import RuleError
from claimbus.testing.visits import changed, visit_data
from claimbus.values import FindingId, Result, Severity
from claims.domain.history.claim_history import ClaimHistory
from documentation_check.domain.case_history import CaseHistory
from pydantic import BaseModel, ConfigDict, ValidationError

from claimbus_engine.evaluate import NO_HISTORY, Evaluation, History, evaluate_fully, read_visit
from claimbus_engine.rules import Rules

_CASES = "cases"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedFinding(_Row):
    """A finding of the decision; fields that are left out may be anything."""

    id: FindingId
    result: Result = Result.FAIL
    severity: Severity | None = None
    line: int | None = None
    intervention_id: str | None = None
    codes: tuple[str, ...] | None = None
    field: str | None = None
    message: str | None = None
    fix: str | None = None
    carc: str | None = None
    rarc: str | None = None
    amount_at_risk: str | None = None


class EarlierVisit(_Row):
    """A visit that was decided before: the base with changes, and with a key of its own unless it is given one."""

    set: dict[str, Any] = {}
    remove: tuple[str, ...] = ()


class Case(_Row):
    """One visit and what must come of it."""

    name: str
    base: str = ""
    """In place of the file's."""
    set: dict[str, Any] = {}
    remove: tuple[str, ...] = ()
    earlier: tuple[EarlierVisit, ...] = ()
    """In the order in which they were decided; without any, nothing is known of other visits."""
    overlay: str = ""
    """A folder beside the file whose profiles and tables go before ours."""
    outcome: Literal["ready", "denial_risk"] | None = None
    lines: tuple[str, ...] | None = None
    """Every line of the claim, as `97110 x2 GP KX`."""
    charges: tuple[str, ...] | None = None
    expected_amounts: tuple[str, ...] | None = None
    """In dollars, of every line; `unknown` where nobody knows."""
    diagnoses: tuple[str, ...] | None = None
    """Every diagnosis of the claim, the main one first."""
    findings: tuple[ExpectedFinding, ...] = ()
    absent: tuple[FindingId, ...] = ()
    passed: tuple[FindingId, ...] = ()
    """Checks of coding, units and documentation that were made and met; `absent` allows that none was made."""
    unbilled: tuple[str, ...] | None = None
    """Every intervention that is left off, as `3 97010`."""
    invalid: str | None = None
    """Part of the error of a visit that cannot be decided at all."""


class _File(_Row):
    base: str = ""
    case: tuple[Case, ...]


class CaseResult(NamedTuple):
    """What came of a case; it passed where there is no problem."""

    file: Path
    name: str
    problems: tuple[str, ...]
    """Each with what was expected and what came out."""
    proven: tuple[Finding, ...] = ()
    """Findings that were expected and made."""

    @property
    def passed(self) -> bool:
        return not self.problems


def case_files(rules: Rules, overlay: Path | None = None) -> list[Path]:
    """The files of every service's cases, and those of an overlay."""
    shipped = [Path(str(files(book.package).joinpath(_CASES))) for book in rules.books]
    folders = [*shipped, *((overlay / _CASES,) if overlay else ())]
    return [path for folder in folders for path in sorted(folder.glob("*.toml"))]


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file. Raises `RuleError`, naming file, case and field."""
    try:
        document = tomllib.loads(path.read_text())
        read = _File.model_validate(document)
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise RuleError(f"{path}: {exc}") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        raise RuleError(f"{path}: {_place(first['loc'], document)}: {first['msg']}") from None
    names = [case.name for case in read.case]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise RuleError(f"{path}: two cases have the name {min(repeated)!r}; give each its own")
    return tuple(case if case.base else case.model_copy(update={"base": read.base}) for case in read.case)


def run_cases(rules: Rules, paths: Iterable[Path]) -> Iterator[CaseResult]:
    """Decide each case by these rules, or by those of its overlay.

    Raises `RuleError`, naming file, case and field, for what cannot be read.
    """
    overlays: dict[Path, Rules] = {}
    for path in paths:
        for case in read_cases(path):
            yield _result(case, path, _rules_of(case, path, overlays) if case.overlay else rules)


def _rules_of(case: Case, path: Path, loaded: dict[Path, Rules]) -> Rules:
    folder = path.parent / case.overlay
    if folder not in loaded:
        try:
            loaded[folder] = Rules.load(folder)
        except RuleError as exc:
            raise RuleError(f"{path}: case {case.name!r}, overlay: {exc}") from None
    return loaded[folder]


def visit_of(case: Case, path: Path) -> bytes:
    """The visit of a case as JSON. Raises `RuleError` for a base or a path that is not there."""
    return _changed_base(case, path, case.set, case.remove)


def _changed_base(case: Case, path: Path, changes: dict[str, Any], remove: Sequence[str]) -> bytes:
    field = "base"
    try:
        is_file = case.base.endswith(".json")
        base = json.loads((path.parent / case.base).read_text()) if is_file else visit_data(case.base)
        field = "set or remove"
        return json.dumps(changed(base, changes, remove)).encode()
    except (OSError, ValueError) as exc:
        raise RuleError(f"{path}: case {case.name!r}, {field}: {exc}") from None


def _place(loc: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """`case 'name', field` where the case has a name."""
    if len(loc) > 1 and loc[0] == "case" and isinstance(loc[1], int):
        case = document["case"][loc[1]]
        name = case.get("name") if isinstance(case, dict) else None
        return f"case {name or loc[1] + 1!r}, {'.'.join(map(str, loc[2:]))}"
    return ".".join(map(str, loc))


def _result(case: Case, path: Path, rules: Rules) -> CaseResult:
    try:
        visit, _ = read_visit(visit_of(case, path))
        history = _history(case, path, visit, rules)
    except InvalidEvent as exc:
        expected = case.invalid is not None and case.invalid in str(exc)
        return CaseResult(path, case.name, () if expected else (f"the visit is not valid: {exc}",))
    if case.invalid is not None:
        return CaseResult(path, case.name, (f"expected an invalid visit ({case.invalid}), and it is valid",))
    evaluation = evaluate_fully(visit, rules, history)
    problems = tuple(_problems(case, evaluation))
    proven = tuple(
        finding
        for finding in evaluation.decision.findings
        if any(_is_as_expected(finding, expected) for expected in case.findings)
    )
    return CaseResult(path, case.name, problems, proven)


def _history(case: Case, path: Path, visit: VisitCompleted, rules: Rules) -> History:
    """What the earlier visits of a case mean for its visit."""
    if not case.earlier:
        return NO_HISTORY
    claims = ClaimHistory(rules.claims.kx_threshold_on)
    treatment = CaseHistory(lambda day: rules.documentation.on(day).terms)
    replaced: dict[str, Any] = {}
    for number, row in enumerate(case.earlier, 1):
        changes = {"visit_id": f"earlier-{number}", **row.set}
        earlier, _ = read_visit(_changed_base(case, path, changes, row.remove))
        decision = evaluate_fully(earlier, rules, History(treatment.before(earlier), claims.of(earlier))).decision
        claims.record_pending(decision)
        treatment.apply(earlier)
        if earlier.visit_id == visit.visit_id:
            replaced = {"earlier": decision, "supersedes_revision": decision.revision}
    return History(treatment.before(visit), replace(claims.of(visit), **replaced))


def _problems(case: Case, evaluation: Evaluation) -> Iterator[str]:
    decision = evaluation.decision
    if case.outcome not in (None, decision.outcome):
        blocking = [finding.id for finding in decision.findings if finding.severity is Severity.BLOCK]
        yield f"expected {case.outcome}, found {decision.outcome} ({', '.join(blocking) or 'nothing blocks'})"
    yield from _lists("lines", case.lines, map(_line_text, decision.lines))
    yield from _lists("charges", case.charges, (_dollars(line.charge) for line in decision.lines))
    expected_amounts = (_dollars(line.expected_amount) for line in decision.lines)
    yield from _lists("expected_amounts", case.expected_amounts, expected_amounts)
    yield from _lists("diagnoses", case.diagnoses, decision.claim.diagnoses)
    yield from _lists("unbilled", case.unbilled, (f"{row.intervention_id} {row.code}" for row in decision.unbilled))
    yield from _finding_problems(case, decision)
    yield from _passed_problems(case, evaluation)


def _dollars(amount: Decimal | None) -> str:
    return "unknown" if amount is None else str(amount)


def _lists(what: str, expected: tuple[str, ...] | None, found: Iterable[str]) -> Iterator[str]:
    found = tuple(found)
    if expected is not None and expected != found:
        yield f"{what}: expected {', '.join(expected) or 'none'}; found {', '.join(found) or 'none'}"


def _line_text(line: Line) -> str:
    return " ".join((f"{line.code} x{line.units}", *line.modifiers))


def _finding_problems(case: Case, decision: Decision) -> Iterator[str]:
    for expected in case.findings:
        same_id = [finding for finding in decision.findings if finding.id == expected.id]
        if not any(_is_as_expected(finding, expected) for finding in same_id):
            wanted = _wanted(expected)
            yield f"expected {wanted}; found {[_fields(finding, wanted) for finding in same_id] or 'none of this id'}"
    for name in case.absent:
        found = [finding.message for finding in decision.findings if finding.id == name]
        if found:
            yield f"expected no {name}; found {found[0]!r}"


def _passed_problems(case: Case, evaluation: Evaluation) -> Iterator[str]:
    passed = {*evaluation.coded.passed, *evaluation.units.passed, *evaluation.documentation.passed}
    for name in case.passed:
        if name not in passed:
            yield f"expected {name} to be checked and met; it failed, is unknown, or was not checked"


def _is_as_expected(finding: Finding, expected: ExpectedFinding) -> bool:
    wanted = _wanted(expected)
    return _fields(finding, wanted) == wanted


def _wanted(expected: ExpectedFinding) -> dict[str, Any]:
    return expected.model_dump(mode="json", exclude_none=True)


def _fields(finding: Finding, wanted: dict[str, Any]) -> dict[str, Any]:
    found = finding.model_dump(mode="json")
    return {name: found[name] for name in wanted}
