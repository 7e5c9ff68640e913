"""The `claimbus` command line: its commands by name, each imported when it is asked for."""

from collections.abc import Mapping
from importlib import import_module

import click

COMMANDS: Mapping[str, str] = {
    "code": "Try what coding makes of documented words, as of a line that the EHR lists with minutes.",
    "dead": "Messages that a service could not use: what they are, and what is wrong with them.",
    "demo": "Start everything, publish the example visits, show the decisions as they come.",
    "doctor": "Look at server, streams, consumers, dead letters and clock; say what to do.",
    "evaluate": "Decide visits without a broker: one visit a line in, one decision a line out.",
    "explain": "Tell why a visit's claim is what it is: what decides, the worksheet, every line with its reasons.",
    "findings": "List every finding that a decision may hold, or explain one by its id.",
    "keys": "Make, rotate and withdraw the keys (NATS nkeys) that services, EHRs and people connect with.",
    "provision": "Create or update the streams and consumers.",
    "publish": "Publish visits of a file, a folder, or standard input (-) as visit-completed events.",
    "reconcile": "Hold every stored visit against what claims has said.",
    "render": "Write decisions as claim documents.",
    "rules": "What decisions are made by: dated tables and payer profiles.",
    "top": "Watch the pipeline at work until Ctrl-C: rates, what waits, what claims said, open visits, what is oldest.",
    "trace": "Show every step of a visit: who did it, when, for how long, and what it joined.",
    "up": "Start broker and services, and keep them running until Ctrl-C.",
    "visits": "Write the visits that lie on the bus, one JSON object a line, by date of service.",
    "watch": "Follow decisions as they are made, until Ctrl-C.",
}
"""What `claimbus --help` says of each: the first sentence of its own help, so that no command is imported for it."""


class _Commands(click.Group):
    """The commands of the folder `commands`, each a module and what it defines under the same name."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"claimbus_cli.commands.{name}"), name)
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="claimbus-cli", prog_name="claimbus")
def main() -> None:
    """Completed physical-therapy visits in, claim decisions with their reasons out.

    CLAIMBUS_NATS_URL points every command at a NATS server that already runs; without it, `up` and
    `demo` start one of their own and the others look at nats://127.0.0.1:4222. CLAIMBUS_PROFILES names
    a folder of payer profiles of your own, for the services and for every command that decides.
    CLAIMBUS_NATS_NKEY names the file of the seed to connect with, where the server asks for one.
    """
