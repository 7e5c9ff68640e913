"""What the command shows of a running pipeline: traces, the pipeline at work, and whether a visit is missing."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from claimbus.events import DocumentationChecked
from claimbus.events.subjects import subject_for
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import VISITS, consumer_names
from claimbus.testing.bus import Bus
from claimbus.testing.supervisor import Supervisor
from claimbus.testing.visits import example_bodies, visit_data
from claimbus_cli.bus.open_visits import OpenVisitsReader
from claimbus_cli.bus.reading import count_of
from claimbus_cli.spans import TracesError, traces_of
from claimbus_cli.views.trace import as_data, head_of
from nats.aio.client import Client
from observing import decisions_are_in, eventually

PLAIN = "01-medicare-plain"


async def command(nats_url: str, *arguments: str) -> tuple[int, str]:
    """Status and output of a command, as a person runs it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "claimbus_cli",
        *arguments,
        env={**os.environ, "CLAIMBUS_NATS_URL": nats_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_a_visits_way_is_told_from_the_files_that_services_write(
    nats_url: str, client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "traces"
    visit = visit_data()
    key = f"{visit['practice_id']}.{visit['visit_id']}"
    async with Supervisor(nats_url, tmp_path / "logs", environment={"CLAIMBUS_TRACES_DIR": str(folder)}):
        await Bus(client).publish(visit)
        await decisions_are_in(client, 1)
    with (folder / "cut.jsonl").open("w") as file:
        file.write('{"resourceSpans": [')

    (trace,) = traces_of(str(folder), key)
    assert traces_of(str(folder), visit["visit_id"]) == [trace]
    told = as_data(trace)["spans"]
    assert [one["service"] for one in told if one["name"] == "decide"] == ["claimbus-claims"]
    depth = {one["name"].rpartition(".")[2] + one["service"]: one["depth"] for one in told if "publish" in one["name"]}
    assert depth["codedclaimbus-coding"] < depth["units-computedclaimbus-units"] < depth["readyclaimbus-claims"]
    assert "to ready" in head_of(trace, key)

    status, shown = await command(nats_url, "trace", visit["visit_id"], "--from", str(folder))
    print(shown)  # noqa: T201  (shown with pytest -s)
    assert status == 0
    assert all(name in shown for name in ("documentation-check", "decide", "publish ready", "joins"))
    status, refused = await command(nats_url, "trace", "nobody", "--from", str(folder))
    assert status == 1
    assert "no trace of that visit" in refused
    with pytest.raises(TracesError, match="does not answer"):
        traces_of("http://127.0.0.1:9", key)


async def test_a_replay_is_a_trace_of_its_own_that_names_the_old_one(
    nats_url: str, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "traces"
    monkeypatch.setenv("CLAIMBUS_TRACES_DIR", str(folder))
    async with Supervisor(nats_url, tmp_path / "logs", environment={"CLAIMBUS_TRACES_DIR": str(folder)}):
        await client.jetstream().publish("visits.p.bad.completed", b'{"visit_id": ')
        (dead_letter, *_) = await eventually(lambda: read_dead_letters(client))
        await Bus(client).settled()
        assert (await command(nats_url, "dead", "replay", str(dead_letter.number)))[0] == 0
        await Bus(client).settled()
    old, new = traces_of(str(folder), "p.bad")
    assert old[0].trace_id != new[0].trace_id
    received = [span for trace in (old, new) for span in trace if span.name.startswith("process")]
    assert all(span.attributes["claimbus.settlement"] == "dead-letter" for span in received)
    (replayed,) = [span for span in new if span.links]
    assert replayed.service == "claimbus-cli"
    assert {link[0] for link in replayed.links} == {old[0].trace_id}


async def test_top_tells_rates_lag_outcomes_and_what_is_oldest(
    nats_url: str, client: Client, services: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in example_bodies().values():
        await Bus(client).publish(body)
    await client.jetstream().publish("visits.p.bad.completed", b'{"visit_id": ')
    await decisions_are_in(client, len(example_bodies()))
    dead_letters = len(await eventually(lambda: read_dead_letters(client)))
    await Bus(client).settled()
    status, shown = await command(nats_url, "top", "--once", "--json")
    assert status == 0
    now = json.loads(shown)
    assert now["visits"] == sum(now["words"].values()) + dead_letters == len(example_bodies()) + 1
    assert now["dead_letters"] == dead_letters == 1
    assert now["open"] == {"visits": 0, "is_at_least": False, "oldest": None}
    assert all(0 == one["in_hand"] < one["in_hand_limit"] for one in now["consumers"])
    assert {(one["stream"], one["name"]) for one in now["consumers"]} == set(consumer_names())
    assert now["oldest_unsettled"] is None

    os.kill(services.pid_of("units"), signal.SIGSTOP)
    try:
        waiting = visit_data(visit_id="waits")
        await Bus(client).publish(waiting)

        async def seen() -> Any:
            found = json.loads((await command(nats_url, "top", "--once", "--json", "--interval", "0.2"))[1])
            return found["oldest_unsettled"]

        oldest = await eventually(seen)
        assert oldest["visit"].endswith("/waits")
        await Bus(client).publish(visit_data(visit_id="newer"))
        found = await OpenVisitsReader(client).read()
        assert (found.visits, found.oldest and found.oldest[0]) == (2, f"{waiting['practice_id']}/waits")
        monkeypatch.setattr("claimbus_cli.bus.open_visits._MOST_SUBJECTS", 3)
        assert await OpenVisitsReader(client).read() == (2 + dead_letters, True, None), (
            "by counts alone, the letter's visit too"
        )
        status, picture = await command(nats_url, "top", "--once")
        print(picture)  # noqa: T201
        assert status == 0
        assert "Open 2, the oldest northside-pt/waits for" in picture
        assert picture.endswith("\n")
    finally:
        os.kill(services.pid_of("units"), signal.SIGCONT)


async def test_reconcile_finds_the_visit_that_nothing_was_said_of(
    nats_url: str, client: Client, services: Supervisor
) -> None:
    for body in example_bodies().values():
        await Bus(client).publish(body)
    await client.jetstream().publish("visits.p.bad.completed", b'{"visit_id": ')
    await decisions_are_in(client, len(example_bodies()))
    await eventually(lambda: read_dead_letters(client))
    status, shown = await command(nats_url, "reconcile", "--older-than", "0", "--json")
    found = json.loads(shown)
    assert found["counts"] == {"answered": len(example_bodies()), "buried": 1}
    assert found["unaccounted"] == []
    ((buried, (dead_letter,)),) = [(one["visit_id"], one["dead_letters"]) for one in found["buried"]]
    assert (buried, dead_letter["number"], dead_letter["why"]) == ("bad", 1, "invalid")
    assert status == 0, "a dead letter is a word"

    os.kill(services.pid_of("coding"), signal.SIGSTOP)
    try:
        waiting = visit_data(visit_id="waits")
        await Bus(client).publish(waiting)
        assert (await command(nats_url, "reconcile"))[0] == 0, "it is young"
        checked = subject_for(DocumentationChecked, waiting["practice_id"], "waits")
        await eventually(lambda: count_of(client, VISITS, checked))
        status, shown = await command(nats_url, "reconcile", "--older-than", "0")
        print(shown)  # noqa: T201
        assert status == 1
        (row,) = [line for line in shown.splitlines() if "/waits" in line]
        assert row.rstrip().endswith("documentation-checked"), "what coding and units would say is not there"
        (gap,) = json.loads((await command(nats_url, "reconcile", "--older-than", "0", "--json"))[1])["unaccounted"]
        assert (gap["visit_id"], gap["revision"], gap["facts"]) == ("waits", 1, ["documentation-checked"])
        assert gap["age_seconds"] > 0
    finally:
        os.kill(services.pid_of("coding"), signal.SIGCONT)
    await decisions_are_in(client, len(example_bodies()) + 1)
    assert (await command(nats_url, "reconcile", "--older-than", "0"))[0] == 0
