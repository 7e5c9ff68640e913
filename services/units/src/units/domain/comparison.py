"""The units that the EHR sent, against what each unit rule gives."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from claimbus.events import Checked, EhrUnits
from claimbus.rules import FindingRow

from units.domain.findings import UnitFinding
from units.domain.services import Family

Legal = Sequence[Mapping[str, int]]
"""Allocations of units to codes that one rule allows, the chosen one first; a code left out has none."""


class Sent(NamedTuple):
    """What the EHR sent."""

    units: dict[str, int]
    """By code, for codes whose every intervention that counts came with units."""
    compared: tuple[str, ...]
    """Those codes whose units a rule gives, and codes of further units where the EHR put all under the first code."""


def units_sent(families: Iterable[Family], uncounted: Container[str]) -> Sent | None:
    """The EHR's units; none where it sent none. `uncounted`: codes of unknown quantity, on which no rule speaks."""
    units: dict[str, int] = {}
    compared: list[str] = []
    for family in families:
        for row in (family.first, family.further):
            if row is None:
                continue
            given = [item.intervention.units for item in family.members if item.row.code == row.code]
            known = [count for count in given if count is not None]
            if known and len(known) == len(given):
                units[row.code] = sum(known)
            elif given or family.first.code not in units:
                continue
            if row.code not in uncounted and family.first.code not in uncounted:
                compared.append(row.code)
    return Sent(units, tuple(compared)) if units else None


def compare_with_ehr(sent: Sent, legal: Mapping[str, Legal]) -> EhrUnits:
    """Differences by rule and code; `legal` has the payer's own rule first.

    Where a rule leaves a choice, the EHR's may be another than ours and just as right; so the EHR is held
    against the allowed allocation that is nearest to it.
    """
    over: dict[str, dict[str, int]] = {}
    under: dict[str, dict[str, int]] = {}
    for rule, allocations in legal.items():
        differences = min(
            ({code: sent.units.get(code, 0) - units.get(code, 0) for code in sent.compared} for units in allocations),
            key=lambda difference: sum(map(abs, difference.values())),
        )
        if more := {code: extra for code, extra in differences.items() if extra > 0}:
            over[rule] = more
        if less := {code: -extra for code, extra in differences.items() if extra < 0}:
            under[rule] = less
    return EhrUnits(units=sent.units, over=over, under=under)


def find_differences(
    sent: Sent,
    ehr: EhrUnits,
    rule: str,
    citation: str,
    legal: Mapping[str, Legal],
    families: Iterable[Family],
    findings: Mapping[UnitFinding, FindingRow],
) -> Iterator[Checked]:
    """What to look at where the EHR and the payer's own rule differ, code by code."""
    interventions = {
        row.code: family.ids(row.code)[0]
        for family in families
        for row in (family.first, family.further)
        if row is not None
    }
    for check, differences, direction in (
        (UnitFinding.OVER_BILLED_BY_EHR, ehr.over, -1),
        (UnitFinding.UNDER_BILLED_BY_EHR, ehr.under, 1),
    ):
        by_code = differences.get(rule, {})
        if sent.compared and not by_code:
            yield findings[check].passed()
        for code, difference in by_code.items():
            had = sent.units.get(code, 0)
            yield findings[check].fail(
                intervention_id=interventions[code],
                codes=(code,),
                citation=citation,
                inputs={
                    "code": code,
                    "rule": rule,
                    "ehr_units": had,
                    "units": had + direction * difference,
                    "other_rules": {
                        name: allocations[0].get(code, 0) for name, allocations in legal.items() if name != rule
                    },
                },
            )
