"""The Kubernetes manifests name what exists; and each rule that says so is shown a manifest that breaks it."""

import copy
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import manifests
import pytest
from claimbus_cli.bus.key_folder import KeyFolder
from manifests import CHECKERS, OVERLAYS, SECRETS, Built, Manifest, build, hardening, references, schemas

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on the PATH")
NAMES = sorted(overlay.name for overlay in OVERLAYS.iterdir())
needs_checkers = pytest.mark.skipif(not CHECKERS.exists(), reason="no .checkers: make manifests")


@cache
def built(name: str) -> list[Manifest]:
    return build(OVERLAYS / name)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_overlay_names_exists(name: str) -> None:
    assert references(Built(built(name))) == []


@needs_checkers
@pytest.mark.parametrize("name", NAMES)
def test_an_overlay_is_valid_and_hardened(name: str) -> None:
    assert list(schemas(built(name))) == []
    assert list(hardening(built(name))) == []


def find(all_of_them: list[Manifest], kind: str, name: str) -> Manifest:
    (manifest,) = (
        manifest
        for manifest in all_of_them
        if manifest["kind"] == kind and manifest["metadata"]["name"].startswith(name)
    )
    return manifest


CODING = ("Deployment", "claimbus-coding")
NATS = ("StatefulSet", "claimbus-nats")
SETTINGS = ("ConfigMap", "claimbus-settings")
SCALING = ("ScaledObject", "claimbus-coding")
BUDGET = ("PodDisruptionBudget", "claimbus-units")
POD, FIRST = "spec.template.spec", "spec.template.spec.containers.0"
OTHER = {"app": "other"}
GONE = object()
LAG_AT = "spec.triggers.0.metadata.natsServerMonitoringEndpoint"
BROKEN: dict[str, tuple[str, tuple[str, str], str, object]] = {
    "a version of a custom kind": ("kinds", SCALING, "apiVersion", "keda.sh/v2"),
    "a namespace": ("namespaces", CODING, "metadata.namespace", "elsewhere"),
    "an account": ("accounts", ("ServiceAccount", "claimbus-coding"), "", GONE),
    "a token": ("accounts", CODING, f"{POD}.automountServiceAccountToken", True),
    "an image": ("images", CODING, f"{FIRST}.image", "claimbus/codign:0.1.0"),
    "an image without a version": ("images", CODING, f"{FIRST}.image", "claimbus/coding:latest"),
    "a name of a certificate": ("certificates", ("Certificate", "claimbus-nats"), "spec.dnsNames.0", "nats"),
    "no certificate": ("volumes", ("Certificate", "claimbus-nats"), "", GONE),
    "a secret that no store gives": ("volumes", ("ExternalSecret", "claimbus-coding-nkey"), "", GONE),
    "a secret": ("volumes", CODING, f"{POD}.volumes.0.secret.secretName", "claimbus-codign-nkey"),
    "a key of a secret": ("volumes", CODING, f"{POD}.volumes.0.secret.items", [{"key": "seed", "path": "nkey"}]),
    "a key of a configmap": ("volumes", NATS, f"{POD}.volumes.0.configMap.items.1.key", "two.conf"),
    "a mount": ("volumes", CODING, f"{FIRST}.volumeMounts.0.name", "keys"),
    "a configmap of variables": ("environment", CODING, f"{FIRST}.envFrom.0.configMapRef.name", "settings"),
    "a key of a variable": ("environment", CODING, f"{FIRST}.env.1.valueFrom.configMapKeyRef.key", "PLACE"),
    "a variable nobody reads": ("environment", SETTINGS, "data.CLAIMBUS_NATS_URI", "x"),
    "an address": ("environment", SETTINGS, "data.CLAIMBUS_NATS_URL", "nats://nats:4222"),
    "a port of an address": (
        "environment",
        SETTINGS,
        "data.OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://claimbus-collector:1",
    ),
    "a path": ("files", NATS, f"{FIRST}.args.1", "/etc/nats-server/nats.conf"),
    "a path in shared variables": ("files", SETTINGS, "data.SSL_CERT_FILE", "/etc/ca/ca.crt"),
    "a port of a probe": ("probes", CODING, f"{FIRST}.livenessProbe.httpGet.port", "http"),
    "no probe": ("probes", CODING, f"{FIRST}.readinessProbe", GONE),
    "a selector of a service": ("services", ("Service", "claimbus-nats-nodes"), "spec.selector", OTHER),
    "a port of a service": ("services", ("Service", "claimbus-collector"), "spec.ports.0.targetPort", "grpc"),
    "a service of a stateful set": ("services", NATS, "spec.serviceName", "nats"),
    "a budget": ("selectors", BUDGET, "spec.selector.matchLabels", OTHER),
    "no budget": ("selectors", BUDGET, "", GONE),
    "a scraped port": ("selectors", ("PodMonitor", "claimbus-nats"), "spec.podMetricsEndpoints.0.port", "prom"),
    "a selector of others too": ("selectors", CODING, "spec.selector.matchLabels.app\\.kubernetes\\.io/name", GONE),
    "a spread": ("selectors", CODING, f"{POD}.topologySpreadConstraints.0.labelSelector.matchLabels", OTHER),
    "nothing is denied": ("network", ("NetworkPolicy", "claimbus-deny"), "", GONE),
    "a policy about nobody": (
        "network",
        ("NetworkPolicy", "claimbus-provision"),
        "spec.podSelector.matchLabels",
        OTHER,
    ),
    "a peer": ("network", ("NetworkPolicy", "claimbus-services"), "spec.egress.0.to.0.podSelector.matchLabels", OTHER),
    "a port of a peer": ("network", ("NetworkPolicy", "claimbus-services"), "spec.egress.0.ports.0.port", "nats"),
    "a flow from one side": ("network", ("NetworkPolicy", "claimbus-nats"), "spec.ingress.0.from", []),
    "what is scaled": ("scaling", SCALING, "spec.scaleTargetRef.name", "coding"),
    "a consumer": ("scaling", SCALING, "spec.triggers.0.metadata.consumer", "units"),
    "a second consumer": ("scaling", ("ScaledObject", "claimbus-claims"), "spec.triggers.1", GONE),
    "where the lag is asked": ("scaling", SCALING, LAG_AT, "claimbus-nats.claimbus.svc:8222"),
    "not scaled": ("scaling", SCALING, "", GONE),
    "time to stop": ("grace", CODING, f"{POD}.terminationGracePeriodSeconds", 30),
    "root": ("confinement", CODING, f"{POD}.securityContext.runAsNonRoot", False),
    "a root to write to": ("confinement", CODING, f"{FIRST}.securityContext.readOnlyRootFilesystem", False),
    "no limit": ("confinement", CODING, f"{FIRST}.resources.limits", {"cpu": "1"}),
    "a small store": ("store", NATS, f"{FIRST}.env.2.value", "10GB"),
    "a small disk": ("store", NATS, "spec.volumeClaimTemplates.0.spec.resources.requests.storage", "10Gi"),
}


