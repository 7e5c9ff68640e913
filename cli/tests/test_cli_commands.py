"""The command as a user runs it: a process, its output and its status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from claimbus.events import DeadLetter, VisitCompleted, decision_adapter, validated
from claimbus.events.subjects import dead, subject_for
from claimbus.messaging import decode
from claimbus.services import SERVICES
from claimbus.testing.embedded import EmbeddedServer
from claimbus.testing.visits import EXAMPLES, visit_data
from claimbus_cli.main import main
from claimbus_cli.visit_files import VisitsError, read_visits
from click.testing import CliRunner
from nats.aio.client import Client

ROOT = Path(__file__).parents[2]
GOOD = visit_data()


def claimbus(
    *arguments: str, stdin: str = "", timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "claimbus_cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "160", **environment},
        check=False,
    )


def process_ids(fragment: str) -> set[int]:
    """Processes whose command line or environment holds a text."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            process = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if fragment.encode() in process:
            found.add(int(entry.name))
    return found - {os.getpid()}


# --- evaluate ---------------------------------------------------------------------------------------


def test_evaluate_writes_one_decision_a_line_in_order() -> None:
    lines = [json.dumps(GOOD | {"visit_id": f"v{number}"}) for number in range(3)]
    ran = claimbus("evaluate", "-", stdin="\n".join(lines) + "\n\n")
    assert ran.returncode == 0
    decisions = [decision_adapter.validate_json(line) for line in ran.stdout.splitlines()]
    assert [decision.visit_id for decision in decisions] == ["v0", "v1", "v2"]


def test_evaluate_names_the_line_and_the_field_of_what_is_not_valid_and_goes_on() -> None:
    bad = GOOD | {"interventions": [{"id": "1", "minutes": -5, "narrative": "Zebulon-Canary"}]}
    ran = claimbus("evaluate", "-", stdin="\n".join([json.dumps(bad), "{not json", json.dumps(GOOD)]))
    first, second, third = map(json.loads, ran.stdout.splitlines())
    assert ran.returncode == 1
    assert first["line"] == 1
    assert first["error"].startswith("interventions.0.minutes: ")
    assert second["line"] == 2
    assert second["error"].startswith("body: not JSON")
    assert third["outcome"] == "ready"
    assert "Zebulon" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_evaluate_takes_each_example_file_as_it_is(file: Path) -> None:
    ran = claimbus("evaluate", str(file))
    invalid = "invalid" in file.stem
    assert ran.returncode == int(invalid)
    assert ("error" in json.loads(ran.stdout)) == invalid


def test_evaluate_says_which_file_is_not_there() -> None:
    ran = claimbus("evaluate", "nowhere.jsonl")
    assert ran.returncode == 1
    assert ran.stderr.strip() == "Error: nowhere.jsonl: No such file or directory"


