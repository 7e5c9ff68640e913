"""NCCI edits of a visit: codes that do not go together on a day, and units above what a day is likely to have."""

import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Literal, NamedTuple

from claimbus.events import Checked, Reason
from claimbus.rules import About
from claimbus.values import Severity

from claims.domain.findings import ClaimFinding
from claims.domain.lines.billed import Billed, LineContext
from claims.domain.tables import ClaimRules, MueRow, PtpRow

_PTP = "ncci-ptp"
_ALWAYS_DENIED = "0"
"""Modifier indicator of an edit that no modifier helps."""
_BY_LINE = "1"
"""Adjudication indicator of a medically unlikely edit that counts each line by itself."""
_SEPARATE_STRUCTURE, _NON_OVERLAPPING, _DISTINCT = "XS", "XU", "59"


_NO_REASON = re.compile(
    r"[^a-z]*|(?:no|none|nil|n/?a|not applicable|none documented|same\b.*|unknown|see note"
    r"|not (?:distinct|separate)\b.*)[\s.]*",
    re.IGNORECASE | re.DOTALL,
)
"""What stands in the field and gives no reason: nothing, a dash, a no."""


class _Pair(NamedTuple):
    edit: PtpRow
    first: Billed
    """Of column 1, which is paid."""
    second: Billed
    """Of column 2, which is denied."""

    @property
    def may_be_distinct(self) -> bool:
        """Whether a modifier may tell the two services apart."""
        return self.edit.modifier_indicator != _ALWAYS_DENIED


class CheckedPairs(NamedTuple):
    """`reasons`: by code, then modifier, why its lines carry a modifier for a distinct service."""

    reasons: dict[str, dict[str, Reason]]
    checked: list[Checked]


def check_pairs(context: LineContext, billed: Sequence[Billed]) -> CheckedPairs:
    """Every pair of billed codes against the edits in force.

    A pair with indicator 0 is denied whatever is documented. One with indicator 1 carries a modifier
    only when the visit documents the distinct service: the therapist's reason, or the EHR's own modifier.
    """
    rules = context.rules
    if context.profile.settings.ptp_edits == "none":
        return CheckedPairs({}, [])
    pairs = list(_pairs_in_force(billed, rules))
    checked = [check for pair in pairs for check in _check_pair(context, pair)]
    if all(pair.may_be_distinct for pair in pairs):
        checked.append(rules.findings[ClaimFinding.NCCI_PAIR_NOT_ALLOWED].passed())
    if not any(pair.may_be_distinct for pair in pairs):
        checked.append(rules.findings[ClaimFinding.NCCI_PAIR_NOT_DISTINCT].passed())
    checked += _without_edit(billed, pairs, rules)
    return CheckedPairs(_why_distinct(context, pairs), checked)


def _check_pair(context: LineContext, pair: _Pair) -> Iterable[Checked]:
    rules, edit = context.rules, pair.edit
    facts = _facts(pair, rules)
    about: About = {"line": pair.second.line, "codes": (edit.column2,), "citation": edit.source, "inputs": facts}
    by_payer: About = {**about, "severity": Severity(context.profile.settings.ptp_edits)}
    if not pair.may_be_distinct:
        modifiers = sorted({*_distinct_modifiers(pair.first, rules), *_distinct_modifiers(pair.second, rules)})
        more = {"set_in_vain": modifiers, "distinct_reason_given": bool(_reasons_given(pair))}
        by_payer["inputs"] = facts | more
        yield rules.findings[ClaimFinding.NCCI_PAIR_NOT_ALLOWED].fail("modifier-set" if modifiers else "", **by_payer)
        return
    not_distinct = rules.findings[ClaimFinding.NCCI_PAIR_NOT_DISTINCT]
    if not _set_by_ehr(pair, rules) and not _reasons_given(pair):
        yield not_distinct.fail(**by_payer)
        return
    yield not_distinct.passed()
    overlap = _overlap(pair.first, pair.second)
    if overlap is not None:
        contradicted = rules.findings[ClaimFinding.NCCI_DISTINCT_CONTRADICTED]
        yield contradicted.fail(**about) if overlap else contradicted.passed()


def _why_distinct(context: LineContext, pairs: Iterable[_Pair]) -> dict[str, dict[str, Reason]]:
    """By code, then modifier: the EHR's own, else where the therapist gave a reason, one that the payer takes."""
    _, profile, rules = context
    reasons: dict[str, dict[str, Reason]] = {}
    by_documentation: dict[str, list[_Pair]] = {}
    for pair in pairs:
        if not pair.may_be_distinct:
            continue
        by_ehr = _set_by_ehr(pair, rules)
        for code, modifier in by_ehr:
            why = _why(modifier, [pair], rules, set_by="ehr", citation=pair.edit.source)
            reasons.setdefault(code, {}).setdefault(modifier, why)
        if not by_ehr and _reasons_given(pair):
            by_documentation.setdefault(pair.second.code, []).append(pair)
    for code, documented in by_documentation.items():
        modifier = _modifier_for(context, documented)
        citation = f"{documented[0].edit.source}; {profile.cite('distinct_modifier')}"
        why = _why(modifier, documented, rules, set_by="documentation", citation=citation)
        reasons.setdefault(code, {})[modifier] = why
    return reasons


def _pairs_in_force(billed: Sequence[Billed], rules: ClaimRules) -> Iterable[_Pair]:
    for first in billed:
        edits = rules.edits.pairs.get(first.code)
        if edits:
            for second in billed:
                edit = edits.get(second.code)
                if edit is not None:
                    yield _Pair(edit, first, second)


