"""The parts of deployment files and projects that follow from the table of services; `make schemas` writes them.

In a file that people write too, a part stands between two comments, `>>> NAME, made by` and `<<<`, and nothing else is
touched.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from claimbus.messaging.topology import consumer_names
from claimbus.services import SERVICES, USUAL_MEMORY, ServiceRow
from workspace import ROOT, project_in

_PART = re.compile(
    r"^(?P<head>(?P<indent> *)(?:#|<!--) >>> (?P<name>[\w -]+), made by .*\n)[^\0]*?(?P<foot>^ *(?:#|<!--) <<<.*\n)",
    re.MULTILINE,
)

Lines = Callable[[ServiceRow, str], Iterator[str]]
"""The lines of one service in a part, without the part's indentation; the text is the version."""


def service_files() -> dict[Path, str]:
    """Every file that the table has a part in, as it should be, by its path below the repository's root."""
    version = str(project_in(ROOT / "shared")["version"])
    made = {path: _with_parts(path, parts, version) for path, parts in PARTS.items()}
    for row in SERVICES.values():
        made[KUSTOMIZATIONS / row.name / "kustomization.yaml"] = "".join(
            f"{line}\n" for line in _kustomization(row, version)
        )
    return made


def _with_parts(path: Path, parts: Mapping[str, Lines], version: str) -> str:
    text = (ROOT / path).read_text()
    if missing := parts.keys() - {part["name"] for part in _PART.finditer(text)}:
        raise ValueError(
            f"{path}: no comments `>>> {min(missing)}, made by ...` and `<<<` for its part to stand between"
        )

    def renewed(part: re.Match[str]) -> str:
        lines = (line for row in SERVICES.values() for line in parts[part["name"]](row, version))
        body = "".join(f"{part['indent']}{line}\n" if line else "\n" for line in lines)
        return f"{part['head']}{body}{part['foot']}"

    return _PART.sub(renewed, text)


def _source(row: ServiceRow, _: str) -> Iterator[str]:
    yield f'"services/{row.name}/src",'


def _dependency(row: ServiceRow, version: str) -> Iterator[str]:
    yield f'"claimbus-{row.name}=={version}",'


def _key_mount(row: ServiceRow, _: str) -> Iterator[str]:
    yield f"- keys-{row.name}:/keys/{row.name}"


def _volume(row: ServiceRow, _: str) -> Iterator[str]:
    yield f"keys-{row.name}:"


def _container(row: ServiceRow, version: str) -> Iterator[str]:
    yield f"{row.name}:"
    yield "  <<: *service"
    yield f"  image: claimbus/{row.name}:${{CLAIMBUS_VERSION:-{version}}}"
    yield f"  build: {{ context: ., args: {{ SERVICE: {row.name} }} }}"
    yield f'  volumes: ["keys-{row.name}:/run/claimbus:ro"]'
    yield ""


def _resource(row: ServiceRow, _: str) -> Iterator[str]:
    yield f"- {row.name}"


def _secret(row: ServiceRow, _: str) -> Iterator[str]:
    secret = f"claimbus-{row.name}-nkey"
    yield "---"
    yield "apiVersion: external-secrets.io/v1"
    yield "kind: ExternalSecret"
    yield "metadata:"
    yield f"  name: {secret}"
    yield "spec:"
    yield "  secretStoreRef: { kind: ClusterSecretStore, name: platform }"
    yield "  refreshInterval: 1h"
    yield f"  target: {{ name: {secret} }}"
    yield "  data:"
    yield f"    - {{ secretKey: nkey, remoteRef: {{ key: claimbus/{row.name}, property: nkey }} }}"


def _introduction(row: ServiceRow, _: str) -> Iterator[str]:
    """The first paragraph of the service's own page."""
    page = (ROOT / "services" / row.name / "README.md").read_text()
    first, *rest = page.split("\n\n")[1].replace("](../../", "](").splitlines()
    yield f"* {first}"
    yield from (f"  {line}" for line in rest)


PARTS: Mapping[Path, Mapping[str, Lines]] = {
    Path("README.md"): {"services": _introduction},
    Path("pyproject.toml"): {"sources of services": _source},
    Path("cli/pyproject.toml"): {"services": _dependency},
    Path("docker-compose.yml"): {
        "keys of services": _key_mount,
        "services": _container,
        "volumes of services": _volume,
    },
    Path("deploy/k8s/base/kustomization.yaml"): {"services": _resource},
    Path("deploy/k8s/overlays/prod/secrets.yaml"): {"keys of services": _secret},
}
"""By file, each part of it."""
KUSTOMIZATIONS = Path("deploy/k8s/base")


def _kustomization(row: ServiceRow, version: str) -> Iterator[str]:
    """How a service differs from `deploy/k8s/service`, which is what all have in common."""
    yield "# Made by `make schemas` from claimbus/services.py; do not edit."
    yield "apiVersion: kustomize.config.k8s.io/v1beta1"
    yield "kind: Kustomization"
    yield "resources: [../../service]"
    yield f"nameSuffix: -{row.name}"
    yield "labels:"
    yield f"  - pairs: {{ app.kubernetes.io/name: {row.name} }}"
    yield "    includeSelectors: true"
    yield "    includeTemplates: true"
    yield "images:"
    yield f"  - {{ name: service, newName: claimbus/{row.name}, newTag: {version} }}"
    yield "patches:"
    yield "  - target: { kind: Deployment }"
    yield "    patch: |"
    yield from _replace("/spec/template/spec/volumes/0/secret/secretName", f"claimbus-{row.name}-nkey")
    if row.memory != USUAL_MEMORY:
        for kind, amount in (("requests", row.memory.request), ("limits", row.memory.limit)):
            yield from _replace(f"/spec/template/spec/containers/0/resources/{kind}/memory", amount)
    yield "  - target: { kind: ScaledObject }"
    yield "    patch: |"
    first, *more = (stream for stream, name in consumer_names() if name == row.name)
    for field, value in (("stream", first), ("consumer", row.name), ("lagThreshold", f'"{row.messages_per_replica}"')):
        yield from _replace(f"/spec/triggers/0/metadata/{field}", value)
    for stream in more:
        yield "      - op: add"
        yield "        path: /spec/triggers/-"
        yield "        value:"
        yield "          type: nats-jetstream"
        yield "          metadata:"
        yield "            natsServerMonitoringEndpoint: claimbus-nats-nodes.claimbus.svc.cluster.local:8222"
        yield "            account: $G"
        yield f"            stream: {stream}"
        yield f"            consumer: {row.name}"
        yield f'            lagThreshold: "{row.messages_per_replica}"'


def _replace(path: str, value: str) -> Iterator[str]:
    yield f"      - {{ op: replace, path: {path}, value: {value} }}"
