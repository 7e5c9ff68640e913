"""NCCI edits of a visit: codes that do not go together on a day, and units above what a day is likely to have."""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple

from claimbus.events import Finding, Reason
from claimbus.rules import Profile
from claimbus.values import Result, Severity

from claims.domain.lines.billed import Billed
from claims.domain.tables import ClaimRules, ClaimSettings, PtpRow

NOT_ALLOWED = "ncci.pair-not-allowed"
NOT_DISTINCT = "ncci.pair-not-distinct"
_PTP = "ncci-ptp"
_ALWAYS_DENIED = "0"
"""Modifier indicator of an edit that no modifier helps."""
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


class PairVerdict(NamedTuple):
    """`reasons`: by code, then modifier, why its lines bear a modifier for a distinct service."""

    reasons: dict[str, dict[str, Reason]]
    findings: list[Finding]


def judge_pairs(billed: Sequence[Billed], profile: Profile[ClaimSettings], rules: ClaimRules) -> PairVerdict:
    """Every pair of billed codes against the edits in force.

    A pair with indicator 0 is denied whatever is documented. One with indicator 1 bears a modifier
    only when the visit documents the distinct service: the therapist's reason, or the EHR's own modifier.
    """
    verdict = PairVerdict({}, [])
    if profile.settings.ptp_edits == "none":
        return verdict
    severity = Severity(profile.settings.ptp_edits)
    pairs = list(_pairs_in_force(billed, rules))
    stamped: dict[str, list[_Pair]] = {}
    passed = {NOT_ALLOWED, NOT_DISTINCT}
    for pair in pairs:
        facts = _facts(pair, rules)
        if pair.edit.modifier_indicator == _ALWAYS_DENIED:
            passed.discard(NOT_ALLOWED)
            verdict.findings.append(_not_allowed(pair, severity, facts, rules))
            continue
        passed.discard(NOT_DISTINCT)
        by_ehr = _set_by_ehr(pair, rules)
        documented = bool(by_ehr or _reasons_given(pair))
        verdict.findings.append(_distinct(pair, severity, facts, documented=documented))
        if not documented:
            continue
        verdict.findings.extend(_contradicted(pair, facts))
        for code, modifier in by_ehr:
            why = _why(modifier, [pair], rules, set_by="ehr", citation=pair.edit.source)
            verdict.reasons.setdefault(code, {}).setdefault(modifier, why)
        if not by_ehr:
            stamped.setdefault(pair.second.code, []).append(pair)
    for code, of_code in stamped.items():
        modifier = _modifier_for(of_code, profile, rules)
        citation = f"{of_code[0].edit.source}; {profile.cite('distinct_modifier')}"
        verdict.reasons.setdefault(code, {})[modifier] = _why(
            modifier, of_code, rules, set_by="documentation", citation=citation
        )
    verdict.findings.extend(_no_pair(problem, severity) for problem in sorted(passed))
    paired = {code for pair in pairs for code in (pair.edit.column1, pair.edit.column2)}
    verdict.findings.extend(_without_edit(one, rules) for one in billed if one.code not in paired and _told(one, rules))
    return verdict


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


def _told(one: Billed, rules: ClaimRules) -> list[str]:
    """The EHR's own modifiers for a distinct service."""
    return [name for name in one.set_by_ehr if rules.modifiers.known[name].kind == "distinct"]


def _set_by_ehr(pair: _Pair, rules: ClaimRules) -> list[tuple[str, str]]:
    """Code and modifier, where the modifier counts on that code of the pair."""
    columns = rules.edits.distinct_columns
    sides = [(one, number) for number, one in enumerate((pair.first, pair.second), 1) if number in columns]
    return [(one.code, modifier) for one, _ in sides for modifier in _told(one, rules)]


def _reasons_given(pair: _Pair) -> list[str]:
    """What the therapist wrote of why the services are distinct."""
    texts = ((row.distinct_reason or "").strip() for one in (pair.first, pair.second) for row in one.rows)
    return list(dict.fromkeys(text for text in texts if not _NO_REASON.fullmatch(text)))


def _not_allowed(pair: _Pair, severity: Severity, facts: dict[str, Any], rules: ClaimRules) -> Finding:
    vain = sorted({*_told(pair.first, rules), *_told(pair.second, rules)})
    edit = pair.edit
    in_vain = " The modifier that was set does not help." if vain else ""
    return Finding(
        id=NOT_ALLOWED,
        result=Result.FAIL,
        severity=severity,
        line=pair.second.line,
        message=f"{edit.column2} is never paid beside {edit.column1} on one day; no modifier changes that.{in_vain}",
        fix=f"Bill {edit.column1} or {edit.column2}, as the record supports, and correct the other's code.",
        rule=_PTP,
        citation=edit.source,
        inputs=facts | {"set_in_vain": vain, "distinct_reason_given": bool(_reasons_given(pair))},
    )


def _distinct(pair: _Pair, severity: Severity, facts: dict[str, Any], *, documented: bool) -> Finding:
    edit = pair.edit
    if documented:
        message = f"{edit.column2} beside {edit.column1} is documented as a distinct service."
    else:
        message = f"{edit.column2} is paid beside {edit.column1} only as a distinct service, and none is documented."
    return Finding(
        id=NOT_DISTINCT,
        result=Result.PASS if documented else Result.FAIL,
        severity=severity,
        line=pair.second.line,
        message=message,
        fix=None if documented else "If they were separate, give interventions.distinct_reason; else bill one of them.",
        rule=_PTP,
        citation=edit.source,
        inputs=facts,
    )


