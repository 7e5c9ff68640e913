"""The registry of findings: every id that the code can say is in it, and it says nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from claimbus.events import DUE, ClaimDenialRisk, ClaimReady
from claimbus.services import SERVICES
from claimbus.testing.visits import example_bodies
from claimbus.values import Result, Severity
from claimbus_cli.evaluate import evaluate_visit
from claimbus_cli.registry import BY_PAYER, registry
from claims.rules import RULES as CLAIMS

ROOT = Path(__file__).parents[2]
REGISTRY = registry()
_FROM_ROWS = {"requirement", "row", "field"}
"""Names that hold a row of a table where an id is read from one: `row.problem`, `field.id`."""


class _Scope(NamedTuple):
    """Where an expression stands: a function and its module."""

    module: ast.Module
    function: ast.FunctionDef | None


class _Reader:
    """Follows the ids of a service's findings through its source to the texts that they are made of."""

    def __init__(self, service: str) -> None:
        folder = ROOT / "services" / service / "src"
        self.modules = [ast.parse(path.read_text()) for path in sorted(folder.rglob("*.py"))]
        self.scopes = [_Scope(module, function) for module in self.modules for function in _functions(module)]

    def ids(self) -> set[str]:
        found: set[str] = set()
        for call, scope in self.calls("Finding"):
            given = {one.arg: one.value for one in call.keywords}
            found |= set(self.texts(given["id"], scope, ())) if "id" in given else set()
        return found

    def calls(self, name: str) -> Iterator[tuple[ast.Call, _Scope]]:
        for module in self.modules:
            inner = {id(node): one for one in _functions(module) for node in ast.walk(one)}  # the innermost wins
            for node in ast.walk(module):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                    yield node, _Scope(module, inner.get(id(node)))

    def texts(self, node: ast.expr, scope: _Scope, way: tuple[object, ...]) -> Iterator[str]:
        """Every text that an expression may be; fails where that cannot be told, so that no id slips through."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.IfExp):
            yield from self.texts(node.body, scope, way)
            yield from self.texts(node.orelse, scope, way)
        elif isinstance(node, ast.JoinedStr):
            made = [""]
            for part in node.values:
                inside = part.value if isinstance(part, ast.FormattedValue) else part
                made = [f"{head}{tail}" for head in made for tail in self.texts(inside, scope, way)]
            yield from made
        elif isinstance(node, ast.Set | ast.Tuple | ast.List):
            for one in node.elts:
                yield from self.texts(one, scope, way)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sorted":
            yield from self.texts(node.args[0], scope, way)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _FROM_ROWS:
            return  # the table's ids; a test below asks for them
        elif isinstance(node, ast.Name):
            yield from self.named(node.id, scope, way)
        else:
            pytest.fail(f"cannot tell which ids {ast.unparse(node)} may be")

    def named(self, name: str, scope: _Scope, way: tuple[object, ...]) -> Iterator[str]:
        if (name, id(scope.function)) in way:
            return
        way = (*way, (name, id(scope.function)))
        function = scope.function
        if function is not None and name in (names := [one.arg for one in _arguments(function)]):
            for call, caller in self.calls(function.name):
                if caller.module is not scope.module and function.name in map(_name, _functions(caller.module)):
                    continue  # a function of its own that bears the name
                given = {one.arg: one.value for one in call.keywords} | dict(zip(names, call.args, strict=False))
                if name in given:
                    yield from self.texts(given[name], caller, way)
            return
        values = list(_bound_to(name, function)) if function is not None else []
        if values:
            for value in values:
                yield from self.texts(value, scope, way)
            return
        if name == "DUE":
            yield DUE
            return
        constants = [(value, module) for module in self.modules for value in _bound_to(name, module)]
        assert constants, f"nothing says what {name} is"
        for value, module in constants:
            yield from self.texts(value, _Scope(module, None), way)


def _functions(module: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]


def _name(function: ast.FunctionDef) -> str:
    return function.name


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _bound_to(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    """What a name is set to, or goes through, in a scope."""
    for node in scope.body if isinstance(scope, ast.Module) else ast.walk(scope):
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
            value = node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield value
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple | ast.List):
                places = [
                    place for place, one in enumerate(target.elts) if isinstance(one, ast.Name) and one.id == name
                ]
                rows = [row for row in value.elts if isinstance(row, ast.Tuple)]
                yield from (row.elts[place] for place in places for row in rows)


@pytest.fixture(scope="module")
def said() -> dict[str, set[str]]:
    """By service: the ids that its source can say, and those of the rows that it says them from."""
    found = {service: _Reader(service).ids() for service in SERVICES}
    # documentation-check makes a finding from its row alone, as a dictionary of the fields.
    found["documentation-check"] |= {name for name, one in REGISTRY.items() if one.service == "documentation-check"}
    by_name = {table.name: table.rows for table in CLAIMS.tables}
    found["claims"] |= {row.id for row in by_name["claim-required-fields"]}
    found["claims"] |= {row.problem for row in by_name["notice-effects"]}
    # A claim's checks name their rows by id, where they are looked up.
    source = "".join(file.read_text() for file in (ROOT / "services/claims/src/claims/domain").glob("*.py"))
    found["claims"] |= {row.id for row in by_name["claim-checks"] if _is_named(row.id, source)}
    return found


def _is_named(name: str, source: str) -> bool:
    subject, _, problem = name.partition(".")
    subjects = (f'"{subject}', f'"{subject.replace("-", "_")}', f'"{subject.partition("-")[0]}"')
    return f'"{name}"' in source or (f".{problem}" in source and any(one in source for one in subjects))


def test_the_reader_of_the_source_finds_ids_in_every_way_that_they_are_written() -> None:
    found = _Reader("claims").ids() | _Reader("units").ids() | _Reader("coding").ids()
    assert {
        "mue.exceeded",  # as it stands
        "telehealth.medium-missing",  # a part handed to a function
        "ncci.pair-not-allowed",  # a constant that a loop goes through
        "due.authorization-end",  # a constant of the contract, and a part
        "units.minutes-exceed-total",  # the part of a loop
        "units.over-billed-by-ehr",  # a constant of the module
        "modifier.unknown",  # one of two
        "evaluation.code-undecided",  # handed through two functions
    } <= found


@pytest.mark.parametrize("service", SERVICES)
def test_every_id_that_a_service_can_say_is_in_the_registry_as_its_own(service: str, said: dict[str, set[str]]) -> None:
    assert said[service] - {name for name, one in REGISTRY.items() if one.service == service} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_row_of_the_registry_is_dead(service: str, said: dict[str, set[str]]) -> None:
    assert {name for name, one in REGISTRY.items() if one.service == service} - said[service] == set()


def test_an_id_stands_in_one_service_only() -> None:
    tables = [row.id for service in (CLAIMS.findings,) for row in service]
    assert len(tables) == len(set(tables))
    assert len(REGISTRY) == sum(len(ids) for ids in _ids_by_service().values())


def _ids_by_service() -> dict[str, set[str]]:
    return {service: {name for name, one in REGISTRY.items() if one.service == service} for service in SERVICES}


def test_every_row_says_what_it_means_who_mends_it_how_and_by_whose_word() -> None:
    for one in REGISTRY.values():
        assert one.meaning.endswith("."), one.id
        assert one.fixable_by, one.id
        assert one.mending in ("addendum", "document", "correction", "none"), one.id
        assert one.source, one.id
        assert not one.rarc or one.carc, f"{one.id}: a remark goes with a reason"


def _decisions() -> Iterator[ClaimReady | ClaimDenialRisk]:
    return map(evaluate_visit, example_bodies().values())


def test_what_the_examples_find_agrees_with_the_registry() -> None:
    heaviest = list(Severity)
    seen = set()
    for decision in _decisions():
        for one in decision.findings:
            row = REGISTRY[one.id]
            if row.severity != BY_PAYER:
                assert heaviest.index(one.severity) >= heaviest.index(Severity(row.severity)), one.id
            if one.result is Result.PASS:
                continue
            seen.add(one.id)
            assert (one.carc or "") == row.carc, one.id
            assert (one.rarc or "") in row.rarc, one.id
            assert one.fixable_by == row.fixable_by, one.id
            assert one.mending in ({row.mending} if one.result is Result.FAIL else {row.mending, "correction"}), one.id
            assert one.fix, one.id
    assert len(seen) > 25, "the examples show too few findings to prove much"
