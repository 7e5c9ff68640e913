"""What a decision changes of the one before it, and which claim of the payer's it is to replace or void.

A payer takes a replacement (frequency 7) or a void (8) only of a claim that it holds, under its own number of that
claim (005010X222A1, CLM05-3 and REF*F8; NUBC frequency codes). Where that number is not known the claim was never sent,
as far as is known here: the new one is an original (1) and takes the unsent one's place.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from claimbus.events import (
    Change,
    Checked,
    ClaimAdjudicated,
    ClaimSubmitted,
    Coverage,
    Decision,
    Keyed,
    Line,
    VisitCompleted,
)

from claims.domain.findings import ClaimFinding
from claims.domain.history.decided_visit import VisitKey, key_of
from claims.domain.lines.modifiers import ASSISTANT_MODIFIER
from claims.domain.tables import ClaimRules

_ASSISTANT = frozenset(ASSISTANT_MODIFIER.values())
_LINE_FIELDS = ("units", "minutes", "modifiers", "charge", "allowed_amount", "expected_amount", "diagnosis_pointers")
_ALWAYS_DIFFERENT = ("control_number",)
"""Fields of the document that differ because the decisions are two."""
_CONTROL_NUMBER = "coverage.claim_control_number"


class Replacement(NamedTuple):
    """The claim that the payer holds of this visit; without a number where it holds none that is known."""

    number: str | None = None
    checked: tuple[Checked, ...] = ()


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
        self._answers: dict[VisitKey, dict[int | None, _Answered]] = {}
        self._voided: dict[VisitKey, int] = {}

    def apply(self, outcome: ClaimSubmitted | ClaimAdjudicated) -> None:
        """An answer as its stream holds it."""
        if outcome.status not in ("rejected", "reversed") and not outcome.payer_control_number:
            return
        answers = self._answers.setdefault(key_of(outcome), {})
        known = answers.get(outcome.coverage_rank)
        if known is None or known.revision <= outcome.revision:
            withdrawn = outcome.status in ("rejected", "reversed")
            answers[outcome.coverage_rank] = _Answered(
                outcome.revision, None if withdrawn else outcome.payer_control_number
            )

    def void(self, voided: Keyed) -> None:
        """The visit was taken back, and its claim with it."""
        self._voided[key_of(voided)] = max(voided.revision, self._voided.get(key_of(voided), 0))

    def of(self, visit: Keyed, rank: int | None = None) -> str | None:
        """The number of the claim that the payer of that rank holds; without one, of the payer that is billed first."""
        answers = self._answers.get(key_of(visit))
        if not answers:
            return None
        answered = answers.get(rank) or answers.get(None)
        if rank is None and answered is None:
            answered = answers[min(payer for payer in answers if payer is not None)]
        if answered is None or answered.revision <= self._voided.get(key_of(visit), 0):
            return None
        return answered.number


def replacement_of(
    visit: VisitCompleted, earlier: Decision | None, known: str | None, rules: ClaimRules
) -> Replacement:
    """Which claim the payer is to replace by the one of this visit.

    `earlier` is the decision that stands, and `known` the payer's number by its own answers. A number that the visit
    brings is used before that; one of another payer is not used.
    """
    given = (visit.primary.claim_control_number or "").strip() or None
    if earlier is not None and _is_another(earlier.claim.coverage[0], visit.primary):
        held = known or earlier.claim.payer_control_number
        changed = rules.findings[ClaimFinding.REPLACEMENT_PAYER_CHANGED]
        return Replacement(given, (changed.fail(),) if held and not given else ())
    if given and known and given != known:
        differs = rules.findings[ClaimFinding.REPLACEMENT_CONTROL_NUMBER_DIFFERS]
        return Replacement(given, (differs.fail(field=_CONTROL_NUMBER, inputs={"field": _CONTROL_NUMBER}),))
    if given or known or earlier is None:
        return Replacement(given or known)
    return Replacement(earlier.claim.payer_control_number)


def _is_another(earlier: Coverage, now: Coverage) -> bool:
    """Whether it is known to be another payer: by program, or by an id or name that both have."""
    if earlier.program is not now.program:
        return True
    pairs = ((earlier.payer_id, now.payer_id), (earlier.payer_name, now.payer_name))
    compared = [was != is_now for was, is_now in pairs if was and is_now]
    return bool(compared) and compared[0]


def changes_between(earlier: Decision, later: Decision) -> tuple[Change, ...]:
    """Field by field, in the order outcome, profile, lines, document, findings."""
    compared: list[tuple[str, Any, Any]] = [
        ("outcome", earlier.outcome, later.outcome),
        ("frequency_code", earlier.frequency_code, later.frequency_code),
        ("profile", earlier.profile, later.profile),
        *_of_lines(_by_share(earlier.lines), _by_share(later.lines)),
        *_of_document(earlier, later),
        *_of_findings(_bykey_of(earlier), _bykey_of(later)),
    ]
    return tuple(Change(field=field, before=was, to=now) for field, was, now in compared if was != now)


def _by_share(lines: Iterable[Line]) -> dict[str, dict[str, Any]]:
    """By code and assistant share; a line that stands twice is told by its place among its like."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        share = "" if _ASSISTANT.isdisjoint(line.modifiers) else ".assistant"
        name = next(name for name in _names(f"lines.{line.code}{share}") if name not in found)
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
        dict(_leaves("claim", decision.claim.model_dump(mode="json", exclude={*_ALWAYS_DIFFERENT})))
        for decision in (earlier, later)
    )
    for name in dict.fromkeys((*was, *now)):
        yield name, was.get(name), now.get(name)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Plain fields by their path; a list of plain values is one field."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}", item)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(f"{name}.{number}", item)
    else:
        yield name, value


def _bykey_of(decision: Decision) -> dict[str, dict[str, Any]]:
    """Findings by id and, where one stands several times, by its place among its like."""
    found: dict[str, dict[str, Any]] = {}
    for finding in decision.findings:
        if not finding.is_due:
            name = next(name for name in _names(f"findings.{finding.id}") if name not in found)
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
