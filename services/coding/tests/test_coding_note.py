"""A finding about the note points at its words; what makes one is in cases/note.toml."""

import pytest
from claimbus.events import Basis
from claimbus.testing import visits
from coding.domain.suggest import suggest_codes
from coding.rule_book import CodingRuleBook

RULES = CodingRuleBook.load()


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("objective", "Exercise as listed. Manual therapy not performed today.", "Manual therapy"),
        ("text", "Pt declined joint mobilization.", "joint mobilization"),
        ("assessment", "No manual therapy today, tissue too irritable.", "manual therapy"),
        ("objective", "Therapeutic exercise 15 min. Gait training with SPC 12 min.", "Gait training"),
    ],
)
def test_a_finding_about_the_note_gives_the_place_of_the_words_and_not_the_words(
    field: str, text: str, words: str
) -> None:
    visit = visits.visit(visits.GOOD, {"documentation.note": {field: text}})
    (finding,) = suggest_codes(visit, Basis(event_id="e", sha256="s"), RULES.on(visit.service_date)).findings
    assert finding.field == finding.inputs["field"] == f"documentation.note.{field}"
    assert text[finding.inputs["start"] : finding.inputs["end"]].startswith(words)
    assert words not in finding.model_dump_json()