def _facts(pair: _Pair, rules: ClaimRules) -> dict[str, Any]:
    edit = pair.edit
    return {
        "modifier_indicator": edit.modifier_indicator,
        "column1": edit.column1,
        "column2": edit.column2,
        "effective_from": None if edit.effective_from == edit.effective_from.min else str(edit.effective_from),
        "effective_through": None
        if edit.effective_through == edit.effective_through.max
        else str(edit.effective_through),
        "rationale": edit.rationale,
        "version": rules.edits.pairs_version,
    }


def _distinct_modifiers(service: Billed, rules: ClaimRules) -> list[str]:
    """The EHR's own modifiers for a distinct service."""
    return [name for name in service.set_by_ehr if rules.modifiers.known[name].kind == "distinct"]


def _set_by_ehr(pair: _Pair, rules: ClaimRules) -> list[tuple[str, str]]:
    """Code and modifier, where the modifier counts on that code of the pair."""
    columns = rules.edits.distinct_columns
    sides = [service for number, service in enumerate((pair.first, pair.second), 1) if number in columns]
    return [(service.code, modifier) for service in sides for modifier in _distinct_modifiers(service, rules)]


def _reasons_given(pair: _Pair) -> list[str]:
    """What the therapist wrote of why the services are distinct."""
    rows = (*pair.first.interventions, *pair.second.interventions)
    texts = ((row.distinct_reason or "").strip() for row in rows)
    return list(dict.fromkeys(text for text in texts if not _NO_REASON.fullmatch(text)))


def _overlap(first: Billed, second: Billed) -> bool | None:
    """Whether two services were given at one time; null where the times are not all known and none overlap."""
    spans = [[(row.id, row.started_at, row.ended_at) for row in service.interventions] for service in (first, second)]
    known = True
    for (first_id, first_start, first_end), (second_id, second_start, second_end) in product(*spans):
        if first_id == second_id:
            continue
        if first_start is None or first_end is None or second_start is None or second_end is None:
            known = False
        elif first_start < second_end and second_start < first_end:
            return True
    return False if known else None


def _modifier_for(context: LineContext, pairs: Iterable[_Pair]) -> str:
    """59, or where the payer wants it the X modifier: another structure where the regions differ, else no overlap."""
    if context.profile.settings.distinct_modifier == "59" or _NON_OVERLAPPING not in context.rules.modifiers.known:
        return _DISTINCT
    return _SEPARATE_STRUCTURE if all(map(_elsewhere, pairs)) else _NON_OVERLAPPING


def _elsewhere(pair: _Pair) -> bool:
    first, second = (
        {(row.body_region or "").strip().casefold() for row in service.interventions}
        for service in (pair.first, pair.second)
    )
    return all(region and "" not in region for region in (first, second)) and first.isdisjoint(second)


def _why(
    modifier: str,
    pairs: Sequence[_Pair],
    rules: ClaimRules,
    *,
    set_by: Literal["ehr", "documentation"],
    citation: str,
) -> Reason:
    given = dict.fromkeys(text for pair in pairs for text in _reasons_given(pair))
    return Reason(
        about=f"modifier:{modifier}",
        rule=_PTP,
        citation=citation,
        inputs={"set_by": set_by, "pairs": [_facts(pair, rules) for pair in pairs], "distinct_reason": list(given)},
    )


def _without_edit(billed: Iterable[Billed], pairs: Iterable[_Pair], rules: ClaimRules) -> Iterable[Checked]:
    """Services with a modifier for a distinct service that no edit asks for."""
    paired = {code for pair in pairs for code in (pair.edit.column1, pair.edit.column2)}
    for service in billed:
        modifiers = _distinct_modifiers(service, rules)
        if modifiers and service.code not in paired:
            yield rules.findings[ClaimFinding.MODIFIER_DISTINCT_WITHOUT_EDIT].fail(
                line=service.line,
                codes=(service.code,),
                inputs={"code": service.code, "modifiers": modifiers, "version": rules.edits.pairs_version},
                text={"names": ", ".join(modifiers)},
            )


def check_units(context: LineContext, billed: Iterable[Billed]) -> Iterable[Checked]:
    """Units of each code against the medically unlikely edit of the setting; a code without an edit is passed over.

    So is an edit of no units: it repeats that Medicare's fee schedule does not pay the code by itself, which units
    has settled by the payer's profile.
    """
    if context.profile.settings.mue == "none":
        return
    facility = context.visit.facility
    for service in billed:
        edit = context.rules.edits.most_units.get(service.code)
        if edit is None:
            continue
        by_setting = {
            "practitioner": edit.practitioner or None,
            "outpatient_hospital": edit.outpatient_hospital or None,
        }
        most = (by_setting[facility],) if facility in by_setting else tuple(by_setting.values())
        if any(most):
            yield _check_limits(context, service, edit, most)


def _check_limits(context: LineContext, service: Billed, edit: MueRow, most: Sequence[int | None]) -> Checked:
    """`most`: units by the edit in each setting that the visit may have been in."""
    row = context.rules.findings[ClaimFinding.MUE_EXCEEDED]
    by_line = edit.adjudication == _BY_LINE
    units = max(part.units for part in service.parts) if by_line else service.units
    limits = [limit for limit in most if limit is not None]
    over = sum(units > limit for limit in limits)
    if not over:
        return row.passed()
    about: About = {
        "severity": Severity(context.profile.settings.mue),
        "line": service.line,
        "codes": (service.code,),
        "citation": edit.source,
        "inputs": {
            "code": service.code,
            "units": units,
            "mue": limits[0] if len(set(limits)) == 1 else limits,
            "mai": edit.adjudication,
            "setting": context.visit.facility,
            "version": context.rules.edits.most_units_version,
        },
    }
    if over < len(most):
        return row.unknown(**about)
    return row.fail("by-line" if by_line else "", **about)
