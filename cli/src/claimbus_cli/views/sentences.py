"""Why a code, a unit count, a modifier or an amount is what it is, as a sentence for a person.

The facts come from the reason in the decision. A rule that has no sentence here is shown by its
name and its facts, so that a new rule is never silent.
"""

from collections.abc import Callable, Mapping
from typing import Any

from claimbus.events import Reason

Facts = Mapping[str, Any]


def sentence(reason: Reason) -> str:
    """A reason in words."""
    # Coding names the row of its lexicon that weighed most, and these are many.
    by_weights = reason.about == "code" and "weights" in reason.inputs
    spell = _SENTENCES.get(reason.rule, _by_weights if by_weights else None)
    if spell is not None:
        try:
            return spell(reason.inputs)
        except (KeyError, TypeError, IndexError, AttributeError):
            pass  # facts of another release: listed
    facts = ", ".join(f"{name.replace('_', ' ')} {_fact(value)}" for name, value in reason.inputs.items())
    return f"{reason.rule}: {facts}" if facts else reason.rule


def count(number: int, noun: str) -> str:
    """`1 unit`, `2 units`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _fact(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_fact(member)}" for name, member in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "; ".join(map(_fact, value)) or "none"
    return str(value)


def _clinician_choice(facts: Facts) -> str:
    weights: Mapping[str, float] = facts.get("weights") or {}
    if not weights:
        return "The clinician chose it; no words of the note speak for a code."
    best = max(weights, key=lambda code: weights[code])
    return f"The clinician chose it; the words of the note speak most for {best}."


def _by_weights(facts: Facts) -> str:
    weights: Mapping[str, float] = facts["weights"]
    return f"No code was charted; the words of the note speak most for {max(weights, key=lambda code: weights[code])}."


def _evaluation_levels(facts: Facts) -> str:
    parts = ("personal_factors", "examined_elements", "presentation", "decision_making")
    levels = ", ".join(f"{part.replace('_', ' ')} {_fact(facts[part])}" for part in parts)
    return f"The lowest component sets the level of an evaluation: {levels}."


def _cms_8_minute(facts: Facts) -> str:
    minutes, whole, rest, units = (facts[name] for name in ("minutes", "whole_units", "remainder", "units"))
    pool = (
        f"The day's {facts['pooled_minutes']} pooled minutes give {count(facts['pooled_units'], 'unit')} "
        f"(row {facts['table_row']})"
    )
    whole_text = f"{count(minutes, 'minute')} hold {count(whole, 'whole fifteen')}, {rest} left over"
    if units > whole:
        return (
            f"{whole_text}. {pool}, and its {rest} minutes rank {_rank(facts['rank'])} for what whole fifteens leave."
        )
    if facts["left_over_units"] and rest:
        what = "no smaller" if facts["tied"] else "larger"
        return f"{whole_text}. {pool}; remainders that are {what} took what whole fifteens leave."
    return f"{whole_text}. {pool}, none more for its {rest} minutes." if rest else f"{whole_text}. {pool}."


def _rank(place: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(place, f"no. {place}")


def _ama_midpoint(facts: Facts) -> str:
    first, further = facts.get("first_unit_minutes", 15), facts.get("further_unit_minutes", 15)
    of = f"{first} minutes" if first == further else f"{first} minutes, then of {further}"
    alone = f"{count(facts['minutes'], 'minute')} by themselves make {count(facts['units'], 'unit')}"
    return f"{alone}: a unit of {of} counts once its midpoint is passed, and nothing is pooled."


def _assistant(facts: Facts) -> str:
    minutes = f"assistant {facts['assistant_minutes']} min alone, therapist {facts['therapist_minutes']} min"
    return f"By unit: {minutes}; {facts['because']}."


def _kx(facts: Facts) -> str:
    used = f"{facts['used']} of the year's {facts['threshold']} were used before this visit"
    attested = "the therapist attests necessity" if facts["attested"] else "necessity is not attested"
    by = "; the EHR set it" if facts.get("set_by") == "ehr" else ""
    return f"{used}, and {attested}{by}."


def _distinct(facts: Facts) -> str:
    pairs = ", ".join(
        f"{pair['column1']}/{pair['column2']} (indicator {pair['modifier_indicator']})" for pair in facts["pairs"]
    )
    by = "the EHR set it" if facts["set_by"] == "ehr" else "the visit documents a distinct service"
    reasons = "; ".join(f"“{text}”" for text in facts.get("distinct_reason") or ())
    return f"NCCI pairs {pairs}, and {by}" + (f": {reasons}." if reasons else ".")


def _fee(facts: Facts) -> str:
    if "unknown" in facts:
        return f"Not known: {facts['unknown']}."
    full, cut = facts["units_in_full"], facts.get("units_reduced", 0)
    parts = [f"{count(full, 'unit')} at {facts['unit_in_full']}"] if full else []
    if cut:
        units = str(cut) if full else count(cut, "unit")
        parts.append(f"{units} at {facts['unit_reduced']} (practice expense cut by {facts['pe_cut']} %)")
    if "assistant_reduction" in facts:
        parts.append(
            f"less {facts['assistant_reduction']} for the assistant's {count(facts['assistant_units'], 'unit')}"
        )
    tail = f", an estimate by RVUs of {facts['rvu_year']}" if facts["estimate"] else ""
    return f"{', '.join(parts)}; national amounts, conversion factor {facts['conversion_factor']}{tail}."


def _fee_schedule(facts: Facts) -> str:
    return f"The visit gives no charge; the practice's fee schedule has ${facts['charge_of_unit']} for one unit."


_SENTENCES: Mapping[str, Callable[[Facts], str]] = {
    "practice-fee-schedule": _fee_schedule,
    "clinician-choice": _clinician_choice,
    "evaluation-levels": _evaluation_levels,
    "payer-substitution": lambda facts: (
        f"Charted as {facts['charted']}, which this payer does not take; it takes {facts['billed']}."
    ),
    "further-units-of-a-first-code": lambda facts: (
        f"The code of the further units after the first of {facts['first']}."
    ),
    "cms-8-minute": _cms_8_minute,
    "ama-midpoint": _ama_midpoint,
    "untimed-one-a-day": lambda _: "Untimed: one a day, however long it takes.",
    "therapy-discipline": lambda facts: (
        f"The plan of care that the service stands under; {_spaced(facts['profile'])} wants it on therapy lines."
    ),
    "set-by-ehr": lambda _: "The EHR set it.",
    "assistant-de-minimis": _assistant,
    "kx-threshold": _kx,
    "ncci-ptp": _distinct,
    "telehealth": lambda facts: (
        f"Telehealth: {_spaced(facts['telehealth'])}, place of service {facts['place_of_service']}."
    ),
    "habilitative-services": lambda facts: (
        f"The payer asks, and the plan of care says: {'habilitative' if facts['habilitative'] else 'rehabilitative'}."
    ),
    "fee-schedule": _fee,
}


def _spaced(key: str) -> str:
    return key.replace("_", " ")
