"""The built wheel is complete, and needs nothing of the service."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from clip_api_client.transport import USER_AGENT

from tests.client.commands import environment
from tests.processes import ROOT, SAMPLES, Api


def pip(*arguments: object) -> None:
    quietly = ("--quiet", "--no-deps", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", *map(str, arguments), *quietly]
    subprocess.run(command, check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # In a copy: a build leaves its files beside the source.
    shutil.copytree(ROOT / "client", folder / "source")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    [wheel] = folder.glob("*.whl")
    return wheel


def test_it_holds_the_package_its_types_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [about] = [name for name in names if name.endswith("/METADATA")]
        told = HeaderParser().parsestr(archive.read(about).decode())
    source = ROOT / "client"
    expected = {str(path.relative_to(source)) for path in source.glob("clip_api_client/**/*.py")}
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == expected | {"clip_api_client/py.typed"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert told["Version"] == USER_AGENT.partition("/")[2]
    needed = [line for line in told.get_all("Requires-Dist", []) if "extra" not in line]
    assert sorted(line.partition(">")[0].partition("<")[0] for line in needed) == [
        *("httpx", "pydantic")
    ]


@pytest.mark.parametrize("is_installed_here", [False, True])
def test_installed_alone_it_ranks(
    wheel: Path, service: Api, tmp_path: Path, *, is_installed_here: bool
) -> None:
    """The libraries it needs are lent by this environment, so that nothing is downloaded.

    This environment may have the client too, as `make run` installs it.
    """
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    [site] = home.glob("lib/python*/site-packages")
    lent = [sysconfig.get_path("purelib")]
    if is_installed_here:
        lent.append(str(tmp_path / "installed"))
        pip("install", "--no-index", "--target", tmp_path / "installed", wheel)
    (site / "lent.pth").write_text("\n".join(lent))
    pip("--python", home / "bin" / "python", "install", "--no-index", "--ignore-installed", wheel)
    ended = subprocess.run(
        [home / "bin" / "clip-api", "rank", SAMPLES / "jeans.png", "-l", "pizza, jeans"],
        cwd=tmp_path,
        env=environment(CLIP_API_URL=service.url, PYTHONPATH=""),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split("\t")[2] == "jeans"
    told = subprocess.run(
        [home / "bin" / "clip-api", "--version"],
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "clip-api 0.1.0\n"
