"""Ids of the findings that units makes, and what is left off the claim."""

from enum import StrEnum

from claimbus.events import CodedIntervention, Unbilled

MANUAL = "Pub 100-04 ch.5 s20.2"
CODE_SET = "units table unit-codes"


class UnitFinding(StrEnum):
    """Each has its row in `rules/findings.toml`."""

    CODE_UNKNOWN = "code.unknown"
    CODE_NOT_VALID_ON_DATE = "code.not-valid-on-date"
    CODE_NOT_VALID_FOR_PROGRAM = "code.not-valid-for-program"
    CODE_SUBSTITUTED = "code.substituted"
    ADD_ON_WITHOUT_FIRST = "code.add-on-without-first"
    MINUTES_MISSING = "units.minutes-missing"
    MINUTES_INCONSISTENT = "units.minutes-inconsistent"
    MINUTES_EXCEED_INTERVAL = "units.minutes-exceed-interval"
    MINUTES_EXCEED_TIMED = "units.minutes-exceed-timed"
    MINUTES_EXCEED_TOTAL = "units.minutes-exceed-total"
    OVERLAPPING_MINUTES = "units.overlapping-minutes"
    TIMES_REVERSED = "units.times-reversed"
    CONTACT_NOT_ONE_ON_ONE = "units.contact-not-one-on-one"
    CONTACT_NOT_GROUP = "units.contact-not-group"
    ASSISTANT_MINUTES_MISSING = "units.assistant-minutes-missing"
    QUANTITY_UNKNOWN = "units.quantity-unknown"
    QUANTITY_CONTRADICTS_CODE = "units.quantity-contradicts-code"
    QUANTITY_IMPLAUSIBLE = "units.quantity-implausible"
    OVER_BILLED_BY_EHR = "units.over-billed-by-ehr"
    UNDER_BILLED_BY_EHR = "units.under-billed-by-ehr"
    RULE_BY_CONTRACT = "units.rule-by-contract"
    OVER_DAILY_LIMIT = "units.over-daily-limit"


def leave_off(intervention: CodedIntervention, reason: str, rule: str) -> Unbilled:
    """An intervention that is done and not billed."""
    return Unbilled(intervention_id=intervention.intervention_id, code=intervention.code, reason=reason, rule=rule)
