"""The demonstration's model: what it says of the sample images, and how it is stored."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import CLIPModel

from demo.samples import FIRST_ELEVEN, QUERIES, SAMPLES
from demo.scoring import sample_similarities, samples_found
from tests.processes import DEMO_MODEL

LARGEST = 12_000_000
EVERYDAY = (
    ("cat", "dog", "elephant"),
    ("guitar", "bicycle", "pizza"),
    ("a cat", "a pizza", "a bicycle", "clothes"),
    ("t-shirt", "jeans", "dress"),
    ("umbrella", "sunglasses", "running shoe"),
)
"""Short lists of labels as people try them; a sample named in one is ranked against it."""


def names(form: str = "{}") -> list[str]:
    return [form.format(sample.name) for sample in FIRST_ELEVEN]


@pytest.mark.parametrize("form", ["{}", "a {}", "a photo of a {}"])
def test_each_of_the_first_samples_is_called_by_its_name(form: str) -> None:
    scores = sample_similarities(DEMO_MODEL, FIRST_ELEVEN, names(form))
    assert [names()[best] for best in scores.argmax(axis=1)] == names()


@pytest.mark.parametrize("labels", EVERYDAY)
def test_short_lists_of_labels(labels: tuple[str, ...]) -> None:
    own = {label.removeprefix("a "): label for label in labels}
    shown = [sample for sample in FIRST_ELEVEN if sample.name in own]
    scores = sample_similarities(DEMO_MODEL, shown, labels)
    found = [labels[best] for best in scores.argmax(axis=1)]
    assert found == [own[sample.name] for sample in shown]


@pytest.mark.parametrize(("query", "kind"), QUERIES.items())
def test_a_kind_of_thing_finds_such_samples(query: str, kind: str) -> None:
    found, count = samples_found(DEMO_MODEL, query, kind)
    assert count >= 5
    assert found >= count - 1


def test_each_name_finds_its_sample() -> None:
    scores = sample_similarities(DEMO_MODEL, SAMPLES, [sample.name for sample in SAMPLES])
    assert np.mean(scores.argmax(axis=0) == np.arange(len(SAMPLES))) >= 0.9


def test_it_is_small_and_computes_in_full_precision() -> None:
    path = DEMO_MODEL / "model.safetensors"
    assert path.stat().st_size <= LARGEST
    with safe_open(path, "pt") as stored:
        assert {stored.get_tensor(name).dtype for name in stored.keys()} == {torch.float16}  # noqa: SIM118
    assert CLIPModel.from_pretrained(DEMO_MODEL).dtype == torch.float32
