"""A worker that decodes in processes beside it."""

import base64
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.images import encoded, noise
from tests.processes import (
    DEMO_MODEL,
    Api,
    Process,
    fork,
    start_api,
    wait_for_workers,
    wait_until,
)
from worker.images.decode import EncodedImage
from worker.images.limits import Limits
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.source import Source

IMAGES = [encoded(noise(300, 200, seed=seed), "JPEG") for seed in range(12)]


@dataclass(frozen=True, slots=True)
class Service:
    """An API, and one worker with two processes that decode."""

    api: Api
    worker: Process

    @property
    def decoders(self) -> list[int]:
        """The processes below the worker's fork server."""
        return [pid for server in children(self.worker.popen.pid) for pid in children(server)]

    def embeddings(self, images: list[bytes]) -> Any:
        items = [{"img_blob": base64.b64encode(image).decode()} for image in images]
        answer = self.api.post("/encode", items)
        assert answer.status_code == 200, answer.text
        return np.array(answer.json())


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, redis_url_of_its_own: str
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("p")
    settings: dict[str, object] = {"redis_url": redis_url_of_its_own, "cached_embeddings": 0}
    settings |= {"model": DEMO_MODEL, "decode_processes": 2}
    worker = fork(["-m", "worker"], folder, settings, is_daemon=False)
    try:
        api = start_api(folder, redis_url_of_its_own, cached_embeddings=0)
        wait_for_workers(api, [worker])
        yield Service(api, worker)
        api.stop()
    finally:
        if worker.popen.poll() is None:
            worker.kill()


@pytest.fixture(scope="module")
def expected() -> Any:
    encoder = ClipEncoder(open_checkpoint(Source(str(DEMO_MODEL))), "cpu", "float32")
    decoded = [EncodedImage.open(image, Limits(10**6, 10)).decode() for image in IMAGES]
    return encoder.encode_images([encoder.prepare_image(each) for each in decoded])


def test_embeddings_are_those_of_images_decoded_in_the_worker(
    service: Service, expected: Any
) -> None:
    assert service.embeddings(IMAGES) == pytest.approx(expected, abs=1e-4)
    assert service.decoders


def test_a_broken_image_is_refused_as_always(service: Service) -> None:
    item = {"img_blob": base64.b64encode(IMAGES[0][:1000]).decode()}
    answer = service.api.post("/encode", [item])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_an_image")


def test_a_killed_process_is_replaced(service: Service, expected: Any) -> None:
    killed = service.decoders
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert service.embeddings(IMAGES) == pytest.approx(expected, abs=1e-4)
    assert service.embeddings(IMAGES) == pytest.approx(expected, abs=1e-4)
    wait_until(lambda: set(service.decoders) - set(killed), "others decode")


def test_they_end_with_the_worker(service: Service) -> None:
    decoders = service.decoders
    assert service.worker.stop() == 0
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in decoders), "all ended")
