"""`claimbus rules`: what the pipeline decides by, checked, shown and compared."""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click
from claimbus.rules import DatedRow, Origin, Profile
from claimbus.rules import Table as RuleTable
from pydantic_core import to_json
from rich.table import Table
from rich.text import Text

from claimbus_cli.rulebooks import Chain, Rulebooks, UnknownNameError, data_of, load_rulebooks
from claimbus_cli.views.terminal import loading_rules, out

_NAME = 36
"""Characters of a name that is not broken over lines."""
_OLD = timedelta(days=365)
_SOON = timedelta(days=60)
_WEIGHED = "documentation"
_DATES = ("effective_from", "effective_through")
_BESIDE = (*_DATES, "source")
"""What a row says of itself, beside what it sets."""

_folder = click.option(
    "--profiles",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of payer profiles of your own, laid over ours.  [default: CLAIMBUS_PROFILES]",
)
_practice = click.option("--practice", metavar="KEY", help="As this practice has it, with the files of its own.")
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")


@click.group()
def rules() -> None:
    """What decisions are made by: dated tables and payer profiles."""


def _load(folder: Path | None) -> Rulebooks:
    with loading_rules():
        return load_rulebooks(folder)


def _today() -> date:
    return datetime.now(UTC).date()


def _write(answer: object) -> None:
    sys.stdout.write(to_json(answer, indent=2).decode() + "\n")


# --- check --------------------------------------------------------------------------------------------


@rules.command()
@_folder
@_as_json
def check(folder: Path | None, as_json: bool) -> None:
    """Load every table and profile as the services do; say what there is, and what is wrong or old.

    Status 1 when something is refused: a service would not start with it. A warning refuses nothing.

    \b
    claimbus rules check
    claimbus rules check --profiles ./our-payers
    """
    loaded = _load(folder)
    tables = [_about(table, services, loaded) for table, services in loaded.tables.values()]
    profiles = _about_profiles(loaded)
    warnings = [warning for table, _ in loaded.tables.values() for warning in _warnings(table, _today())]
    if as_json:
        _write({"rule_set": loaded.rule_set, "tables": tables, "profiles": profiles, "warnings": warnings})
        return
    out.print(_grid("Tables", tables))
    out.print()
    out.print(_grid("Profiles", profiles))
    out.print()
    for warning in warnings:
        out.print(Text("look ", style="yellow") + Text(warning))
    out.print(f"Rule set {loaded.rule_set.version}, sha256 {loaded.rule_set.sha256}", highlight=False, soft_wrap=True)
    out.print(f"Nothing is refused. {len(warnings)} to look at.", highlight=False)


def _about(table: RuleTable[Any], services: tuple[str, ...], loaded: Rulebooks) -> dict[str, object]:
    is_book = table.name == loaded.book.table.name
    dated: list[DatedRow | Origin] = list(table.rows)
    if is_book:
        dated = [row.origin for file in loaded.book.files for row in file.rows]
    return {
        "table": table.name,
        "version": table.version,
        "rows": len(dated),
        "from": _edge(min((row.effective_from for row in dated), default=date.min)),
        "through": _edge(max((row.effective_through for row in dated), default=date.max)),
        "sha256": table.sha256[:8],
        "service": ", ".join(services),
    }


def _about_profiles(loaded: Rulebooks) -> list[dict[str, object]]:
    return [
        {
            "profile": file.head.name,
            "level": file.head.level,
            "version": file.head.version,
            "under": ", ".join([file.head.payer] if file.head.payer else file.head.programs),
            **{section: sum(row.section == section for row in file.rows) for section in loaded.sections},
            "whose": file.practice or ("own" if file.own else "ours"),
        }
        for file in loaded.book.files
    ]


def _warnings(table: RuleTable[Any], today: date) -> Iterable[str]:
    since = data_of(table.version)
    if since is not None and today - since > _OLD:
        yield f"{table.name}: its data is of {table.version}, more than a year old: see whether newer exists"
    last = max((row.effective_through for row in table.rows), default=date.max)
    if last < today:
        yield f"{table.name}: its last row ended {last}; visits after that have none"
    elif last != date.max and last - today < _SOON:
        yield f"{table.name}: its last row ends {last}; give it the next one in time"


def _edge(day: date) -> str | None:
    return None if day in (date.min, date.max) else str(day)


# --- show ---------------------------------------------------------------------------------------------


