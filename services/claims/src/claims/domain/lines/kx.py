"""KX: whether the year's therapy threshold is passed, and whether the record supports going on."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from claimbus.events import Checked, Passed, Reason, RunningTotals

from claims.domain.findings import ClaimFinding
from claims.domain.lines.billed import LineContext


class VisitDollars(NamedTuple):
    """What this visit adds, in US dollars; null where it is not known."""

    charges: Decimal | None
    allowed: Callable[[], Decimal | None]
    """By the fee schedule, a national estimate; asked for only when the charges leave it open."""

    def stay_within(self, room: Decimal) -> bool:
        """Whether they are known to: what is allowed is never above the charge."""
        if self.charges is not None and self.charges <= room:
            return True
        allowed = self.allowed()
        return allowed is not None and allowed <= room


def check_kx(
    context: LineContext, dollars: VisitDollars, totals: RunningTotals | None, *, set_by_ehr: bool, notice: bool
) -> tuple[Reason | None, Iterable[Checked]]:
    """Why the lines carry KX, or nothing, and what the checks gave.

    KX is needed strictly above the year's amount, by dollars used before this visit, and says that
    the record supports necessity: it is never set without the therapist's attestation. What this
    visit adds is an estimate, so it can clear a visit and never set KX by itself. `notice`: a
    required advance notice (GA) stands on the claim.
    """
    visit, profile, rules = context
    not_needed = rules.findings[ClaimFinding.KX_NOT_NEEDED]
    if not profile.settings.kx:
        return None, (not_needed.fail("no-threshold"),) if set_by_ehr else ()
    used = visit.primary.therapy_dollars_used
    seen = totals.therapy_dollars if totals else None
    inputs: dict[str, Any] = {
        "threshold": str(rules.kx_threshold.amount) if rules.kx_threshold else None,
        "used": _text(used),
        "attested": _attested(context),
    }
    if seen is not None:
        inputs |= {"seen": str(seen)}
    if set_by_ehr:
        inputs |= {"set_by_ehr": True}
    reason, support = _check_support(context, dollars, seen, inputs, set_by_ehr=set_by_ehr, notice=notice)
    checked = [support]
    if used is not None and seen is not None:
        # What was seen is the least that was used, so only a figure below it is wrong.
        differs = rules.findings[ClaimFinding.TOTALS_THERAPY_DOLLARS_DIFFER]
        checked.append(differs.fail(inputs=inputs) if used < seen else differs.passed())
    if set_by_ehr and reason is None and isinstance(support, Passed) and not notice:
        checked.append(not_needed.fail(inputs=inputs))
    return reason, checked


def _check_support(
    context: LineContext,
    dollars: VisitDollars,
    seen: Decimal | None,
    inputs: dict[str, Any],
    *,
    set_by_ehr: bool,
    notice: bool,
) -> tuple[Reason | None, Checked]:
    """`seen`: US dollars that earlier visits add up to."""
    rules = context.rules
    row = rules.findings[ClaimFinding.KX_NOT_SUPPORTED]
    threshold, attested = rules.kx_threshold, _attested(context)
    if threshold is None:
        return None, row.unknown("threshold-unknown", inputs=inputs, text={"year": rules.day.year})
    reason = Reason(about="modifier:KX", rule=row.rule, citation=row.source, inputs=inputs)
    used = context.visit.primary.therapy_dollars_used
    counted = seen if used is None else used
    if counted is not None and counted > threshold.amount:
        if attested:
            return reason, row.passed()
        if notice:
            return None, row.passed()
        return None, row.unknown(inputs=inputs) if attested is None else row.fail(inputs=inputs)
    # Nothing speaks against an attested KX that the EHR set, and without a needed KX the claim is denied.
    kept = reason if set_by_ehr and attested else None
    if used is None:
        return kept, row.unknown("dollars-unknown-kx-kept" if kept else "dollars-unknown", inputs=inputs)
    if seen is not None and seen > threshold.amount:
        return kept, row.unknown("earlier-visits-above", inputs=inputs)
    if dollars.stay_within(threshold.amount - used):
        return None, row.passed()
    inputs = inputs | {"allowed": _text(dollars.allowed()), "charges": _text(dollars.charges)}
    if kept:
        return kept.model_copy(update={"inputs": inputs}), row.passed()
    return None, row.unknown("may-cross", inputs=inputs)


def _attested(context: LineContext) -> bool | None:
    documentation = context.visit.documentation
    return documentation.medical_necessity_attested if documentation else None


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
