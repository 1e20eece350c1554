"""The README of the client: its blocks are run against the service, in order."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clip_api_client import CallOptions, Client, RankOptions
from clip_api_client.cli import exits

from tests.client.commands import environment, run_on_terminal
from tests.processes import ROOT, SAMPLES, Api

README = (ROOT / "client" / "README.md").read_text()
DEFAULT_URL = "http://localhost:3000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder_of_a_reader(tmp_path: Path) -> Path:
    """Has photos, a file of labels, and the command."""
    photos, binaries = tmp_path / "photos", tmp_path / "bin"
    photos.mkdir()
    binaries.mkdir()
    for path in SAMPLES.glob("*.*g"):
        shutil.copy(path, photos)
    (tmp_path / "labels.txt").write_text("t-shirt\njeans\n")
    command = binaries / "clip-api"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m clip_api_client "$@"\n')
    command.chmod(0o755)
    return tmp_path


def test_its_python_works(service: Api, folder_of_a_reader: Path) -> None:
    script = "\n".join(blocks("python")).replace(DEFAULT_URL, service.url)
    script = script.replace("Client() as", f'Client("{service.url}") as')
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=folder_of_a_reader,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert re.fullmatch(r"photos/t-shirt\.png t-shirt \d+%", lines[0])
    assert re.fullmatch(r"photos/pizza\.png pizza \d+%", lines[1])
    assert "photos/bicycle.png" in lines[2]
    assert lines[3] == "128 numbers each"
    assert lines[-1] == "[(0, 'not_an_image')]"


def test_its_commands_work(service: Api, folder_of_a_reader: Path) -> None:
    path = f"{folder_of_a_reader}/bin:/usr/bin:/bin"
    for block in blocks("bash"):
        ended = subprocess.run(
            ["bash", "-euc", block],
            cwd=folder_of_a_reader,
            env=environment(CLIP_API_URL=service.url, PATH=path),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (ended.returncode, ended.stdout == "") == (0, False), ended.stderr
    csv = (folder_of_a_reader / "ranked.csv").read_text().splitlines()
    assert len(csv) == 1 + 2 * 11
    assert (folder_of_a_reader / "photos.npy").exists()


def test_the_table_it_shows_is_what_is_seen(service: Api, folder_of_a_reader: Path) -> None:
    [table] = re.findall(r"^```\n(Image.*?)^```$", README, re.MULTILINE | re.DOTALL)
    shown = table.splitlines()[:-1]
    ended = run_on_terminal(
        *("rank", "photos/jeans.png", "photos/pizza.png", "photos/sunglasses.png"),
        *("--labels", "t-shirt, jeans, pizza"),
        folder=folder_of_a_reader,
        env=environment(CLIP_API_URL=service.url),
    )
    seen = [line.split() for line in ended.lines[: len(shown)]]
    assert [line.split() for line in shown] == seen


def test_its_options_are_all_there_are() -> None:
    for name in [*RankOptions.__annotations__, "progress"]:
        assert f"`{name}=`" in README, name
    assert set(CallOptions.__annotations__) == {*RankOptions.__annotations__, "progress"}
    for name in dir(Client):
        if not name.startswith("_") and name not in ("cancel", "delete", "close"):
            assert name in README, name


def test_its_exit_codes_are_those_of_the_code() -> None:
    told = re.findall(r"^\| (\d+(?: · \d+)?) \|", README, re.MULTILINE)
    codes = [exits.FINE, exits.SOME_FAILED, exits.WRONG_REQUEST, exits.NO_SERVICE]
    assert told == [*map(str, codes), f"{exits.INTERRUPTED} · {exits.BROKEN_PIPE}"]
