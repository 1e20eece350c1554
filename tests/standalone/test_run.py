"""`make run`, seen from outside."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import requests

from standalone.service import ServiceFailed, running
from standalone.settings import StandaloneSettings
from tests.processes import DEMO_MODEL, ROOT, free_port, wait_until
from tests.scrape import Scrape
from tests.tiny_models import save_tiny_model

READY_S = 120


class Run:
    """A running `python -m standalone`, its files in a folder of its own."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.output = folder / "output"
        temporary = folder / "t"
        temporary.mkdir(exist_ok=True)
        # Torch sets a variable of its own once it is imported, here too.
        ours_or_torchs = ("CLIP_", "TORCHINDUCTOR_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours_or_torchs)}
        ours = {f"CLIP_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {**inherited, "TMPDIR": str(temporary), **ours}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "standalone"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_for(self, words: str) -> None:
        def is_said() -> bool:
            assert words in self.text or self.process.poll() is None, self.text
            return words in self.text

        wait_until(is_said, f"it says {words!r}", READY_S)

    def left_behind(self) -> list[str]:
        """Temporary files, and processes that still have the folder in their environment."""
        files = [str(path) for path in (self.folder / "t").iterdir()]
        mark = f"TMPDIR={self.folder}/t".encode()
        processes = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    processes.append((path.parent / "cmdline").read_text())
            except OSError:
                continue
        return files + processes


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ranks_a_t_shirt_serves_and_leaves_nothing_behind(
    short_folder: Path, ending: signal.Signals
) -> None:
    port = free_port()
    run = Run(short_folder, port=port)
    run.wait_for("Serving on")
    [first] = re.findall(r"^  (\S+) +([\d.]+)%", run.text, re.MULTILINE)[:1]
    assert first[0] == "t-shirt"
    assert "█" in run.text
    assert f"curl -s http://127.0.0.1:{port}/rank" in run.text
    assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).ok
    counted = Scrape.of(f"http://127.0.0.1:{port}")
    assert counted.total("clip_requests_total", route="/rank", status="200") == 1
    run.process.send_signal(ending)
    assert run.process.wait(30) == 0
    assert "Stopped." in run.text
    assert run.left_behind() == []


def test_the_printed_curl_line_works(short_folder: Path) -> None:
    run = Run(short_folder, port=free_port())
    run.wait_for("Serving on")
    command = run.text.partition("With curl:")[2].partition("Serving on")[0]
    answer = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith('{"probabilities":[[')
    run.process.terminate()
    run.process.wait(30)


def test_with_keys_it_uses_its_own_and_prints_none(short_folder: Path) -> None:
    key, other = "a-key-0123456789abcdef", "another-key-0123456789"
    run = Run(short_folder, port=free_port(), api_keys=f"{key} {other}", log_level="info")
    run.wait_for("Serving on")
    assert "█" in run.text
    [command] = re.findall(r"^  echo .*\n.*-d @-$", run.text, re.MULTILINE)
    for shown, start in ((key, '{"probabilities":[['), (other, '{"probabilities":[['), ("", "{")):
        answer = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env={**os.environ, "CLIP_API_KEY": shown},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.startswith(start)
        assert ("unauthorized" in answer.stdout) == (not shown)
    run.process.terminate()
    run.process.wait(30)
    assert key not in run.text
    assert other not in run.text


def test_open_to_others_without_keys_it_warns(short_folder: Path) -> None:
    run = Run(short_folder, port=free_port(), host="0.0.0.0")
    run.wait_for("Serving on")
    assert run.text.count("needs no API key") == 1
    run.process.terminate()
    run.process.wait(30)


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
    run = Run(short_folder, port=free_port(), model="/nowhere/to/be/found")
    assert run.process.wait(READY_S) == 1
    assert "CLIP_MODEL: cannot load /nowhere/to/be/found" in run.text
    assert "the worker ended with exit code 78" in run.text
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


def test_a_service_whose_worker_is_killed_ends(short_folder: Path) -> None:
    run = Run(short_folder, port=free_port(), model=DEMO_MODEL)
    run.wait_for("Serving on")
    children = subprocess.run(
        ["pgrep", "-P", str(run.process.pid), "-f", "python.* -m worker"],
        capture_output=True,
        text=True,
        check=True,
    )
    os.kill(int(children.stdout), signal.SIGKILL)
    assert run.process.wait(60) == 1
    assert "the worker ended" in run.text
    assert run.left_behind() == []


def test_what_a_killed_service_started_ends_by_itself(short_folder: Path) -> None:
    run = Run(short_folder, port=free_port())
    run.wait_for("Serving on")
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not run.left_behind(), "everything has ended and is removed", 20)
    assert "Traceback" not in run.text


def test_each_of_several_models_has_a_worker(short_folder: Path) -> None:
    port = free_port()
    other = save_tiny_model("clip", short_folder / "tiny")
    run = Run(short_folder, port=port, models=f"{DEMO_MODEL},{other}")
    run.wait_for("Serving on")

    def served() -> list[int]:
        told = requests.get(f"http://127.0.0.1:{port}/models", timeout=10).json()["models"]
        return [model["workers"] for model in told]

    wait_until(lambda: served() == [1, 1], "both models are served", READY_S)
    assert "says the demo model" in run.text
    run.process.terminate()
    run.process.wait(30)
    assert run.left_behind() == []
