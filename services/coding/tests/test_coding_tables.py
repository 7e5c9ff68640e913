"""The tables themselves: whole, free of conflict on every day, and complete for the codes of therapy."""

import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from claimbus.rules import RuleError, days_of_change
from coding.domain.inflection import stem, surfaces
from coding.domain.lexicon import DeliveryRow, GrammarRow, Lexicon, LexiconRow, check_terms
from coding.domain.tables import KINDS
from coding.rule_book import CodingRuleBook

RULES = CodingRuleBook.load()
EVERY_ROW = [row for table in RULES.tables for row in table.rows]

THERAPY_CODES = {
    "97010",
    "97012",
    "97014",
    "97016",
    "97018",
    "97022",
    "97024",
    "97026",
    "97028",
    "97032",
    "97033",
    "97034",
    "97035",
    "97036",
    "97037",
    "97039",
    "97139",
    "97799",
    "97110",
    "97112",
    "97113",
    "97116",
    "97124",
    "97129",
    "97130",
    "97140",
    "97150",
    "97530",
    "97533",
    "97535",
    "97537",
    "97542",
    "97545",
    "97546",
    "97550",
    "97551",
    "97552",
    "97597",
    "97598",
    "97602",
    "97605",
    "97606",
    "97607",
    "97608",
    "97610",
    "97750",
    "97755",
    "97760",
    "97761",
    "97763",
    "95992",
    "95851",
    "95852",
    "20560",
    "20561",
    "90912",
    "90913",
    "96125",
    "98975",
    "98976",
    "98977",
    "98978",
    "98980",
    "98981",
    "98979",
    "98984",
    "98985",
    "98986",
    "G0281",
    "G0282",
    "G0329",
    "G0237",
    "G0238",
    "G0239",
}


def term(row_id: str, *terms: str, code: str = "97110", **facts: object) -> LexiconRow:
    return LexiconRow.model_validate({"id": row_id, "kind": "activity", "codes": {code: 1}, "terms": terms, **facts})


def test_the_lexicon_has_words_for_every_code_of_therapy() -> None:
    spoken = {code for row in RULES.terms.rows for code in row.codes} - set(KINDS)
    assert spoken == THERAPY_CODES


@pytest.mark.parametrize("day", days_of_change(EVERY_ROW))
def test_the_rules_of_every_period_are_free_of_conflict(day: date) -> None:
    assert RULES.on(day).lexicon is not None


def test_days_between_two_changes_share_one_lexicon() -> None:
    assert RULES.on(date(2024, 3, 1)).lexicon is RULES.on(date(2024, 9, 1)).lexicon


def test_no_pattern_finds_anything_where_that_which_it_needs_is_missing() -> None:
    words = " ".join(term for row in (*RULES.terms.rows, *RULES.delivery.rows) for term in row.terms)
    spoken = words + " x min minutes sets reps lb kg deg degrees / "
    missing = {"figure": re.sub(r"[\d°]", " ", spoken) + ": =", "colon": re.sub(r"[:=]", " ", spoken) + "1 2"}
    patterns = [(row.pattern, getattr(row, "needs", "figure")) for row in (*RULES.terms.rows, *RULES.delivery.rows)]
    known = [(pattern, needs) for pattern, needs in patterns if pattern is not None]
    assert len(known) >= 3
    for pattern, needs in known:
        assert re.search(pattern, missing[needs]) is None, pattern


def test_a_confidence_rises_with_the_share_of_all_weight() -> None:
    (row,) = RULES.confidence.rows
    confidences = [row.of(share / 100) for share in range(101)]
    assert confidences == sorted(confidences)
    assert (confidences[0], confidences[-1]) == (0.0, row.calibration[-1][1])
    assert row.suggest_from < row.sure_from < row.clear_from < confidences[-1] < 1


def test_what_a_term_means_in_a_context_is_given_by_some_term() -> None:
    given = {row.gives for row in (*RULES.terms.rows, *RULES.muscles.rows)}
    for row in RULES.terms.rows:
        assert set(row.within) <= given, row.id


def test_every_state_of_the_words_has_its_question() -> None:
    states = {(row.state,) for row in RULES.delivery.rows} - {("delivered",)}
    assert states <= {row.about for row in RULES.questions.rows}


def test_two_codes_of_one_row_have_a_question_that_tells_them_apart() -> None:
    pairs = {tuple(sorted(row.about)) for row in RULES.questions.rows}
    for row in RULES.terms.rows:
        first, *rivals = sorted(row.codes, key=lambda code: -row.codes[code])[:2] or [""]
        for rival in rivals:
            if row.codes[rival] >= row.codes[first] / 2:
                assert tuple(sorted((first, rival))) in pairs, row.id


def test_one_term_in_two_rows_is_refused() -> None:
    with pytest.raises(RuleError, match=r"muscles\.toml: b: the term 'leg presses' stands in a too; keep it in one"):
        check_terms({"lexicon.toml": [term("a", "leg press")], "muscles.toml": [term("b", "leg presses")]})


