"""Models from the hub: downloaded with visible progress, only what is needed, and kept."""

import json
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats
from tests.hub_server import HubServer, Repository
from tests.processes import ROOT, Process, fork, start_worker, wait_until
from tests.tiny_models import save_tiny_model

READY_S = 90
NOWHERE = "http://127.0.0.1:9"
NAME = "me/tiny-clip"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEEDED = {
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
}
NOT_NEEDED = ("pytorch_model.bin", "model.onnx", "flax_model.msgpack", "tf_model.h5", "README.md")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model beside what repositories hold besides."""
    folder = save_tiny_model("clip", tmp_path_factory.mktemp("hub"))
    for name in NOT_NEEDED:
        (folder / name).write_bytes(b"x" * 20_000)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    return folder


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[HubServer]:
    with HubServer().running() as server:
        server.repositories[NAME] = Repository(checkpoint, COMMIT)
        yield server


@pytest.fixture
def environment(hub: HubServer, tmp_path: Path) -> dict[str, object]:
    """That hub, and an empty cache."""
    return {"HF_ENDPOINT": hub.url, "HF_HOME": tmp_path / "cache", "HF_TOKEN": "secret"}


@pytest.fixture
def prefetch(environment: dict[str, object], tmp_path: Path) -> Callable[..., Process]:
    def run(*arguments: str, **settings: object) -> Process:
        given = {**environment, **settings}
        process = fork(["-m", "worker.prefetch", *arguments], tmp_path, given)
        process.popen.wait(READY_S)
        return process

    return run


def beat_of(worker: Process, redis_url: str) -> Heartbeat:
    def alive() -> list[Heartbeat]:
        assert worker.popen.poll() is None, worker.log
        with Redis.from_url(redis_url) as redis:
            return Heartbeats(redis, ttl_s=5).alive()

    wait_until(alive, "the worker beats", READY_S)
    return alive()[0]


def test_a_worker_downloads_its_model_and_then_starts_without_the_hub(
    hub: HubServer,
    environment: dict[str, object],
    prefetch: Callable[..., Process],
    redis_url: str,
    tmp_path: Path,
) -> None:
    worker = start_worker(tmp_path, redis_url, NAME, batch_size=1, **environment)
    model = beat_of(worker, redis_url).model
    assert (model.name, model.revision) == (NAME, COMMIT), "a branch is reported as its commit"
    worker.stop()
    assert hub.downloaded() == NEEDED
    hub.broken_status = 503
    assert f"{NAME} at {COMMIT} is in" in prefetch(NAME).log
    hub.asked.clear()
    chosen = {**environment, "revision": COMMIT, "batch_size": 1, "HF_ENDPOINT": NOWHERE}
    again = start_worker(tmp_path, redis_url, NAME, **chosen)
    assert beat_of(again, redis_url).model.revision == COMMIT
    again.stop()
    assert hub.asked == []


def test_a_pull_request_is_a_revision_too(
    hub: HubServer, checkpoint: Path, prefetch: Callable[..., Process]
) -> None:
    """Where a repository has only pickled weights, one often brings safetensors."""
    hub.repositories[NAME] = Repository(checkpoint, COMMIT, branch="refs/pr/7")
    for settings in ({}, {"HF_HUB_OFFLINE": "1"}):
        fetched = prefetch(NAME, "--revision", "refs/pr/7", **settings)
        assert fetched.popen.returncode == 0, fetched.log
        assert f"{NAME} at {COMMIT} is in" in fetched.log


@pytest.fixture
def converted(hub: HubServer, checkpoint: Path, tmp_path: Path) -> Repository:
    """A repository of pickled weights, and a pull request that adds them as safetensors."""
    pickled, proposal = tmp_path / "pickled", tmp_path / "proposal"
    for folder in (pickled, proposal):
        shutil.copytree(checkpoint, folder)
    (pickled / "model.safetensors").unlink()
    return Repository(pickled, COMMIT, conversion=proposal)


def test_where_there_are_pickles_only_the_hubs_own_conversion_is_taken(
    hub: HubServer, prefetch: Callable[..., Process], converted: Repository
) -> None:
    hub.repositories[NAME] = converted
    fetched = prefetch(NAME)
    assert fetched.popen.returncode == 0, fetched.log
    assert f"{NAME} at {COMMIT[::-1]}" in fetched.log
    assert "pytorch_model.bin" not in hub.downloaded()
    offline = prefetch(NAME, HF_HUB_OFFLINE="1")
    assert offline.popen.returncode == 0, offline.log
    assert f"{NAME} at {COMMIT[::-1]}" in offline.log


@pytest.mark.parametrize("change", ["author", "weights"])
def test_a_conversion_by_another_author_or_of_other_weights_is_not_taken(
    hub: HubServer, prefetch: Callable[..., Process], converted: Repository, change: str
) -> None:
    if change == "weights":
        (converted.folder / "pytorch_model.bin").write_bytes(b"y" * 20_000)
        hub.repositories[NAME] = converted
    else:
        hub.repositories[NAME] = replace(converted, author="another")
    fetched = prefetch(NAME)
    assert fetched.popen.returncode == 78, fetched.log
    assert "CLIP_ALLOW_PICKLE" in fetched.log
    assert "model.safetensors" not in hub.downloaded()


def test_what_is_prefetched_starts_offline(
    hub: HubServer,
    environment: dict[str, object],
    prefetch: Callable[..., Process],
    redis_url: str,
    tmp_path: Path,
) -> None:
    fetched = prefetch(NAME, "--revision", COMMIT)
    assert fetched.popen.returncode == 0, fetched.log
    assert f"{NAME} at {COMMIT} is in {environment['HF_HOME']}" in fetched.log
    offline = {**environment, "HF_HUB_OFFLINE": "1", "batch_size": 1, "revision": COMMIT}
    hub.asked.clear()
    worker = start_worker(tmp_path, redis_url, NAME, **offline)
    assert beat_of(worker, redis_url).model.revision == COMMIT
    worker.stop()
    assert hub.asked == []


def test_progress_is_logged_without_a_terminal(
    checkpoint: Path, prefetch: Callable[..., Process]
) -> None:
    fetched = prefetch(NAME)
    lines = [json.loads(line) for line in fetched.log.splitlines() if line.startswith("{")]
    seen = [line for line in lines if line["event"] == "model_downloading"]
    size = (checkpoint / "model.safetensors").stat().st_size
    assert (seen[-1]["bytes"], seen[-1]["of_bytes"]) == (size, size)


def test_nothing_is_fetched_twice(hub: HubServer, prefetch: Callable[..., Process]) -> None:
    prefetch(NAME)
    hub.asked.clear()
    assert prefetch(NAME).popen.returncode == 0
    assert [line for line in hub.asked if "resolve" in line] == []


def test_the_token_stays_out_of_the_log(prefetch: Callable[..., Process]) -> None:
    assert "secret" not in prefetch("me/none", log_level="debug").log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["me/none"], "no such model on the hub"),
        (["me/gated"], "it is gated"),
        ([NAME, "--revision", "v9"], "it has no such revision"),
        (["no/such/folder"], "no model on the hub can have that name"),
        (["a name with spaces"], "no model on the hub can have that name"),
        (["me/bert"], "it is a bert model; supported are ALIGN, AltCLIP, "),
    ],
)
def test_a_model_that_the_hub_does_not_give_is_explained(
    hub: HubServer,
    prefetch: Callable[..., Process],
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    bert = tmp_path / "bert"
    bert.mkdir()
    (bert / "config.json").write_text('{"model_type": "bert"}')
    (bert / "model.safetensors").write_bytes(b"x" * 20_000)
    hub.repositories["me/bert"] = Repository(bert, COMMIT)
    hub.repositories["me/gated"] = Repository(bert, COMMIT, gated=True)
    ended = prefetch(*arguments)
    assert ended.popen.returncode == 78, ended.log
    assert f"cannot load {arguments[0]}: " in ended.log
    assert message in ended.log
    assert "Traceback" not in ended.log
    assert "model.safetensors" not in hub.downloaded(), "nothing large was fetched in vain"


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        ({"HF_ENDPOINT": NOWHERE}, 75, "the hub is out of reach"),
        ({"HF_HUB_OFFLINE": "1"}, 78, "HF_HUB_OFFLINE is set"),
    ],
)
def test_without_hub_and_cache_the_reason_is_reported(
    prefetch: Callable[..., Process], settings: dict[str, object], status: int, message: str
) -> None:
    ended = prefetch(NAME, **settings)
    assert ended.popen.returncode == status, ended.log
    assert message in ended.log
    assert "Traceback" not in ended.log


@pytest.mark.parametrize(("broken", "status"), [(500, 75), (429, 75), (403, 78)])
def test_a_hub_that_answers_with_an_error_is_quoted(
    hub: HubServer, prefetch: Callable[..., Process], broken: int, status: int
) -> None:
    hub.broken_status = broken
    ended = prefetch(NAME)
    assert ended.popen.returncode == status, ended.log
    assert f"the hub answers with status {broken}" in ended.log
    assert "Traceback" not in ended.log


def test_a_cache_that_lacks_a_file_is_reported_offline(
    environment: dict[str, object], prefetch: Callable[..., Process]
) -> None:
    prefetch(NAME)
    home = Path(str(environment["HF_HOME"]))
    next(home.rglob("snapshots/*/model.safetensors")).unlink()
    ended = prefetch(NAME, HF_HUB_OFFLINE="1")
    assert ended.popen.returncode == 78
    assert "not all of it is in the cache" in ended.log


def prefetch_in_a_small_place(
    command: list[str],
    environment: dict[str, object],
    limit: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, sys.executable, "-m", "worker.prefetch", NAME],
        cwd=ROOT,
        # The limit would cut bytecode short too, and break later runs.
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
        | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        check=False,
        timeout=READY_S,
        preexec_fn=limit,
    )


def test_a_file_beyond_the_quota_is_reported(environment: dict[str, object]) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000))

    ended = prefetch_in_a_small_place([], environment, limit)
    assert (ended.returncode, "Traceback" in ended.stderr) == (75, False), ended.stderr
    assert f"cannot load {NAME}: the disk of the cache is full" in ended.stderr


def test_a_full_disk_is_reported(environment: dict[str, object], tmp_path: Path) -> None:
    small = tmp_path / "cache"
    small.mkdir()
    mount = f'mount -t tmpfs -o size=80k tmpfs {small} && exec "$@"'
    within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if not shutil.which("unshare") or subprocess.run([*within, "true"], check=False).returncode:
        pytest.skip("needs user namespaces")
    ended = prefetch_in_a_small_place(within, environment)
    assert (ended.returncode, "Traceback" in ended.stderr) == (75, False), ended.stderr
    assert re.search("cannot load .*: the disk of the cache is full", ended.stderr)


def test_pickled_weights_are_fetched_only_if_allowed_and_there_is_nothing_else(
    hub: HubServer, prefetch: Callable[..., Process], checkpoint: Path, tmp_path: Path
) -> None:
    assert prefetch(NAME, allow_pickle=1).popen.returncode == 0
    assert hub.downloaded() == NEEDED
    pickled = shutil.copytree(checkpoint, tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    hub.repositories["me/pickled"] = Repository(pickled, COMMIT)
    refused = prefetch("me/pickled")
    assert refused.popen.returncode == 78
    assert "CLIP_ALLOW_PICKLE=1" in refused.log
    assert "pytorch_model.bin" not in hub.downloaded()
    assert prefetch("me/pickled", allow_pickle=1).popen.returncode == 0
    assert "pytorch_model.bin" in hub.downloaded()