def change(manifests_: list[Manifest], of: tuple[str, str], path: str, value: object) -> None:
    """Set what a dotted path of a manifest leads to, or take it away."""
    where: Any = find(manifests_, *of)
    if not path:
        manifests_.remove(where)
        return
    steps = [step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", path)]
    *before, last = [int(step) if step.isdigit() else step for step in steps]
    for step in before:
        where = where[step]
    if value is GONE:
        del where[last]
    else:
        where[last] = value


@pytest.mark.parametrize(("rule", "of", "path", "value"), BROKEN.values(), ids=BROKEN)
def test_each_rule_sees_what_breaks_it(rule: str, of: tuple[str, str], path: str, value: object) -> None:
    broken = copy.deepcopy(built("prod"))
    change(broken, of, path, value)
    assert any(complaint.startswith(f"{rule}: ") for complaint in references(Built(broken)))


def test_every_rule_was_shown_something() -> None:
    assert {rule for rule, *_ in BROKEN.values()} == {rule.__name__ for rule in manifests.RULES}


@needs_checkers
def test_a_version_that_the_api_has_left_is_a_complaint() -> None:
    old = copy.deepcopy(built("prod"))
    change(old, BUDGET, "apiVersion", "policy/v1beta1")
    assert list(schemas(old))


@needs_checkers
def test_privilege_is_a_complaint() -> None:
    bold = copy.deepcopy(built("prod"))
    change(bold, CODING, f"{FIRST}.securityContext.privileged", True)
    assert list(hardening(bold))


def test_the_secrets_that_are_named_are_the_ones_that_are_made(tmp_path: Path) -> None:
    made = KeyFolder(tmp_path)
    made.complete()
    printed = {name: set(files) for name, files in made.files()}
    assert {name: printed.get(name) for name in SECRETS} == SECRETS
