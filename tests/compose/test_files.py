"""What the Dockerfiles and the Compose files say; `run` beside this file tries them out."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT
from worker.part.fetching_parts import PATIENCE_S
from worker.settings import WorkerSettings

BIN = Path(sys.executable).parent
BASE, CPU = "docker-compose.dist.yml", "docker-compose.cpu.yml"
OURS = ["api", "worker", "flower"]


def config(*files: str) -> dict[str, Any]:
    """The services as Compose understands them, every profile switched on. Needs no engine."""
    named = [argument for name in files for argument in ("-f", str(ROOT / name))]
    said = subprocess.run(
        [BIN / "docker-compose", *named, "--profile", "*", "config", "--format", "json"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")
    services: dict[str, Any] = json.loads(said.stdout)["services"]
    return services


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return config(BASE)


@pytest.mark.parametrize("path", sorted(ROOT.glob("Dockerfile.*")), ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    checked = subprocess.run([BIN / "hadolint", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_a_gpu_is_reserved_unless_the_file_for_cpus_is_added(services: dict[str, Any]) -> None:
    (device,) = services["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    on_cpu = config(BASE, CPU)
    assert "reservations" not in json.dumps(on_cpu)
    assert on_cpu["worker"]["build"]["args"]["BASE"].startswith("python:")
    assert {**on_cpu, "worker": {}} == {**services, "worker": {}}


def test_only_the_api_can_be_reached_from_other_hosts(services: dict[str, Any]) -> None:
    reachable = {
        name
        for name, service in services.items()
        for port in service.get("ports", [])
        if port.get("host_ip") != "127.0.0.1"
    }
    assert reachable == {"api"}


def test_redis_keeps_what_it_has_and_refuses_what_it_cannot_keep(services: dict[str, Any]) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert re.search(r"--maxmemory \d", command)


@pytest.mark.parametrize("name", [*OURS, "prometheus", "grafana"])
def test_a_service_can_write_to_memory_and_volumes_only(
    services: dict[str, Any], name: str
) -> None:
    service = services[name]
    assert service["read_only"]
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]


def test_every_service_is_kept_alive_and_its_log_bounded(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"]["max-size"], name


def seconds(duration: str) -> int:
    [parts] = re.findall(r"^(?:(\d+)m)?(?:(\d+)s)?$", duration)
    minutes, rest = (int(part or 0) for part in parts)
    return 60 * minutes + rest


def test_running_work_may_end_before_a_container_is_killed(services: dict[str, Any]) -> None:
    gunicorn = (ROOT / "api" / "gunicorn.conf.py").read_text()
    [graceful] = re.findall(r"^graceful_timeout = (\d+)$", gunicorn, re.MULTILINE)
    assert seconds(services["api"]["stop_grace_period"]) > int(graceful)
    longest = WorkerSettings().model_timeout_s + PATIENCE_S
    assert seconds(services["worker"]["stop_grace_period"]) > longest


def test_what_others_need_is_there_before_them(services: dict[str, Any]) -> None:
    for name in OURS:
        assert services[name]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert services["redis"]["healthcheck"]["test"]
    for name in OURS:
        assert "HEALTHCHECK" in (ROOT / f"Dockerfile.{name}").read_text()


def test_it_serves_the_model_and_the_port_that_it_always_did(services: dict[str, Any]) -> None:
    assert services["worker"]["environment"]["CLIP_MODEL"] == "openai/clip-vit-base-patch16"
    [port] = services["api"]["ports"]
    assert (port["published"], port["target"]) == ("3000", 3000)


def test_images_of_others_are_pinned(services: dict[str, Any]) -> None:
    images = [service["image"] for service in services.values() if "image" in service]
    lines = [line for path in ROOT.glob("Dockerfile.*") for line in path.read_text().splitlines()]
    images += [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert len(images) > len(OURS)
    for image in images:
        assert re.search(r":v?\d", image) or image == "${BASE}", image


def test_the_documented_override_gives_a_second_worker_its_own_gpu(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    [block] = re.findall(r"```yaml\n(services:\n  worker-1:.*?)```", page, re.DOTALL)
    override = tmp_path / "docker-compose.override.yml"
    override.write_text(block)
    services = config(BASE, str(override))
    devices = [
        services[name]["deploy"]["resources"]["reservations"]["devices"]
        for name in ("worker", "worker-1")
    ]
    assert [[device["device_ids"] for device in each] for each in devices] == [[["0"]], [["1"]]]
