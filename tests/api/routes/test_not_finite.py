"""A text whose embedding is not finite fails alone, and by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from tests.images import image_item
from tests.processes import Api, start_api, start_worker, wait_for_workers
from tests.tiny_models import save_tiny_model

DETAIL = "has no finite embedding by the model"


@pytest.fixture(scope="module")
def api(folder: Path, redis_url_of_its_own: str) -> Iterator[Api]:
    """Served by a model in which the token of "pizza" is broken."""
    path = save_tiny_model("clip", folder / "broken-token")
    [token] = AutoTokenizer.from_pretrained(path)(" pizza", add_special_tokens=False)["input_ids"]
    weights = load_file(path / "model.safetensors")
    weights["text_model.embeddings.token_embedding.weight"][token] = float("nan")
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    api = start_api(folder, redis_url_of_its_own)
    worker = start_worker(folder, redis_url_of_its_own, path, batch_size=4, torch_threads=1)
    wait_for_workers(api, [worker])
    yield api
    worker.stop()
    api.stop()


def test_encode_answers_with_an_error_for_that_item(api: Api) -> None:
    items = [{"text": "a cat"}, {"text": "a pizza"}, {"text": "a dog"}]
    refused = api.post("/encode", items)
    assert refused.status_code == 422, refused.text
    [error] = refused.json()["errors"]
    assert error["code"] == "encode_failed"
    assert DETAIL in error["detail"]
    assert error["pointer"].startswith("/1")
    assert len(api.post("/encode", items[::2]).json()) == 2


def test_rank_never_calls_every_label_equally_likely(api: Api) -> None:
    body = {"queries": [image_item(1)], "candidates": [{"text": "a cat"}, {"text": "a pizza"}]}
    refused = api.post("/rank", body)
    assert refused.status_code == 422, refused.text
    assert DETAIL in refused.text
