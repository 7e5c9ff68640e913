"""What the documents tell a reader to run exists, and the locks name no place to download from."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<language>\w*)[^\n]*\n(?P<body>.*?)^ *(?P=mark)`*~* *$",
    re.MULTILINE | re.DOTALL,
)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SEPARATORS = {"|", "||", "&&", ";", "&", "(", ")"}


def shell_blocks(document: str) -> list[str]:
    return [
        found["body"] for found in _FENCE.finditer(document) if found["language"] in ("sh", "bash", "console", "shell")
    ]


def code_spans(document: str) -> list[str]:
    return [found[1] for found in _SPAN.finditer(_FENCE.sub("", document))]


def commands(script: str) -> Iterator[list[str]]:
    """Words of each simple command, without assignments before it and without redirections."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # an apostrophe in prose
            words = line.split()
        command: list[str] = []
        for word in [*words, ";"]:
            if word in _SEPARATORS:
                yield from [command] if command else []
                command = []
            elif command or not re.match(r"[A-Z_][A-Z0-9_]*=", word):
                command.append(word)


def wrong_commands(script: str, name: str, tool: click.Command) -> list[str]:
    """Uses of the tool, in a script, with a command or an option that it does not have."""
    return [
        shlex.join(words)
        for words in commands(script)
        if words[0].rpartition("/")[2] == name and not _is_known(tool, words[1:])
    ]


def _is_known(tool: click.Command, words: list[str]) -> bool:
    known, rest = _resolve(tool, words)
    if isinstance(known, click.Group) and not (rest and rest[0].startswith("-")):
        return False
    options = {option for parameter in known.get_params(click.Context(known)) for option in parameter.opts}
    given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    return given <= options | {"-h", "--help"}


def _resolve(tool: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    while isinstance(tool, click.Group) and words:
        command = tool.get_command(click.Context(tool), words[0])
        if command is None:
            break
        tool, words = command, words[1:]
    return tool, words


def make_targets(document: str) -> set[str]:
    """Targets that a document says to make, in blocks and in spans of code."""
    scripts = [*shell_blocks(document), *code_spans(document)]
    return {
        word
        for script in scripts
        for name, *words in commands(script)
        if name == "make"
        for word in words
        if "=" not in word and re.match(r"[a-z]", word)
    }


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):(?!=)", makefile, re.MULTILINE))


_PLACES = {
    "an address": r"\w+://",
    "an option that names a place": r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b",
    "a direct reference": r"^\s*[\w.-]+(\[.*?\])?\s+@\s",
}


def places_named(lock: str) -> list[str]:
    return [
        f"line {number} names {what}"
        for number, line in enumerate(lock.splitlines(), 1)
        for what, pattern in _PLACES.items()
        if re.search(pattern, line)
    ]


@pytest.fixture
def readme() -> str:
    return (ROOT / "README.md").read_text()


def test_every_command_of_the_readme_exists(readme: str) -> None:
    from claimbus_cli.main import main

    assert [wrong for block in shell_blocks(readme) for wrong in wrong_commands(block, "claimbus", main)] == []


def test_every_make_target_of_the_readme_and_the_guide_exists(readme: str) -> None:
    guides = [path.read_text() for path in ROOT.glob("CONTRIBUTING*.md")]
    named = set().union(*map(make_targets, [readme, *guides]))
    assert named - targets((ROOT / "Makefile").read_text()) == set()


def glossary() -> list[tuple[str, str, str]]:
    """Term, meaning and places of each row."""
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [(term, meaning, places) for term, meaning, places in rows[2:]]


def test_the_glossary_is_in_order() -> None:
    terms = [term for term, *_ in glossary()]
    assert terms == sorted(terms)
    assert len(set(terms)) == len(terms) > 30


def test_each_place_that_the_glossary_names_exists() -> None:
    paths = {
        path for _, _, places in glossary() for path in re.findall(r"`((?:engine|services|shared)/[^`]+)`", places)
    }
    assert [path for path in sorted(paths) if not list(ROOT.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_names_no_place_to_download_from(path: Path) -> None:
    assert places_named(path.read_text()) == []


# What the checks above would say of a document that is wrong.


@click.group("tool")
def _tool() -> None: ...


@_tool.command("run")
@click.option("--fast", is_flag=True)
def _run(fast: bool) -> None: ...


@_tool.group("dead")
def _dead() -> None: ...


@_dead.command("list")
def _list() -> None: ...


@pytest.mark.parametrize(
    "line",
    [
        "tool walk",
        "tool dead shout 3",
        "cat x | tool walk -",
        "$ tool walk",
        "A=b tool run && tool walk",
        "tool run --slow",
        "tool walk --help",
        "tool dead",
        "tool",
    ],
)
def test_a_command_that_does_not_exist_is_named(line: str) -> None:
    assert len(wrong_commands(line, "tool", _tool)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "tool run x.json > walk",
        "tool dead list  # tool walk",
        ".venv/bin/tool run --fast",
        "tool --help",
        "toolbox walk",
        "tool run -",
    ],
)
def test_a_command_that_exists_is_let_pass(line: str) -> None:
    assert wrong_commands(line, "tool", _tool) == []


def test_shell_blocks_are_read_and_others_are_not() -> None:
    assert shell_blocks("a\n```sh\nmake x\n```\n```json\n{}\n```\n") == ["make x\n"]


def test_make_targets_are_found_in_blocks_and_in_spans_and_not_in_prose() -> None:
    document = "We make sure. Run `make one ARGS=--x` or\n```sh\nmake PYTHON=python3.12 two three  # all\n```\n"
    assert make_targets(document) == {"one", "two", "three"}


def test_targets_are_not_variables() -> None:
    assert targets("VENV ?= x\nname:=y\ndemo: a ## text\nbench-json:\n\techo hi: there\n") == {"demo", "bench-json"}


@pytest.mark.parametrize(
    "line",
    [
        "--index-url x",
        "a @ file.whl",
        "# https://somewhere.example/simple",
        "--extra-index-url=x",
    ],
)
def test_a_lock_that_names_a_place_is_found_out(line: str) -> None:
    assert places_named(f"a==1 \\\n    --hash=sha256:00\n{line}\n")


def test_a_clean_lock_is_let_pass() -> None:
    assert places_named("a==1 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n") == []
