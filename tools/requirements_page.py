"""The page of all that documentation-check asks of a record, from the tables that it asks by."""

from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path

from claimbus.events import DUE
from claimbus_cli.registry import registry
from claimbus_engine import Rules
from documentation_check.domain.tables import RequiredByRow, Requirement

PAGE = Path("docs/documentation-requirements.md")

_LOADED = Rules.load()
_REGISTRY = registry(_LOADED)
_BOOK = _LOADED.documentation
_AUTHORIZATION = ("authorization.missing", "authorization.not-valid-on-date", "authorization.visits-exceeded")
ELSEWHERE = (
    ("claims", "authorization: number, dates, visits", _AUTHORIZATION),
    ("claims", "referring provider where the payer needs one", ("claim.referring-npi-missing",)),
    (
        "claims",
        "kind of advance beneficiary notice",
        ("modifier.advance-notice-unknown", "advance-notice.denied-automatically"),
    ),
    ("claims", "habilitative or rehabilitative, where asked", ("modifier.habilitative-unknown",)),
    ("claims", "telehealth by date, medium and place", ("telehealth.not-authorized", "telehealth.place-of-service")),
    (
        "units",
        "days and minutes of remote monitoring, wound surface",
        ("units.quantity-unknown", "units.quantity-contradicts-code"),
    ),
    ("units", "minutes by code against the note's timed total", ("units.minutes-exceed-timed",)),
    ("coding", "the words fit the code", ("coding.disagreement", "coding.note-contradicts")),
)
"""What an auditor asks too and another service answers: the service, the question, the findings."""

_RULES = "../services/documentation-check/src/documentation_check/rules"
_HEAD = f"""# What documentation-check asks of a record

Made from the tables by `make schemas`; change those. A requirement stands in
[`requirements.toml`]({_RULES}/requirements.toml), who asks for it in
[`required_by.toml`]({_RULES}/required_by.toml). *Medicare* is Part B and Medicare Advantage; *other* is every other
program. A payer's profile adds to this or relaxes it ([guide](payer-profiles.md)); what CMS asks of a federal program
cannot be relaxed.

* `block` stops the claim when it fails; an answer that is unknown asks a person. `review` asks a person, `info` tells.
* Mending: **addendum**, a dated and signed addition of what was done and is known; **document**, one written or
  obtained now under its true date; **correction**, what was sent is put right from the record; **none**, nothing
  written now makes it billable. Minutes are never invented. A mend helps until the last day on which the payer takes
  the claim (`mend_by`).
"""


def requirements_page() -> str:
    """The page as it should stand."""
    requirements = [row for row in _BOOK.requirements.rows if not row.is_due]
    due = [row for row in _BOOK.requirements.rows if row.is_due]
    return "\n".join(
        chain(
            (_HEAD,),
            _table(requirements),
            ("\n## What is due next\n", "In every decision, as `info`, before anything has failed.\n"),
            _table_of_due(due),
            ("\n## Answered by other services\n",),
            ("| asked | by | findings |", "| --- | --- | --- |"),
            (f"| {asked} | {service} | {_ids(ids)} |" for service, asked, ids in ELSEWHERE),
            ("",),
        )
    )


def _table(rows: list[Requirement]) -> Iterator[str]:
    yield "| id | the record shows | asked by | denial | mending | source |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        denial, mending = _REGISTRY[row.id].denial, f"{row.mending} ({row.fixable_by.replace('_', ' ')})"
        yield f"| `{row.id}` | {row.requirement} | {_asked_by(row.id)} | {denial} | {mending} | {row.citation} |"


def _table_of_due(rows: list[Requirement]) -> Iterator[str]:
    yield "| id | says | for | source |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        yield f"| `{row.id}` | {row.meaning} | {_asked_by(row.id)} | {row.citation} |"
    for entry in _REGISTRY.values():
        if entry.id.startswith(DUE) and entry.service == "claims":
            yield f"| `{entry.id}` | {entry.meaning} | every program | {entry.source} |"


def _asked_by(name: str) -> str:
    return "<br>".join(_who(row) for row in _BOOK.required_by.rows if name in row.requirements)


def _who(row: RequiredByRow) -> str:
    group = "every program" if row.programs == "all" else row.programs
    return f"{group}: {row.severity}{_since(row)} ({row.authority})"


def _since(row: RequiredByRow) -> str:
    start = "" if row.effective_from == date.min else f" from {row.effective_from}"
    return start + ("" if row.effective_through == date.max else f" through {row.effective_through}")


def _ids(ids: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in ids)
