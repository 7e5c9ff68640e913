"""The documentation of the example visits as a person reads it: what fails, what it costs, who mends it."""

import pytest
from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus_cli.views.account import account_of
from deciding import RULES, decision_on
from rich.console import Console

FAILS = {
    "01": ("ready", []),
    "26": ("denial_risk", ["plan-of-care.incomplete", "certification.missing-or-late"]),
    "27": ("denial_risk", ["progress-report.author-not-entitled"]),
    "28": ("denial_risk", ["supervision.insufficient"]),
    "29": ("ready", []),
    "30": ("ready", ["group.fewer-than-two"]),
    "31": ("denial_risk", ["caregiver-training.consent-missing"]),
    "32": ("ready", ["skilled-need.not-shown", "modality.unsupported"]),
    "33": (
        "denial_risk",
        ["signature.before-visit-ended", "certification.dates-impossible", "certification.expired"],
    ),
    "34": ("denial_risk", ["signature.credential-not-entitled", "re-evaluation.unjustified"]),
    "35": ("denial_risk", ["plan-of-care.missing", "skilled-need.not-shown"]),
}
"""By the number of the example: the outcome, and the requirements that fail in the order of the table."""


def page(decision: ClaimReady | ClaimDenialRisk) -> str:
    console = Console(width=400)
    with console.capture() as captured:
        console.print(account_of(decision), highlight=False)
    return " ".join(captured.get().split())


@pytest.mark.parametrize("number", FAILS)
def test_an_example_fails_what_its_document_says_and_nothing_else(number: str) -> None:
    decision = decision_on(number)
    outcome, failed = FAILS[number]
    assert decision.outcome == outcome
    requirements = {row.id for row in RULES.documentation.requirements.rows}
    assert [
        finding.id for finding in decision.findings if finding.result == "fail" and finding.id in requirements
    ] == failed
    assert decision.completeness is not None
    assert decision.completeness.failed == len(failed)


def test_the_page_counts_what_is_met_and_tells_what_is_due() -> None:
    text = page(decision_on("26"))
    assert "documentation 22 of 24 requirements met (91 %), 2 failed, 0 not known" in text
    assert "Due next The next progress report is due within 1 more treatment day. due.progress-report" in text


def test_the_page_says_how_and_until_when_a_gap_may_be_mended_and_which_lines_hang_on_it() -> None:
    text = page(decision_on("28"))
    assert "Not to be mended afterwards: Correct documentation.assistant_supervision" in text
    assert "line 1 · $19.62 at risk · denial to expect CARC B7" in text
    assert "Mend by addendum until 2027-11-18: The therapist adds the missing elements" in page(decision_on("26"))
    assert "every line · $76.99 at risk · denial to expect CARC 16, RARC M141" in page(decision_on("26"))
