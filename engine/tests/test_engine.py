"""The engine: a decision without a transport, the same as the services', by whichever rules it is given."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from claimbus.rules import RuleError
from claimbus.testing.visits import example_bodies, visit
from claimbus_engine import Rules, evaluate, evaluate_fully, read_visit

TRANSPORT = ("faststream", "nats", "opentelemetry", "click", "rich")
RULES = Rules.load()


def modules_after(statement: str) -> set[str]:
    """Packages that a fresh interpreter has imported after a statement."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "from claimbus_engine import Rules, evaluate; from claimbus.testing.visits import visit;"
        " evaluate(visit(), Rules.load())",
        "import claimbus_engine.cases",
        "import coding.rule_book, coding.domain.suggest",
        "import units.rule_book, units.domain.compute",
        "import documentation_check.rule_book, documentation_check.domain.check",
        "import claims.rule_book, claims.domain.assemble",
        "import claimbus_documents",
    ],
)
def test_neither_the_engine_nor_a_domain_imports_a_transport_or_a_terminal(statement: str) -> None:
    assert modules_after(statement).isdisjoint(TRANSPORT)


def test_the_check_above_sees_a_transport() -> None:
    assert {"faststream", "nats"} <= modules_after("import units.handlers")


def test_importing_a_domain_or_a_rule_book_reads_no_table() -> None:
    code = (
        "import builtins, io, sys\nopened = []\nreal = io.open\n"
        "def spy(file, *args, **kwargs):\n    opened.append(str(file))\n    return real(file, *args, **kwargs)\n"
        "io.open = builtins.open = spy\nimport claimbus_engine\n"
        "print(*[name for name in opened if name.endswith(('.toml', '.csv'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", ["01-medicare-plain", "18-distinct-service", "28-assistant-unsupervised-2024"])
def test_the_same_visit_gives_the_same_decision(name: str) -> None:
    about, basis = read_visit(example_bodies()[name])
    first, second = (evaluate_fully(about, RULES, basis=basis).decision for _ in range(2))
    assert first.model_dump(exclude={"decided_at"}) == second.model_dump(exclude={"decided_at"})
    assert first.basis == basis
    assert first.rule_set == RULES.rule_set


def test_two_rule_books_decide_side_by_side_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[profile]\nname = "medicare_part_b"\nversion = "1"\nprogram = "medicare_part_b"\nsource = "a trial"\n'
        '[[units]]\nunit_rule = "ama-midpoint"\n'
    )
    about, other_rules = visit(), Rules.load(tmp_path)
    rules = [evaluate(about, book).units.rule for book in (RULES, other_rules, RULES)]
    assert rules == ["cms-8-minute", "ama-midpoint", "cms-8-minute"]
    assert other_rules.rule_set.sha256 != RULES.rule_set.sha256


def test_rules_of_one_day_hold_for_visits_of_any() -> None:
    pinned = RULES.as_of(date(2018, 1, 1))
    assert pinned.on(date(2026, 11, 18)) == RULES.on(date(2018, 1, 1))
    assert RULES.on(date(2026, 11, 18)).units.assistant is not None
    assert pinned.on(date(2026, 11, 18)).units.assistant is None, "the assistant modifiers began in 2020"


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("mine.toml", "[profile", "mine.toml"),
        ("mine.toml", '[profile]\nname = "x"\nversion = "1"\nprogram = "tricare"\n', "bears its name"),
        ("claims/mue.csv", "code,practitioner\n97110,many\n", "row 1: practitioner"),
        ("claims/muu.csv", "code\n", "muu.csv: no table has this file name"),
        ("units/findings.toml", '[table]\nname = "x"\nversion = "1"\nsource = "s"\n', "no row for"),
    ],
)
def test_rules_that_must_not_be_used_are_named_by_file_and_row(
    tmp_path: Path, file: str, text: str, problem: str
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    with pytest.raises(RuleError) as refused:
        Rules.load(tmp_path)
    assert problem in str(refused.value)
