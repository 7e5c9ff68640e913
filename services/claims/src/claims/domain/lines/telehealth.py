"""Telehealth: the modifier of its medium, the place of service, and whether a therapist may furnish it that day."""

from collections.abc import Iterable
from typing import Any

from claimbus.events import Checked, Reason

from claims.domain.findings import ClaimFinding
from claims.domain.lines.billed import LineContext


def check_telehealth(context: LineContext, set_by_ehr: Iterable[str]) -> tuple[Reason | None, Iterable[Checked]]:
    """Why the lines carry 95 or 93, and what is wrong; nothing of either for a visit in person.

    `set_by_ehr`: all modifiers that the EHR set and that exist.
    """
    visit, profile, rules = context
    book = rules.modifiers
    place, medium = (visit.place_of_service or "").strip(), visit.telehealth
    at_a_distance = place in book.telehealth_places
    reported = medium is not None or any(book.known[name].kind == "telehealth" for name in set_by_ehr)
    if not reported and not at_a_distance:
        return None, ()
    inputs: dict[str, Any] = {"telehealth": medium, "place_of_service": visit.place_of_service}
    checked: list[Checked] = []
    reason = None
    missing = rules.findings[ClaimFinding.TELEHEALTH_MEDIUM_MISSING]
    modifier = book.media.get(medium) if medium else None
    if medium is None:
        checked.append(missing.unknown(inputs=inputs))
    elif modifier is None:
        checked.append(missing.unknown("no-modifier", inputs=inputs))
    else:
        reason = Reason(about=f"modifier:{modifier.code}", rule=missing.rule, citation=modifier.source, inputs=inputs)
    if reported and place:
        elsewhere = rules.findings[ClaimFinding.TELEHEALTH_PLACE_OF_SERVICE]
        places = ", ".join(sorted(book.telehealth_places)) or "none"
        checked.append(elsewhere.passed() if at_a_distance else elsewhere.fail(inputs=inputs, text={"places": places}))
    if profile.settings.telehealth == "by-date":
        barred = rules.findings[ClaimFinding.TELEHEALTH_NOT_AUTHORIZED]
        inputs = inputs | {"service_date": str(rules.day)}
        checked.append(
            barred.passed()
            if book.telehealth_authority
            else barred.fail(citation=profile.cite("telehealth"), inputs=inputs)
        )
    return reason, checked
