"""Warnings about unknown variables, which would be ignored otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import ApiSettings
from common.setting_names import API, CLIENT, STANDALONE, WORKER, nearest, unknown_names
from common.settings import SharedSettings, read
from standalone.settings import StandaloneSettings, worker_environment
from tests.processes import ROOT, start_api
from worker.settings import WorkerSettings

KINDS: tuple[type[SharedSettings], ...] = (ApiSettings, WorkerSettings, StandaloneSettings)
ALL = sorted({name for kind in KINDS for name in kind.model_fields} | CLIENT)


def test_the_names_are_those_of_the_settings() -> None:
    shared = set(SharedSettings.model_fields)
    assert set(ApiSettings.model_fields) - shared == API
    assert set(WorkerSettings.model_fields) - shared == WORKER
    assert set(StandaloneSettings.model_fields) - shared - API - WORKER == STANDALONE


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_of_any_part_is_known_to_each(kind: type[SharedSettings]) -> None:
    environment = {f"CLIP_{name.upper()}": "1" for name in ALL} | {"clip_model": "1", "MODLE": "1"}
    assert unknown_names(environment, kind.model_fields) == []


@pytest.mark.parametrize("service", ["CLIP", "CLIP_API", "CLIP_WORKER_METRICS"])
def test_variables_of_kubernetes_services_are_ignored(service: str) -> None:
    url = "tcp://10.0.0.7:3100"
    environment = {
        f"{service}_SERVICE_HOST": "10.0.0.7",
        f"{service}_SERVICE_PORT": "3100",
        f"{service}_SERVICE_PORT_HTTP": "3100",
        f"{service}_PORT": url,
        f"{service}_PORT_3100_TCP": url,
        f"{service}_PORT_3100_TCP_PROTO": "tcp",
        f"{service}_PORT_3100_TCP_PORT": "3100",
        f"{service}_PORT_3100_TCP_ADDR": "10.0.0.7",
    }
    assert unknown_names(environment, ApiSettings.model_fields) == []
    assert unknown_names({"CLIP_API_PORT": "3100"}, ()) == ["CLIP_API_PORT"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("CLIP_MODLE", "CLIP_MODEL"),
        ("CLIP_REDIS_ULR", "CLIP_REDIS_URL"),
        ("CLIP_REDISURL", "CLIP_REDIS_URL"),
        ("CLIP_APIKEYS", "CLIP_API_KEYS"),
        ("CLIP_BATCHSIZE", "CLIP_BATCH_SIZE"),
        ("CLIP_SYNC_TIMEOUT", "CLIP_SYNC_TIMEOUT_S"),
        ("clip_modle", "CLIP_MODEL"),
        ("CLIP_SOMETHING_ELSE", None),
    ],
)
def test_the_nearest_name(given: str, meant: str | None) -> None:
    assert unknown_names({given: "x"}, ()) == [given]
    assert nearest(given, SharedSettings.model_fields) == meant


def test_a_process_warns_once_and_continues(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIP_PROT", "3001")
    for _ in range(2):
        assert read(ApiSettings).port == 3000
    warning = "warning: CLIP_PROT is not a setting; did you mean CLIP_PORT?\n"
    assert capsys.readouterr().err == warning


def test_all_processes_of_the_api_warn_once(folder: Path, redis_url_of_its_own: str) -> None:
    api = start_api(folder, redis_url_of_its_own, api_processes=2, modle="x", device="cpu")
    api.stop()
    assert api.process.log.count("CLIP_MODLE is not a setting; did you mean CLIP_MODEL?") == 1
    assert api.process.log.count("is not a setting") == 1


def test_a_worker_warns() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import worker.app"],
        cwd=ROOT,
        env={"CLIP_MODLE": "x", "CLIP_PORT": "3000", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == "warning: CLIP_MODLE is not a setting; did you mean CLIP_MODEL?\n"


def test_make_run_does_not_pass_unknown_variables_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLIP_MODLE", "x")
    monkeypatch.setenv("CLIP_BATCH_SIZE", "4")
    environment = worker_environment(StandaloneSettings(), "redis://nowhere", tmp_path, "m")
    assert "CLIP_MODLE" not in environment
    assert environment["CLIP_BATCH_SIZE"] == "4"