@rules.command()
@click.argument("name", required=False, metavar="[PROFILE|TABLE]")
@click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Date of service.  [default: today]"
)
@click.option("--match", "text", metavar="TEXT", help="Of a table: only rows with a cell that holds this, as a code.")
@_practice
@_folder
@_as_json
def show(
    name: str | None, day: datetime | None, text: str | None, practice: str | None, folder: Path | None, as_json: bool
) -> None:
    """Show what a payer profile sets, or the rows of a table, on one day; without a name: what there is.

    \b
    claimbus rules show
    claimbus rules show medicare_part_b --on 2024-03-01
    claimbus rules show commercial/unitedhealthcare
    claimbus rules show kx-threshold
    claimbus rules show unit-codes --match 97140
    """
    loaded = _load(folder)
    if name is None:
        _show_all(loaded, practice, as_json)
        return
    on = day.date() if day else _today()
    found = _find(loaded, name, practice)
    if isinstance(found, RuleTable):
        _show_table(loaded, found, on, text, as_json)
    else:
        _show_profile(loaded, found, on, practice, as_json)


def _find(loaded: Rulebooks, name: str, practice: str | None) -> Chain | RuleTable[Any]:
    if practice is not None and practice not in loaded.book.practices():
        known = ", ".join(filter(None, loaded.book.practices())) or "no practice has"
        raise click.ClickException(f"practice {practice} has no files of its own ({known}); leave --practice out")
    try:
        return loaded.find(name, practice)
    except UnknownNameError as exc:
        raise click.ClickException(str(exc)) from exc


def _show_all(loaded: Rulebooks, practice: str | None, as_json: bool) -> None:
    heads = loaded.book.heads.get(practice, loaded.book.heads[None])
    profiles = [
        {
            "profile": "/".join(chain),
            "known by": ", ".join(
                dict.fromkeys((*head.payer_ids, *head.payer_names, *head.plan_ids))
                if (head := heads.get(chain[-1]))
                else ("its program",)
            ),
        }
        for chain in loaded.book.chains(practice if practice in loaded.book.heads else None)
    ]
    tables = [_about(table, services, loaded) for table, services in loaded.tables.values()]
    if as_json:
        _write({"profiles": profiles, "tables": tables})
        return
    out.print(_grid("Profiles", profiles))
    out.print()
    out.print(_grid("Tables", tables))


class Setting(NamedTuple):
    """One setting of a profile on a day, and where it comes from."""

    section: str
    name: str
    value: object
    origin: Origin


def _settings(loaded: Rulebooks, chain: Chain, practice: str | None, day: date) -> list[Setting]:
    found: list[Setting] = []
    for section, profiles in loaded.sections.items():
        if section == _WEIGHED:  # a profile holds only what differs from the program's table
            required = loaded.requirements_of(chain, practice, day)
            found += [Setting(section, name, weight, origin) for name, (weight, origin) in required.items()]
            continue
        profile: Profile[Any] = profiles.named(chain, practice, day)
        values = profile.settings.model_dump(mode="json")
        found += [Setting(section, name, value, profile.origins[name]) for name, value in values.items()]
    return found


def _show_profile(loaded: Rulebooks, chain: Chain, day: date, practice: str | None, as_json: bool) -> None:
    settings = _settings(loaded, chain, practice, day)
    if as_json:
        _write(
            {
                "profile": " > ".join(chain),
                "on": day,
                "practice": practice,
                "settings": [one._asdict() | {"origin": _of(one.origin)} for one in settings],
            }
        )
        return
    rows = [
        {
            "setting": f"{one.section}.{one.name}",
            "value": _said(one.value),
            "why": _why(loaded, one.origin),
        }
        for one in settings
    ]
    of = f" for practice {practice}" if practice else ""
    out.print(_grid(f"{' > '.join(chain)} on {day}{of}", rows))


def _show_table(loaded: Rulebooks, table: RuleTable[Any], day: date, text: str | None, as_json: bool) -> None:
    if table.name == loaded.book.table.name:
        raise click.ClickException(f"{table.name} is all profiles together; name one, see: claimbus rules show")
    rows = [row for row in table.on(day) if text is None or _holds(row, text)]
    if as_json:
        _write({"table": table.name, "version": table.version, "on": day, "rows": rows})
        return
    _, services = loaded.tables[table.name]
    cells = [_cells(row) for row in rows]
    sources = {row.source for row in rows}
    if len(sources) == 1:  # said once, below
        cells = [{name: value for name, value in row.items() if name != "source"} for row in cells]
    out.print(_grid(f"{table.name} {table.version} on {day}", cells))
    for source in sources if len(sources) == 1 else ():
        out.print(Text(f"\nSource: {source}"))
    out.print(f"{len(rows)} of {len(table.rows)} rows; read by {', '.join(services)}", highlight=False)
    out.print(f"sha256 {table.sha256}", highlight=False)


def _holds(row: DatedRow, text: str) -> bool:
    return any(text.casefold() in _said(value).casefold() for value in row.model_dump(mode="json").values())


def _cells(row: DatedRow) -> dict[str, object]:
    values = row.model_dump(mode="json", exclude=set(_BESIDE))
    return values | {"in force": _span(row.effective_from, row.effective_through), "source": row.source}


