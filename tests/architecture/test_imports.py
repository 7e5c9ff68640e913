"""The architecture as rules over the source text. Each rule is also shown a violation, and must see it.

A line may excuse itself with a comment: `# architecture: allow <rule> because <why>`.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest
from claimbus.services import SERVICES
from workspace import ROOT, member_folders


class Source(NamedTuple):
    """A file by its path below the repository's root."""

    path: str
    text: str


class Complaint(NamedTuple):
    path: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}"


Rule = Callable[[list[Source]], Iterator[Complaint]]


# Reading sources.


@cache
def tree_of(source: Source) -> ast.Module:
    return ast.parse(source.text, source.path)


def service_of(path: str) -> str | None:
    """The import package of the service whose source this is."""
    parts = PurePosixPath(path).parts
    return parts[3] if len(parts) > 4 and parts[0] == "services" and parts[2] == "src" else None


def module_of(path: str) -> str:
    below = path.partition("/src/")[2].removesuffix(".py").removesuffix("/__init__")
    return below.replace("/", ".")


def is_domain(path: str) -> bool:
    return service_of(path) is not None and PurePosixPath(path).parts[4] == "domain"


def python(sources: list[Source]) -> Iterator[Source]:
    return (source for source in sources if source.path.endswith(".py"))


def imports_of(source: Source) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported, wherever in the file; names after `from` included."""
    package = (
        module_of(source.path) if source.path.endswith("__init__.py") else module_of(source.path).rpartition(".")[0]
    )
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((alias.lineno, f"{base}.{alias.name}") for alias in node.names)


def is_within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def calls_of(source: Source) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


# The rules.

PURE = ("claimbus.events", "claimbus.values", "claimbus.identifiers", "claimbus.rules")
INFRASTRUCTURE = ("faststream", "nats", "opentelemetry")


def domain_imports(sources: list[Source]) -> Iterator[Complaint]:
    """A domain knows the standard library, the contract, and itself."""
    for source in filter(lambda source: is_domain(source.path), python(sources)):
        domain = f"{service_of(source.path)}.domain"
        for line, name in imports_of(source):
            if name.partition(".")[0] not in sys.stdlib_module_names and not is_within(name, *PURE, domain):
                yield Complaint(source.path, line, f"a domain may not import {name}")


def no_other_service(sources: list[Source]) -> Iterator[Complaint]:
    """Services meet on the bus only."""
    services = {service for source in sources if (service := service_of(source.path))}
    for source in python(sources):
        service = service_of(source.path)
        for line, name in imports_of(source) if service else ():
            if name.partition(".")[0] in services - {service}:
                yield Complaint(source.path, line, f"service {service} may not import {name}")


DOCUMENTS = "claimbus_documents"


def documents_apart(sources: list[Source]) -> Iterator[Complaint]:
    """Documents depend on the contract alone, and no service's image carries what writes them."""
    services = {service for source in sources if (service := service_of(source.path))}
    for source in python(sources):
        is_document = is_within(module_of(source.path), DOCUMENTS)
        for line, name in imports_of(source):
            top = name.partition(".")[0]
            ours = top in services or top.startswith("claimbus")
            if is_document and (ours or is_within(name, *INFRASTRUCTURE)) and not is_within(name, *PURE, DOCUMENTS):
                yield Complaint(source.path, line, f"documents import the contract alone, and not {name}")
            if service_of(source.path) and is_within(name, DOCUMENTS):
                yield Complaint(source.path, line, f"a service may not import {name}; the command renders")


def faststream_in_handlers(sources: list[Source]) -> Iterator[Complaint]:
    """The framework is known to handlers.py; __main__.py runs the service and does nothing else."""
    for source in python(sources):
        service, file = service_of(source.path), PurePosixPath(source.path).name
        for line, name in imports_of(source) if service else ():
            if file != "handlers.py" and is_within(name, "faststream"):
                yield Complaint(source.path, line, "only handlers.py may import faststream")
            if file == "__main__.py" and not is_within(name, "claimbus.service"):
                yield Complaint(source.path, line, f"__main__.py imports claimbus.service alone, not {name}")


