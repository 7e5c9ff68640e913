"""Decisions on visits by the rules as they ship, as the command makes them."""

from functools import cache

from claimbus.events import Decision
from claimbus.testing.visits import example_bodies
from claimbus_cli.decisions import decide_visit
from claimbus_engine import Rules

RULES = Rules.load()


def evaluate_visit(body: bytes) -> Decision:
    return decide_visit(body, RULES)


@cache
def decision_on(name: str) -> Decision:
    """On an example, by the beginning of its name."""
    return evaluate_visit(next(body for example, body in example_bodies().items() if example.startswith(name)))