# --- diff ---------------------------------------------------------------------------------------------


@rules.command()
@click.argument("one")
@click.argument("other")
@_practice
@_folder
@_as_json
def diff(one: str, other: str, practice: str | None, folder: Path | None, as_json: bool) -> None:
    """What differs between two profiles, or between two days of a profile or a table. Nothing else is printed.

    Each is a name as `rules show` takes it, with @DATE for another day than today.

    \b
    claimbus rules diff commercial commercial/unitedhealthcare
    claimbus rules diff medicare_part_b@2019-12-31 medicare_part_b@2020-01-01
    claimbus rules diff kx-threshold@2025-12-31 kx-threshold@2026-01-01
    """
    loaded = _load(folder)
    (left, left_day), (right, right_day) = (_asked(loaded, text, practice) for text in (one, other))
    changes: list[dict[str, Any]]
    if isinstance(left, RuleTable) and isinstance(right, RuleTable):
        if left.name != right.name:
            raise click.ClickException(f"{left.name} and {right.name} are different tables: compare two days of one")
        changes = _changed_rows(left, left_day, right_day)
    elif isinstance(left, RuleTable) or isinstance(right, RuleTable):
        raise click.ClickException("a table and a profile have nothing to compare: name two of a kind")
    else:
        changes = _changed_settings(
            loaded,
            _settings(loaded, left, practice, left_day),
            _settings(loaded, right, practice, right_day),
            (one, other),
        )
    if as_json:
        _write({"one": one, "other": other, "changes": changes})
    elif changes:
        out.print(_grid(None, changes))
    else:
        out.print("No difference.")


def _asked(loaded: Rulebooks, text: str, practice: str | None) -> tuple[Chain | RuleTable[Any], date]:
    name, at, written = text.partition("@")
    try:
        day = date.fromisoformat(written) if at else _today()
    except ValueError:
        raise click.ClickException(f"{text}: {written!r} is no date; write it as 2026-01-01") from None
    return _find(loaded, name, practice), day


def _changed_settings(
    loaded: Rulebooks, left: list[Setting], right: list[Setting], names: tuple[str, str]
) -> list[dict[str, Any]]:
    one, other = names if names[0] != names[1] else ("first", "second")
    before, after = ({f"{setting.section}.{setting.name}": setting for setting in side} for side in (left, right))
    changes = []
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        told = now or was
        if told is not None and (was is None or now is None or was.value != now.value):
            values = {one: _said(was and was.value), other: _said(now and now.value)}
            changes.append({"setting": name, **values, "why": _why(loaded, told.origin)})
    return changes


def _changed_rows(table: RuleTable[Any], left: date, right: date) -> list[dict[str, Any]]:
    """Rows of the first day only with -, of the second only with +; one re-issued unchanged is no change."""
    before, after = table.on(left), table.on(right)
    contents = {_content(row) for row in before}, {_content(row) for row in after}
    gone = [{"": "-", **_cells(row)} for row in before if _content(row) not in contents[1]]
    come = [{"": "+", **_cells(row)} for row in after if _content(row) not in contents[0]]
    return gone + come


def _content(row: DatedRow) -> str:
    return row.model_dump_json(exclude=set(_BESIDE))


# --- as a person reads it -----------------------------------------------------------------------------


def _of(origin: Origin) -> dict[str, object]:
    return {
        "profile": origin.profile,
        "effective_from": _edge(origin.effective_from),
        "effective_through": _edge(origin.effective_through),
        "source": origin.source,
        "file": Path(origin.file).name,
    }


def _why(loaded: Rulebooks, origin: Origin) -> str:
    """`uhc, from 2007-01-01: does not take it`."""
    files = (file for file in loaded.book.files if file.own and any(row.origin == origin for row in file.rows))
    whose = next((f" ({file.practice or 'own'})" for file in files), "")
    return f"{origin.profile}{whose}, {_span(origin.effective_from, origin.effective_through)}: {origin.source}"


def _span(start: date, end: date) -> str:
    since, through = _edge(start), _edge(end)
    if since and through:
        return f"{since} to {through}"
    if since:
        return f"from {since}"
    return f"to {through}" if through else "always"


def _said(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} -> {one}" for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    return str(value)


def _grid(title: str | None, rows: list[dict[str, Any]]) -> Table:
    """A table with a column for each key; columns in which every row is empty are left out."""
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, "", [], {}) for row in rows)]
    for name in columns:
        number = all(isinstance(row[name], int) and not isinstance(row[name], bool) for row in rows)
        names_rows = name == columns[0] and all(len(_said(row[name])) <= _NAME for row in rows)
        table.add_column(name, overflow="fold", no_wrap=names_rows, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(_said(row[name])) for name in columns))
    return table
