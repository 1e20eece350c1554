"""The optional fields of /rank that say how embeddings become an answer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from tests.conftest import ClientMaker
from tests.faults.deployment import deployed
from tests.images import blob, image_item
from tests.processes import DEMO_MODEL, Api

LABELS = ["a cat", "a pair of jeans", "t-shirt", "pizza", "a cat"]
CANDIDATES = [{"text": label} for label in LABELS]
QUERIES = [image_item(seed) for seed in range(3)]
BODY = {"queries": QUERIES, "candidates": CANDIDATES}
TEMPLATES = ["a photo of a {}", "{}", "a {{}} drawing of {many} things"]
Floats = npt.NDArray[np.float64]
DEFAULTS = {
    "template": None,
    "templates": None,
    "temperature": 1,
    "top_k": None,
    "activation": None,
}
BAD_IMAGE = blob(b"not an image")


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service whose fake model makes the same bytes however its batches fall."""
    with deployed(tmp_path_factory.mktemp("x")) as deployment:
        yield deployment.api


@pytest.fixture(scope="module")
def reference() -> "Reference":
    return Reference()


class Reference:
    """The same numbers, made by transformers and numpy from what /encode says of the images."""

    def __init__(self) -> None:
        self._model = AutoModel.from_pretrained(DEMO_MODEL, dtype=torch.float32).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(DEMO_MODEL)
        self.scale = self._model.logit_scale.detach().exp().item()

    @torch.inference_mode()
    def texts(self, texts: list[str]) -> Floats:
        """Normalised embeddings."""
        tokens = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        vectors = self._model.get_text_features(**tokens)
        vectors = getattr(vectors, "pooler_output", vectors).numpy().astype(np.float64)
        return _unit(vectors)

    def classifier(self, templates: list[str]) -> Floats:
        """The weights of the CLIP paper's zero-shot classifier: (labels, dimension)."""
        weights = [
            self.texts([template.replace("{}", label) for template in templates]).mean(axis=0)
            for label in LABELS
        ]
        return _unit(np.stack(weights))


