"""Addresses that the API listens on, and errors if it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import ApiSettings
from common.listening import endpoint, local_url
from common.settings import read
from standalone.settings import StandaloneSettings
from tests.processes import ROOT, free_port, start, start_api
from worker.settings import WorkerSettings


def health(**settings: object) -> subprocess.CompletedProcess[str]:
    ours = {f"CLIP_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "api.health"],
        cwd=ROOT,
        env={"PATH": "", "http_proxy": "http://127.0.0.1:1", **ours},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("host", ["::", "[::1]", "127.0.0.1"])
def test_the_health_check_finds_the_api(folder: Path, redis_url_of_its_own: str, host: str) -> None:
    port = free_port()
    api = start_api(folder, redis_url_of_its_own, host=host, port=port)
    assert api.get("/healthz").status_code == 200
    assert health(host=host, port=port).returncode == 0
    api.stop()
    found = health(host=host, port=port)
    assert found.returncode == 1
    assert f":{port}/healthz does not answer" in found.stdout


@pytest.mark.parametrize(
    ("host", "port"), [("2001:db8::1", 3000), ("192.0.2.1", 3000), ("no-such-host.invalid", 3000)]
)
def test_an_address_of_another_machine_names_the_variable(
    folder: Path, host: str, port: int
) -> None:
    gunicorn = ["-m", "gunicorn", "-c", "api/gunicorn.conf.py", "api.wsgi:app"]
    process = start(gunicorn, folder, {"host": host, "port": port})
    assert process.popen.wait(60) != 0
    assert process.log.startswith(f"CLIP_HOST, CLIP_PORT: cannot listen on {endpoint(host, port)}")
    assert "Traceback" not in process.log


@pytest.mark.parametrize(
    ("given", "host"),
    [
        *(("::", "::"), ("[::]", "::"), ("0:0::0", "::"), ("[2001:DB8::1]", "2001:db8::1")),
        *(("0.0.0.0", "0.0.0.0"), ("localhost", "localhost"), ("api-1.example", "api-1.example")),
    ],
)
def test_a_host_is_an_address_or_a_name(given: str, host: str) -> None:
    for kind in (ApiSettings, StandaloneSettings):
        assert kind(host=given).host == host
    assert WorkerSettings(metrics_host=given).metrics_host == host


@pytest.mark.parametrize(
    "host", ["", ":", "[::", "::]", "0.0.0.0:3000", "[::1]:3000", "http://x", "a b", "*", "unix:/x"]
)
def test_an_invalid_host_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("CLIP_HOST", host)
    with pytest.raises(SystemExit):
        read(ApiSettings)
    assert capsys.readouterr().err.startswith("CLIP_HOST: must be an address such as")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("::", "http://[::1]:3000"),
        ("2001:db8::1", "http://[2001:db8::1]:3000"),
        ("api.example", "http://api.example:3000"),
    ],
)
def test_the_url_for_clients_on_the_same_machine(host: str, url: str) -> None:
    assert local_url(host, 3000) == url
