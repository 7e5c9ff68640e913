"""Each user of the broker can do its work, and nothing else: on a real server, with the files that are deployed."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from claimbus.messaging.dead_letters import read_dead_letters
from claimbus.messaging.topology import CLAIMS, VISITS, provision
from claimbus.services import SERVICES
from claimbus.telemetry import registry
from claimbus.testing.bus import Bus
from claimbus.testing.embedded import server_binary
from claimbus.testing.visits import example_bodies
from claimbus_cli.bus.connection import connected
from claimbus_cli.bus.key_folder import KeyFolder
from claimbus_cli.bus.reading import claim_events_of
from keyed import KeyedServer, keyed_server, services_with_keys
from nats.errors import Error as NatsError
from observing import Collector, eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
CLI = [sys.executable, "-m", "claimbus_cli"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KeyedServer]:
    with keyed_server(tmp_path, "northside-pt", "lakeside") as running:
        yield running


async def claimbus(server: KeyedServer, user: str, *arguments: str, **more: str) -> str:
    """What a command says, run as a user. Fails when the command does."""
    environment = more | {"CLAIMBUS_NATS_URL": server.url, "CLAIMBUS_NATS_NKEY": str(server.seed(user))}
    process = await asyncio.create_subprocess_exec(
        *CLI,
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_a_visit_s_whole_life_with_least_permissions(
    server: KeyedServer, tmp_path: Path, collector: Collector
) -> None:
    bodies = example_bodies()
    sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    async with services_with_keys(server, tmp_path, CLAIMBUS_HELD_AFTER="2", **sending):
        # They wait for it: nobody has to be started in order.
        assert "created stream VISITS" in await claimbus(server, "provision", "provision", "--replicas", "1")
        await claimbus(server, "ehr-northside-pt", "publish", str(EXAMPLES / "visits"))
        environment = {
            "CLAIMBUS_NATS_URL": server.url,
            "CLAIMBUS_NATS_NKEY": str(server.seed("submission-northside-pt")),
        }
        subscriber = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLES / "subscriber.py"), "northside-pt", "--count", str(len(bodies)),
            env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await asyncio.wait_for(subscriber.communicate(), 60)
        assert len(set(told.decode().splitlines())) == len(bodies)

        # The payer answers, a visit is taken back, one that cannot be read is buried, one is never completed.
        for answer in ("submitted", "adjudicated"):
            await claimbus(
                server, "submission-northside-pt",
                "publish", "--as", answer, str(EXAMPLES / f"outcomes/01-{answer}.json"),
            )  # fmt: skip
        first = json.loads(next(iter(bodies.values())))
        broken = tmp_path / "broken.json"
        broken.write_text('{"practice_id": "northside-pt", "visit_id": "broken"}')
        await claimbus(server, "ehr-northside-pt", "publish", str(broken))
        async with connected(server.url, server.seed("operator")) as operator:
            assert await eventually(lambda: read_dead_letters(operator))
            before = await claim_events_of(operator, first["practice_id"], first["visit_id"])
            await Bus(operator).publish({**first, "revision": 2})
            await eventually(lambda: _has_more(operator, first, len(before)))
        for looking in (["doctor"], ["reconcile"], ["dead", "list"], ["top", "--once"], ["explain", first["visit_id"]]):
            await claimbus(server, "operator", *looking)
        await eventually(lambda: any(point.metric == registry.PENDING.name for point in collector.points))
    logs = "".join((tmp_path / f"{name}.log").read_text() for name in SERVICES)
    assert "broker.error" not in logs
    assert "look-failed" not in logs
    assert "Permissions Violation" not in server.log
    assert "Publish Violation" not in server.log


async def _has_more(client: Any, visit: dict[str, Any], than: int) -> bool:
    return len(await claim_events_of(client, visit["practice_id"], visit["visit_id"])) > than


async def _as_admin(server: KeyedServer) -> Any:
    client, _ = await server.connect("admin")
    return client


PULL = b'{"batch": 1, "no_wait": true}'
REFUSED = {
    "units may not decide a claim": ("units", "claims.northside-pt.v1.ready"),
    "a service may not publish a visit": ("claims", "visits.northside-pt.v1.completed"),
    "a service may not bury for another": ("units", "dead.claims.invalid"),
    "a service may not take another's work": ("coding", f"$JS.API.CONSUMER.MSG.NEXT.{VISITS}.claims"),
    "nor say that it is done": ("coding", f"$JS.ACK.{VISITS}.claims.1.1.1.1.1"),
    "a service may not read what it does not need": ("coding", f"$JS.API.DIRECT.GET.{VISITS}"),
    "claims may not make a consumer that stays": ("claims", f"$JS.API.CONSUMER.DURABLE.CREATE.{CLAIMS}.spy"),
    "a service may not delete a stream": ("claims", f"$JS.API.STREAM.DELETE.{VISITS}"),
    "provisioning may not delete a stream": ("provision", f"$JS.API.STREAM.DELETE.{VISITS}"),
    "provisioning may not read a message": ("provision", f"$JS.API.STREAM.MSG.GET.{VISITS}"),
    "an operator may not purge a stream": ("operator", f"$JS.API.STREAM.PURGE.{VISITS}"),
    "an operator may not take a service's work": ("operator", f"$JS.API.CONSUMER.MSG.NEXT.{VISITS}.claims"),
    "an EHR may not speak for another practice": ("ehr-northside-pt", "visits.lakeside.v1.completed"),
    "an EHR may not say what is ours to say": ("ehr-northside-pt", "visits.northside-pt.v1.coded"),
    "a submission service may not follow another practice": (
        "submission-northside-pt", f"$JS.API.CONSUMER.CREATE.{CLAIMS}.submission-northside-pt.claims.lakeside.*.*",
    ),
    "nor make a consumer of no practice": (
        "submission-northside-pt", f"$JS.API.CONSUMER.DURABLE.CREATE.{CLAIMS}.submission-northside-pt",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("user", "subject"), REFUSED.values(), ids=REFUSED)
async def test_what_is_not_a_user_s_work_is_refused(server: KeyedServer, user: str, subject: str) -> None:
    client, objections = await server.connect(user)
    await client.publish(subject, PULL, reply=client.new_inbox())
    await client.flush()
    await eventually(lambda: objections)
    assert "permissions violation for publish" in objections[0].lower()
    await client.close()


async def test_a_consumer_s_filter_is_checked_against_the_request(server: KeyedServer) -> None:
    """The subject names the own practice; the body asks for another."""
    admin = await _as_admin(server)
    await provision(admin.jetstream())
    await admin.close()
    client, _ = await server.connect("submission-northside-pt")
    name = "submission-northside-pt"
    config = {"name": name, "durable_name": name, "ack_policy": "explicit", "filter_subject": "claims.lakeside.*.*"}
    asked = {"stream_name": CLAIMS, "config": config}
    where = f"$JS.API.CONSUMER.CREATE.{CLAIMS}.{name}.claims.northside-pt.*.*"
    answer = json.loads((await client.request(where, json.dumps(asked).encode())).data)
    assert "error" in answer
    config["filter_subject"] = "claims.northside-pt.*.*"
    answer = json.loads((await client.request(where, json.dumps(asked).encode())).data)
    assert answer["config"]["filter_subject"] == "claims.northside-pt.*.*"
    await client.close()


@pytest.mark.parametrize("inbox", ["_INBOX.>", "_INBOX_claims.>", ">", "visits.>"])
async def test_nobody_overhears(server: KeyedServer, inbox: str) -> None:
    client, objections = await server.connect("coding")
    await client.subscribe(inbox)
    await client.flush()
    await eventually(lambda: objections)
    assert "permissions violation for subscription" in objections[0].lower()
    await client.close()


async def test_a_key_is_rotated_without_cutting_anyone_off(server: KeyedServer, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(server.seed("claims").read_bytes())
    server.keys.rotate("claims")
    server.reload()
    for seed in (old, server.seed("claims")):
        client, _ = await server.connect("claims", seed)
        await client.close()
    assert server.keys.settle() == ["claims"]
    server.reload()
    client, _ = await server.connect("claims")
    await client.close()
    with pytest.raises(NatsError):
        await server.connect("claims", old)


async def test_a_retired_practice_is_let_in_no_more(server: KeyedServer, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(server.seed("ehr-lakeside").read_bytes())
    client, _ = await server.connect("ehr-lakeside")
    server.keys.retire("lakeside")
    server.reload()
    await eventually(lambda: not client.is_connected)
    await client.close()
    with pytest.raises(NatsError):
        await server.connect("ehr-lakeside", old)
    client, _ = await server.connect("ehr-northside-pt")
    await client.close()


async def test_without_a_key_the_command_says_what_is_missing(server: KeyedServer) -> None:
    process = await asyncio.create_subprocess_exec(
        *CLI, "doctor", env={**os.environ, "CLAIMBUS_NATS_URL": server.url}, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert "CLAIMBUS_NATS_NKEY" in said.decode()


async def test_streams_are_encrypted_on_the_disk(server: KeyedServer) -> None:
    client = await _as_admin(server)
    await provision(client.jetstream())
    canary = b"Zebulon-Canary-1931"
    await client.jetstream().publish("visits.northside-pt.v1.completed", canary)
    await client.close()
    files = [file for file in (server.place / "data").rglob("*") if file.is_file()]
    assert any(file.suffix == ".blk" for file in files)
    assert not [file for file in files if canary in file.read_bytes()]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority and a certificate of this machine that it signed."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates, and is not here")
    tls = tmp_path / "tls"
    tls.mkdir()
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    signed = ["-CA", tls / "ca.crt", "-CAkey", tls / "ca.key"]
    for name, more in (("ca", []), ("tls", [*signed, "-addext", "subjectAltName=IP:127.0.0.1"])):
        files = ["-keyout", tls / f"{name}.key", "-out", tls / f"{name}.crt"]
        subprocess.run([*make, *files, *more], check=True, capture_output=True)
    return tls


async def test_services_and_commands_come_in_by_tls_and_trust_whom_they_are_told_to(
    certificates: Path, tmp_path: Path
) -> None:
    """As the overlay for production has it: `tls://` in the address, and the authority in SSL_CERT_FILE."""
    keys = KeyFolder(tmp_path / "keys")
    keys.complete("northside-pt")
    server = KeyedServer(tmp_path / "server", keys, "tls.conf")
    server.start()
    server.url = server.url.replace("nats://", "tls://")
    trust = {"SSL_CERT_FILE": str(certificates / "ca.crt")}
    try:
        async with services_with_keys(server, tmp_path, **trust):
            await claimbus(server, "provision", "provision", **trust)
            visit = json.loads(next(iter(example_bodies().values())))
            (tmp_path / "visit.json").write_text(json.dumps(visit))
            await claimbus(server, "ehr-northside-pt", "publish", str(tmp_path / "visit.json"), **trust)
            await eventually(lambda: _is_explained(server, visit, trust))
        with pytest.raises(AssertionError, match="set SSL_CERT_FILE"):
            await claimbus(server, "operator", "doctor")
    finally:
        server.stop()


async def _is_explained(server: KeyedServer, visit: dict[str, Any], trust: dict[str, str]) -> bool:
    try:
        return "97110" in await claimbus(server, "operator", "explain", visit["visit_id"], **trust)
    except AssertionError:
        return False  # not decided yet


@pytest.mark.parametrize("variant", ["one.conf", "three.conf"])
@pytest.mark.parametrize("transport", ["plain.conf", "tls.conf"])
def test_the_server_takes_every_configuration(variant: str, transport: str, certificates: Path, tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "keys")
    keys.complete()
    KeyedServer(tmp_path / "server", keys, transport).lay_out(variant)
    environment = {"SERVER_NAME": "claimbus-nats-0", "STORE_DIR": str(tmp_path / "data"), "STORE_LIMIT": "20GB"}
    command = [server_binary(), "-c", "nats.conf", "-t"]
    done = subprocess.run(
        command, cwd=tmp_path / "server", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "is valid" in done.stderr
    # Without a name or a place for its store it does not start on a guess.
    done = subprocess.run(command, cwd=tmp_path / "server", env={}, capture_output=True, check=False)
    assert done.returncode != 0