def _unit(vectors: Any) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def rank(service: Api, **more: Any) -> Any:
    answer = service.post("/rank", {**BODY, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def images(service: Api) -> Floats:
    return _unit(np.array(service.post("/encode", QUERIES).json()))


def test_defaults_leave_every_byte_as_it_is(exact: Api) -> None:
    plain = exact.post("/rank", BODY).content
    assert list(orjson.loads(plain)) == ["probabilities", "cosine_similarities"]
    for name, value in DEFAULTS.items():
        assert exact.post("/rank", {**BODY, name: value}).content == plain, name
    assert exact.post("/rank", {**BODY, **DEFAULTS}).content == plain
    assert exact.post("/rank", {**BODY, "template": "{}"}).content == plain
    assert exact.post("/rank", {**BODY, "activation": "softmax"}).content == plain


@pytest.mark.parametrize("templates", [["a photo of a {}"], TEMPLATES, ["{} one", "{} one"]])
def test_several_templates_are_averaged_on_the_sphere(
    service: Api, reference: Reference, images: Floats, templates: list[str]
) -> None:
    got = rank(service, templates=templates)
    cosines = images @ reference.classifier(templates).T
    assert np.abs(np.array(got["cosine_similarities"]) - cosines).max() < 1e-5
    assert np.abs(np.array(got["probabilities"]) - softmax(reference.scale * cosines)).max() < 1e-4


def test_one_template_may_be_given_alone(exact: Api) -> None:
    template = "a {}"
    filled = [{"text": template.replace("{}", label)} for label in LABELS]
    expected = rank(exact, candidates=filled)
    assert rank(exact, template=template) == rank(exact, templates=[template]) == expected


def test_templates_may_make_a_job_of_many_parts(make_client: ClientMaker) -> None:
    body = {**BODY, "templates": [f"{number} times {{}}" for number in range(60)]}
    in_parts = make_client(part_queries=2).post("/rank", json=body).get_json()
    at_once = make_client(part_queries=1000).post("/rank", json=body).get_json()
    for got, expected in zip(
        in_parts["cosine_similarities"], at_once["cosine_similarities"], strict=True
    ):
        assert got == pytest.approx(expected, abs=1e-6)


def test_what_stands_in_a_label_is_no_template(service: Api) -> None:
    odd = rank(service, candidates=[{"text": "{} {}"}], template="a {}")
    plain = rank(service, candidates=[{"text": "a {} {}"}])
    assert odd == plain


def test_images_among_the_candidates_are_left_as_they_are(service: Api) -> None:
    mixed = [QUERIES[1], {"text": "a cat"}]
    plain = rank(service, candidates=mixed)["cosine_similarities"]
    got = rank(service, candidates=mixed, templates=TEMPLATES)["cosine_similarities"]
    assert [row[0] for row in got] == pytest.approx([row[0] for row in plain], abs=1e-6)
    assert [row[1] for row in got] != [row[1] for row in plain]


def test_a_fault_points_at_the_candidate_as_it_was_given(service: Api) -> None:
    candidates = [*CANDIDATES, BAD_IMAGE, {"text": "x" * 19_999}]
    body = {**BODY, "candidates": candidates, "templates": TEMPLATES}
    [error] = service.post("/rank", body).json()["errors"]
    assert (error["pointer"], error["code"]) == ("/candidates/6/text", "text_too_long")
    body["candidates"] = candidates[:-1]
    [error] = service.post("/rank", body).json()["errors"]
    assert (error["pointer"], error["code"]) == ("/candidates/5/img_blob", "not_an_image")


def test_a_truncated_text_in_several_templates_counts_once(service: Api) -> None:
    long = {"text": "very " * 300 + "long"}
    body = {**BODY, "candidates": [{"text": "a"}, long], "templates": TEMPLATES}
    assert service.post("/rank", body).headers["X-Truncated-Texts"] == "1"
    accepted = service.post("/rank?wait=0", body)
    job = service.get(accepted.headers["Location"] + "?wait=30").json()
    assert job["truncated"] == ["/candidates/1/text"]


@pytest.mark.parametrize("temperature", [0.01, 0.5, 2, 1e300])
def test_the_temperature_divides_the_logits(
    service: Api, reference: Reference, images: Floats, temperature: float
) -> None:
    cosines = images @ reference.texts(LABELS).T
    got = rank(service, temperature=temperature)
    expected = softmax(reference.scale * cosines / temperature)
    assert np.abs(np.array(got["probabilities"]) - expected).max() < 5e-3
    assert np.abs(np.array(got["cosine_similarities"]) - cosines).max() < 1e-5
    assert [sum(row) for row in got["probabilities"]] == pytest.approx([1] * 3, abs=1e-5)


def test_sigmoid_and_none_take_the_place_of_softmax(
    service: Api, reference: Reference, images: Floats
) -> None:
    logits = reference.scale * (images @ reference.texts(LABELS).T) / 3
    got = rank(service, activation="none", temperature=3)
    assert np.abs(np.array(got["probabilities"]) - logits).max() < 1e-3
    got = rank(service, activation="sigmoid", temperature=3)
    assert np.abs(np.array(got["probabilities"]) - 1 / (1 + np.exp(-logits))).max() < 1e-4


@pytest.mark.parametrize("top_k", [1, 3.0, 5, 1_000_000])
def test_the_best_are_listed_in_order(service: Api, top_k: float) -> None:
    got = rank(service, top_k=top_k, temperature=2)
    assert list(got) == ["probabilities", "cosine_similarities", "ranking"]
    matrices = got["probabilities"], got["cosine_similarities"]
    for places, scores, cosines in zip(got["ranking"], *matrices, strict=True):
        order = sorted(range(len(cosines)), key=lambda index: (-cosines[index], index))
        assert places == [
            {
                "index": index,
                "probability": scores[index],
                "cosine_similarity": cosines[index],
            }
            for index in order[: int(top_k)]
        ]


def test_a_failed_query_has_no_ranking(service: Api) -> None:
    queries = [QUERIES[0], BAD_IMAGE]
    got = rank(service, queries=queries, top_k=2, allow_partial=True)
    assert list(got) == ["probabilities", "cosine_similarities", "ranking", "errors"]
    assert [places and len(places) for places in got["ranking"]] == [2, None]


def test_a_job_is_scored_like_a_request(exact: Api) -> None:
    options = {"templates": TEMPLATES, "temperature": 0.7, "top_k": 2, "activation": "sigmoid"}
    location = exact.post("/rank?wait=0", {**BODY, **options}).headers["Location"]
    job = exact.get(f"{location}?wait=30").json()
    assert job["result"] == rank(exact, **options)


def test_another_option_is_another_request_to_an_idempotency_key(service: Api) -> None:
    headers = {"Idempotency-Key": "scoring"}
    first = service.post("/rank", {**BODY, "temperature": 2}, headers=headers)
    assert first.status_code == 200
    again = service.post("/rank", {**BODY, "temperature": 2}, headers=headers)
    assert again.headers["X-Job-Id"] == first.headers["X-Job-Id"]
    other = service.post("/rank", {**BODY, "temperature": 3}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


def test_no_templates_are_as_none(service: Api) -> None:
    assert (
        service.post("/rank", {**BODY, "templates": []}).json()
        == service.post("/rank", BODY).json()
    )


@pytest.mark.parametrize(
    ("options", "pointer", "code"),
    [
        ({"template": "a photo"}, "/template", "invalid_template"),
        ({"template": "{} {}"}, "/template", "invalid_template"),
        ({"template": "{0}"}, "/template", "invalid_template"),
        ({"template": ["{}"]}, "/template", "wrong_type"),
        ({"templates": "{}"}, "/templates", "wrong_type"),
        ({"templates": ["{}", "{"]}, "/templates/1", "invalid_template"),
        ({"templates": ["{}"] * 101}, "/templates", "too_many"),
        ({"template": "{}", "templates": ["{}"]}, "", "ambiguous_template"),
        ({"temperature": 0}, "/temperature", "too_small"),
        ({"temperature": -1.5}, "/temperature", "too_small"),
        ({"temperature": "1"}, "/temperature", "wrong_type"),
        ({"temperature": True}, "/temperature", "wrong_type"),
        ({"temperature": None}, "/temperature", "wrong_type"),
        ({"top_k": 0}, "/top_k", "too_small"),
        ({"top_k": 1_000_001}, "/top_k", "too_large"),
        ({"top_k": 1.5}, "/top_k", "wrong_type"),
        ({"top_k": True}, "/top_k", "wrong_type"),
        ({"activation": "relu"}, "/activation", "unknown_value"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    service: Api, options: Any, pointer: str, code: str
) -> None:
    answer = service.post("/rank", {**BODY, **options})
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


def test_candidates_and_templates_together_are_bounded(make_client: ClientMaker) -> None:
    client = make_client(max_prompts=10)
    body = {**BODY, "templates": ["{}", "a {}"]}
    assert client.post("/rank", json=body).status_code == 200
    answer = client.post("/rank", json={**body, "templates": TEMPLATES})
    assert answer.status_code == 422
    [error] = answer.get_json()["errors"]
    assert (error["pointer"], error["code"]) == ("/templates", "too_many")