@pytest.mark.parametrize(
    ("text", "visits"),
    [
        ('{"a": 1}\n{"a": 2}\n', [(1, b'{"a": 1}'), (2, b'{"a": 2}')]),
        ('{\n  "a": 1\n}\n', [(1, b'{\n  "a": 1\n}')]),
        ('[{"a": 1}, {"a": 2}]', [(1, b'{"a":1}'), (1, b'{"a":2}')]),
        ('\n\n{"a": 1}\n\n{"a": \n', [(3, b'{"a": 1}'), (5, b'{"a":')]),
        ('{"a": \n{"a": 2}\n', [(1, b'{"a":'), (2, b'{"a": 2}')]),
        ("", []),
        ("\n \n", []),
    ],
)
def test_visits_are_read_from_lines_from_a_document_and_from_a_list(
    text: str, visits: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    file = tmp_path / "visits.json"
    file.write_text(text)
    assert list(read_visits(str(file))) == visits


def test_an_empty_folder_is_an_error_and_not_silence(tmp_path: Path) -> None:
    with pytest.raises(VisitsError, match=r"no \.json or \.jsonl file"):
        list(read_visits(str(tmp_path)))


# --- on a broker ------------------------------------------------------------------------------------


def test_without_a_broker_the_error_is_one_line_that_says_what_to_do() -> None:
    ran = claimbus("doctor", CLAIMBUS_NATS_URL="nats://127.0.0.1:9")
    assert ran.returncode == 1
    assert "no NATS server answers at nats://127.0.0.1:9; start one with: claimbus up" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_doctor_finds_a_sound_broker_fit_and_names_what_is_missing(nats_url: str, client: Client) -> None:
    fit = claimbus("doctor", CLAIMBUS_NATS_URL=nats_url)
    assert fit.returncode == 0, fit.stdout
    assert "nats-server 2." in fit.stdout
    await client.jetstream().delete_consumer("VISITS", "units")
    unfit = claimbus("doctor", CLAIMBUS_NATS_URL=nats_url)
    assert unfit.returncode == 1
    assert re.search(
        r"no\s+consumer units\s+consumer units does not exist on stream VISITS\s+run: claimbus provision", unfit.stdout
    )
    ran = claimbus("provision", CLAIMBUS_NATS_URL=nats_url)
    assert ran.stdout.strip() == "created consumer units"
    assert claimbus("doctor", CLAIMBUS_NATS_URL=nats_url).returncode == 0


async def test_publishing_again_says_what_the_broker_already_had(nats_url: str, client: Client) -> None:
    once = claimbus("publish", str(EXAMPLES / "01-medicare-plain.json"), CLAIMBUS_NATS_URL=nats_url)
    again = claimbus("publish", str(EXAMPLES / "01-medicare-plain.json"), CLAIMBUS_NATS_URL=nats_url)
    assert "1 published, 0 the broker already had." in once.stdout
    assert "0 published, 1 the broker already had." in again.stdout


async def test_a_visit_without_keys_cannot_be_addressed(nats_url: str, client: Client) -> None:
    ran = claimbus("publish", "-", stdin='{"practice_id": "a b"}', CLAIMBUS_NATS_URL=nats_url)
    assert ran.returncode == 1
    assert "line 1: practice_id: needed to address the visit" in ran.stderr


async def test_a_message_that_failed_for_a_passing_reason_is_replayed_in_a_new_trace(
    nats_url: str, client: Client
) -> None:
    js = client.jetstream()
    claimbus("publish", str(EXAMPLES / "01-medicare-plain.json"), CLAIMBUS_NATS_URL=nats_url)
    visit = await js.get_last_msg("VISITS", "visits.*.*.completed")
    dead_letter = DeadLetter(
        stream="VISITS", seq=visit.seq or 0, subject=visit.subject or "", consumer="coding", deliveries=6,
        why="exhausted", error="TimeoutError", at=datetime.now(UTC),
    )  # fmt: skip
    await js.publish(dead("coding", "exhausted"), dead_letter.model_dump_json().encode())
    shown = claimbus("dead", "show", "1", CLAIMBUS_NATS_URL=nats_url)
    assert "claimbus dead replay 1" in shown.stdout
    first = claimbus("dead", "replay", "--all", CLAIMBUS_NATS_URL=nats_url)
    assert "1 replayed, 0 were replayed a moment ago." in first.stdout
    assert "0 replayed, 1 were" in claimbus("dead", "replay", "1", CLAIMBUS_NATS_URL=nats_url).stdout
    again = await js.get_last_msg("VISITS", "visits.*.*.completed")
    assert again.seq == (visit.seq or 0) + 1
    assert again.data == visit.data
    assert visit.headers is not None
    assert again.headers is not None
    assert again.headers["ce-id"] == visit.headers["ce-id"]
    assert again.headers["traceparent"].split("-")[1] != visit.headers["traceparent"].split("-")[1]
    assert "there is no dead letter 7" in claimbus("dead", "replay", "7", CLAIMBUS_NATS_URL=nats_url).stderr


async def test_a_structured_event_is_replayed_with_its_data(nats_url: str, client: Client) -> None:
    js = client.jetstream()
    event = {"specversion": "1.0", "id": "7", "source": "/ehr", "type": VisitCompleted.type, "data": GOOD}
    subject = subject_for(VisitCompleted, GOOD["practice_id"], GOOD["visit_id"])
    headers = {"Content-Type": "application/cloudevents+json"}
    stored = await js.publish(subject, json.dumps(event).encode(), headers=headers)
    dead_letter = DeadLetter(
        stream="VISITS", seq=stored.seq, subject=subject, consumer="coding", deliveries=6,
        why="exhausted", error="TimeoutError", at=datetime.now(UTC),
    )  # fmt: skip
    await js.publish(dead("coding", "exhausted"), dead_letter.model_dump_json().encode())
    assert "1 replayed" in claimbus("dead", "replay", "1", CLAIMBUS_NATS_URL=nats_url).stdout
    again = await js.get_last_msg("VISITS", subject)
    fact = decode(subject, again.headers, again.data or b"")
    assert fact.id == "7"
    assert fact.event == validated(VisitCompleted, json.dumps(GOOD).encode())


@pytest.mark.parametrize(
    "command", [("publish", str(EXAMPLES)), ("dead", "list"), ("watch",)], ids=lambda command: command[0]
)
async def test_a_broker_that_was_not_provisioned_is_one_line_that_says_where_to_look(
    command: tuple[str, ...], nats_url: str, client: Client
) -> None:
    for stream in ("VISITS", "CLAIMS", "DEAD"):
        await client.jetstream().delete_stream(stream)
    ran = claimbus(*command, CLAIMBUS_NATS_URL=nats_url)
    assert ran.returncode == 1
    assert "see: claimbus doctor" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_setting_that_cannot_be_used_is_named() -> None:
    ran = claimbus("doctor", CLAIMBUS_HEALTH_PORT="abc")
    assert ran.returncode == 1
    assert ran.stderr.strip() == "Error: CLAIMBUS_HEALTH_PORT: 'abc' is not a port from 0 to 65535"


# --- the whole thing --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo() -> Iterator[subprocess.CompletedProcess[str]]:
    environment = {"CLAIMBUS_NATS_URL": "", "CLAIMBUS_DEMO_MARK": f"demo-{os.getpid()}-{time.time_ns()}"}
    yield claimbus("demo", "--exit", **environment)
    assert process_ids(environment["CLAIMBUS_DEMO_MARK"]) == set(), "the demo left processes behind"


def test_the_demo_answers_every_example_visit_and_ends_by_itself(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stderr
    for file in EXAMPLES.glob("*.json"):
        assert json.loads(file.read_text())["visit_id"] in demo.stdout


def test_the_demo_shows_the_dead_letters_and_how_to_look_further(demo: subprocess.CompletedProcess[str]) -> None:
    assert "interventions.0.minutes" in demo.stdout
    assert "coverage.0.program" in demo.stdout
    assert "Look further" in demo.stdout


def test_the_demo_ends_with_the_whole_way_of_its_first_visit(demo: subprocess.CompletedProcess[str]) -> None:
    _, way = demo.stdout.split("northside-pt/v01-medicare-plain   ")
    assert re.match(r"[0-9.,]+ m?s from publish to ready\n", way)
    steps = [line for line in way.partition("Look further")[0].splitlines() if "━" in line]
    assert len(steps) == 12, "publish, three services that receive it, and what each of them led to"
    assert steps[0].split()[:3] == ["publish", "completed", "cli"]
    assert "joins completed, coded, documentation-checked" in way


def test_a_demo_without_visits_says_so(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").touch()
    ran = claimbus("demo", str(tmp_path / "none.jsonl"), "--exit")
    assert ran.returncode == 1
    assert ran.stderr.strip() == f"Error: {tmp_path / 'none.jsonl'}: no visit in it"


async def test_the_demo_runs_again_on_a_server_that_has_decided_its_visits(nats_url: str, client: Client) -> None:
    for _ in range(2):
        ran = claimbus("demo", "--exit", CLAIMBUS_NATS_URL=nats_url)
        assert ran.returncode == 0, ran.stderr
        assert "v01-medicare-plain" in ran.stdout


def test_up_restarts_a_service_that_dies_and_stops_everything_on_ctrl_c(tmp_path: Path) -> None:
    mark = f"up-{os.getpid()}-{time.time_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "claimbus_cli", "up", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CLAIMBUS_NATS_URL": "", "CLAIMBUS_UP_MARK": mark, "COLUMNS": "200"},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("Ctrl-C"):
            break
    assert f"export CLAIMBUS_TRACES_DIR={tmp_path}/traces" in lines, "so that publish writes the first span of a trace"
    assert "claimbus trace VISIT" in lines
    before = services_of(mark)
    assert set(before) == {row.module for row in SERVICES.values()}
    os.kill(before["units"], signal.SIGKILL)
    deadline = time.monotonic() + 30
    log = tmp_path / "logs" / "units.log"
    while log.read_text().count("service.ready") < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert services_of(mark)["units"] != before["units"]
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0
    process.stdout.close()
    assert process_ids(mark) == set()
    assert log.read_text().count("service.ready") == 2


def services_of(mark: str) -> dict[str, int]:
    found = {}
    for pid in process_ids(mark):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if "-m" in arguments and arguments[arguments.index("-m") + 1] != "claimbus_cli":
            found[arguments[arguments.index("-m") + 1]] = pid
    return found


def test_an_embedded_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "a") as first:
        port = first.url.rsplit(":", 1)[1]
        ran = claimbus("up", "--port", port, "--data", str(tmp_path / "b"), CLAIMBUS_NATS_URL="")
        assert ran.returncode == 1
        assert "the embedded NATS server did not start" in ran.stderr
        assert "address already in use" in ran.stderr


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


@pytest.mark.parametrize("path", list(every_command(main)), ids=" ".join)
def test_the_examples_of_a_commands_help_stand_a_line_each(path: tuple[str, ...]) -> None:
    page = CliRunner().invoke(main, [*path, "--help"]).output
    assert "\\b" not in page
    examples = [line for line in page.splitlines() if line.startswith("  claimbus ")]
    assert all(line.count("  claimbus ") == 1 for line in examples)
