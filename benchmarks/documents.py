"""How many claims a second are written as documents.

    python benchmarks/documents.py [--claims 2000] [--rounds 5] [--json]

The example visits are decided once, outside the clock, and copied under numbers of their own until there
are enough; then each round writes all of them as one document. Counted is processor time of this process,
checks and cleaning of every field included; reading JSON is not.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice

from claimbus.events import Decision
from claimbus.testing.visits import example_bodies
from claimbus_cli.decisions import decide_visit
from claimbus_documents.rules import DocumentRules
from claimbus_documents.x12.professional import render_professional
from claimbus_documents.x12.submission import Given, complete_submission
from claimbus_engine import Rules

_FLAGS = {
    "signature_on_file": True,
    "accept_assignment": "A",
    "benefits_assigned": "Y",
    "release_of_information": "Y",
}
"""What a practice says once for all its claims."""


def decisions(count: int) -> list[Decision]:
    """Ready decisions on the example visits, again and again, no two alike."""
    ready = []
    rules = Rules.load()
    for body in example_bodies().values():
        decision = decide_visit(body, rules)
        if decision.outcome == "ready":
            ready.append(decision)
    return [_copy(decision, place) for place, decision in enumerate(islice(cycle(ready), count))]


def _copy(decision: Decision, place: int) -> Decision:
    claim = decision.claim.model_copy(update={**_FLAGS, "control_number": f"{place:020d}"})
    return decision.model_copy(update={"visit_id": f"visit-{place}", "claim": claim})


def professional(decided: Sequence[Decision], rules: DocumentRules) -> int:
    """Bytes of the 837P of all claims."""
    now = datetime.now(UTC)
    given = Given(
        control_number=1,
        created_at=now,
        receiver_id="CLEAR1",
        receiver_name="Example Clearing",
        contact_phone="6175550100",
    )
    rendered = render_professional(decided, complete_submission(given, decided, rules.on(now.date())), rules)
    if rendered.refused or rendered.interchange is None:
        sys.exit(f"not written: {rendered.refused[:1]}")
    return len(rendered.interchange)


Writer = Callable[[Sequence[Decision], DocumentRules], int]
FORMATS: dict[str, Writer] = {"837p": professional}


def measure(write: Writer, decided: Sequence[Decision], rounds: int) -> dict[str, float]:
    seconds = []
    rules = DocumentRules.load()
    size = write(decided, rules)  # compiles patterns
    for _ in range(rounds):
        start = time.process_time()
        write(decided, rules)
        seconds.append(time.process_time() - start)
    return {
        "claims_a_second": round(len(decided) / statistics.median(seconds)),
        "slowest": round(len(decided) / max(seconds)),
        "fastest": round(len(decided) / min(seconds)),
        "bytes_a_claim": round(size / len(decided)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    decided = decisions(options.claims)
    lines = sum(len(decision.lines) for decision in decided)
    found = {name: measure(write, decided, options.rounds) for name, write in FORMATS.items()}
    if options.json:
        print(json.dumps({"claims": len(decided), "lines": lines, "formats": found}))
        return
    print(f"{len(decided)} claims, {lines} lines, {options.rounds} rounds")
    for name, figures in found.items():
        print(f"{name}: " + ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
