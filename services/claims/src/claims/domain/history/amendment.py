"""What a decision changes of the one before it, and which claim of the payer's it is to replace or void.

A payer takes a replacement (frequency 7) or a void (8) only of a claim that it holds, under its own number of that
claim (005010X222A1, CLM05-3 and REF*F8; NUBC frequency codes). Where that number is not known the claim was never sent,
as far as is known here: the new one is an original (1) and takes the unsent one's place.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from claimbus.events import (
    Change,
    ClaimAdjudicated,
    ClaimDenialRisk,
    ClaimReady,
    ClaimSubmitted,
    Coverage,
    Finding,
    Keyed,
    Line,
    VisitCompleted,
)
from claimbus.values import Result, Severity

from claims.domain.lines.modifiers import ASSISTANT_MODIFIER

Decision = ClaimReady | ClaimDenialRisk

_ASSISTANT = frozenset(ASSISTANT_MODIFIER.values())
_LINE_FIELDS = ("units", "minutes", "modifiers", "charge", "allowed_amount", "expected_amount", "diagnosis_pointers")
_OWN_TO_EACH = ("control_number",)
"""Fields of the document that differ because the decisions are two."""
_CITATION = "005010X222A1, CLM05-3 and REF*F8"
_RULE = "claim-frequency"


class Replacement(NamedTuple):
    """The claim that the payer holds of this visit; without a number where it holds none that is known."""

    number: str | None = None
    findings: tuple[Finding, ...] = ()


class _Answered(NamedTuple):
    revision: int
    number: str | None
    """Null where the payer holds no claim any more, or never took it."""


class ControlNumbers:
    """The payers' own numbers of the claims of each visit, from their answers in any order of the visits.

    Of one claim the last answer counts, and of two claims of a visit the one of the newer revision. A claim that was
    voided since is not to be replaced.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], dict[int | None, _Answered]] = {}
        self._voided: dict[tuple[str, str], int] = {}

    def take(self, outcome: ClaimSubmitted | ClaimAdjudicated) -> None:
        """An answer as its stream holds it."""
        if outcome.status not in ("rejected", "reversed") and not outcome.payer_control_number:
            return
        answers = self._answers.setdefault(_place(outcome), {})
        known = answers.get(outcome.coverage_rank)
        if known is None or known.revision <= outcome.revision:
            gone = outcome.status in ("rejected", "reversed")
            answers[outcome.coverage_rank] = _Answered(outcome.revision, None if gone else outcome.payer_control_number)

    def void(self, voided: Keyed) -> None:
        """The visit was taken back, and its claim with it."""
        self._voided[_place(voided)] = max(voided.revision, self._voided.get(_place(voided), 0))

    def of(self, visit: Keyed, rank: int | None = None) -> str | None:
        """The number of the claim that the payer of that rank holds; without one, of the payer that is billed first."""
        answers = self._answers.get(_place(visit))
        if not answers:
            return None
        answered = answers.get(rank) or answers.get(None)
        if rank is None and answered is None:
            answered = answers[min(one for one in answers if one is not None)]
        if answered is None or answered.revision <= self._voided.get(_place(visit), 0):
            return None
        return answered.number


def _place(visit: Keyed) -> tuple[str, str]:
    return visit.practice_id, visit.visit_id


def replacement_of(visit: VisitCompleted, earlier: Decision | None, known: str | None) -> Replacement:
    """Which claim the payer is to replace by the one of this visit.

    `earlier` is the decision that stands, and `known` the payer's number by its own answers. A number that the visit
    brings is used before that; one of another payer is not used.
    """
    given = (visit.primary.claim_control_number or "").strip() or None
    if earlier is not None and _is_another(earlier.claim.coverage[0], visit.primary):
        held = known or earlier.claim.payer_control_number
        return Replacement(given, (_other_payer(),) if held and not given else ())
    if given and known and given != known:
        return Replacement(given, (_differs(),))
    if given or known or earlier is None:
        return Replacement(given or known)
    return Replacement(earlier.claim.payer_control_number)


