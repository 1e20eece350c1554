"""`make run`, seen from outside."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests
from redis import Redis

from common.redis.keys import KEYS
from standalone.service import ServiceFailed, running
from standalone.settings import StandaloneSettings
from tests.hub_server import HubServer, Repository
from tests.processes import DEMO_MODEL, ROOT, SAMPLES, free_port, wait_until
from tests.scrape import Scrape
from tests.standalone.run import READY, READY_S, Run
from tests.tiny_models import save_tiny_model


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


def test_it_ranks_a_t_shirt_serves_and_leaves_nothing_behind(short_folder: Path) -> None:
    port = free_port()
    run = Run(short_folder, port=port)
    run.wait_for(READY)
    [first] = re.findall(r"^  (\S+) +([\d.]+)%", run.text, re.MULTILINE)[:1]
    assert first[0] == "t-shirt"
    assert "█" in run.text
    assert "says the demo model" in run.text
    at = [run.text.index(stage) for stage in ("importing torch", "loading weights", "warming up")]
    assert at == sorted(at)
    *_, browser, curl, further = run.text.splitlines()
    assert browser == f"Open  http://127.0.0.1:{port} in a browser"
    assert curl.startswith(f"Try   curl -s http://127.0.0.1:{port}/rank")
    assert further == "Read  docs/tutorial.md"
    assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).ok
    counted = Scrape.of(f"http://127.0.0.1:{port}")
    assert counted.total("clip_requests_total", route="/rank", status="200") == 1
    assert shell(curl_of(run)).startswith('{"probabilities":[[')
    [celery] = re.findall(r"^  (CLIP_REDIS_URL=.* status)$", run.text, re.MULTILINE)
    assert "1 node online." in shell(celery)
    assert "CLIP_DATA=FOLDER keeps them" in run.text
    assert run.end_with(signal.SIGINT) == 0
    assert "Stopped." in run.text
    assert run.left_behind() == []


def curl_of(run: Run) -> str:
    [command] = re.findall(r"^Try   (curl .*)$", run.text, re.MULTILINE)
    return str(command)


def shell(command: str, **variables: str) -> str:
    """What a command prints in the checkout."""
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


def test_several_models_in_the_redis_of_the_settings_end_with_one_of_their_workers(
    short_folder: Path, redis_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages as short as here need not be seen, but the events that they follow are there."""
    port = free_port()
    model = save_tiny_model("clip", short_folder / "model")
    settings = {
        "port": port,
        "host": "0.0.0.0",
        "models": f"me/tiny,{DEMO_MODEL}",
        "redis_url": redis_url_of_its_own,
        "log_level": "info",
    }
    with HubServer().running() as hub:
        hub.repositories["me/tiny"] = Repository(model, "0123456789abcdef0123456789abcdef01234567")
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(short_folder / "cache"))
        run = Run(short_folder, **settings)
        run.wait_for(READY)
    events = [json.loads(line) for line in run.text.splitlines() if line.startswith("{")]
    of_tiny = [event["event"] for event in events if event.get("model") == "me/tiny"]
    at = [of_tiny.index(stage) for stage in ("model_fetching", "model_loading", "model_loaded")]
    assert at == sorted(at)
    assert [event["event"] for event in events].count("worker_ready") == 2
    assert "is, says me/tiny" in run.text
    told = requests.get(f"http://127.0.0.1:{port}/models", timeout=10).json()["models"]
    assert [served["workers"] for served in told] == [1, 1]
    assert "in the Redis of CLIP_REDIS_URL" in run.text
    assert run.text.count("needs no API key") == 1, "it is open to others without keys"
    with Redis.from_url(redis_url_of_its_own) as redis:
        assert redis.zcard(KEYS("workers")) == 2
    os.kill(workers_of(run)[0], signal.SIGKILL)
    assert run.process.wait(60) == 1
    assert "the worker ended" in run.text
    assert run.left_behind() == []


