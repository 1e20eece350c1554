"""A text in several templates: encoded in each of them, one embedding for all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from common.protocol.messages import Item, Vectors
from tests.worker.fake_encoder import CONTEXT, FakeEncoder
from tests.worker.runners import run, running, text
from worker.model.encoder import PreparedText, ensemble
from worker.part.runner import PartRunner

TEMPLATES = ("a {}", "{}")


def in_templates(value: str, templates: tuple[str, ...] = TEMPLATES) -> Item:
    return Item("text", value, queries=1, required=True, templates=templates)


def unit(rows: Any) -> Any:
    return np.divide(rows, np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float64)


@given(st.integers(1, 5), st.integers(0, 1000))
def test_an_ensemble_is_the_mean_direction(templates: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(templates, 3)).astype(np.float32)
    got = ensemble(list(rows))
    assert got.dtype == np.float32
    assert got == pytest.approx(unit(unit(rows).mean(axis=0)), abs=1e-6)


def test_an_ensemble_of_nothing_is_zero() -> None:
    assert ensemble([np.zeros(3, dtype=np.float32)] * 2).tolist() == [0, 0, 0]


def test_each_candidate_has_one_embedding(runner: PartRunner) -> None:
    items = [in_templates("cat"), text("cat"), in_templates("{}", ("{}", "{} {{}}"))]
    stored = run(runner, "j", items)
    assert stored.vectors.shape == (3, 4)
    assert stored.vectors[0] == pytest.approx(unit(unit([[5, 2, 3, 0], [3, 2, 3, 0]]).mean(axis=0)))
    assert stored.vectors[1].tolist() == [3, 2, 3, 0]
    assert stored.vectors[2] == pytest.approx(unit(unit([[2, 2, 3, 0], [7, 2, 3, 0]]).mean(axis=0)))


def test_it_is_truncated_when_any_of_its_prompts_is(redis: Redis, runner: PartRunner) -> None:
    items = [in_templates("x" * CONTEXT), in_templates("x")]
    assert run(runner, "j", items).about.truncated == (0,)
    newcomer = FakeEncoder()
    with running(redis, newcomer) as other:
        assert run(other, "k", items).about.truncated == (0,)
    assert newcomer.batches == []


def test_what_was_encoded_is_found_again_and_distinguished_from_plain_texts(
    redis: Redis, runner: PartRunner, encoder: FakeEncoder
) -> None:
    stored = run(runner, "one", [in_templates("cat")])
    assert run(runner, "two", [in_templates("cat")]).vectors.tolist() == stored.vectors.tolist()
    newcomer = FakeEncoder()
    with running(redis, newcomer) as other:
        again = run(other, "three", [in_templates("cat")])
    assert again.vectors.tolist() == stored.vectors.tolist()
    assert (encoder.batches, newcomer.batches) == ([2], [])
    run(runner, "four", [text("cat"), text("a cat"), in_templates("cat", TEMPLATES[::-1])])
    assert sum(encoder.batches) == 2 + 4


class FussyEncoder(FakeEncoder):
    """Raises at the sight of a text of five letters."""

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        if any(len(text.ids) == 5 for text in texts):
            raise ValueError("five")
        return super().encode_texts(texts)


def test_a_prompt_that_fails_costs_its_candidate_alone(redis: Redis) -> None:
    with running(redis, FussyEncoder()) as runner:
        stored = run(runner, "j", [in_templates("cat"), in_templates("bird"), text("cat")])
    assert {i: fault.code for i, fault in stored.about.faults.items()} == {0: "encode_failed"}
    assert stored.vectors[0].tolist() == [0, 0, 0, 0]
    assert stored.vectors[1:].all(axis=0).tolist() == [True, True, True, False]


class BrokenTokenizer(FakeEncoder):
    """Raises at what comes after the first run."""

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        if self.batches:
            raise LookupError
        return super().prepare_texts(texts)


def test_what_ends_a_part_while_its_prompts_are_made_is_no_fault_of_a_candidate(
    redis: Redis,
) -> None:
    templates = tuple(f"{number} {{}}".ljust(1000, "x") for number in range(200))
    with running(redis, BrokenTokenizer()) as runner, pytest.raises(LookupError):
        run(runner, "j", [in_templates("xx", templates)])


class CountingEncoder(FakeEncoder):
    """Notes how many characters it was given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[int] = []

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        self.runs.append(sum(map(len, texts)))
        return super().prepare_texts(texts)


class CrowdedEncoder(FakeEncoder):
    """Notes how many prompts there are that were prepared and are not encoded yet."""

    def __init__(self) -> None:
        super().__init__()
        self.prepared, self.encoded, self.most = 0, 0, 0

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        self.prepared += len(texts)
        self.most = max(self.most, self.prepared - self.encoded)
        return super().prepare_texts(texts)

    def encode_texts(self, texts: Sequence[PreparedText]) -> Vectors:
        self.encoded += len(texts)
        return super().encode_texts(texts)


@pytest.mark.parametrize("candidates", [1, 10])
def test_prompts_wait_for_the_model_in_bounded_number(redis: Redis, candidates: int) -> None:
    prompts, run_chars = 2000, 1 << 14
    templates = tuple(f"{n:04d}{{}}".ljust(200, "x") for n in range(prompts // candidates))
    encoder = CrowdedEncoder()
    with running(redis, encoder) as runner:
        run(runner, "j", [in_templates(f"{n}x", templates) for n in range(candidates)])
    assert sum(encoder.batches) == prompts
    two_batches, a_run = 2 * 64, run_chars // 200
    assert encoder.most <= two_batches + a_run


def test_the_prompts_of_one_candidate_are_made_in_bounded_runs(redis: Redis) -> None:
    templates = tuple(f"{number} {{}}".ljust(1002, "x") for number in range(1000))
    encoder = CountingEncoder()
    with running(redis, encoder) as runner:
        stored = run(runner, "j", [in_templates("xx", templates)])
    assert stored.vectors.shape == (1, 4)
    assert sum(encoder.runs) == 1000 * 1002
    assert max(encoder.runs) <= 1 << 14
    assert sum(encoder.batches) == 1000


def test_the_tokens_of_all_its_prompts_are_counted_and_cached(
    redis: Redis, runner: PartRunner
) -> None:
    items = [in_templates("cat"), text("a dog")]
    first = run(runner, "j", items).about.tokens
    assert first[0] > first[1] > 0
    with running(redis, FakeEncoder()) as other:
        assert run(other, "k", [text("a dog"), *items]).about.tokens == (first[1], *first)
