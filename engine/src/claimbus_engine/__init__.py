"""The decision on a visit as a library: a visit, the rules and what is known of earlier visits in, a decision out.

    from claimbus_engine import Rules, evaluate

    decision = evaluate(visit, Rules.load())

The services call the very same domain functions; what they add is the bus. Nothing here knows a transport.
"""

from claimbus_engine.evaluate import NO_HISTORY, Evaluation, History, evaluate, evaluate_fully, read_visit
from claimbus_engine.rules import Rules

__all__ = ["NO_HISTORY", "Evaluation", "History", "Rules", "evaluate", "evaluate_fully", "read_visit"]
