"""The mark to compare with: the same hops on nats-py by hand, with no domain work at all.

    visit -> coding -> units -+
          -> documentation ---+-> claims (join by compare-and-set in a key-value bucket) -> outcome
          -> claims (opens) --+

Each stage is a process of its own, as the product's services are. A stage only passes the visit on.
"""

import argparse
import asyncio
import json
import signal
from collections.abc import Awaitable, Callable

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, KeyValueConfig, StorageType, StreamConfig
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

STREAM, BUCKET, OUTCOMES = "BASE", "JOIN", "base.*.outcome"
STAGES = ("coding", "units", "documentation", "claims")
Handle = Callable[[Msg], Awaitable[None]]


def subject(visit: str, fact: str) -> str:
    return f"base.{visit}.{fact}"


async def provision(js: JetStreamContext) -> None:
    await js.add_stream(StreamConfig(name=STREAM, subjects=["base.*.*"], storage=StorageType.FILE))
    await js.create_key_value(KeyValueConfig(bucket=BUCKET, history=1, storage=StorageType.FILE))


async def _consume(js: JetStreamContext, fact: str, durable: str, handle: Handle, stop: asyncio.Event) -> None:
    config = ConsumerConfig(max_ack_pending=2000)
    subscription = await js.pull_subscribe(subject("*", fact), durable=durable, stream=STREAM, config=config)

    async def one(msg: Msg) -> None:
        await handle(msg)
        await msg.ack()

    while not stop.is_set():
        try:
            messages = await subscription.fetch(200, timeout=0.5)
        except TimeoutError:
            continue
        await asyncio.gather(*(one(msg) for msg in messages))


def _relay(js: JetStreamContext, fact: str) -> Handle:
    async def handle(msg: Msg) -> None:
        visit = json.loads(msg.data)
        name = visit["visit_id"]
        stored = await js.publish_async(
            subject(name, fact), json.dumps(visit).encode(), headers={"Nats-Msg-Id": f"{name}.{fact}"}
        )
        await stored

    return handle


async def _join(js: JetStreamContext) -> Handle:
    bucket = await js.key_value(BUCKET)

    async def handle(msg: Msg) -> None:
        visit, part = json.loads(msg.data), msg.subject.split(".")[2]
        name = visit["visit_id"]
        while True:
            try:
                try:
                    entry = await bucket.get(name)
                except KeyNotFoundError:
                    await bucket.create(name, json.dumps({part: visit}).encode())
                    return
                parts = json.loads(entry.value or b"{}")
                parts[part] = visit
                await bucket.update(name, json.dumps(parts).encode(), last=entry.revision)
            except KeyWrongLastSequenceError:
                continue
            if len(parts) == 3:
                body = json.dumps({"visit_id": name, "claim": visit}).encode()
                stored = await js.publish_async(
                    subject(name, "outcome"), body, headers={"Nats-Msg-Id": f"{name}.outcome"}
                )
                await stored
            return

    return handle


async def _stage(url: str, name: str) -> None:
    client = await nats.connect(url)
    js = client.jetstream(publish_async_max_pending=4096)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if name == "coding":
        work = [_consume(js, "completed", "coding", _relay(js, "coded"), stop)]
    elif name == "units":
        work = [_consume(js, "coded", "units", _relay(js, "units"), stop)]
    elif name == "documentation":
        work = [_consume(js, "completed", "documentation", _relay(js, "documented"), stop)]
    else:
        handle = await _join(js)
        work = [_consume(js, fact, f"claims-{fact}", handle, stop) for fact in ("completed", "units", "documented")]
    await asyncio.gather(*work)
    await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("stage", choices=STAGES)
    arguments = parser.parse_args()
    asyncio.run(_stage(arguments.url, arguments.stage))
