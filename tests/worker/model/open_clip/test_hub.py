"""Models of open_clip from the hub: what is downloaded, by which name, and whose tokenizer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from common.fleet.heartbeats import Heartbeats
from tests.hub_server import HubServer, Repository
from tests.open_clip.checkpoints import save_model
from tests.open_clip.models import MODELS, SAFE
from tests.processes import Process, start, start_worker, wait_until

READY_S = 90
NAME = "me/shop"
TOKENIZER = "org/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OF_TOKENIZER = {"tokenizer.json", "tokenizer_config.json"}
NOT_NEEDED = ("open_clip_pytorch_model.bin", "model.safetensors", "README.md")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = save_model(MODELS["siglip 2, stub"], tmp_path / "published")
    for name in NOT_NEEDED:
        (folder / name).write_bytes(b"x" * 20_000)
    return folder


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[HubServer]:
    with HubServer().running() as server:
        server.repositories[NAME] = Repository(checkpoint, COMMIT)
        yield server


@pytest.fixture
def environment(hub: HubServer, tmp_path: Path) -> dict[str, object]:
    return {"HF_ENDPOINT": hub.url, "HF_HOME": tmp_path / "cache"}


@pytest.fixture
def prefetch(environment: dict[str, object], tmp_path: Path) -> Callable[[str], Process]:
    def run(name: str) -> Process:
        process = start(["-m", "worker.prefetch", name], tmp_path, environment)
        process.popen.wait(READY_S)
        return process

    return run


def test_it_is_downloaded_and_served_by_either_name(
    hub: HubServer,
    environment: dict[str, object],
    prefetch: Callable[[str], Process],
    redis_url: str,
    tmp_path: Path,
) -> None:
    fetched = prefetch(f"hf-hub:{NAME}")
    assert fetched.popen.returncode == 0, fetched.log
    assert f"{NAME} at {COMMIT} is in" in fetched.log
    assert hub.downloaded() == {"open_clip_config.json", "config.json", SAFE, *OF_TOKENIZER}
    offline = {**environment, "HF_HUB_OFFLINE": "1", "batch_size": 1}
    worker = start_worker(tmp_path, redis_url, NAME, **offline)
    with Redis.from_url(redis_url) as redis:
        beats = Heartbeats(redis, ttl_s=5)
        wait_until(beats.alive, "the worker beats", READY_S)
        [beat] = beats.alive()
    assert (beat.model.name, beat.model.revision) == (NAME, COMMIT)
    assert beat.traits
    assert beat.traits.format == "open_clip"
    worker.stop()


def test_its_tokenizer_may_be_in_another_repository(
    hub: HubServer, prefetch: Callable[[str], Process], checkpoint: Path, tmp_path: Path
) -> None:
    tokenizer = tmp_path / "tokenizer"
    tokenizer.mkdir()
    for name in OF_TOKENIZER:
        (checkpoint / name).rename(tokenizer / name)
    refused = prefetch(NAME)
    assert refused.popen.returncode == 78, refused.log
    assert f"cannot load {NAME}: it has no tokenizer of its own" in refused.log
    assert f"asks for that of {TOKENIZER} (cannot load {TOKENIZER}: there is no" in refused.log
    assert "Put the files of that tokenizer beside its weights: tokenizer.json" in refused.log
    (tokenizer / "model.safetensors").write_bytes(b"x" * 20_000)
    hub.repositories[TOKENIZER] = Repository(tokenizer, COMMIT)
    hub.asked.clear()
    fetched = prefetch(NAME)
    assert fetched.popen.returncode == 0, fetched.log
    assert hub.downloaded() == OF_TOKENIZER


def test_what_is_not_served_costs_no_download(
    hub: HubServer, prefetch: Callable[[str], Process], checkpoint: Path
) -> None:
    path = checkpoint / "open_clip_config.json"
    path.write_text(path.read_text().replace("vit_so400m_patch16_siglip_256", "vitamin_large_384"))
    ended = prefetch(NAME)
    assert ended.popen.returncode == 78, ended.log
    assert "it has the vision tower vitamin_large_384.v2_webli of timm" in ended.log
    assert "Traceback" not in ended.log
    assert SAFE not in hub.downloaded()
