"""What the files of the deployment name is there: paths of the repository, and settings."""

import re
from pathlib import Path

import pytest

from api.settings import ApiSettings
from common.setting_names import PREFIX
from tests.compose.test_files import BASE, CPU, config
from tests.processes import ROOT
from worker.settings import WorkerSettings

COMPOSE = sorted(ROOT.glob("docker-compose.*.yml"))
DOCKERFILES = sorted(ROOT.glob("Dockerfile.*"))
DEPLOYED = sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())
# The ancestor's one name, CLIP_MODEL, is a setting as well.
SETTINGS = {
    PREFIX + name.upper() for kind in (ApiSettings, WorkerSettings) for name in kind.model_fields
}
NAME = re.compile(rf"\b{PREFIX}\w+")


def named(path: Path) -> set[str]:
    """The names of settings in a file, those in its comments too."""
    return set(NAME.findall(path.read_text()))


@pytest.mark.parametrize("files", [(BASE,), (BASE, CPU)], ids=" ".join)
def test_what_compose_mounts_from_the_repository_is_there(files: tuple[str, ...]) -> None:
    volumes = [each for service in config(*files).values() for each in service.get("volumes", ())]
    sources = [Path(each["source"]) for each in volumes if each["type"] == "bind"]
    assert ROOT / "deploy/monitoring/prometheus.yml" in sources
    for source in sources:
        assert source.is_relative_to(ROOT)
        assert source.exists(), source


def test_what_compose_builds_from_is_there() -> None:
    builds = [service["build"] for service in config(BASE).values() if "build" in service]
    assert {Path(build["context"]) for build in builds} == {ROOT}
    assert {ROOT / build["dockerfile"] for build in builds} == set(DOCKERFILES)


@pytest.mark.parametrize(
    "path", [*COMPOSE, *DOCKERFILES, *DEPLOYED], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    assert named(path) <= SETTINGS


def test_settings_are_named_by_every_kind_of_file() -> None:
    for paths in (COMPOSE, DOCKERFILES, DEPLOYED):
        assert set().union(*map(named, paths))
    assert "CLIP_MODEL" in named(ROOT / BASE)
