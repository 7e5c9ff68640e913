"""The images by themselves, through testcontainers: confined as far as an engine can, they do the whole work."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from claimbus.services import SERVICES
from claimbus.testing.bus import Bus
from claimbus.testing.visits import example_bodies
from claimbus_cli.bus.connection import connected
from claimbus_cli.bus.key_folder import KeyFolder
from composed import NATS, ROOT, run
from observing import decisions_are_in, eventually
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

CONFINED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "user": "65532:65532"}
NO_SHELL = ("/usr/bin/dash", "/usr/bin/bash")


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    made = KeyFolder(tmp_path / "keys")
    made.complete("northside-pt")
    # The containers' user has another number than whoever runs the test.
    for path in tmp_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    return made


@pytest.fixture
def broker(images: str, keys: KeyFolder, tmp_path: Path) -> Iterator[tuple[Network, str]]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    config = tmp_path / "nats"
    config.mkdir()
    source = ROOT / "deploy/k8s/config/nats"
    shutil.copy(source / "nats.conf", config)
    shutil.copy(source / "one.conf", config / "variant.conf")
    shutil.copy(source / "plain.conf", config / "transport.conf")
    shutil.copytree(keys.place / "server", config / "auth")
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(Network())
        server = DockerContainer(NATS).with_command("--config /etc/nats/nats.conf").with_exposed_ports(4222)
        server.with_network(network).with_network_aliases("nats")
        server.with_env("SERVER_NAME", "one").with_env("STORE_DIR", "/data").with_env("STORE_LIMIT", "20GB")
        server.with_volume_mapping(str(config), "/etc/nats", "ro")
        server.with_tmpfs_mount("/data").with_kwargs(**CONFINED)
        stack.enter_context(server.waiting_for(LogMessageWaitStrategy("Server is ready")))
        yield network, f"nats://{server.get_container_host_ip()}:{server.get_exposed_port(4222)}"


def container(image: str, network: Network, user: str, keys: KeyFolder) -> DockerContainer:
    one = DockerContainer(image).with_network(network)
    one.with_env("CLAIMBUS_NATS_URL", "nats://nats:4222").with_env("CLAIMBUS_NATS_NKEY", "/run/claimbus/nkey")
    one.with_env("CLAIMBUS_WAIT", "60")
    one.with_volume_mapping(str(keys.place / user), "/run/claimbus", "ro")
    for shell in NO_SHELL:
        one.with_volume_mapping("/dev/null", shell, "ro")
    return one.with_kwargs(**CONFINED)


async def test_visits_go_through_the_images_and_no_shell_is_needed(
    images: str, keys: KeyFolder, broker: tuple[Network, str]
) -> None:
    network, url = broker
    with contextlib.ExitStack() as stack:
        # Services first: they wait for the streams.
        running = [
            stack.enter_context(container(f"claimbus/{name}:{images}", network, name, keys)) for name in SERVICES
        ]
        job = container(f"claimbus/cli:{images}", network, "provision", keys).with_command("provision")
        provisioning = stack.enter_context(job).get_wrapped_container()
        assert (await asyncio.to_thread(provisioning.wait))["StatusCode"] == 0, provisioning.logs()
        bodies = example_bodies()
        async with connected(url, keys.place / "operator" / "nkey") as client:
            for body in bodies.values():
                await Bus(client).publish(body)
            await decisions_are_in(client, len(bodies), 60)
        for one in running:
            wrapped = one.get_wrapped_container()
            await eventually(lambda wrapped=wrapped: _health(wrapped) == "healthy")
            stopping = asyncio.to_thread(wrapped.stop, timeout=45)
            await stopping
            wrapped.reload()
            assert wrapped.attrs["State"]["ExitCode"] == 0
            assert b"service.draining" in wrapped.logs()


def _health(container: object) -> str:
    container.reload()  # type: ignore[attr-defined]
    return str(container.attrs["State"]["Health"]["Status"])  # type: ignore[attr-defined]


async def test_an_image_says_what_it_is_and_refuses_what_is_wrong(images: str) -> None:
    for name in SERVICES:
        labels = await run("docker", "inspect", "-f", "{{json .Config.Labels}}", f"claimbus/{name}:{images}")
        assert f'"org.opencontainers.image.title":"claimbus {name}"' in labels
        assert f'"org.opencontainers.image.version":"{images}"' in labels
    said = await run(
        "docker", "run", "--rm", f"claimbus/cli:{images}", "evaluate", "examples/visits/01-medicare-plain.json"
    )
    assert "97110" in said
    process = await asyncio.create_subprocess_exec(
        "docker", "run", "--rm", "-e", "CLAIMBUS_HEALTH_PORT=many", f"claimbus/claims:{images}",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await process.communicate()
    assert process.returncode == 78
    assert b"CLAIMBUS_HEALTH_PORT" in complaint
