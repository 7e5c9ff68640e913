"""A downstream submission service in miniature: hears decisions, each at least once, and acts on each once.

    CLAIMBUS_NATS_URL=nats://127.0.0.1:4222 python examples/subscriber.py northside-pt

It needs nats-py with nkeys; CLAIMBUS_NATS_NKEY names the file of its seed where the server asks for one. Its
durable consumer remembers where it stopped; a decision is acknowledged after it was acted on, so that a crash in
between brings it again: `claim_id` tells that it is the same one.
"""

import argparse
import asyncio
import json
import os
from pathlib import Path

import nats
import nkeys
from nats.js.api import AckPolicy, ConsumerConfig


async def follow(practice: str, count: int | None) -> None:
    seed = os.environ.get("CLAIMBUS_NATS_NKEY")
    inbox = inbox_of(seed) if seed else "_INBOX"
    url = os.environ.get("CLAIMBUS_NATS_URL", "nats://127.0.0.1:4222")
    client = await nats.connect(url, nkeys_seed=seed, inbox_prefix=inbox)
    # Named, with one filter: a server that lets each practice see its own claims alone checks both by the request.
    config = ConsumerConfig(
        name=f"submission-{practice}",
        durable_name=f"submission-{practice}",
        filter_subject=f"claims.{practice}.*.*",
        ack_policy=AckPolicy.EXPLICIT,
    )
    await client.jetstream().add_consumer("CLAIMS", config)
    decisions = await client.jetstream().pull_subscribe_bind(
        durable=config.durable_name, stream="CLAIMS", inbox_prefix=f"{inbox}.".encode()
    )
    submitted: set[str] = set()  # a real service keeps these where they survive it
    while count is None or len(submitted) < count:
        try:
            (message,) = await decisions.fetch(1, timeout=5)
        except TimeoutError:
            continue
        if message.subject.split(".")[-1] not in ("ready", "denial-risk"):
            await message.ack()  # held, superseded, voided: no decision
            continue
        decision = json.loads(message.data)
        if decision["claim_id"] not in submitted:
            act_on(decision)
            submitted.add(decision["claim_id"])
        await message.ack()
    await client.close()


def inbox_of(seed: str) -> str:
    """Where answers may come to whoever holds this key, and to nobody else."""
    return f"_INBOX_{nkeys.from_seed(bytearray(Path(seed).read_bytes().strip())).public_key.decode()}"


def act_on(decision: dict) -> None:
    if decision["outcome"] == "ready":
        lines = ", ".join(f"{line['code']} x{line['units']}" for line in decision["lines"])
        print(f"submit {decision['claim_id']}: {lines}, {decision['claim']['total_charge']} USD", flush=True)
    else:
        blocks = [finding["id"] for finding in decision["findings"] if finding["severity"] == "block"]
        print(f"to the worklist {decision['claim_id']}: {', '.join(blocks)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("practice", help="practice_id whose claims to follow")
    parser.add_argument("--count", type=int, help="end after so many decisions")
    arguments = parser.parse_args()
    asyncio.run(follow(arguments.practice, arguments.count))
