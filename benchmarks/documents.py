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

from claimbus.events import ClaimDenialRisk, ClaimReady
from claimbus.testing.visits import example_bodies
from claimbus_cli.evaluate import evaluate_visit
from claims.documents.professional import render_professional
from claims.documents.rules import DOCUMENT_RULES
from claims.documents.submission import Given, complete_submission

Decision = ClaimReady | ClaimDenialRisk
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
    for body in example_bodies().values():
        decision = evaluate_visit(body)
        if decision.outcome == "ready":
            ready.append(decision)
    return [_copy(decision, place) for place, decision in enumerate(islice(cycle(ready), count))]


def _copy(decision: Decision, place: int) -> Decision:
    claim = decision.claim.model_copy(update={**_FLAGS, "control_number": f"{place:020d}"})
    return decision.model_copy(update={"visit_id": f"visit-{place}", "claim": claim})


def professional(some: Sequence[Decision]) -> int:
    """Bytes of the 837P of all claims."""
    now = datetime.now(UTC)
    book = DOCUMENT_RULES.x12_on(now.date())
    given = Given(
        control_number=1,
        created_at=now,
        receiver_id="CLEAR1",
        receiver_name="Example Clearing",
        contact_phone="6175550100",
    )
    rendered = render_professional(some, complete_submission(given, some, book), book)
    if rendered.refused or rendered.interchange is None:
        sys.exit(f"not written: {rendered.refused[:1]}")
    return len(rendered.interchange)


FORMATS: dict[str, Callable[[Sequence[Decision]], int]] = {"837p": professional}


def measure(write: Callable[[Sequence[Decision]], int], some: Sequence[Decision], rounds: int) -> dict[str, float]:
    seconds = []
    size = write(some)  # compiles patterns and reads tables
    for _ in range(rounds):
        start = time.process_time()
        write(some)
        seconds.append(time.process_time() - start)
    return {
        "claims_a_second": round(len(some) / statistics.median(seconds)),
        "slowest": round(len(some) / max(seconds)),
        "fastest": round(len(some) / min(seconds)),
        "bytes_a_claim": round(size / len(some)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    some = decisions(options.claims)
    lines = sum(len(decision.lines) for decision in some)
    found = {name: measure(write, some, options.rounds) for name, write in FORMATS.items()}
    if options.json:
        print(json.dumps({"claims": len(some), "lines": lines, "formats": found}))
        return
    print(f"{len(some)} claims, {lines} lines, {options.rounds} rounds")
    for name, figures in found.items():
        told = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in figures.items())
        print(f"{name}: {told}")


if __name__ == "__main__":
    main()
