"""The format `837p`: one interchange of all claims, 005010X222A1."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click
from claimbus.events import Decision
from claimbus_documents.rules import DocumentRules
from claimbus_documents.x12.interchange import read_segments
from claimbus_documents.x12.professional import render_professional
from claimbus_documents.x12.submission import Given, SubmissionError, complete_submission

_LAST_CONTROL_NUMBER = 999_999_999
_MADE = ("control_number", "created_at")
"""What comes from the clock where it is not given."""


class Interchange(NamedTuple):
    """What came of a call."""

    body: bytes | None
    """None when nothing could be written."""
    refused: tuple[str, ...]
    """One line for each decision that is not in it, with its fields and the fix."""
    remarks: tuple[str, ...]
    """What a person must know of the whole."""


def render_interchange(decisions: Sequence[Decision], options: Mapping[str, Any], rules: DocumentRules) -> Interchange:
    """At least one decision as one interchange. Raises `click.ClickException` for what the submitter must say."""
    created = options["created_at"] or datetime.now(UTC).astimezone()
    number = options["control_number"] or _from_clock(created)
    rest = {
        name: value for name, value in options.items() if name not in ("one_a_line", "created_at", "control_number")
    }
    try:
        submission = complete_submission(
            Given(control_number=number, created_at=created, **rest), decisions, rules.on(created.date())
        )
    except SubmissionError as exc:
        problems = "\n".join(f"  --{problem.field.replace('_', '-')} {problem.problem}" for problem in exc.problems)
        raise click.ClickException(f"an interchange cannot be made:\n{problems}") from exc
    rendered = render_professional(decisions, submission, rules)
    interchange = rendered.interchange
    if interchange is not None and options["one_a_line"]:
        interchange = "".join(f"{segment}\n" for segment in read_segments(interchange))
    return Interchange(
        body=None if interchange is None else interchange.encode("ascii"),
        refused=tuple(map(str, rendered.refused)),
        remarks=tuple(
            f"--{name.replace('_', '-')} was not given: {stand_in} stands in this test interchange"
            for name, stand_in in submission.stood_in.items()
        ),
    )


def _from_clock(created: datetime) -> int:
    """Seconds: another number for each call, unless two come in one second."""
    return int(created.timestamp()) % _LAST_CONTROL_NUMBER + 1


class _Instant(click.ParamType[datetime]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            given = datetime.fromisoformat(value)
            return given if given.tzinfo else given.astimezone()
        except (ValueError, OverflowError):
            self.fail("give a date and a time, as 2026-11-20T08:30:00-05:00", param, ctx)


_OPTIONS = {
    "sender_id": click.option(
        "--sender-id", help="Who sends, as the receiver knows you.  [default: the billing provider's NPI]"
    ),
    "sender_name": click.option("--sender-name", help="[default: the billing provider's name]"),
    "sender_qualifier": click.option(
        "--sender-qualifier", default="ZZ", show_default=True, help="Whose id that is (ISA05); ZZ: as agreed."
    ),
    "receiver_id": click.option(
        "--receiver-id", help="Clearing house or payer that it goes to.  [default: the payer's id, if all have one]"
    ),
    "receiver_name": click.option("--receiver-name", help="[default: the payer's name, if all have one]"),
    "receiver_qualifier": click.option(
        "--receiver-qualifier", default="ZZ", show_default=True, help="Whose id that is (ISA07)."
    ),
    "contact_name": click.option("--contact-name", help="Whom the receiver may ask.  [default: the sender]"),
    "contact_phone": click.option(
        "--contact-phone", help="Ten digits. This or --contact-email; only a test does without."
    ),
    "contact_email": click.option("--contact-email"),
    "usage": click.option(
        "--usage", type=click.Choice(["T", "P"]), default="T", show_default=True, help="Test, or production."
    ),
    "control_number": click.option(
        "--control-number",
        type=click.IntRange(1, _LAST_CONTROL_NUMBER),
        help="Of the interchange; another one for each.  [default: from the clock]",
    ),
    "created_at": click.option("--created-at", type=_Instant(), help="When it is made.  [default: now]"),
    "one_a_line": click.option("--one-a-line", is_flag=True, help="Each segment on a line, for reading."),
}

OPTION_NAMES = frozenset(_OPTIONS)


def takes_options(command: Any) -> Any:
    """Adds the format's own options to a command."""
    for option in reversed(_OPTIONS.values()):
        command = option(command)
    return command
