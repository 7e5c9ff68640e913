"""A decision from what a person hands in: one already made, or a visit that is decided first."""

from claimbus.events import ClaimDenialRisk, ClaimReady, InvalidEvent, Problem, decision_adapter
from pydantic import ValidationError
from pydantic_core import from_json

from claimbus_cli.views.terminal import loading_rules

Decision = ClaimReady | ClaimDenialRisk


def decision_of(body: bytes) -> Decision:
    """A decision as it is, or the one on a visit. Raises `InvalidEvent`."""
    if _is_decision(body):
        try:
            return decision_adapter.validate_json(body)
        except ValidationError as exc:
            first = exc.errors(include_input=False)[0]
            raise InvalidEvent(Problem(field=".".join(map(str, first["loc"][1:])), problem=first["msg"])) from None
    with loading_rules():
        from claimbus_cli.evaluate import evaluate_visit
    return evaluate_visit(body)


def _is_decision(body: bytes) -> bool:
    try:
        given = from_json(body)
    except ValueError:
        return False
    return isinstance(given, dict) and "outcome" in given
