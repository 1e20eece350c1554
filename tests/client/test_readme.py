"""The README of the client: its blocks are run against the service, in order."""

import re
import subprocess
import sys

from clip_api_client import CallOptions, Client, RankOptions
from clip_api_client.cli import exits

from tests.client.commands import environment
from tests.processes import ROOT, Api

README = (ROOT / "client" / "README.md").read_text()
DEFAULT_URL = "http://localhost:3000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_its_python_works(service: Api) -> None:
    """As one script, because later blocks use names of earlier ones."""
    script = "\n".join(blocks("python")).replace(DEFAULT_URL, service.url)
    script = script.replace("Client() as", f'Client("{service.url}") as')
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert re.fullmatch(r"demo/pictures/t-shirt\.png t-shirt \d+%", lines[0])
    assert re.fullmatch(r"demo/pictures/pizza\.png pizza \d+%", lines[1])
    assert "demo/pictures/bicycle.png" in lines[2]
    assert lines[3] == "128 numbers each"
    assert lines[-1] == "[(0, 'not_an_image')]"


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
