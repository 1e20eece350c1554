"""Several workers on one card, and what becomes of one whose device fails."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.gpu.cards import DEVICE, cosines, encoder, needs_gpu
from tests.gpu.failing_worker import FAULTS
from tests.images import encoded, noise
from tests.processes import DEMO_MODEL, Api, Process, start, start_api, wait_for_workers, wait_until
from worker.images.decode import EncodedImage
from worker.images.limits import Limits

pytestmark = needs_gpu

EXIT_DEVICE_FAILED = 74
SAMPLES = 64


class Several:
    """A service whose workers share a card."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.order = folder / "order"
        self._folder, self._redis_url = folder, redis_url
        self.workers: list[Process] = []
        self.api = start_api(folder, redis_url, cached_embeddings=0)

    @property
    def living(self) -> list[Process]:
        return [worker for worker in self.workers if worker.popen.poll() is None]

    def begin(self) -> None:
        """Start two workers, and one more for each that is going to end."""
        settings = {"redis_url": self._redis_url, "model": DEMO_MODEL, "device": DEVICE}
        settings["FAULT_FILE"] = self.order
        for _ in range(2 + len(FAULTS)):
            command = ["-m", "tests.gpu.failing_worker"]
            self.workers.append(start(command, self._folder, settings))
        wait_for_workers(self.api, self.workers)

    def stop(self) -> None:
        self.api.stop()
        for worker in self.living:
            worker.stop()


@pytest.fixture(scope="module")
def several(
    tmp_path_factory: pytest.TempPathFactory, redis_url_of_its_own: str
) -> Iterator[Several]:
    made = Several(tmp_path_factory.mktemp("p"), redis_url_of_its_own)
    try:
        made.begin()
        yield made
    finally:
        made.stop()


def jpegs(first: int, count: int = SAMPLES) -> list[bytes]:
    return [encoded(noise(120, 90, seed=first + number), "JPEG") for number in range(count)]


def embeddings(api: Api, images: list[bytes]) -> Any:
    items = [{"img_blob": base64.b64encode(image).decode()} for image in images]
    answer = api.post("/encode", items)
    assert answer.status_code == 200, answer.text[:500]
    return np.array(answer.json())


def expected(images: list[bytes]) -> Any:
    """Of float32 on the processor."""
    reference = encoder(DEMO_MODEL, "cpu")
    decoded = [EncodedImage.open(image, Limits(10**6, 10)).decode() for image in images]
    return reference.encode_images([reference.prepare_image(each) for each in decoded])


def test_workers_share_a_card(several: Several) -> None:
    for turn in range(4):
        images = jpegs(1000 * turn)
        assert cosines(embeddings(several.api, images), expected(images)).min() > 0.999
    told = several.api.get("/workers").json()["workers"]
    assert {(beat["device"], beat["dtype"]) for beat in told} == {("cuda:0", "float16")}
    assert {beat["gpu"]["name"] for beat in told} == {torch.cuda.get_device_name(DEVICE)}
    assert all(0 < beat["gpu"]["used_bytes"] < beat["gpu"]["memory_bytes"] for beat in told)
    wait_until(lambda: sum("part_done" in w.log for w in several.living) > 1, "two had a part", 5)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_worker_whose_device_fails_ends_and_another_does_its_parts(
    several: Several, fault: str
) -> None:
    before = several.living
    images = jpegs(10_000)
    several.order.write_text(fault)
    assert cosines(embeddings(several.api, images), expected(images)).min() > 0.999
    wait_until(lambda: len(several.living) == len(before) - 1, "one worker has ended")
    [ended] = [worker for worker in before if worker.popen.poll() is not None]
    assert ended.popen.returncode == EXIT_DEVICE_FAILED
    assert '"worker_gives_up"' in ended.log
