"""`claimbus findings`: every finding by its id, and what each means."""

import click
from claimbus.services import SERVICES

from claimbus_cli.decisions import load_rules
from claimbus_cli.registry import look_up, registry
from claimbus_cli.views.findings import finding_page, findings_table
from claimbus_cli.views.terminal import out, print_json


@click.command()
@click.argument("name", required=False, metavar="[ID]")
@click.option("--service", type=click.Choice(list(SERVICES)), help="Only what this service says.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables: one object, or a list of them.")
def findings(name: str | None, service: str | None, as_json: bool) -> None:
    """List every finding that a decision may hold, or explain one by its id.

    A finding that is not known is mended by sending what the record has, whatever its row says.

    \b
    claimbus findings
    claimbus findings ncci.pair-not-distinct
    claimbus findings --service units
    claimbus findings --json | jq -r '.[] | select(.mending == "none") | .id'
    """
    entries = registry(load_rules())
    if name is not None:
        entry = look_up(name, entries)
        if service not in (None, entry.service):
            raise click.ClickException(f"{entry.id} is said by {entry.service}, not by {service}")
        if as_json:
            print_json(entry._asdict())
        else:
            out.print(finding_page(entry), highlight=False)
        return
    chosen = [entry for entry in entries.values() if service in (None, entry.service)]
    if as_json:
        print_json([entry._asdict() for entry in chosen])
        return
    out.print(findings_table(chosen))
    out.print(f"{len(chosen)} findings. One of them: claimbus findings ID", highlight=False)
