"""Telehealth: the modifier of its medium, the place of service, and whether a therapist may furnish it that day."""

from collections.abc import Iterable
from typing import Any

from claimbus.events import Finding, Reason, VisitCompleted
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from claims.domain.tables import ClaimRules, ClaimSettings

_RULE = "telehealth"


def judge_telehealth(
    visit: VisitCompleted, profile: Profile[ClaimSettings], rules: ClaimRules, set_by_ehr: Iterable[str]
) -> tuple[Reason | None, tuple[Finding, ...]]:
    """Why the lines bear 95 or 93, and what is wrong; nothing of either where all says that the visit was in person.

    `set_by_ehr`: all modifiers that the EHR set and that exist.
    """
    book = rules.modifiers
    place, medium = (visit.place_of_service or "").strip(), visit.telehealth
    at_a_distance = place in book.telehealth_places
    said = medium is not None or any(book.known[name].kind == "telehealth" for name in set_by_ehr)
    if not said and not at_a_distance:
        return None, ()
    inputs: dict[str, Any] = {"telehealth": medium, "place_of_service": visit.place_of_service}
    findings = []
    reason = None
    row = book.media.get(medium) if medium else None
    if medium is None:
        text = "The place of service or a modifier says telehealth, and `telehealth` does not say by which medium."
        findings.append(_finding("medium-missing", Result.UNKNOWN, text, "Send telehealth.", inputs))
    elif row is None:
        text = "No modifier for this medium of telehealth exists on the date of service."
        fix = "Ask the payer how it takes telehealth of that day."
        findings.append(_finding("medium-missing", Result.UNKNOWN, text, fix, inputs))
    else:
        reason = Reason(about=f"modifier:{row.code}", rule=_RULE, citation=row.source, inputs=inputs)
    if said and place:
        findings.append(_place(rules, inputs, fits=at_a_distance))
    if profile.settings.telehealth == "by-date":
        findings.append(_authority(rules, profile, inputs))
    return reason, tuple(findings)


def _place(rules: ClaimRules, inputs: dict[str, Any], *, fits: bool) -> Finding:
    places = ", ".join(sorted(rules.modifiers.telehealth_places)) or "none"
    if fits:
        return _finding("place-of-service", Result.PASS, "The place of service is one of telehealth.", None, inputs)
    text = f"The visit was telehealth, and its place of service is not; those of the date of service: {places}."
    fix = "Send the place_of_service of where the patient was: one for the home, one for elsewhere."
    return _finding("place-of-service", Result.FAIL, text, fix, inputs)


def _authority(rules: ClaimRules, profile: Profile[ClaimSettings], inputs: dict[str, Any]) -> Finding:
    row = rules.modifiers.telehealth_authority
    return Finding(
        id="telehealth.not-authorized",
        result=Result.PASS if row else Result.FAIL,
        severity=Severity.BLOCK,
        message=f"Therapists may {'' if row else 'not '}furnish telehealth for this payer on the date of service.",
        fix=None if row else "Do not bill it as telehealth; look whether the authority was extended.",
        rule=_RULE,
        citation=row.source if row else profile.cite("telehealth"),
        inputs=inputs | {"service_date": str(rules.day)},
    )


def _finding(problem: str, result: Result, message: str, fix: str | None, inputs: dict[str, Any]) -> Finding:
    return Finding(
        id=f"telehealth.{problem}",
        result=result,
        severity=Severity.REVIEW,
        message=message,
        fix=fix,
        rule=_RULE,
        citation="CPT appendix A; place-of-service code set",
        inputs=inputs,
    )