def no_transport_in_services(sources: list[Source]) -> Iterator[Complaint]:
    """NATS and OpenTelemetry are the business of claimbus.messaging and claimbus.telemetry."""
    for source in python(sources):
        for line, name in imports_of(source) if service_of(source.path) else ():
            if is_within(name, "nats", "opentelemetry"):
                yield Complaint(source.path, line, f"a service may not import {name}")


def pure_contract(sources: list[Source]) -> Iterator[Complaint]:
    """The contract is what a domain may import, so it must not bring the transport in by the back door."""
    for source in python(sources):
        if not is_within(module_of(source.path), *PURE):
            continue
        for line, name in imports_of(source):
            ours = is_within(name, "claimbus") and not is_within(name, *PURE)
            if ours or is_within(name, *INFRASTRUCTURE):
                yield Complaint(source.path, line, f"the contract may not import {name}")


SUBJECTS = "shared/src/claimbus/events/subjects.py"
_SUBJECT = re.compile(r"(visits|claims|dead)\.")


def subjects_in_one_place(sources: list[Source]) -> Iterator[Complaint]:
    """Only events/subjects.py spells a subject."""
    for source in python(sources):
        if source.path == SUBJECTS or "/src/" not in source.path:
            continue
        tree = tree_of(source)
        passed_over = _texts_alone(tree) | _later_parts(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in passed_over:
                continue
            text = node.value.decode(errors="replace") if isinstance(node.value, bytes) else node.value
            if isinstance(text, str) and _SUBJECT.match(text):
                yield Complaint(
                    source.path, node.lineno, f"{text!r} spells a subject; claimbus.events.subjects does that"
                )


def _texts_alone(tree: ast.Module) -> set[int]:
    """Docstrings: strings that stand as a statement."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _later_parts(tree: ast.Module) -> set[int]:
    """Parts of f-strings that do not begin them."""
    return {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values[1:]}


_IMPURE_MODULES = (
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "time",
)
_IMPURE_CALL = re.compile(
    r"^((datetime\.)?datetime\.(now|utcnow|today)|(datetime\.)?date\.today|time\.\w+|random\.\w+|open|print|input|uuid\.uuid[14])$"
)
_MONEY = re.compile(r"(?<!dis)charge|price|dollar|money|(\b|_)(amount|fees?|paid|usd)(\b|_)", re.IGNORECASE)


def pure_domain(sources: list[Source]) -> Iterator[Complaint]:
    """A domain has no clock, no chance and no I/O, and its money is no binary float."""
    for source in filter(lambda source: is_domain(source.path), python(sources)):
        domain = f"{service_of(source.path)}.domain"
        yield from (
            Complaint(source.path, line, f"a domain may not use {name}")
            for line, name in imports_of(source)
            if is_within(name, *_IMPURE_MODULES)
        )
        # `from own.domain import treatment_time as time` is no clock.
        shadows = {
            alias.asname
            for node in ast.walk(tree_of(source))
            if isinstance(node, ast.ImportFrom) and is_within(node.module or "", domain)
            for alias in node.names
        }
        yield from (
            Complaint(source.path, call.lineno, f"a domain may not call {name}")
            for call, name in calls_of(source)
            if _IMPURE_CALL.match(name) and name.partition(".")[0] not in shadows
        )
        yield from (
            Complaint(source.path, node.lineno, "money is a Decimal, never a float")
            for node in ast.walk(tree_of(source))
            if isinstance(node, ast.expr | ast.stmt | ast.arg) and _is_float_money(node)
        )


def _is_float_money(node: ast.AST) -> bool:
    match node:
        case ast.AnnAssign(target=target, annotation=annotation):
            return _names_money(target) and _names_float(annotation)
        case ast.arg(arg=name, annotation=ast.expr() as annotation):
            return bool(_MONEY.search(name)) and _names_float(annotation)
        case ast.FunctionDef(name=name, returns=ast.expr() as annotation):
            return bool(_MONEY.search(name)) and _names_float(annotation)
        case ast.Assign(targets=targets, value=value):
            return _is_float(value) and any(map(_names_money, targets))
        case ast.BinOp(left=left, right=right):
            return (_is_float(left) and _names_money(right)) or (_is_float(right) and _names_money(left))
        case ast.Call(func=ast.Name(id="Decimal"), args=[argument]):
            return _is_float(argument)
        case ast.Call(func=ast.Name(id="float"), args=[argument]):
            return _names_money(argument)
    return False


def _names_money(node: ast.expr) -> bool:
    return bool(_MONEY.search(ast.unparse(node)))


def _names_float(annotation: ast.expr) -> bool:
    return bool(re.search(r"\bfloat\b", ast.unparse(annotation)))


def _is_float(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


_EMPTY_NAMES = {part + plural for part in ("util", "helper", "common", "manager", "base") for plural in ("", "s")}


def named_modules(sources: list[Source]) -> Iterator[Complaint]:
    """A module is named after what it does."""
    for source in python(sources):
        for part in module_of(source.path).split("."):
            if part.strip("_") in _EMPTY_NAMES:
                yield Complaint(source.path, 1, f"a module named {part} says nothing of what it does")


_NO_NOUNS = {"one", "own", "other", "others", "each"}


def variables_are_nouns(sources: list[Source]) -> Iterator[Complaint]:
    """A variable is named after what it holds."""
    for source in python(sources):
        for node in ast.walk(tree_of(source)):
            stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            name = node.id if stored else node.arg if isinstance(node, ast.arg) else ""
            if name in _NO_NOUNS:
                yield Complaint(
                    source.path, node.lineno, f"{name} does not tell what it is; name it after what it holds"
                )


_LONGEST_HANDLER = 14


def short_handlers(sources: list[Source]) -> Iterator[Complaint]:
    """A handler reads, calls the domain, and says the answer."""
    for source in python(sources):
        for node in ast.walk(tree_of(source)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            subscribes = any(".subscriber(" in ast.unparse(decorator) for decorator in node.decorator_list)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if subscribes and lines > _LONGEST_HANDLER:
                yield Complaint(source.path, node.lineno, f"handler {node.name} has {lines} lines; under 15 are enough")


_DISTRIBUTIONS = {
    "google.protobuf": "protobuf",
    "nats": "nats-py",
    "opentelemetry": "opentelemetry-api",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.exporter.otlp.proto.common": "opentelemetry-exporter-otlp-proto-common",
    "pydantic_core": "pydantic",  # pins its core to one version and shows it in its own interface
    "claimbus_cli": "claimbus-cli",
    **{row.module: f"claimbus-{row.name}" for row in SERVICES.values()},
    "claimbus_documents": "claimbus-documents",
}


def declared_dependencies(sources: list[Source]) -> Iterator[Complaint]:
    """A distribution declares every package it imports from outside itself, though another brings it along."""
    for project in (source for source in sources if source.path.endswith("pyproject.toml")):
        described = tomllib.loads(project.text)["project"]
        declared = {re.split(r"[\[<>=!~; ]", need, maxsplit=1)[0] for need in described["dependencies"]}
        folder = project.path.removesuffix("pyproject.toml")
        for source in (file for file in python(sources) if file.path.startswith(f"{folder}src/")):
            for line, name in imports_of(source):
                needed = _distribution_of(name)
                if needed and needed not in declared | {described["name"]}:
                    yield Complaint(source.path, line, f"{project.path} does not declare {needed}, imported as {name}")


def _distribution_of(name: str) -> str | None:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    known = [package for package in _DISTRIBUTIONS if is_within(name, package)]
    return _DISTRIBUTIONS[max(known, key=len)] if known else top.replace("_", "-")


def environment_in_one_place(sources: list[Source]) -> Iterator[Complaint]:
    """Settings come from claimbus.settings; the supervisor hands its environment on to what it starts."""
    for source in python(sources):
        if source.path == "shared/src/claimbus/settings.py":
            continue
        allowed = _allowed_looks(source)
        for node in ast.walk(tree_of(source)):
            if isinstance(node, ast.Attribute) and id(node) not in allowed:
                name = ast.unparse(node)
                if name in ("os.environ", "os.getenv", "os.environb", "os.putenv"):
                    yield Complaint(
                        source.path, node.lineno, f"{name}: only claimbus/settings.py reads the environment"
                    )
        for line, name in imports_of(source):
            if name in ("os.environ", "os.getenv", "os.environb"):
                yield Complaint(source.path, line, f"{name}: only claimbus/settings.py reads the environment")


def _allowed_looks(source: Source) -> set[int]:
    tree = tree_of(source)
    if source.path == "shared/src/claimbus/testing/supervisor.py":
        unpacked = (
            value
            for node in ast.walk(tree)
            if isinstance(node, ast.Dict)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is None
        )
        return {id(value) for value in unpacked}
    return set()


RULES: dict[str, Rule] = {
    rule.__name__.replace("_", "-"): rule
    for rule in (
        domain_imports,
        no_other_service,
        documents_apart,
        faststream_in_handlers,
        no_transport_in_services,
        pure_contract,
        subjects_in_one_place,
        pure_domain,
        named_modules,
        variables_are_nouns,
        short_handlers,
        declared_dependencies,
        environment_in_one_place,
    )
}


# Exemptions.

_EXEMPTION = re.compile(r"# architecture: allow (\S+) because \S")


def exemptions(sources: list[Source]) -> dict[tuple[str, int], str]:
    return {
        (source.path, number): found[1]
        for source in sources
        for number, line in enumerate(source.text.splitlines(), 1)
        if (found := _EXEMPTION.search(line))
    }


def check(rule: str, sources: list[Source]) -> list[str]:
    """What a rule says of the sources, without what excuses itself."""
    excused = exemptions(sources)
    complaints = sorted(set(RULES[rule](sources)))
    return [str(complaint) for complaint in complaints if excused.get((complaint.path, complaint.line)) != rule]


# The repository.


def repository() -> list[Source]:
    files = [file for member in member_folders() for file in (member / "src").rglob("*.py")]
    files += [member / "pyproject.toml" for member in member_folders()]
    return [Source(file.relative_to(ROOT).as_posix(), file.read_text()) for file in sorted(files)]


def test_the_sources_of_every_member_are_read() -> None:
    read = {source.path for source in repository()}
    assert {"cli/pyproject.toml", SUBJECTS, "services/claims/src/claims/domain/assemble.py"} <= read


@pytest.mark.parametrize("rule", RULES)
def test_the_repository_keeps_the_rule(rule: str) -> None:
    assert check(rule, repository()) == []


def test_every_exemption_excuses_something() -> None:
    sources = repository()
    complaints = {(name, complaint.path, complaint.line) for name, rule in RULES.items() for complaint in rule(sources)}
    idle = [
        f"{path}:{line}" for (path, line), rule in exemptions(sources).items() if (rule, path, line) not in complaints
    ]
    assert idle == []


# Planted violations: a rule that cannot see one is no rule.

DOMAIN = "services/units/src/units/domain/compute.py"
DOCUMENT = "documents/src/claimbus_documents/x12/x.py"
HANDLERS = "services/units/src/units/handlers.py"
RUN = "services/units/src/units/__main__.py"
UNITS_PROJECT = '[project]\nname = "claimbus-units"\ndependencies = ["claimbus", "faststream[nats]>=0.7.8,<0.8"]\n'
HANDLER = "@router.subscriber(**subscription('units'))\nasync def count(received):\n"

PLANTED = [
    ("domain-imports", DOMAIN, "import faststream", "a domain may not import faststream"),
    ("domain-imports", DOMAIN, "from faststream.nats import NatsRouter", "faststream.nats.NatsRouter"),
    ("domain-imports", DOMAIN, "def f():\n    import nats.js", ":2: a domain may not import nats.js"),
    ("domain-imports", DOMAIN, "from claimbus import messaging", "claimbus.messaging"),
    ("domain-imports", DOMAIN, "from claimbus.telemetry.logs import log", "claimbus.telemetry.logs.log"),
    ("domain-imports", DOMAIN, "from claimbus.rulesets import x", "claimbus.rulesets.x"),
    ("domain-imports", DOMAIN, "from units.rules import RULES", "units.rules.RULES"),
    ("domain-imports", DOMAIN, "from ..rules import RULES", "units.rules.RULES"),
    ("domain-imports", DOMAIN, "from claims.domain.lines.compose import x", "claims.domain.lines.compose.x"),
    (
        "no-other-service",
        "services/units/src/units/rules/__init__.py",
        "import claims.domain",
        "units may not import claims",
    ),
    ("no-other-service", HANDLERS, "from claims.rules import RULES", "may not import claims.rules.RULES"),
    (
        "documents-apart",
        HANDLERS,
        "from claimbus_documents.x12 import y",
        "a service may not import claimbus_documents",
    ),
    ("documents-apart", DOCUMENT, "from claims.rules import RULES", "documents import the contract alone"),
    ("documents-apart", DOCUMENT, "from claimbus.messaging import x", "documents import the contract alone"),
    ("faststream-in-handlers", "services/units/src/units/rules/x.py", "import faststream", "only handlers.py"),
    ("faststream-in-handlers", RUN, "from faststream import FastStream", "only handlers.py"),
    ("faststream-in-handlers", RUN, "import os", "alone, not os"),
    ("faststream-in-handlers", RUN, "from units.domain.compute import f", "not units.domain.compute.f"),
    ("no-transport-in-services", HANDLERS, "from nats.js.api import PubAck", "may not import nats.js.api.PubAck"),
    ("no-transport-in-services", HANDLERS, "import opentelemetry.trace as t", "may not import opentelemetry.trace"),
    ("pure-contract", "shared/src/claimbus/values.py", "import opentelemetry", "may not import opentelemetry"),
    ("pure-contract", "shared/src/claimbus/rules/table.py", "import nats", "the contract may not import nats"),
    ("pure-contract", "shared/src/claimbus/events/x.py", "from faststream import x", "may not import faststream.x"),
    (
        "pure-contract",
        "shared/src/claimbus/events/x.py",
        "from ..messaging import Received",
        "claimbus.messaging.Received",
    ),
    ("subjects-in-one-place", HANDLERS, "s = 'visits.*.*.coded'", "spells a subject"),
    ("subjects-in-one-place", HANDLERS, "s = f'claims.{p}.{v}.ready'", "spells a subject"),
    ("subjects-in-one-place", HANDLERS, "s = b'visits.a.b.coded'", "spells a subject"),
    (
        "subjects-in-one-place",
        "cli/src/claimbus_cli/bus/reading.py",
        "s = f'dead.{c}.invalid'",
        "'dead.' spells a subject",
    ),
    (
        "pure-domain",
        DOMAIN,
        "from datetime import datetime\nx = datetime.now()",
        ":2: a domain may not call datetime.now",
    ),
    ("pure-domain", DOMAIN, "import datetime\nx = datetime.date.today()", "may not call datetime.date.today"),
    ("pure-domain", DOMAIN, "from datetime import date\nx = date.today()", "may not call date.today"),
    ("pure-domain", DOMAIN, "import time\nx = time.time()", "may not call time.time"),
    ("pure-domain", DOMAIN, "from time import time", "may not use time.time"),
    ("pure-domain", DOMAIN, "import random", "may not use random"),
    ("pure-domain", DOMAIN, "text = open('x').read()", "may not call open"),
    ("pure-domain", DOMAIN, "charge = 95.0", "money is a Decimal"),
    ("pure-domain", DOMAIN, "x = float(line.charge)", "money is a Decimal"),
    ("pure-domain", DOMAIN, "x = line.charge * 0.85", "money is a Decimal"),
    ("pure-domain", DOMAIN, "x = Decimal(0.85)", "money is a Decimal"),
    ("pure-domain", DOMAIN, "class R:\n    amount_at_risk: float | None", "money is a Decimal"),
    ("pure-domain", DOMAIN, "def f(price: float): ...", "money is a Decimal"),
    ("pure-domain", DOMAIN, "def charge_of(line) -> float: ...", "money is a Decimal"),
    ("named-modules", "services/units/src/units/domain/utils.py", "", "named utils"),
    ("named-modules", "shared/src/claimbus/common/x.py", "", "named common"),
    ("named-modules", "cli/src/claimbus_cli/manager.py", "", "named manager"),
    ("named-modules", "cli/src/claimbus_cli/_helpers.py", "", "named _helpers"),
    ("named-modules", "services/coding/src/coding/domain/base.py", "", "named base"),
    ("variables-are-nouns", DOMAIN, "x = [one for one in rows]", "one does not tell what it is"),
    ("variables-are-nouns", DOMAIN, "def f(other): ...", "other does not tell what it is"),
    ("short-handlers", HANDLERS, HANDLER + "    x = 1\n" * 14, "handler count has 15 lines"),
    ("declared-dependencies", HANDLERS, "import nats", "services/units/pyproject.toml does not declare nats-py"),
    ("declared-dependencies", HANDLERS, "from pydantic_core import from_json", "does not declare pydantic"),
    ("declared-dependencies", HANDLERS, "from opentelemetry.sdk import trace", "does not declare opentelemetry-sdk"),
    ("declared-dependencies", HANDLERS, "from opentelemetry import trace", "does not declare opentelemetry-api"),
    ("declared-dependencies", HANDLERS, "import claims", "does not declare claimbus-claims"),
    (
        "environment-in-one-place",
        HANDLERS,
        "import os\nx = os.environ['A']",
        ":2: os.environ: only claimbus/settings.py",
    ),
    ("environment-in-one-place", HANDLERS, "import os\nx = os.getenv('A')", "os.getenv"),
    ("environment-in-one-place", HANDLERS, "from os import environ", "os.environ"),
    ("environment-in-one-place", "cli/src/claimbus_cli/main.py", "x = os.environ.get('HOME')", "os.environ"),
    ("environment-in-one-place", "shared/src/claimbus/testing/supervisor.py", "x = os.environ['HOME']", "os.environ"),
]


def planted(path: str, text: str) -> list[Source]:
    return [
        Source("services/units/pyproject.toml", UNITS_PROJECT),
        Source("services/claims/src/claims/__init__.py", ""),
        Source(path, text),
    ]


@pytest.mark.parametrize(("rule", "path", "text", "complaint"), PLANTED)
def test_a_planted_violation_is_named(rule: str, path: str, text: str, complaint: str) -> None:
    complaints = check(rule, planted(path, text))
    assert any(line.startswith(f"{path}:") and complaint in line for line in complaints), complaints


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, *_ in PLANTED} == RULES.keys()


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        ("domain-imports", DOMAIN, "import re\nfrom claimbus.events import Basis\nfrom claimbus import rules"),
        ("domain-imports", DOMAIN, "from units.domain import minutes\nfrom .minutes import count"),
        ("domain-imports", HANDLERS, "import faststream"),
        ("no-other-service", "cli/src/claimbus_cli/evaluate.py", "import claims, units"),
        ("documents-apart", DOCUMENT, "import reportlab\nfrom claimbus.identifiers import x"),
        ("documents-apart", "cli/src/claimbus_cli/commands/render.py", "from claimbus_documents.x import y"),
        ("subjects-in-one-place", SUBJECTS, "ALL = 'visits.*.*.*'"),
        ("subjects-in-one-place", HANDLERS, '"""visits. and claims. and dead. in a docstring"""'),
        ("subjects-in-one-place", HANDLERS, "x = f'{where}visits.'\ny = 'the visits.'\nz = 'claimbus.visit.key'"),
        ("pure-domain", DOMAIN, "from units.domain import treatment_time as time\nx = time.total()"),
        ("pure-domain", DOMAIN, "confidence: float = 0.5\nx = Decimal('0.85')\ny = line.charge * 2"),
        ("pure-domain", HANDLERS, "from datetime import datetime\nx = datetime.now()"),
        ("short-handlers", HANDLERS, HANDLER + "    x = 1\n" * 13),
        (
            "declared-dependencies",
            HANDLERS,
            "import json\nimport faststream\nimport claimbus.events\nimport units.domain",
        ),
        ("environment-in-one-place", "shared/src/claimbus/settings.py", "import os\nx = os.environ"),
        ("environment-in-one-place", "shared/src/claimbus/testing/supervisor.py", "x = {**os.environ, 'A': 'b'}"),
    ],
)
def test_what_is_allowed_is_let_pass(rule: str, path: str, text: str) -> None:
    assert check(rule, planted(path, text)) == []


def test_an_exemption_excuses_its_own_line_from_its_own_rule_with_a_reason() -> None:
    reason = "# architecture: allow domain-imports because the maths is there"
    assert check("domain-imports", planted(DOMAIN, f"import numpy  {reason}")) == []
    assert check("domain-imports", planted(DOMAIN, f"import numpy\nimport re  {reason}"))
    assert check("domain-imports", planted(DOMAIN, f"import numpy  {reason.replace('domain-imports', 'pure-domain')}"))
    assert check("domain-imports", planted(DOMAIN, f"import numpy  {reason.partition(' because')[0]}"))
