"""A decision as a page that a biller and a therapist read. Names no patient."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from claimbus.events import Decision, Finding, Line, Mending, Reason, Service, UnitsSummary
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from claimbus_cli.views.sentences import count, sentence
from claimbus_cli.views.terminal import printable

_SEVERITIES = {"block": 0, "review": 1, "info": 2}
_STYLES = {"block": "bold red", "review": "yellow", "info": "dim"}
_CMS = "cms-8-minute"
_MENDING: Mapping[Mending | None, str] = {
    "addendum": "Mend by addendum",
    "document": "Mend by a document under its true date",
    "correction": "Mend by correcting what was sent",
    "none": "Not to be mended afterwards",
    None: "Mend",
}
_STEPS = {
    "mend": "{who}, {how}: {fix}",
    "leave_off": "{fix}",
    "nothing_helps": "Nothing that is done now makes it billable. {fix}",
}
_HOW: Mapping[Mending | None, str] = {
    "addendum": "by addendum",
    "document": "by a document under its true date",
    "correction": "by correcting what was sent",
    "none": "not to be mended",
    None: "by mending it",
}


def account_of(decision: Decision) -> Group:
    """The whole page."""
    return Group(
        _header(decision),
        *_section("What decides", _findings(decision)),
        *_section("To make it ready", _steps(decision)),
        *_section("Due next", _due(decision)),
        *_section("Worksheet", _worksheet(decision.units)),
        *_section("Lines", _lines(decision)),
        *_section("Not billed", _unbilled(decision)),
        *_section("Beside that", _rest(decision)),
    )


def changes_in(decision: Decision) -> Iterator[RenderableType]:
    """In what it differs from the decision that it replaces."""
    if not decision.supersedes:
        return
    yield from _section("Changed since the revision before", _changes(decision))


def _changes(decision: Decision) -> Iterator[RenderableType]:
    if not decision.changes:
        yield Text("Nothing that a claim says.")
        return
    grid = _grid(36)
    for change in decision.changes:
        grid.add_row(_plain(change.field), _plain(f"{_value_text(change.before)} -> {_value_text(change.to)}"))
    yield grid


def _value_text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value_text(member)}" for name, member in value.items() if member is not None)
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)


def _section(title: str, parts: Iterator[RenderableType]) -> Iterator[RenderableType]:
    shown = list(parts)
    if shown:
        yield Text(f"\n{title}", style="bold underline")
        yield from shown


def _grid(*widths: int) -> Table:
    """Columns of these widths, then one that takes the rest."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    for width in widths:
        table.add_column(width=width, overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    return table


def _text(*parts: object, style: str = "") -> Text:
    return _plain(" · ".join(str(part) for part in parts if part), style)


def _plain(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style)


# --- header -------------------------------------------------------------------------------------------


def _header(decision: Decision) -> Table:
    failed = [finding for finding in decision.findings if finding.severity == "block" and finding.result == "fail"]
    if decision.outcome == "ready":
        outcome = Text("READY", style="bold green") + Text(": nothing that blocks a claim was found", style="")
    else:
        outcome = Text("DENIAL RISK", style="bold red") + Text(f": {count(len(failed), 'blocking finding')}")
    claim = decision.claim
    grid = _grid(14)
    visit = f"{decision.practice_id}/{decision.visit_id}"
    grid.add_row("visit", _text(visit, f"revision {decision.revision}", f"{claim.service_date}", style="bold"))
    grid.add_row("outcome", outcome)
    grid.add_row("payer profile", decision.profile.replace("_", " ") or "not said")
    grid.add_row("money", _text(f"charges {_money(claim.total_charge)}", f"to expect {_money(claim.total_expected)}"))
    grid.add_row("file by", str(claim.file_by) if claim.file_by else "no limit known")
    if decision.supersedes:
        sent = "which the payer holds (frequency 7)" if decision.frequency_code == "7" else "not known to be sent"
        grid.add_row("replaces", f"the claim of an earlier revision, {sent}")
    return grid


def _money(amount: Decimal | None) -> str:
    if amount is None:
        return "unknown"
    # What holds a fraction of a cent is shown as it is: to round it would hide what is wrong with it.
    return f"${amount:,f}" if amount * 100 % 1 else f"${amount:,.2f}"


# --- findings -----------------------------------------------------------------------------------------


def _findings(decision: Decision) -> Iterator[RenderableType]:
    findings = [finding for finding in decision.findings if not finding.is_due]
    if not findings:
        yield Text("Every check passed; there is nothing to mend.")
        return
    grid = _grid(7)
    order = sorted(
        findings, key=lambda finding: (_SEVERITIES[finding.severity], finding.result != "fail", finding.line or 0)
    )
    for finding in order:
        grid.add_row(Text(finding.severity, style=_STYLES[finding.severity]), _finding(finding, len(decision.lines)))
    yield grid


def _steps(decision: Decision) -> Iterator[RenderableType]:
    grid = _grid(2)
    for number, step in enumerate(decision.steps_to_ready, 1):
        who = step.fixable_by.replace("_", " ") if step.fixable_by else "somebody"
        step_text = _plain(_STEPS[step.kind].format(who=who, how=_HOW[step.mending], fix=step.fix))
        facts = _text(
            f"by {step.mend_by}" if step.mend_by else "",
            _numbers(step.lines, len(decision.lines)) if step.kind == "mend" else "",
            f"{_money(step.releases)} wait for it" if step.releases is not None else "",
            f"{_money(step.remains)} remain" if step.remains is not None else "",
            ", ".join(step.finding_ids),
            style="dim",
        )
        grid.add_row(f"{number}.", Group(step_text, facts))
    if decision.steps_to_ready:
        yield grid


def _due(decision: Decision) -> Iterator[RenderableType]:
    for finding in decision.findings:
        if finding.is_due:
            text = _plain(finding.message if finding.fix is None else f"{finding.message} {finding.fix}")
            yield text.append(f" {finding.id}", style="dim")


def _finding(finding: Finding, lines: int) -> Group:
    what = _plain(finding.message)
    if finding.result == "unknown":
        what.append(" (not known)", style="dim")
    parts = [what]
    if finding.fix:
        who = f" ({finding.fixable_by.replace('_', ' ')})" if finding.fixable_by else ""
        until = f" until {finding.mend_by}" if finding.mend_by else ""
        parts.append(_plain(f"{_MENDING[finding.mending]}{until}: {finding.fix}{who}"))
    denial = ", ".join(f"{name} {code}" for name, code in (("CARC", finding.carc), ("RARC", finding.rarc)) if code)
    parts.append(
        _text(
            _endangered(finding, lines),
            f"intervention {finding.intervention_id}" if finding.intervention_id and not finding.line else "",
            f"{_money(finding.amount_at_risk)} at risk" if finding.amount_at_risk is not None else "",
            f"denial to expect {denial}" if denial else "",
            finding.id,
            finding.citation,
            style="dim",
        )
    )
    return Group(*parts)


def _endangered(finding: Finding, lines: int) -> str:
    if not finding.lines:
        return f"line {finding.line}" if finding.line else ""
    return _numbers(finding.lines, lines)


def _numbers(of: Sequence[int], lines: int) -> str:
    if not of:
        return ""
    if len(of) == lines:
        return "every line" if lines > 1 else "line 1"
    return f"line{'s' if len(of) > 1 else ''} {', '.join(map(str, of))}"


# --- worksheet ----------------------------------------------------------------------------------------


def _worksheet(units: UnitsSummary) -> Iterator[RenderableType]:
    if units.services:
        yield _services(units)
        yield Text("")
    yield from map(_plain, _how(units))


def _services(units: UnitsSummary) -> Table:
    sent = units.ehr.units if units.ehr else {}
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("code")
    columns = ["minutes", "whole", "left over", "extra", "units", "assistant's"]
    for column in (*columns, *(("EHR's",) if sent else ())):
        table.add_column(column, justify="right")
    for service in units.services:
        timed = service.kind == "timed"
        table.add_row(
            _plain(service.code),
            "?" if service.minutes is None else str(service.minutes),
            *(
                (str(service.whole_units), str(service.remainder), str(service.allocated))
                if timed
                else ("untimed", "-", "-")
            ),
            Text(str(service.units), style="bold"),
            _of_assistant(service),
            *((str(sent.get(service.code, "-")),) if sent else ()),
        )
    return table


def _of_assistant(service: Service) -> str:
    known = [share.assistant for share in service.shares]
    return "?" if None in known else str(known.count(True))


def _how(units: UnitsSummary) -> Iterator[str]:
    total = f"{count(units.timed_minutes, 'timed minute')}, {count(units.timed_units, 'timed unit')}"
    pooled = [service for service in units.services if service.pooled]
    if units.rule == _CMS and units.table_row and pooled:
        row = units.table_row
        minutes = sum(service.minutes or 0 for service in pooled)
        whole = sum(service.whole_units for service in pooled)
        left = row.units - whole
        text = f"{units.rule}: {count(minutes, 'pooled minute')} stand in the row {row.minutes_from} to "
        text += f"{row.minutes_through} of the CMS table: {count(row.units, 'unit')}."
        if left > 0:
            text += f" Whole fifteens take {whole}; the largest left-over minutes take {left}."
        yield text
    else:
        yield f"{units.rule}: {total}."
    for service in units.services:
        for number, share in enumerate(service.shares, 1):
            if share.assistant or share.assistant is None or share.assistant_minutes:
                yield (
                    f"{service.code}, unit {number}: therapist {share.therapist_minutes} min, assistant "
                    f"{share.assistant_minutes} min: {share.reason}."
                )
    taken, *alternatives = units.alternatives or ({},)
    if alternatives:
        yield f"A tie: {_units(taken)} was taken; as legal: {'; or '.join(map(_units, alternatives))}."
    for rule, given in units.other_rules.items():
        yield f"By {rule}: {_units(given)} ({count(sum(given.values()), 'unit')})."
    if units.ehr:
        for rule in dict.fromkeys((units.rule, *units.ehr.over, *units.ehr.under)):
            over, under = units.ehr.over.get(rule, {}), units.ehr.under.get(rule, {})
            if over:
                yield f"The EHR's units are above {rule}: {_units(over, '+')}."
            if under:
                yield f"The EHR's units are below {rule}: {_units(under, '-')}."
            if not over and not under:
                yield f"The EHR's units are those of {rule}."


def _units(by_code: Mapping[str, int], sign: str = "x") -> str:
    return ", ".join(f"{code} {sign}{number}" for code, number in by_code.items()) or "none"


# --- lines --------------------------------------------------------------------------------------------


def _lines(decision: Decision) -> Iterator[RenderableType]:
    if not decision.lines:
        yield Text("Nothing can be billed.")
    printed: dict[tuple[str, str], int] = {}
    for line in decision.lines:
        title = f"{line.number}. {line.code} x{line.units}  {' '.join(line.modifiers)}".rstrip()
        yield _plain(title, "bold")
        pointers = ", ".join(map(str, line.diagnosis_pointers))
        yield Padding(
            _text(
                f"charge {_money(line.charge)}",
                f"to expect {_money(line.expected_amount)}",
                "" if line.minutes is None else count(line.minutes, "minute"),
                f"diagnoses {pointers}" if pointers else "no diagnosis",
                f"from intervention {', '.join(line.intervention_ids)}",
            ),
            (0, 0, 0, 3),
        )
        yield Padding(_reasons(line, printed), (0, 0, 0, 3))


def _reasons(line: Line, printed: dict[tuple[str, str], int]) -> Table:
    grid = _grid(9)
    as_before: dict[int, list[str]] = {}
    for reason in line.reasons:
        about = _about(reason)
        text = f"{sentence(reason)} [{reason.citation}]"
        before = printed.setdefault((about, text), line.number)
        if before == line.number:
            grid.add_row(_plain(about, "dim"), _plain(text))
        else:
            as_before.setdefault(before, []).append(about)
    for number, abouts in as_before.items():
        grid.add_row("", Text(f"As on line {number}: {', '.join(dict.fromkeys(abouts))}.", style="dim"))
    return grid


def _about(reason: Reason) -> str:
    return reason.about.removeprefix("modifier:").replace("_", " ").removesuffix(" amount")


def _unbilled(decision: Decision) -> Iterator[RenderableType]:
    for line in decision.unbilled:
        what = f"{line.code or 'no code'} (intervention {line.intervention_id})"
        yield _plain(f"{what}: {line.reason}. [{line.rule}]")


# --- the rest -----------------------------------------------------------------------------------------


def _rest(decision: Decision) -> Iterator[RenderableType]:
    checks, totals = decision.checks, decision.totals
    grid = _grid(14)
    grid.add_row("checks", f"{checks.passed} passed, {checks.failed} failed, {checks.unknown} not known")
    if (record := decision.completeness) is not None:
        met = f"{record.passed} of {record.passed + record.failed + record.unknown} requirements met ({record.score} %)"
        grid.add_row("documentation", f"{met}, {record.failed} failed, {record.unknown} not known")
    if totals is not None:
        parts = [
            f"{_money(totals.therapy_dollars)} toward the threshold in {count(totals.therapy_visits, 'earlier visit')}"
        ]
        if totals.authorized_visits is not None:
            parts.append(f"{count(totals.authorized_visits, 'earlier visit')} under this authorization")
        grid.add_row("seen before", f"{'; '.join(parts)} (as far as this pipeline has seen them)")
    rules = decision.rule_set
    grid.add_row("rules", f"{rules.version}, sha256 {rules.sha256[:16]}, {count(len(rules.tables), 'table')}")
    grid.add_row("decided", f"{decision.decided_at:%Y-%m-%d %H:%M %Z}, claim {decision.claim_id}")
    yield grid
