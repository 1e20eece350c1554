from typing import Any

import numpy as np
import pytest

from tests.conftest import ClientMaker
from tests.images import blob, image_item
from tests.processes import Api


def test_a_bare_array_gives_a_bare_array_in_order(service: Api) -> None:
    items = [{"text": "a cat"}, image_item(), {"text": "a dog"}, {"text": "a cat"}]
    answer = service.post("/encode", items)
    assert answer.status_code == 200
    vectors = np.array(answer.json())
    assert vectors.ndim == 2
    assert len(vectors) == 4
    assert vectors[0] == pytest.approx(vectors[3])
    assert vectors[0] != pytest.approx(vectors[2])


def test_vectors_are_not_normalised_and_give_the_similarities_of_rank(service: Api) -> None:
    text, image = {"text": "a cat"}, image_item()
    t, p = np.array(service.post("/encode", [text, image]).json())
    assert np.linalg.norm(t) != pytest.approx(1, abs=1e-3)
    body = {"queries": [image], "candidates": [text]}
    [[cosine]] = service.post("/rank", body).json()["cosine_similarities"]
    assert t @ p / np.linalg.norm(t) / np.linalg.norm(p) == pytest.approx(cosine, abs=1e-6)


def test_a_truncated_text_is_reported(service: Api) -> None:
    answer = service.post("/encode", [{"text": "very " * 300}, {"text": "short"}])
    assert answer.headers["X-Truncated-Texts"] == "1"


@pytest.mark.parametrize("text", ["", " ", "\0", "ünïcödé 🐈", "a" * 10_000])
def test_any_text_has_a_vector(service: Api, text: str) -> None:
    answer = service.post("/encode", [{"text": text}])
    assert answer.status_code == 200
    assert np.isfinite(answer.json()).all()


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"text": "a"}, "", "wrong_type"),
        ([], "", "too_few"),
        ([{"text": "a"}, {"txt": "b"}], "/1/txt", "unknown_key"),
        ([{"text": "a"}, blob(b"no image")], "/1/img_blob", "not_an_image"),
    ],
)
def test_a_bad_request_is_named(service: Api, body: Any, pointer: str, code: str) -> None:
    answer = service.post("/encode", body)
    assert answer.status_code == 422
    errors = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert (pointer, code) in errors


def test_too_many_items_are_refused(make_client: ClientMaker) -> None:
    answer = make_client(max_queries=2).post("/encode", json=[{"text": "a"}] * 3)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["code"] == "too_many"
