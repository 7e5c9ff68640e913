"""`claimbus code`: a phrase in, what coding makes of it out."""

import json

import pytest
from claimbus_cli.main import main
from claimbus_cli.views.terminal import out
from click.testing import CliRunner, Result


def code(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["code", *arguments], input=stdin)


def test_a_phrase_gets_its_code_with_the_words_behind_it() -> None:
    shown = code("STM to R UT,", "declined hot pack")
    assert shown.exit_code == 0
    assert "97140" in shown.output
    for text, rule in (("STM", "manual.technique"), ("declined", "delivery.not-performed")):
        assert any(text in line and rule in line for line in shown.output.splitlines())


def test_a_doubt_is_asked_about_with_the_other_codes() -> None:
    shown = code("Massage")
    assert "not sure: asks" in shown.output
    assert "or        97140" in shown.output
    assert "ask       Which technique" in shown.output


def test_the_clinicians_code_is_agreed_or_disagreed_with() -> None:
    assert "agrees with 97140" in code("Joint mobilization", "--code", "97140").output
    shown = code("Squats", "--narrative", "to pick up boxes from the floor", "--code", "97110").output
    assert "disagrees with 97110" in shown
    assert "coding.disagreement" in shown


def test_contact_program_region_and_day_bear_on_the_code() -> None:
    assert "G0283" in code("E-stim", "--contact", "unattended", "--program", "medicare_part_b").output
    assert "90912" in code("Biofeedback", "--region", "pelvic floor").output
    assert "98985" in code("RTM MSK 2 to 15 days", "--on", "2026-02-01").output
    assert "98985" not in code("RTM MSK 2 to 15 days", "--on", "2025-02-01").output


def test_phrases_from_standard_input_give_one_object_each_in_order() -> None:
    shown = code("-", "--json", stdin="Leg press 3x10\nGait training deferred\n\n")
    first, second, third = map(json.loads, shown.output.splitlines())
    assert (first["text"], first["code"], first["chosen_by"]) == ("Leg press 3x10", "97110", "rules")
    assert first["evidence"][0]["text"] == "Leg press"
    assert "code" not in second
    assert "not performed" in second["question"]
    assert "question" in third


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "nothing to read"),
        (("  ",), "nothing to read"),
        (("x" * 20_001,), "at most 20000"),
        (("Leg press", "--on", "tomorrow"), "not a date as 2026-11-18"),
        (("Leg press", "--program", "medicare"), "medicare_part_b"),
        (("Leg press", "--narrative", "x" * 20_001), "narrative: String should have at most 20000"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_mend(arguments: tuple[str, ...], complaint: str) -> None:
    shown = code(*arguments)
    assert shown.exit_code != 0
    assert complaint in shown.output
    assert "Traceback" not in shown.output


def test_help_shows_the_examples_one_a_line() -> None:
    lines = [line.strip() for line in code("--help").output.splitlines()]
    assert 'claimbus code "TherEx w/ TB"' in lines
    assert "cat phrases.txt | claimbus code - --json" in lines


def test_bytes_that_are_no_utf8_are_replaced_and_the_rest_is_read() -> None:
    shown = CliRunner().invoke(main, ["code", "-", "--json"], input=b"Leg press caf\xe9\n")
    assert shown.exit_code == 0
    assert json.loads(shown.output)["code"] == "97110"
    assert code("Leg press \udce9", "--narrative", "3x10 \udcff").exit_code == 0


def test_a_narrow_terminal_cuts_no_word_of_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "width", 30)
    shown = code("Gr III mobs, declined hot pack").output
    for text in ("mobs", "declined", "manual.technique", "delivery.not-performed"):
        assert text in shown
    assert "\u2026" not in shown


def test_control_characters_do_not_reach_the_terminal() -> None:
    shown = code("\x1b[31mLeg press\x07 [bold]3x10[/bold]\x00")
    assert shown.exit_code == 0
    assert not {"\x1b", "\x07", "\x00"} & set(shown.output)
    assert "[bold]3x10[/bold]" in shown.output
    assert "97110" in shown.output