def test_one_term_in_two_rows_of_different_days_is_allowed() -> None:
    until = term("a", "leg press", effective_through=date(2023, 12, 31))
    after = term("b", "leg press", effective_from=date(2024, 1, 1))
    check_terms({"lexicon.toml": [until, after]})


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "lexicon.toml",
            "effective_through = 2023-12-31",
            "",
            "lexicon.toml: modality.laser.*'laser' stands in modality",
        ),
        (
            "delivery.toml",
            'terms = ["no", ',
            'terms = ["slr", "no", ',
            "delivery.toml: none: .*'slr' stands in exercise.slr",
        ),
        (
            "muscles.toml",
            '["rhomboid"]',
            '["97110"]\nform = "exact"',
            "muscle.rhomboid: the term '97110' stands in code.97110",
        ),
        ("confidence.toml", "[[row]]", "[[row]]\neffective_from = 2020-01-01", "no row is in force on 0001-01-01"),
        ("confidence.toml", "[[row]]", "[[row]]\neffective_through = 2020-01-01", "no row is in force on 2020-01-02"),
        ("findings.toml", 'id = "coding.no-code"', 'id = "coding.no-codes"', "coding.no-codes is no finding"),
        ("lexicon.toml", "pattern = '", "pattern = '(", "lexicon.toml: row .*: pattern"),
    ],
)
def test_a_wrong_table_is_refused_when_it_is_loaded(
    tmp_path: Path, file: str, old: str, new: str, problem: str
) -> None:
    source = files("coding").joinpath("rules", file).read_text()
    assert old in source
    (tmp_path / "coding").mkdir()
    (tmp_path / "coding" / file).write_text(source.replace(old, new, 1))
    with pytest.raises(RuleError, match=problem):
        CodingRuleBook.load(overlay=tmp_path)


def test_the_longest_term_at_a_place_wins() -> None:
    reading = Lexicon([term("a", "leg"), term("b", "leg press machine")], [], []).read("narrative", "leg press")
    assert [mention.row.id for mention in reading.mentions] == ["a"]
    reading = Lexicon([term("a", "leg"), term("b", "leg press")], [], []).read("narrative", "leg press")
    assert [mention.row.id for mention in reading.mentions] == ["b"]


def test_a_filler_is_passed_over_inside_a_term_and_not_at_its_ends() -> None:
    lexicon = Lexicon([term("a", "manual traction")], [], [GrammarRow(role="filler", words=("left",))])
    (mention,) = lexicon.read("narrative", "left manual left traction left").mentions
    assert (mention.start, mention.end) == (5, 25)


def test_a_cue_beside_other_words_is_read_before_and_behind_each_of_them() -> None:
    cue = DeliveryRow(id="home", state="home", keep=0, terms=("reviewed",), beside=("hep", "home program"))
    lexicon = Lexicon([], [cue], [])
    assert lexicon.read("narrative", "Reviewed home program").cues
    assert lexicon.read("narrative", "HEP reviewed").cues
    assert not lexicon.read("narrative", "Reviewed").cues


def test_a_label_counts_before_a_colon_and_a_value_behind_it() -> None:
    row = DeliveryRow(id="found", state="finding", keep=0, labels=("joint mobility",), values=("poor",))
    lexicon = Lexicon([], [row], [GrammarRow(role="maker", words=("training",))])
    assert [(cue.first, cue.last) for cue in lexicon.read("narrative", "Joint mobility: L4 Balance = poor").cues] == [
        (0, 2),
        (4, 5),
    ]
    assert not lexicon.read("narrative", "joint mobility poor, training: poor").cues


def test_a_cue_is_read_as_written() -> None:
    cue = DeliveryRow(id="no", state="planned", keep=0, terms=("plans",))
    lexicon = Lexicon([], [cue], [])
    assert lexicon.read("narrative", "Plans").cues
    assert not lexicon.read("narrative", "plan planned").cues


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("squats", "squatting"),
        ("exercise", "exercising"),
        ("activities", "activity"),
        ("bridges", "bridging"),
        ("carried", "carry"),
        ("stretches", "stretched"),
        ("presses", "press"),
        ("stepping", "steps"),
        ("mobilize", "mobilizing"),
        ("bike", "biking"),
        ("tape", "taped"),
        ("canes", "cane"),
        ("row", "rowing"),
        ("hop", "hopping"),
    ],
)
def test_forms_of_a_word_share_their_stem(word: str, form: str) -> None:
    assert stem(word) == stem(form)
    assert {word, form} <= set(surfaces(stem(word)))


@pytest.mark.parametrize(("word", "longer"), [("can", "cane"), ("don", "done"), ("sor", "sore"), ("car", "care")])
def test_words_that_a_silent_e_tells_apart_have_stems_of_their_own(word: str, longer: str) -> None:
    assert stem(word) != stem(longer)


@pytest.mark.parametrize("word", ["us", "slr", "sling", "sled", "press", "pelvis", "3x10", "bosu"])
def test_what_is_no_ending_stays(word: str) -> None:
    assert stem(word) == word


def test_every_row_cites_a_source() -> None:
    assert all(row.source for row in EVERY_ROW)
