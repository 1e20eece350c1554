"""Imports between packages: `api → common ← worker` only."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

ALLOWED = {
    "common": {"common"},
    "api": {"api", "common"},
    "worker": {"worker", "common"},
    "standalone": {"standalone", "common"},
}
OURS = list(ALLOWED)
TELL_LIBRARIES = {"worker/model/cpu/runtime.py", "api/telemetry/metrics_files.py"}
"""They write environment variables, because some libraries have no other configuration."""
ONLY_IN: dict[str, set[str]] = {
    "torch": {"worker/model/"},
    "transformers": {"worker/model/"},
    "huggingface_hub": {"worker/model/"},
    "PIL": {"worker/images/"},
    "requests": {"worker/net/", "standalone/"},
    "flask": {"api/"},
    "flask_cors": {"api/access/"},
    "flask_limiter": {"api/access/"},
    "prometheus_client": {"api/routes/metrics.py", "api/telemetry/", "worker/telemetry/"},
    "celery": {"api/dispatch/", "api/telemetry/", "common/protocol/", "worker/app.py"}
    | {"worker/heartbeat.py", "worker/process.py", "worker/queue/"},
    "opentelemetry": {"api/telemetry/", "common/telemetry/"},
}
"""The packages or modules that may import a library."""
STDLIB_ONLY = ["worker/batching", "worker/images/pixel_budget.py"]
KNOWN_TO_STDLIB_ONLY = {
    "common.protocol.messages",
    "worker.batching.encoding",
    "worker.batching.failures",
    "worker.batching.memory",
    "worker.batching.policy",
    "worker.model.device_errors",
    "worker.model.encoder",
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_common_knows_no_http_path() -> None:
    path = re.compile(r"/(jobs|rank|encode|label-sets|models|workers)\b[^\n]*[\"']")
    assert not [each for each in modules("common") if path.search(each.read_text())]


@pytest.mark.parametrize("package", OURS)
def test_packages_know_only_those_they_may(package: str) -> None:
    for path in modules(package):
        known = {name.partition(".")[0] for name in imports(path)}.intersection(OURS)
        assert known <= ALLOWED[package], path


@pytest.mark.parametrize("package", OURS)
def test_nothing_that_is_deployed_knows_measurements_or_tests(package: str) -> None:
    for path in modules(package):
        known = {name.partition(".")[0] for name in imports(path)}
        assert known.isdisjoint({"bench", "tests"}), path


def test_measurements_need_no_tests() -> None:
    for path in modules("bench"):
        assert "tests" not in {name.partition(".")[0] for name in imports(path)}, path


@pytest.mark.parametrize(("library", "places"), ONLY_IN.items())
def test_libraries_stay_in_their_rooms(library: str, places: set[str]) -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in OURS
        for path in modules(package)
        if library in {name.partition(".")[0] for name in imports(path)}
    }
    found = {user: next(filter(user.startswith, places), None) for user in users}
    assert None not in found.values(), found
    assert set(found.values()) == places, "each of these places needs it"


@pytest.mark.parametrize("place", STDLIB_ONLY)
def test_what_decides_needs_nothing_but_the_standard_library(place: str) -> None:
    path = ROOT / place
    for module in [path] if path.is_file() else modules(place):
        outside = {
            name
            for name in imports(module)
            if name.partition(".")[0] not in sys.stdlib_module_names
        }
        assert outside <= KNOWN_TO_STDLIB_ONLY, module


@pytest.mark.parametrize("package", ["api", "common", "worker"])
def test_each_room_says_what_it_is_for_and_what_may_come_in(package: str) -> None:
    rooms = [path.parent for path in (ROOT / package).rglob("__init__.py")]
    assert rooms
    for room in rooms:
        about = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
        first, _, second = about.partition("\n\n")
        assert first.endswith("."), room
        assert second.endswith("."), room


def test_the_api_loads_neither_torch_nor_pillow_nor_the_worker() -> None:
    script = "import sys, api.app, api.wsgi; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in ended.stdout.split()}
    assert loaded.isdisjoint({"torch", "PIL", "transformers", "worker", "requests"})


def test_the_requirements_of_the_api_have_celery_and_neither_torch_nor_pillow() -> None:
    pinned = {
        line.partition("==")[0].lower()
        for line in (ROOT / "requirements" / "api.txt").read_text().splitlines()
    }
    assert pinned.isdisjoint({"torch", "pillow", "transformers"})
    assert {"celery", "kombu"} <= pinned


def test_the_client_knows_httpx_and_pydantic_and_nothing_of_the_service() -> None:
    for path in modules("client"):
        roots = {name.partition(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
        is_of_terminals = path.parent.name == "cli"
        allowed = {"clip_api_client", "httpx", "pydantic"} | (
            {"rich"} if is_of_terminals else set()
        )
        assert roots <= allowed, path


def test_nothing_that_is_deployed_knows_the_client() -> None:
    for package in (*OURS, "bench"):
        for path in modules(package):
            assert "clip_api_client" not in {name.partition(".")[0] for name in imports(path)}, path


@pytest.mark.parametrize("package", [*OURS, "client"])
def test_only_settings_modules_read_the_environment(package: str) -> None:
    for path in modules(package):
        if path.name != "settings.py" and str(path.relative_to(ROOT)) not in TELL_LIBRARIES:
            source = path.read_text()
            assert "os.environ" not in source, path
            assert "getenv" not in source, path