def _contradicted(pair: _Pair, facts: dict[str, Any]) -> Iterable[Finding]:
    """Whether the clock says the same as the documentation; nothing where the times are not all known."""
    overlap = _overlap(pair.first, pair.second)
    if overlap is None:
        return
    edit = pair.edit
    both = f"{edit.column1} and {edit.column2}"
    yield Finding(
        id="ncci.distinct-contradicted",
        result=Result.FAIL if overlap else Result.PASS,
        severity=Severity.REVIEW,
        line=pair.second.line,
        message=f"{both} are documented as distinct, yet their times overlap."
        if overlap
        else f"The times of {both} do not overlap.",
        fix="Correct interventions.started_at and ended_at, or bill one of the two." if overlap else None,
        rule=_PTP,
        citation=edit.source,
        inputs=facts,
    )


def _overlap(first: Billed, second: Billed) -> bool | None:
    spans = [[(row.id, row.started_at, row.ended_at) for row in one.rows] for one in (first, second)]
    known = True
    for (name, start, end), (other, begin, finish) in product(*spans):
        if name == other:
            continue
        if start is None or end is None or begin is None or finish is None:
            known = False
        elif start < finish and begin < end:
            return True
    return False if known else None


def _modifier_for(pairs: Iterable[_Pair], profile: Profile[ClaimSettings], rules: ClaimRules) -> str:
    """59, or where the payer wants it the X modifier: another structure where the regions say so, else no overlap."""
    if profile.settings.distinct_modifier == "59" or _NON_OVERLAPPING not in rules.modifiers.known:
        return _DISTINCT
    return _SEPARATE_STRUCTURE if all(map(_elsewhere, pairs)) else _NON_OVERLAPPING


def _elsewhere(pair: _Pair) -> bool:
    regions = [{(row.body_region or "").strip().casefold() for row in one.rows} for one in (pair.first, pair.second)]
    return all(region and "" not in region for region in regions) and regions[0].isdisjoint(regions[1])


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


@cache
def _no_pair(problem: str, severity: Severity) -> Finding:
    text = {
        NOT_ALLOWED: "No two billed codes exclude each other.",
        NOT_DISTINCT: "No two billed codes need a modifier to be told apart.",
    }[problem]
    return Finding(
        id=problem,
        result=Result.PASS,
        severity=severity,
        message=text,
        rule=_PTP,
        citation="NCCI policy manual ch.1 and ch.11",
    )


def _without_edit(one: Billed, rules: ClaimRules) -> Finding:
    modifiers = _told(one, rules)
    return Finding(
        id="modifier.distinct-without-edit",
        result=Result.FAIL,
        severity=Severity.INFO,
        line=one.line,
        message=f"{one.code} bears {', '.join(modifiers)}, but no edit in our table pairs it with another code billed.",
        fix="Take the modifier off unless the payer has an edit of its own.",
        rule=_PTP,
        citation="NCCI policy manual ch.1 sE: 59 only to tell services of an edit apart",
        inputs={"code": one.code, "modifiers": modifiers, "version": rules.edits.pairs_version},
    )


def judge_units(
    billed: Iterable[Billed], facility: str | None, profile: Profile[ClaimSettings], rules: ClaimRules
) -> Iterable[Finding]:
    """Units of each code against the medically unlikely edit of the setting; a code without an edit is passed over.

    So is an edit of no units: it repeats that Medicare's fee schedule does not pay the code by itself, which units
    has settled by the payer's profile.
    """
    if profile.settings.mue == "none":
        return
    for one in billed:
        row = rules.edits.most_units.get(one.code)
        if row is None:
            continue
        units = max(one.units) if row.adjudication == "1" else sum(one.units)
        by_setting = {"practitioner": row.practitioner or None, "outpatient_hospital": row.outpatient_hospital or None}
        most = (by_setting[facility],) if facility in by_setting else tuple(by_setting.values())
        if any(most):
            yield _units_finding(
                code=one.code,
                line=one.line,
                units=units,
                most=most,
                facility=facility,
                adjudication=row.adjudication,
                severity=Severity(profile.settings.mue),
                citation=row.source,
                version=rules.edits.most_units_version,
            )


@lru_cache(maxsize=4096)
def _units_finding(
    *,
    code: str,
    line: int,
    units: int,
    most: tuple[int | None, ...],
    facility: str | None,
    adjudication: str | None,
    severity: Severity,
    citation: str,
    version: str,
) -> Finding:
    over = sum(limit is not None and units > limit for limit in most)
    fix: str | None = "Bill what the record supports; the units of a day cannot be spread over other days or lines."
    if not over:
        result, message, fix = Result.PASS, f"{code}: {units} units are within the medically unlikely edit.", None
    elif over == len(most):
        result = Result.FAIL
        message = f"{code}: {units} units are above the medically unlikely edit. "
        message += "Its line is denied." if adjudication == "1" else "All units of the code that day are denied."
    else:
        result = Result.UNKNOWN
        message = f"{code}: {units} units are above the medically unlikely edit of one setting, and ours is unknown."
        fix = "Send facility."
    limits = [limit for limit in most if limit is not None]
    return Finding(
        id="mue.exceeded",
        result=result,
        severity=severity,
        line=line,
        message=message,
        fix=fix,
        rule="mue",
        citation=citation,
        inputs={
            "code": code,
            "units": units,
            "mue": limits[0] if len(set(limits)) == 1 else limits,
            "mai": adjudication,
            "setting": facility,
            "version": version,
        },
    )
