"""`claimbus rules`: what the pipeline decides by, checked, proven, shown and compared."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from claimbus.rules import Table as RuleTable
from claimbus_engine.cases import CaseResult, case_files, run_cases
from rich.text import Text

from claimbus_cli.catalog import Catalog, Chain, warnings_of
from claimbus_cli.decisions import load_rules, loading_rules
from claimbus_cli.views.rules import (
    cells_of,
    changed_rows,
    changed_settings,
    file_rows,
    grid,
    has_text,
    profile_rows,
    profile_title,
    setting_data,
    setting_rows,
    table_rows,
)
from claimbus_cli.views.terminal import counted, out, print_json

_folder = click.option(
    "--profiles",
    "overlay",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of payer profiles of your own, laid over ours.  [default: CLAIMBUS_PROFILES]",
)
_practice = click.option("--practice", metavar="KEY", help="As this practice has it, with the files of its own.")
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")


@click.group()
def rules() -> None:
    """What decisions are made by: dated tables and payer profiles."""


def _today() -> date:
    return datetime.now(UTC).date()


@rules.command()
@_folder
@_as_json
def check(overlay: Path | None, as_json: bool) -> None:
    """Load every table and profile as the services do; say what there is, and what is wrong or old.

    Status 1 when something is refused: a service would not start with it. A warning refuses nothing.

    \b
    claimbus rules check
    claimbus rules check --profiles ./our-payers
    """
    catalog = Catalog(load_rules(overlay))
    rule_set, tables, profiles = catalog.rules.rule_set, table_rows(catalog), file_rows(catalog)
    warnings = [warning for table, _ in catalog.tables.values() for warning in warnings_of(table, _today())]
    if as_json:
        print_json({"rule_set": rule_set, "tables": tables, "profiles": profiles, "warnings": warnings})
        return
    out.print(grid("Tables", tables), "", grid("Profiles", profiles), "", sep="\n")
    for warning in warnings:
        out.print(Text("look ", style="yellow") + Text(warning))
    out.print(f"Rule set {rule_set.version}, sha256 {rule_set.sha256}", highlight=False, soft_wrap=True)
    out.print(f"Nothing is refused. {len(warnings)} to look at.", highlight=False)


@rules.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[PATH]...")
@click.option(
    "--rules",
    "overlay",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Rules of your own, laid over ours, as with `evaluate --rules`; their cases are in its folder `cases`.",
)
@_as_json
def cases(paths: tuple[Path, ...], overlay: Path | None, as_json: bool) -> None:
    """Decide the cases that prove the rules, and print each that does not come out as it says.

    PATH is a file of cases or a folder of such files. Without one: the cases of every service, and those of --rules.
    Status 1 when a case fails.

    \b
    claimbus rules cases
    claimbus rules cases --rules ./our-rules
    claimbus rules cases --rules ./our-rules ./our-rules/cases/visit-limits.toml
    claimbus rules cases --json | jq -r '.failed[].case'
    """
    loaded = load_rules(overlay)
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    results: list[CaseResult] = []
    with loading_rules(), counted("cases decided") as advance:
        for result in run_cases(loaded, files if paths else case_files(loaded, overlay)):
            results.append(result)
            advance()
    failed = [result for result in results if not result.passed]
    if as_json:
        data = [{"file": str(result.file), "case": result.name, "problems": result.problems} for result in failed]
        print_json({"passed": len(results) - len(failed), "failed": data})
        sys.exit(int(bool(failed)))
    for result in failed:
        out.print(Text(f"{result.file}: {result.name}", style="bold"), soft_wrap=True)
        for problem in result.problems:
            out.print(Text(f"    {problem}"), soft_wrap=True)
    out.print(f"{len(results) - len(failed)} cases passed, {len(failed)} failed.", highlight=False)
    if not results:
        raise click.ClickException("no case found; a case is a [[case]] of a .toml file")
    sys.exit(int(bool(failed)))


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
    name: str | None, day: datetime | None, text: str | None, practice: str | None, overlay: Path | None, as_json: bool
) -> None:
    """Show what a payer profile sets, or the rows of a table, on one day; without a name: what there is.

    \b
    claimbus rules show
    claimbus rules show medicare_part_b --on 2024-03-01
    claimbus rules show commercial/unitedhealthcare
    claimbus rules show kx-threshold
    claimbus rules show unit-codes --match 97140
    """
    catalog = Catalog(load_rules(overlay))
    if name is None:
        _show_all(catalog, practice, as_json)
        return
    on = day.date() if day else _today()
    found = catalog.find(name, practice)
    if isinstance(found, RuleTable):
        _show_table(catalog, found, on, text, as_json)
    else:
        _show_profile(catalog, found, on, practice, as_json)


def _show_all(catalog: Catalog, practice: str | None, as_json: bool) -> None:
    profiles, tables = profile_rows(catalog, practice), table_rows(catalog)
    if as_json:
        print_json({"profiles": profiles, "tables": tables})
        return
    out.print(grid("Profiles", profiles), "", grid("Tables", tables), sep="\n")


def _show_profile(catalog: Catalog, chain: Chain, day: date, practice: str | None, as_json: bool) -> None:
    settings = catalog.settings(chain, practice, day)
    if as_json:
        data = list(map(setting_data, settings))
        print_json({"profile": " > ".join(chain), "on": day, "practice": practice, "settings": data})
        return
    out.print(grid(profile_title(chain, day, practice), setting_rows(catalog, settings)))


def _show_table(catalog: Catalog, table: RuleTable[Any], day: date, text: str | None, as_json: bool) -> None:
    if table.name == catalog.profiles.table.name:
        raise click.ClickException(f"{table.name} is all profiles together; name one, see: claimbus rules show")
    rows = [row for row in table.on(day) if text is None or has_text(row, text)]
    if as_json:
        print_json({"table": table.name, "version": table.version, "on": day, "rows": rows})
        return
    _, services = catalog.tables[table.name]
    cells = [cells_of(row) for row in rows]
    sources = {row.source for row in rows}
    if len(sources) == 1:  # printed once, below
        cells = [{name: value for name, value in row.items() if name != "source"} for row in cells]
    out.print(grid(f"{table.name} {table.version} on {day}", cells))
    for source in sources if len(sources) == 1 else ():
        out.print(Text(f"\nSource: {source}"))
    out.print(f"{len(rows)} of {len(table.rows)} rows; read by {', '.join(services)}", highlight=False)
    out.print(f"sha256 {table.sha256}", highlight=False)


@rules.command()
@click.argument("first", metavar="ONE")
@click.argument("second", metavar="OTHER")
@_practice
@_folder
@_as_json
def diff(first: str, second: str, practice: str | None, overlay: Path | None, as_json: bool) -> None:
    """What differs between two profiles, or between two days of a profile or a table. Nothing else is printed.

    Each is a name as `rules show` takes it, with @DATE for another day than today.

    \b
    claimbus rules diff commercial commercial/unitedhealthcare
    claimbus rules diff medicare_part_b@2019-12-31 medicare_part_b@2020-01-01
    claimbus rules diff kx-threshold@2025-12-31 kx-threshold@2026-01-01
    """
    catalog = Catalog(load_rules(overlay))
    (left, left_day), (right, right_day) = (_named(catalog, text, practice) for text in (first, second))
    if isinstance(left, RuleTable) and isinstance(right, RuleTable):
        if left.name != right.name:
            raise click.ClickException(f"{left.name} and {right.name} are different tables: compare two days of one")
        changes = changed_rows(left, left_day, right_day)
    elif isinstance(left, RuleTable) or isinstance(right, RuleTable):
        raise click.ClickException("a table and a profile have nothing to compare: name two of a kind")
    else:
        settings = catalog.settings(left, practice, left_day), catalog.settings(right, practice, right_day)
        changes = changed_settings(catalog, *settings, (first, second))
    if as_json:
        print_json({"one": first, "other": second, "changes": changes})
    elif changes:
        out.print(grid(None, changes))
    else:
        out.print("No difference.")


def _named(catalog: Catalog, text: str, practice: str | None) -> tuple[Chain | RuleTable[Any], date]:
    name, at, written = text.partition("@")
    try:
        day = date.fromisoformat(written) if at else _today()
    except ValueError:
        raise click.ClickException(f"{text}: {written!r} is no date; write it as 2026-01-01") from None
    return catalog.find(name, practice), day