def _is_another(earlier: Coverage, now: Coverage) -> bool:
    """Whether it is known to be another payer: by program, or by an id or name that both have."""
    if earlier.program is not now.program:
        return True
    pairs = ((earlier.payer_id, now.payer_id), (earlier.payer_name, now.payer_name))
    compared = [was != one for was, one in pairs if was and one]
    return bool(compared) and compared[0]


def _other_payer() -> Finding:
    return Finding(
        id="replacement.payer-changed",
        result=Result.FAIL,
        severity=Severity.REVIEW,
        message="Another payer holds a claim of this visit; this one is an original claim to the payer named now.",
        fix="Void the claim at the earlier payer before sending this one.",
        rule=_RULE,
        citation=_CITATION,
    )


def _differs() -> Finding:
    return Finding(
        id="replacement.control-number-differs",
        result=Result.FAIL,
        severity=Severity.REVIEW,
        message="The payer answered under another number than coverage.claim_control_number; the visit's is used.",
        fix="Send the number of the payer's last answer, or none.",
        rule=_RULE,
        citation=_CITATION,
        inputs={"field": "coverage.claim_control_number"},
    )


def changes_between(earlier: Decision, later: Decision) -> tuple[Change, ...]:
    """Field by field, in the order outcome, profile, lines, document, findings."""
    compared: list[tuple[str, Any, Any]] = [
        ("outcome", earlier.outcome, later.outcome),
        ("frequency_code", earlier.frequency_code, later.frequency_code),
        ("profile", earlier.profile, later.profile),
        *_of_lines(_by_share(earlier.lines), _by_share(later.lines)),
        *_of_document(earlier, later),
        *_of_findings(_by_place(earlier), _by_place(later)),
    ]
    return tuple(Change(field=field, before=was, to=now) for field, was, now in compared if was != now)


def _by_share(lines: Iterable[Line]) -> dict[str, dict[str, Any]]:
    """By code and assistant share; a line that stands twice is told by its place among its like."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        share = "" if _ASSISTANT.isdisjoint(line.modifiers) else ".assistant"
        name = next(one for one in _names(f"lines.{line.code}{share}") if one not in found)
        found[name] = line.model_dump(mode="json", include={*_LINE_FIELDS})
    return found


def _of_lines(
    earlier: Mapping[str, Mapping[str, Any]], later: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys((*earlier, *later)):
        was, now = earlier.get(name), later.get(name)
        if was is None or now is None:
            yield name, was, now
        else:
            yield from ((f"{name}.{field}", was[field], now[field]) for field in _LINE_FIELDS)


def _of_document(earlier: Decision, later: Decision) -> Iterator[tuple[str, Any, Any]]:
    was, now = (
        dict(_leaves("claim", one.claim.model_dump(mode="json", exclude={*_OWN_TO_EACH}))) for one in (earlier, later)
    )
    for name in dict.fromkeys((*was, *now)):
        yield name, was.get(name), now.get(name)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Plain fields by their path; a list of plain values is one field."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(f"{name}.{key}", one)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value):
            yield from _leaves(f"{name}.{number}", one)
    else:
        yield name, value


def _by_place(decision: Decision) -> dict[str, dict[str, Any]]:
    """Findings by id and, where one stands several times, by its place among its like."""
    found: dict[str, dict[str, Any]] = {}
    for finding in decision.findings:
        if not finding.is_due:
            name = next(one for one in _names(f"findings.{finding.id}") if one not in found)
            found[name] = {"result": finding.result.value, "severity": finding.severity.value}
    return found


def _of_findings(
    earlier: Mapping[str, Mapping[str, Any]], later: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys((*earlier, *later)):
        yield name, earlier.get(name), later.get(name)


def _names(name: str) -> Iterator[str]:
    """The name, and after it `name#2`, `name#3` and on."""
    yield name
    number = 2
    while True:
        yield f"{name}#{number}"
        number += 1
