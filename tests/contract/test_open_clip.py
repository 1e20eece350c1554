"""Checkpoints in the format of open_clip, served: /rank and /encode say what open_clip says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import blob
from tests.open_clip.checkpoints import save_model
from tests.open_clip.comparison import check, units
from tests.open_clip.models import MODELS, PICTURES, TEXTS
from tests.processes import Api, start_api, start_worker, wait_for_workers, wait_until

SERVED = (
    "clip, QuickGELU, bilinear, a training checkpoint",
    "clip, longest side, filled, odd sizes",
    "clip, wide heads, tanh, biases, sigmoid",
    "siglip 2, stub",
)
IMAGES = [blob(path.read_bytes()) for path in PICTURES]
CANDIDATES = [{"text": text} for text in TEXTS]


@pytest.fixture(scope="module")
def api(folder: Path, redis_url_of_its_own: str) -> Iterator[Api]:
    api = start_api(folder, redis_url_of_its_own)
    yield api
    api.stop()


@pytest.fixture(scope="module", params=SERVED)
def served(
    request: pytest.FixtureRequest, folder: Path, redis_url_of_its_own: str, api: Api
) -> Iterator[str]:
    """The name of the model that a worker serves."""
    name: str = request.param
    path = save_model(MODELS[name], folder / f"open-clip-{SERVED.index(name)}")
    worker = start_worker(
        folder, redis_url_of_its_own, path, batch_size=4, torch_threads=1, allow_pickle=True
    )
    wait_for_workers(api, [worker])
    yield name
    worker.stop()
    wait_until(lambda: api.workers() == 0, "the worker is gone")


def test_the_numbers_are_those_of_open_clip(api: Api, served: str) -> None:
    answer = api.post("/rank", {"queries": IMAGES, "candidates": CANDIDATES})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    check(served, told["cosine_similarities"], told["probabilities"])
    vectors = units(api.post("/encode", [*IMAGES, *CANDIDATES]).json())
    images, texts = vectors[: len(IMAGES)], vectors[len(IMAGES) :]
    check(served, images @ texts.T, told["probabilities"])


def test_the_format_is_told(api: Api, served: str) -> None:
    [model] = api.get("/models").json()["models"]
    assert model["format"] == "open_clip"
    assert model["family"] == ("SigLIP" if "siglip" in served else "CLIP")
