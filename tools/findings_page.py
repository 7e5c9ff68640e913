"""The page of every finding that a decision may hold, from the rows that the services say them by."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from claimbus.services import SERVICES
from claimbus_cli.registry import Entry, registry
from claimbus_engine import Rules

PAGE = Path("docs/findings.md")

_HEAD = """# What a decision may find

Made from the tables by `make schemas`; change those: `rules/findings.toml` of coding, units and claims,
`requirements.toml` and `required_by.toml` of documentation-check. `claimbus findings ID` tells of one.

* `block` stops the claim when it fails; what is unknown asks a person. `review` asks a person, `info` tells. The table
  gives the heaviest; *by payer*: programs or profiles weigh it differently ([guide](payer-profiles.md)).
* Denial: the CARC and RARC to expect, of X12's external code lists.
* Mending: **addendum**, a dated and signed addition of what was done and is known; **document**, one written or
  obtained now under its true date; **correction**, what was sent is put right from the record; **none**, nothing
  written now makes it billable. That is how a failure is mended; what is unknown is mended by sending what the record
  has.
* `due.*` are no checks: they say how much is left before one fails.
"""


def findings_page() -> str:
    """The page as it should stand."""
    entries = registry(Rules.load()).values()
    by_service = {name: [entry for entry in entries if entry.service == name] for name in SERVICES}
    return "\n".join(chain((_HEAD,), *(_section(name, found) for name, found in by_service.items()), ("",)))


def _section(service: str, entries: list[Entry]) -> Iterator[str]:
    yield f"\n## {service}\n"
    yield "| id | means | severity | denial | mending | source |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for entry in entries:
        mending = f"{entry.mending} ({entry.fixable_by.replace('_', ' ')})"
        yield f"| `{entry.id}` | {entry.meaning} | {entry.severity} | {entry.denial} | {mending} | {entry.source} |"
