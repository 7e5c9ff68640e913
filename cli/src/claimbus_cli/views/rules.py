"""Rules as tables: what there is, what a profile sets and why, which rows are in force, what differs."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from claimbus.rules import DatedRow, FindingRow, Origin
from claimbus.rules import Table as RuleTable
from rich.table import Table
from rich.text import Text

from claimbus_cli.catalog import Catalog, Chain, Setting

Row = dict[str, Any]
"""A row of a printed table: cells by column."""
_NAME = 36
"""Characters of a name that is not broken over lines."""
_BESIDE = {"effective_from", "effective_through", "source"}
"""Columns about a row, beside what it sets."""


def table_rows(catalog: Catalog) -> list[Row]:
    """What tables there are."""
    return [_table_row(table, services, catalog) for table, services in catalog.tables.values()]


def _table_row(table: RuleTable[Any], services: Sequence[str], catalog: Catalog) -> Row:
    dated: list[DatedRow | Origin] = list(table.rows)
    if table.name == catalog.profiles.table.name:
        dated = [row.origin for file in catalog.profiles.files for row in file.rows]
    return {
        "table": table.name,
        "version": table.version,
        "rows": len(dated),
        "from": _edge(min((row.effective_from for row in dated), default=date.min)),
        "through": _edge(max((row.effective_through for row in dated), default=date.max)),
        "sha256": table.sha256[:8],
        "service": ", ".join(services),
    }


def file_rows(catalog: Catalog) -> list[Row]:
    """What files of profiles there are, and how many rows each has of a section."""
    return [
        {
            "profile": file.head.name,
            "level": file.head.level,
            "version": file.head.version,
            "under": ", ".join([file.head.payer] if file.head.payer else file.head.programs),
            **{book.section: sum(row.section == book.section for row in file.rows) for book in catalog.payer_books},
            "whose": file.practice or ("own" if file.is_own else "ours"),
        }
        for file in catalog.profiles.files
    ]


def profile_rows(catalog: Catalog, practice: str | None) -> list[Row]:
    """What profiles a visit can lead to, and how each is recognized."""
    known = practice if practice in catalog.profiles.heads else None
    heads = catalog.profiles.heads[known]
    return [
        {
            "profile": "/".join(chain),
            "known by": ", ".join(
                dict.fromkeys((*head.payer_ids, *head.payer_names, *head.plan_ids))
                if (head := heads.get(chain[-1]))
                else ("its program",)
            ),
        }
        for chain in catalog.profiles.chains(known)
    ]


def setting_rows(catalog: Catalog, settings: Sequence[Setting]) -> list[Row]:
    return [
        {
            "setting": f"{setting.section}.{setting.name}",
            "value": _text(setting.value),
            "why": _why(catalog, setting.origin),
        }
        for setting in settings
    ]


def setting_data(setting: Setting) -> Row:
    """A setting for a program."""
    origin = setting.origin
    return setting._asdict() | {
        "origin": {
            "profile": origin.profile,
            "effective_from": _edge(origin.effective_from),
            "effective_through": _edge(origin.effective_through),
            "source": origin.source,
            "file": Path(origin.file).name,
        }
    }


def cells_of(row: DatedRow) -> Row:
    """Every column; of a finding what a person looks for: all its texts fit no terminal, and are in the JSON."""
    if isinstance(row, FindingRow):
        text = row.message or row.message_unknown or row.message_due
        values: Row = {"id": row.id, "severity": row.severity, "text": text, "fix": row.fix}
    else:
        values = row.model_dump(mode="json", exclude=_BESIDE)
    return values | {"in force": _span(row.effective_from, row.effective_through), "source": row.source}


def has_text(row: DatedRow, text: str) -> bool:
    """Whether a cell holds the text, whatever its case."""
    return any(text.casefold() in _text(value).casefold() for value in row.model_dump(mode="json").values())


def changed_settings(
    catalog: Catalog, left: Sequence[Setting], right: Sequence[Setting], names: tuple[str, str]
) -> list[Row]:
    """Settings that differ between two profiles, or two days of one."""
    first, second = names if names[0] != names[1] else ("first", "second")
    before, after = ({(setting.section, setting.name): setting for setting in side} for side in (left, right))
    rows = []
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key), after.get(key)
        shown = now or was
        if shown is not None and (was is None or now is None or was.value != now.value):
            values = {first: _text(was and was.value), second: _text(now and now.value)}
            rows.append({"setting": ".".join(key), **values, "why": _why(catalog, shown.origin)})
    return rows


def changed_rows(table: RuleTable[Any], left: date, right: date) -> list[Row]:
    """Rows of the first day only with -, of the second only with +; one re-issued unchanged is no change."""
    before, after = table.on(left), table.on(right)
    contents = set(map(_content, before)), set(map(_content, after))
    gone = [{"": "-", **cells_of(row)} for row in before if _content(row) not in contents[1]]
    new = [{"": "+", **cells_of(row)} for row in after if _content(row) not in contents[0]]
    return gone + new


def _content(row: DatedRow) -> str:
    return row.model_dump_json(exclude=_BESIDE)


def profile_title(chain: Chain, day: date, practice: str | None) -> str:
    return f"{' > '.join(chain)} on {day}{f' for practice {practice}' if practice else ''}"


def _why(catalog: Catalog, origin: Origin) -> str:
    """`uhc, from 2007-01-01: does not take it`."""
    files = (file for file in catalog.profiles.files if file.is_own and any(row.origin == origin for row in file.rows))
    whose = next((f" ({file.practice or 'own'})" for file in files), "")
    return f"{origin.profile}{whose}, {_span(origin.effective_from, origin.effective_through)}: {origin.source}"


def _edge(day: date) -> str | None:
    return None if day in (date.min, date.max) else str(day)


def _span(start: date, end: date) -> str:
    since, through = _edge(start), _edge(end)
    if since and through:
        return f"{since} to {through}"
    if since:
        return f"from {since}"
    return f"to {through}" if through else "always"


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} -> {member}" for key, member in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    return str(value)


def grid(title: str | None, rows: Sequence[Row]) -> Table:
    """A table with a column for each key; columns in which every row is empty are left out."""
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, "", [], {}) for row in rows)]
    for name in columns:
        number = all(isinstance(row[name], int) and not isinstance(row[name], bool) for row in rows)
        names_rows = name == columns[0] and all(len(_text(row[name])) <= _NAME for row in rows)
        table.add_column(name, overflow="fold", no_wrap=names_rows, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(_text(row[name])) for name in columns))
    return table