def workers_of(run: Run) -> list[int]:
    """The ids of its workers' processes."""
    children = subprocess.run(
        ["pgrep", "-P", str(run.process.pid), "-f", "python.* -m worker"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(line) for line in children.stdout.split()]


KEY, OTHER_KEY = "a-key-0123456789abcdef", "another-key-0123456789"


def check_keys(run: Run) -> None:
    for shown in (KEY, OTHER_KEY, ""):
        answer = shell(curl_of(run), CLIP_API_KEY=shown)
        assert answer.startswith('{"probabilities":[[') == bool(shown)
        assert ("unauthorized" in answer) == (not shown)


def check_folder_is_taken(run: Run, data: Path) -> None:
    second = Run(run.folder, "second", port=free_port(), data=data)
    assert second.process.wait(READY_S) == 1
    assert f"CLIP_DATA: {data} is in use by another service" in second.text


def test_it_uses_its_own_keys_and_keeps_jobs_and_label_sets(short_folder: Path) -> None:
    port, data = free_port(), short_folder / "data"
    url = f"http://127.0.0.1:{port}"
    settings = {"port": port, "data": data, "api_keys": f"{KEY} {OTHER_KEY}", "log_level": "info"}
    run = Run(short_folder, **settings)
    run.wait_for(READY)
    assert "█" in run.text, "it ranked the sample with a key"
    check_keys(run)
    check_folder_is_taken(run, data)
    blob = base64.b64encode((SAMPLES / "cat.png").read_bytes()).decode()
    body = {"queries": [{"img_blob": blob}], "label_set": "kept"}
    with requests.Session() as session:
        session.headers["X-API-Key"] = KEY
        candidates = {"candidates": [{"text": "cat"}, {"text": "pizza"}]}
        assert session.put(f"{url}/label-sets/kept", json=candidates, timeout=60).ok
        job = session.post(f"{url}/rank?wait=0", json=body, timeout=60).json()["links"]["self"]
        done = session.get(f"{url}{job}?wait=30", timeout=60).json()
        assert done["status"] == "done"
        run.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not is_listening(port), "the API has stopped, the worker stops", READY_S)
        assert run.end_with(signal.SIGTERM) == 0, "it does not interrupt the stop"
        assert "Stopped." in run.text
        assert run.left_behind() == []

        again = Run(short_folder, "again", **settings)
        again.wait_for(READY)
        assert f"are kept in {data}" in again.text
        assert session.get(f"{url}{job}", timeout=60).json() == done
        assert session.post(f"{url}/rank", json=body, timeout=60).json() == done["result"]
    again.process.kill()
    again.process.wait()
    wait_until(lambda: not again.left_behind(), "all that a killed service started ends", 20)
    for text in (run.text, again.text):
        assert not re.search(f"Traceback|{KEY}|{OTHER_KEY}", text)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"redis_url": "redis://127.0.0.1:1/0"}, "CLIP_REDIS_URL: Error 111 connecting"),
        ({"redis_url": "redis://127.0.0.1:1/0", "data": "d"}, "unset one of them"),
        ({"data": "/dev/null"}, "CLIP_DATA: /dev/null: File exists"),
        ({"data": "~not-a-user/data"}, "CLIP_DATA: Could not determine home directory"),
    ],
)
def test_what_cannot_keep_the_data_is_reported(
    short_folder: Path, settings: dict[str, str], reason: str
) -> None:
    run = Run(short_folder, port=free_port(), **settings)
    assert run.process.wait(READY_S) == 1
    assert reason in run.text
    assert "Traceback" not in run.text
    assert run.left_behind() == []


def test_a_taken_port_is_reported(short_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = Run(short_folder, port=port)
        assert run.process.wait(READY_S) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in run.text
    assert "CLIP_PORT" in run.text
    assert "Traceback" not in run.text
    assert run.left_behind() == []


def test_a_worker_that_dies_at_start_is_reported(short_folder: Path) -> None:
    # What it ends with before it imports torch is reported as what it ends with later.
    run = Run(short_folder, port=free_port(), batch_size="many")
    assert run.process.wait(READY_S) == 1
    assert "CLIP_BATCH_SIZE" in run.text
    assert "the worker ended with exit code 2" in run.text
    assert "Traceback" not in run.text
    assert run.left_behind() == []


def test_a_wrong_setting_names_the_variable(short_folder: Path) -> None:
    run = Run(short_folder, port="many")
    assert run.process.wait(READY_S) == 2
    assert "CLIP_PORT" in run.text
    assert run.left_behind() == []


def test_an_address_of_another_machine_names_the_variable() -> None:
    settings = StandaloneSettings(host="2001:db8::1", port=free_port())
    message = r"cannot listen on \[2001:db8::1\].*set CLIP_HOST"
    with pytest.raises(ServiceFailed, match=message), running(settings):
        pass


def test_nowhere_to_write_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody can make a folder there, not even root.
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    with pytest.raises(ServiceFailed, match="/proc"), running(StandaloneSettings(port=free_port())):
        pass


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
